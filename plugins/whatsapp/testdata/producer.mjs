// Reads {library, templates} from stdin and prints each template as the package
// whatsapp-api-js would send it.
import { readFileSync } from "node:fs";

const { library, templates } = JSON.parse(readFileSync(0, "utf8"));
const m = await import(library);
console.log(
  JSON.stringify(
    templates.map(({ name, language, header, body, buttons }) => {
      const parts = [];
      if (header) parts.push(new m.HeaderComponent(new m.HeaderParameter(header.text, header.name)));
      parts.push(new m.BodyComponent(...body.map((v) => new m.BodyParameter(v.text, v.name))));
      for (const b of buttons ?? []) {
        parts.push(b.type === "url" ? new m.URLComponent(b.value) : new m.PayloadComponent(b.value));
      }
      return new m.Template(name, new m.Language(language), ...parts);
    }),
  ),
);
