package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// evolutionAPI speaks to an Evolution API server, version 2.
type evolutionAPI struct {
	*api
	instance string
}

var _ provider = (*evolutionAPI)(nil)

func newEvolution(c *config, a *api) *evolutionAPI {
	a.auth = func(r *http.Request) { r.Header.Set("apikey", c.Token.Reveal()) }
	return &evolutionAPI{a, c.Instance}
}

func (e *evolutionAPI) sendText(ctx context.Context, to, text string) (string, *failure) {
	return e.send(ctx, "/message/sendText/", map[string]any{"number": digits(to), "text": text})
}

// sendTemplate works where the instance stands on WhatsApp's own interface.
func (e *evolutionAPI) sendTemplate(ctx context.Context, to string, t *filled) (string, *failure) {
	return e.send(ctx, "/message/sendTemplate/", map[string]any{
		"number": digits(to), "name": t.name, "language": t.language, "components": components(t),
	})
}

func (e *evolutionAPI) send(ctx context.Context, path string, v any) (string, *failure) {
	a, f := e.postJSON(ctx, path+escape(e.instance), v)
	if f != nil {
		return "", f
	}
	if !a.ok() {
		return "", evolutionFailure(a)
	}
	var said struct {
		Key struct {
			ID string `json:"id"`
		} `json:"key"`
	}
	a.read(&said)
	if said.Key.ID == "" {
		return "", &failure{class: unknown, what: fmt.Sprintf("the server answered %d without the id of a message", a.status)}
	}
	return said.Key.ID, nil
}

// evolutionFailure sorts an answer that is no success.
func evolutionFailure(a *answer) *failure {
	var said struct {
		Response struct {
			Message json.RawMessage `json:"message"`
		} `json:"response"`
	}
	a.read(&said)
	var numbers []struct {
		Exists *bool `json:"exists"`
	}
	_ = json.Unmarshal(said.Response.Message, &numbers) // a list of texts is no list of numbers
	f := a.byStatus()
	switch {
	case len(numbers) > 0 && numbers[0].Exists != nil && !*numbers[0].Exists:
		f = failure{class: permanent, what: "the number has no WhatsApp: correct it in the application, or tell the customer another way"}
	case strings.Contains(string(a.body), "Connection Closed"):
		f = failure{class: unavailable, after: time.Minute, what: "the phone is not connected: pair the instance again"}
	case a.status == http.StatusNotFound:
		f = failure{class: unavailable, what: "there is no such instance: check instance and base_url"}
	case a.status == http.StatusInternalServerError:
		// It also answers so when WhatsApp took the message but did not say so in time.
		f = failure{class: unknown, what: "the server got no answer from WhatsApp"}
	case a.status == http.StatusBadRequest:
		f = failure{class: permanent, what: "the server refuses the message as it is: see its log"}
	}
	f.what = fmt.Sprintf("HTTP %d: %s", a.status, f.what)
	return &f
}

// check asks whether the instance is connected.
func (e *evolutionAPI) check(ctx context.Context) error {
	a, f := e.get(ctx, "/instance/connectionState/"+escape(e.instance))
	if f == nil && !a.ok() {
		f = evolutionFailure(a)
	}
	if f != nil {
		return fmt.Errorf("read the state of the instance: %s", f.what)
	}
	var said struct {
		Instance struct {
			State string `json:"state"`
		} `json:"instance"`
	}
	a.read(&said)
	if said.Instance.State != "open" {
		return fmt.Errorf("instance %s is %q, not open: pair it with the phone", e.instance, squash(said.Instance.State))
	}
	return nil
}
