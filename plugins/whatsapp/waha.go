package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// wahaAPI speaks to a WAHA server.
type wahaAPI struct {
	*api
	session string

	mu sync.Mutex
	// chats remembers which chat a number has: many look-ups get a number banned.
	chats map[string]string
}

var _ provider = (*wahaAPI)(nil)

// maxChats bounds what is remembered; past it all is forgotten.
const maxChats = 10_000

func newWaha(c *config, a *api) *wahaAPI {
	a.auth = func(r *http.Request) { r.Header.Set("X-Api-Key", c.Token.Reveal()) }
	return &wahaAPI{api: a, session: c.Session, chats: make(map[string]string)}
}

func (w *wahaAPI) sendText(ctx context.Context, to, text string) (string, *failure) {
	chat, f := w.chat(ctx, to)
	if f != nil {
		return "", f
	}
	a, f := w.postJSON(ctx, "/api/sendText", map[string]any{"session": w.session, "chatId": chat, "text": text})
	if f != nil {
		return "", f
	}
	if !a.ok() {
		return "", wahaFailure(a)
	}
	return messageID(a)
}

// messageID finds the id, which some engines of WAHA wrap in an object.
func messageID(a *answer) (string, *failure) {
	var said struct {
		ID json.RawMessage `json:"id"`
	}
	a.read(&said)
	var id string
	if json.Unmarshal(said.ID, &id) != nil {
		var wrapped struct {
			Serialized string `json:"_serialized"`
			ID         string `json:"id"`
		}
		_ = json.Unmarshal(said.ID, &wrapped) // then there is no id
		if id = wrapped.Serialized; id == "" {
			id = wrapped.ID
		}
	}
	if id == "" {
		return "", &failure{class: unknown, what: fmt.Sprintf("the server answered %d without the id of a message", a.status)}
	}
	return id, nil
}

// sendTemplate is never called: the configuration refuses templates for waha.
func (w *wahaAPI) sendTemplate(context.Context, string, *filled) (string, *failure) {
	return "", &failure{class: permanent, what: "waha has no templates"}
}

// chat finds the chat of a number. In Brazil its id may lack the ninth digit,
// by no rule that holds: only the server knows.
func (w *wahaAPI) chat(ctx context.Context, to string) (string, *failure) {
	w.mu.Lock()
	known, ok := w.chats[to]
	w.mu.Unlock()
	if ok {
		return known, nil
	}
	query := url.Values{"phone": {digits(to)}, "session": {w.session}}
	a, f := w.get(ctx, "/api/contacts/check-exists?"+query.Encode())
	if f != nil {
		f.class = retry // a question that got no answer sent nothing
		return "", f
	}
	if !a.ok() {
		f := wahaFailure(a)
		if f.class == unknown {
			f.class = retry
		}
		return "", f
	}
	var said struct {
		Exists bool   `json:"numberExists"`
		Chat   string `json:"chatId"`
	}
	a.read(&said)
	if !said.Exists {
		return "", &failure{class: permanent, what: "the number has no WhatsApp: correct it in the application, or tell the customer another way"}
	}
	if said.Chat == "" {
		said.Chat = digits(to) + "@c.us"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.chats) >= maxChats {
		clear(w.chats)
	}
	w.chats[to] = said.Chat
	return said.Chat, nil
}

// wahaFailure sorts an answer that is no success.
func wahaFailure(a *answer) *failure {
	var said struct {
		Status string `json:"status"`
	}
	a.read(&said)
	f := a.byStatus()
	switch {
	case a.status == http.StatusUnprocessableEntity && said.Status != "":
		f = failure{class: unavailable, after: time.Minute, what: "the session is " + squash(said.Status) + ", not WORKING: start it, or scan its code with the phone"}
	case a.status == http.StatusNotFound:
		f = failure{class: unavailable, what: "there is no such session: check session and base_url"}
	case a.status == http.StatusBadRequest, a.status == http.StatusUnprocessableEntity:
		f = failure{class: permanent, what: "the server refuses the message as it is: see its log"}
	}
	f.what = fmt.Sprintf("HTTP %d: %s", a.status, f.what)
	return &f
}

// check asks whether the session works.
func (w *wahaAPI) check(ctx context.Context) error {
	a, f := w.get(ctx, "/api/sessions/"+escape(w.session))
	if f == nil && !a.ok() {
		f = wahaFailure(a)
	}
	if f != nil {
		return fmt.Errorf("read the session: %s", f.what)
	}
	var said struct {
		Status string `json:"status"`
	}
	a.read(&said)
	if said.Status != "WORKING" {
		return fmt.Errorf("session %s is %q, not WORKING: start it, or scan its code with the phone", w.session, squash(said.Status))
	}
	return nil
}
