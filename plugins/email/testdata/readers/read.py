# Reads iCalendar from stdin with python3-icalendar and prints what it found as JSON.
import json, sys
from icalendar import Calendar

cal = Calendar.from_ical(sys.stdin.buffer.read())
events = [c for c in cal.walk("VEVENT")]
assert len(events) == 1, "want one VEVENT"
ev = events[0]


def text(key):
    return str(ev[key]) if key in ev else ""


def when(key):
    return ev[key].dt.strftime("%Y%m%dT%H%M%SZ") if key in ev else ""


def person(key):
    if key not in ev:
        return ["", "", ""]
    p = ev[key]
    return [str(p), str(p.params.get("CN", "")), str(p.params.get("PARTSTAT", ""))]


print(json.dumps({
    "method": str(cal["METHOD"]), "uid": text("UID"), "sequence": int(ev["SEQUENCE"]), "status": text("STATUS"),
    "summary": text("SUMMARY"), "location": text("LOCATION"), "description": text("DESCRIPTION"), "url": text("URL"),
    "start": when("DTSTART"), "end": when("DTEND"), "stamp": when("DTSTAMP"),
    "organizer": person("ORGANIZER"), "attendee": person("ATTENDEE"),
    "alarms": [a["TRIGGER"].to_ical().decode() for a in ev.walk("VALARM")],
    "properties": sorted(set(str(k) for k in ev.keys())),
}))
