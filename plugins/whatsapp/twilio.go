package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-host/earshot/sdk"
)

// twilioAPI speaks to Twilio's programmable messaging.
type twilioAPI struct {
	*api
	cfg *config
	// content is the api that templates are read from.
	content *api
}

var _ provider = (*twilioAPI)(nil)

func newTwilio(c *config, a *api) *twilioAPI {
	a.auth = func(r *http.Request) { r.SetBasicAuth(c.AccountSID, c.Token.Reveal()) }
	content := *a
	if content.base.Host == "api.twilio.com" {
		content.base = &url.URL{Scheme: "https", Host: "content.twilio.com"}
	}
	return &twilioAPI{a, c, &content}
}

func (t *twilioAPI) sendText(ctx context.Context, to, text string) (string, *failure) {
	return t.send(ctx, to, url.Values{"Body": {text}})
}

// sendTemplate numbers the values through: header, body, buttons.
func (t *twilioAPI) sendTemplate(ctx context.Context, to string, f *filled) (string, *failure) {
	variables := make(map[string]string)
	add := func(name, text string) {
		if name == "" {
			name = strconv.Itoa(len(variables) + 1)
		}
		variables[name] = text
	}
	if f.header.text != "" {
		add(f.header.name, f.header.text)
	}
	for _, v := range f.body {
		add(v.name, v.text)
	}
	for _, b := range f.buttons {
		add("", b.value)
	}
	list, err := json.Marshal(variables)
	if err != nil {
		return "", &failure{class: permanent, what: fmt.Sprintf("write the values as JSON: %v", err)}
	}
	return t.send(ctx, to, url.Values{"ContentSid": {f.contentSID}, "ContentVariables": {string(list)}})
}

func (t *twilioAPI) send(ctx context.Context, to string, form url.Values) (string, *failure) {
	form.Set("To", "whatsapp:"+to)
	if strings.HasPrefix(t.cfg.From, "MG") {
		form.Set("MessagingServiceSid", t.cfg.From)
	} else {
		form.Set("From", "whatsapp:"+t.cfg.From)
	}
	path := "/2010-04-01/Accounts/" + escape(t.cfg.AccountSID) + "/Messages.json"
	a, f := t.call(ctx, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(form.Encode()))
	if f != nil {
		return "", f
	}
	if !a.ok() {
		return "", twilioFailure(a)
	}
	var said struct {
		SID string `json:"sid"`
	}
	a.read(&said)
	if said.SID == "" {
		return "", &failure{class: unknown, what: fmt.Sprintf("Twilio answered %d without the SID of a message", a.status)}
	}
	return said.SID, nil
}

// twilioFailure sorts an answer that is no success.
func twilioFailure(a *answer) *failure {
	var said struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	a.read(&said)
	f := twilioCode(said.Code)
	if f.class == 0 {
		f = a.byStatus()
	}
	if f.class == slow {
		f.after = max(f.after, a.retryAfter())
	}
	words := fmt.Sprintf("HTTP %d", a.status)
	if said.Code != 0 {
		words = fmt.Sprintf("code %d", said.Code)
	}
	if detail := squash(maskNumbers(said.Message)); detail != "" {
		words += " (" + detail + ")"
	}
	f.what = words + ": " + f.what
	return &f
}

