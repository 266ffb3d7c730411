// Reads {headers, body, secrets} from stdin as a receiver would, with the
// packages standardwebhooks and cloudevents, and prints what it found.
const { Webhook } = require("standardwebhooks");
const { HTTP } = require("cloudevents");

const { headers, body, secrets } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
let verified = 0;
for (const secret of secrets) {
  new Webhook(secret).verify(body, headers); // throws if it does not fit
  verified++;
}
let event;
if (HTTP.isEvent({ headers, body })) {
  event = HTTP.toEvent({ headers, body });
  event.validate(); // throws what the schema of CloudEvents 1.0 does not allow
}
console.log(JSON.stringify({ verified, event }));
