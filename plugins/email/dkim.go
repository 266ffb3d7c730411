package main

import (
	"crypto"
	"net/mail"

	gomail "github.com/wneessen/go-mail"

	"github.com/earshot-host/earshot/sdk"
)

// dkimConfig makes mails carry a signature of the sender's domain. Most
// providers sign themselves; then it is not needed.
type dkimConfig struct {
	// Domain is the signing domain; empty means that of From.
	Domain   string `json:"domain"`
	Selector string `json:"selector" jsonschema:"required"`
	// Key is the private key in PEM, RSA or Ed25519.
	Key sdk.Secret `json:"key" jsonschema:"required"`

	signer crypto.Signer
}

func (d *dkimConfig) complete(from *mail.Address, fault faultFunc) {
	if d == nil {
		return
	}
	if d.Domain == "" && from != nil {
		d.Domain = domainOf(from.Address)
	}
	if d.Selector == "" {
		fault("dkim.selector", "is missing: it is the part of the DNS name before ._domainkey")
	}
	if d.Key.IsZero() {
		fault("dkim.key", "is missing: name the file of the private key with {file: …}")
		return
	}
	signer, err := gomail.PrivKeyFromPEM([]byte(d.Key.Reveal()))
	if err != nil { // its text could hold a part of the key
		fault("dkim.key", "is not a private key in PEM (RSA or Ed25519)")
		return
	}
	d.signer = signer
}

// sign makes msg be signed when it is written. The library's signer remembers
// things as it signs, so each mail gets one of its own.
func (d *dkimConfig) sign(msg *gomail.Msg) {
	if d == nil {
		return
	}
	s := gomail.NewDKIMSigner(d.Domain, d.Selector, d.signer)
	// The library folds a list of more than 70 characters inside of a name, and
	// then nobody can verify the signature.
	s.SignHeaders("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Content-Type")
	// Nobody on the way may add a second one of those that readers see.
	s.OversignHeaders("From", "Subject")
	msg.SetDKIM(s)
}