// twilioCode sorts a code of Twilio's; class 0 means that it is not known.
func twilioCode(code int) failure {
	switch code {
	case 63016:
		return failure{class: window, what: "more than 24 hours since the recipient last wrote, so only a template may be sent: use mode template or text_then_template"}
	case 63018, 20429, 63017:
		return failure{class: slow, after: 30 * time.Second, what: "too many messages: set rate: for this listener, such as 10/s"}
	case 63038:
		return failure{class: slow, after: time.Hour, what: "the account has reached its limit for today"}
	case 30001, 30022, 63010:
		return failure{class: retry, after: time.Minute, what: "Twilio cannot take the message now"}
	case 63049, 63032:
		return failure{class: retry, after: 6 * time.Hour, what: "Meta chose not to deliver now, to spare the recipient"}
	case 63003, 63024, 21211, 21214, 21217, 21614, 21612, 21408:
		return failure{class: permanent, what: "the number cannot be reached on WhatsApp: correct it in the application, or tell the customer another way"}
	case 21610, 63033:
		return failure{class: permanent, what: "the recipient has opted out of messages from this business"}
	case 63015:
		return failure{class: permanent, what: "the recipient has not joined the sandbox: let them send its join word, or use a real number"}
	case 63031, 21266:
		return failure{class: permanent, what: "sender and recipient are the same number"}
	case 20003, 20005, 20404, 20008:
		return failure{class: unavailable, what: "Twilio does not accept account and token: check account_sid and token"}
	case 63007, 21212, 21606, 21701, 21703:
		return failure{class: unavailable, what: "Twilio has no WhatsApp sender under from: check it under Senders"}
	case 63020, 63002, 63051:
		return failure{class: unavailable, after: time.Hour, what: "the WhatsApp account behind the sender is restricted: see Twilio's console"}
	case 63027, 63028, 63040, 63041, 63042, 21655, 21656:
		return failure{class: badTemplate, after: templateWait, what: "the template is not there, not approved, or has other values: compare it with content_sid and body"}
	}
	return failure{}
}

// check reads the account, and the templates if there are some.
func (t *twilioAPI) check(ctx context.Context) error {
	a, f := t.get(ctx, "/2010-04-01/Accounts/"+escape(t.cfg.AccountSID)+".json")
	if f == nil && !a.ok() {
		f = twilioFailure(a)
	}
	if f != nil {
		return fmt.Errorf("read the account: %s", f.what)
	}
	var account struct {
		Status string `json:"status"`
	}
	a.read(&account)
	if account.Status != "active" {
		return fmt.Errorf("the account is %q, not active: see Twilio's console", squash(account.Status))
	}
	if t.cfg.Mode == modeText {
		return nil
	}
	var faults []error
	for _, w := range t.cfg.wanted() {
		if err := t.checkTemplate(ctx, w); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (t *twilioAPI) checkTemplate(ctx context.Context, w wanted) error {
	fault := func(format string, args ...any) error {
		return sdk.At(w.path, fmt.Errorf("content %s (%s) %s", w.contentSID, w.language, fmt.Sprintf(format, args...)))
	}
	path := "/v1/Content/" + escape(w.contentSID)
	read := func(path string, v any) error {
		a, f := t.content.get(ctx, path)
		switch {
		case f != nil:
			return fault("cannot be read: %s", f.what)
		case a.status == http.StatusNotFound:
			return fault("does not exist: check content_sid")
		case !a.ok():
			return fault("cannot be read: %s", twilioFailure(a).what)
		}
		a.read(v)
		return nil
	}
	var content struct {
		Language string                     `json:"language"`
		Types    map[string]json.RawMessage `json:"types"`
	}
	if err := read(path, &content); err != nil {
		return err
	}
	var approval struct {
		WhatsApp struct {
			Status string `json:"status"`
		} `json:"whatsapp"`
	}
	if err := read(path+"/ApprovalRequests", &approval); err != nil {
		return err
	}
	var all []string
	for _, raw := range content.Types {
		all = append(all, string(raw))
	}
	slices.Sort(all)
	has, gives := places(strings.Join(all, " ")), w.body+w.header+len(w.buttons)
	switch {
	case !strings.EqualFold(approval.WhatsApp.Status, "approved"):
		return fault("is %q, not approved: see Twilio's console", squash(approval.WhatsApp.Status))
	case content.Language != w.language:
		return fault("is in %s", squash(content.Language))
	case has != gives:
		return fault("has %d values, and the configuration gives %d", has, gives)
	}
	return nil
}
