package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// meta is WhatsApp's own interface, straight from Meta or through 360dialog,
// which takes the same messages at another address.
type meta struct {
	*api
	cfg *config
	// messages is the path that messages go to.
	messages string
}

var _ provider = (*meta)(nil)

func newMeta(c *config, a *api) *meta {
	m := &meta{api: a, cfg: c, messages: "/messages"}
	if c.Provider == cloud {
		m.messages = "/" + c.APIVersion + "/" + escape(c.PhoneNumberID) + "/messages"
		a.auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.Token.Reveal()) }
	} else {
		a.auth = func(r *http.Request) { r.Header.Set("D360-API-KEY", c.Token.Reveal()) }
	}
	return m
}

// metaMessage is the body of a message.
type metaMessage struct {
	MessagingProduct string        `json:"messaging_product"`
	RecipientType    string        `json:"recipient_type"`
	To               string        `json:"to"`
	Type             string        `json:"type"`
	Text             *metaText     `json:"text,omitempty"`
	Template         *metaTemplate `json:"template,omitempty"`
}

type metaText struct {
	Body       string `json:"body"`
	PreviewURL bool   `json:"preview_url"`
}

type metaTemplate struct {
	Name     string `json:"name"`
	Language struct {
		Policy string `json:"policy"`
		Code   string `json:"code"`
	} `json:"language"`
	Components []metaComponent `json:"components,omitempty"`
}

type metaComponent struct {
	Type       string          `json:"type"`
	SubType    string          `json:"sub_type,omitempty"`
	Index      string          `json:"index,omitempty"`
	Parameters []metaParameter `json:"parameters"`
}

type metaParameter struct {
	Type    string `json:"type"`
	Name    string `json:"parameter_name,omitempty"`
	Text    string `json:"text,omitempty"`
	Payload string `json:"payload,omitempty"`
}

func (m *meta) sendText(ctx context.Context, to, text string) (string, *failure) {
	return m.send(ctx, metaMessage{To: digits(to), Type: "text", Text: &metaText{Body: text}})
}

func (m *meta) sendTemplate(ctx context.Context, to string, t *filled) (string, *failure) {
	body := &metaTemplate{Name: t.name, Components: components(t)}
	body.Language.Policy, body.Language.Code = "deterministic", t.language
	return m.send(ctx, metaMessage{To: digits(to), Type: "template", Template: body})
}

// components are the values of a template, in the shape that Meta wants.
func components(t *filled) []metaComponent {
	var list []metaComponent
	if t.header.text != "" {
		list = append(list, metaComponent{Type: "header", Parameters: []metaParameter{{Type: "text", Name: t.header.name, Text: t.header.text}}})
	}
	if len(t.body) > 0 {
		c := metaComponent{Type: "body"}
		for _, v := range t.body {
			c.Parameters = append(c.Parameters, metaParameter{Type: "text", Name: v.name, Text: v.text})
		}
		list = append(list, c)
	}
	for _, b := range t.buttons {
		p := metaParameter{Type: "text", Text: b.value}
		if b.kind == "quick_reply" {
			p = metaParameter{Type: "payload", Payload: b.value}
		}
		list = append(list, metaComponent{Type: "button", SubType: b.kind, Index: strconv.Itoa(b.index), Parameters: []metaParameter{p}})
	}
	return list
}

func (m *meta) send(ctx context.Context, message metaMessage) (string, *failure) {
	message.MessagingProduct, message.RecipientType = "whatsapp", "individual"
	a, f := m.postJSON(ctx, m.messages, message)
	if f != nil {
		return "", f
	}
	if !a.ok() {
		return "", metaFailure(a)
	}
	var said struct {
		Messages []struct {
			ID string `json:"id"`
		} `json:"messages"`
	}
	a.read(&said)
	if len(said.Messages) == 0 || said.Messages[0].ID == "" {
		return "", &failure{class: unknown, what: fmt.Sprintf("the provider answered %d without the id of a message", a.status)}
	}
	return said.Messages[0].ID, nil
}

// metaError is how Meta says what is wrong.
type metaError struct {
	Error struct {
		Code      int    `json:"code"`
		Subcode   int    `json:"error_subcode"`
		Message   string `json:"message"`
		TraceID   string `json:"fbtrace_id"`
		ErrorData struct {
			Details string `json:"details"`
		} `json:"error_data"`
	} `json:"error"`
	// Meta is how 360dialog says that the key is wrong.
	Meta struct {
		DeveloperMessage string `json:"developer_message"`
	} `json:"meta"`
}

// metaFailure sorts an answer that is no success. Meta asks to go by the code
// and the details, not by the HTTP status.
func metaFailure(a *answer) *failure {
	var said metaError
	a.read(&said)
	e := said.Error
	known := strings.Contains(string(a.body), `"code"`)
	var f failure
	if known {
		f = metaCode(e.Code, e.Subcode)
	}
	if f.class == 0 {
		f = a.byStatus()
	}
	if f.class == slow {
		f.after = max(f.after, a.retryAfter())
	}
	var words []string
	if known {
		words = append(words, fmt.Sprintf("code %d", e.Code))
	} else {
		words = append(words, fmt.Sprintf("HTTP %d", a.status))
	}
	for _, detail := range []string{e.ErrorData.Details, e.Message, said.Meta.DeveloperMessage} {
		if detail = squash(maskNumbers(detail)); detail != "" {
			words = append(words, "("+detail+")")
			break
		}
	}
	f.what = strings.Join(words, " ") + ": " + f.what
	if e.TraceID != "" {
		f.what += " [fbtrace_id " + squash(e.TraceID) + "]"
	}
	return &f
}

// escape makes a configured name safe in a path.
func escape(name string) string { return url.PathEscape(name) }
