package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// class is what can be done about a mail that was not accepted.
type class int

// The classes; zero is none of them.
const (
	retry       class = iota + 1 // the same mail may pass later
	permanent                    // no retry can mend it
	unavailable                  // the server, our login or our rate is at fault, not the mail
)

// failure is why one mail was not accepted, in words that name nobody.
type failure struct {
	class class
	// after is how long to wait before the next attempt; 0 leaves it to the host.
	after time.Duration
	what  string
	// lost says that the connection is of no more use.
	lost bool
	// policy says that the server dislikes the mail or its sender, not the address.
	policy bool
}

func (f *failure) Error() string { return f.what }

// classify sorts what came of one mail. Only codes are trusted: the mail
// library calls a dropped connection permanent and tells of a mail that the
// server has taken as failed, so ask IsDelivered before. What hide lists is
// struck from the server's words.
func classify(ctx context.Context, err error, rules []rule, hide ...string) *failure {
	f := &failure{class: retry, lost: true}
	var sent *gomail.SendError
	var reply *textproto.Error
	switch {
	case errors.As(err, &sent) && sent.ErrorCode() >= 400:
		f.byMailReply(sent, rules)
		f.what = stage(sent.Reason) + ": " + redact(replyText(sent), hide)
	case errors.As(err, &reply): // greeting, EHLO or login: no mail is at fault yet
		if !f.byRules(rules, reply.Code, reply.Msg) {
			f.class, f.after = byReply(reply.Code, reply.Msg)
			if f.class == permanent {
				f.class = unavailable
			}
		}
		f.what = "log in to the mail server: " + redact(fmt.Sprint(reply.Code, " ", reply.Msg), hide)
	case context.Cause(ctx) != nil:
		f.what = "the delivery was stopped before the mail was accepted: " + context.Cause(ctx).Error()
	case errors.Is(err, errNoSMTPUTF8):
		f.class, f.lost, f.what = permanent, false, err.Error()
	case sent != nil && cannotBeSent(sent.Reason):
		f.class, f.lost = permanent, false
		f.what = "the mail cannot be built: " + redact(replyText(sent), hide)
	case sent != nil && sent.Reason == gomail.ErrSMTPDataClose:
		f.what = "the connection ended before the server confirmed the mail, which it may have taken: " + redact(replyText(sent), hide)
	case sent != nil:
		f.what = stage(sent.Reason) + ": " + redact(replyText(sent), hide)
	default:
		// No mail is at fault that there is no server: an outage of an hour must
		// not use up the attempts of all that is due in it.
		f.class = unavailable
		if !configFault(err) {
			f.after = time.Minute
		}
		f.what = "connect to the mail server: " + redact(err.Error(), hide)
	}
	return f
}

func (f *failure) byMailReply(sent *gomail.SendError, rules []rule) {
	code, text := sent.ErrorCode(), replyText(sent)
	f.lost = code == 421
	if f.byRules(rules, code, text) {
		return
	}
	f.class, f.after = byReply(code, text)
	f.policy = code >= 500 && strings.HasPrefix(enhancedCode(text), "5.7.")
	// The sender is ours to choose: a sender that is refused is refused for every mail.
	if sent.Reason == gomail.ErrSMTPMailFrom && f.class == permanent {
		f.class = unavailable
	}
}

// byReply sorts a reply of the server.
func byReply(code int, text string) (class, time.Duration) {
	enhanced := enhancedCode(text)
	// x.1 is about the address and x.2 about the mailbox: a full mailbox has a
	// quota too, but it is not ours.
	theirs := len(enhanced) > 3 && (enhanced[2:4] == "1." || enhanced[2:4] == "2.")
	slow := !theirs && limitReached(enhanced, text)
	switch {
	case code == 421: // the server is busy or closing
		return unavailable, time.Minute
	case code < 500 && slow:
		return unavailable, 5 * time.Minute
	case code == 454: // no login or no TLS for now
		return unavailable, 5 * time.Minute
	case code == 450, code == 451:
		// A greylist wants to be left alone for some minutes first.
		return retry, 5 * time.Minute
	case code == 452: // mailbox or disk full
		return retry, 30 * time.Minute
	case code < 500:
		return retry, 0
	case code == 530, code == 534, code == 535, code == 538: // log in first, or not with this password
		return unavailable, 0
	case enhanced == "5.3.4", strings.HasPrefix(enhanced, "5.1."): // too big; no such mailbox
		return permanent, 0
	case code == 552: // over quota, or in old servers too many recipients
		return retry, time.Hour
	case slow:
		return unavailable, 30 * time.Minute
	case regexp.MustCompile(`(?i)\btry again later\b`).MatchString(text):
		return retry, 30 * time.Minute
	}
	return permanent, 0
}

// enhancedCode is the status code of RFC 3463 in a reply; empty if there is none.
func enhancedCode(text string) string {
	return regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`).FindString(text)
}

// limitReached recognizes that we send too fast or too much. Big providers say
// so in words, with codes that should be permanent.
func limitReached(enhanced, text string) bool {
	switch enhanced {
	case "5.4.5", "5.7.708": // daily limit of Gmail; traffic of Microsoft 365
		return true
	}
	return regexp.MustCompile(`(?i)\b(rate|quota|limits?|limited|too many|throttl\w*)\b`).MatchString(text)
}

// configFault reports whether the connection failed in a way that waiting does not mend.
func configFault(err error) bool {
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &cert) || errors.As(err, &record) || errors.Is(err, errNoLogin) ||
		errors.Is(err, errNoToken) ||
		// The library has no value for it.
		strings.Contains(err.Error(), "does not support STARTTLS")
}

func cannotBeSent(r gomail.SendErrReason) bool {
	return r == gomail.ErrGetSender || r == gomail.ErrGetRcpts || r == gomail.ErrNoUnencoded
}

func stage(r gomail.SendErrReason) string {
	switch r {
	case gomail.ErrSMTPMailFrom:
		return "sender refused"
	case gomail.ErrSMTPRcptTo:
		return "recipient refused"
	case gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		return "mail refused"
	case gomail.ErrWriteContent:
		return "send the mail"
	}
	return "talk to the mail server"
}

// replyText is what the server said, without the address and the Message-ID
// that the library adds.
func replyText(e *gomail.SendError) string {
	text, _, _ := strings.Cut(e.Error(), ", affected ")
	text = strings.TrimPrefix(text, e.Reason.String()+": ")
	// Newer versions of net/textproto put what the server said in Go quotes.
	code, rest, _ := strings.Cut(text, " ")
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		said, _ := strconv.Unquote(quoted) // a quoted prefix can be unquoted
		return code + " " + said
	}
	return text
}
