package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// The formats that a body can have.
const (
	formatStandard         = "standard"
	formatCloudEvents      = "cloudevents"
	formatRaw              = "raw"
	formatEasyAppointments = "easyappointments"
)

// body is what is sent of ev, and the headers that belong to its format.
func (c *config) body(ev *sdk.Event, at time.Time) ([]byte, http.Header, error) {
	data, err := c.trim.apply(ev.Payload)
	if err != nil {
		return nil, nil, err
	}
	if !ev.OccurredAt.IsZero() {
		at = ev.OccurredAt
	}
	header := http.Header{"Content-Type": {"application/json"}}
	when := at.UTC().Format(time.RFC3339Nano)
	var v any
	switch c.Format {
	case formatCloudEvents:
		attributes := map[string]any{
			"specversion": "1.0", "id": messageID(ev.IdempotencyKey), "source": c.CloudEvents.Source,
			"type": ev.Name, "time": when, "datacontenttype": "application/json",
		}
		if c.CloudEvents.Mode == "binary" {
			delete(attributes, "datacontenttype") // it is the Content-Type
			for name, value := range attributes {
				header.Set("ce-"+name, ceHeader(fmt.Sprint(value)))
			}
			v = data
			break
		}
		header.Set("Content-Type", "application/cloudevents+json")
		attributes["data"] = data
		v = attributes
	case formatRaw:
		v = data
	case formatEasyAppointments:
		v = map[string]any{"action": action(ev.Name), "payload": row(data)}
	default:
		v = map[string]any{"type": ev.Name, "timestamp": when, "data": data}
	}
	b, err := encode(v)
	return b, header, err
}

// ceHeader escapes what CloudEvents does not allow in a header, percent by percent.
func ceHeader(s string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/", "%3A", ":", "%2B", "+").Replace(url.QueryEscape(s))
}

// action is the application's own name for what happened: appointment_save.
func action(event string) string {
	object, verb, ok := strings.Cut(event, ".")
	if !ok {
		return event
	}
	switch verb {
	case "saved", "updated":
		verb = "save"
	case "deleted":
		verb = "delete"
	}
	return object + "_" + verb
}

// row puts the appointment's own columns on top, as the application's webhooks
// do, with the people and the service that those leave out beside them.
func row(data any) any {
	payload, ok := data.(map[string]any)
	if !ok {
		return data
	}
	appointment, ok := payload["appointment"].(map[string]any)
	if !ok {
		return data
	}
	merged := maps.Clone(payload)
	delete(merged, "appointment")
	maps.Copy(merged, appointment) // its columns win
	return merged
}
