// Reads iCalendar from stdin with ical.js and prints what it found as JSON.
// The first argument is the folder of ical.js.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { default: ICAL } = await import(pathToFileURL(process.argv[2] + "/dist/ical.js"));
const cal = new ICAL.Component(ICAL.parse(readFileSync(0, "utf8")));
const events = cal.getAllSubcomponents("vevent");
if (events.length !== 1) throw new Error("want one VEVENT");
const ev = events[0];
const text = (key) => String(ev.getFirstPropertyValue(key) ?? "");
const when = (key) => text(key).replace(/[-:]/g, "");
const person = (key) => {
  const p = ev.getFirstProperty(key);
  return p ? [p.getFirstValue(), p.getFirstParameter("cn") ?? "", p.getFirstParameter("partstat") ?? ""] : ["", "", ""];
};
console.log(JSON.stringify({
  method: cal.getFirstPropertyValue("method"), uid: text("uid"), sequence: Number(text("sequence")), status: text("status"),
  summary: text("summary"), location: text("location"), description: text("description"), url: text("url"),
  start: when("dtstart"), end: when("dtend"), stamp: when("dtstamp"),
  organizer: person("organizer"), attendee: person("attendee"),
  alarms: ev.getAllSubcomponents("valarm").map((a) => String(a.getFirstPropertyValue("trigger"))),
  properties: [...new Set(ev.getAllProperties().map((p) => p.name.toUpperCase()))].sort(),
}));
