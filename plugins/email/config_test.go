package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/sdk"
)

func configOf(block string) sdk.Config {
	return sdk.Config{JSON: json.RawMessage(block), Dir: "/etc/earshot", Timezone: "America/Sao_Paulo"}
}

func TestConfigRefuses(t *testing.T) {
	const good = `"smtp":{"host":"smtp.example.com"},"from":"agenda@example.com"`
	tests := []struct{ name, block, path, says string }{
		{"nothing", `{}`, "smtp", "is missing"},
		{"no from", `{"smtp":{"host":"smtp.example.com"}}`, "from", "is missing"},
		{"no host", `{"smtp":{},"from":"a@example.com"}`, "smtp.host", "is missing"},
		{"both ways", `{` + good + `,"file":{"dir":"mail"}}`, "file", "beside smtp"},
		{"no folder", `{"file":{},"from":"a@example.com"}`, "file.dir", "is missing"},
		{"unknown key", `{` + good + `,"form":"x"}`, "", "form"},
		{"from is no address", `{"smtp":{"host":"h"},"from":"Clinic"}`, "from", "is not an address"},
		{"reply_to is no address", `{` + good + `,"reply_to":"x"}`, "reply_to", "is not an address"},
		{"return_path is no address", `{` + good + `,"return_path":"x"}`, "return_path", "is not an address"},
		{"only_to is no address", `{` + good + `,"only_to":"x"}`, "only_to", "is not an address"},
		{"notes", `{` + good + `,"notes":"cut"}`, "notes", "text or omit"},
		{"list_unsubscribe", `{` + good + `,"list_unsubscribe":"http://x"}`, "list_unsubscribe", "mailto:"},
		{"calendar mode", `{` + good + `,"calendar":{"mode":"new"}}`, "calendar.mode", "passthrough"},
		{"calendar organizer", `{` + good + `,"calendar":{"organizer":"me"}}`, "calendar.organizer", "provider"},
		{"rule without a match", `{` + good + `,"classify":[{"as":"retry"}]}`, "classify[0].match", "at least one"},
		{"rule for a success", `{` + good + `,"classify":[{"match":{"code":250},"as":"retry"}]}`, "classify[0].match.code", "400 to 599"},
		{"rule with half a code", `{` + good + `,"classify":[{"match":{"enhanced":"5.7"},"as":"retry"}]}`, "classify[0].match.enhanced", "like 5.7.1"},
		{"rule as nothing", `{` + good + `,"classify":[{"match":{"code":550},"as":"later"}]}`, "classify[0].as", "unavailable"},
		{"rule that waits for ever", `{` + good + `,"classify":[{"match":{"code":550},"as":"permanent","after":"1h"}]}`, "classify[0].after", "no meaning"},
		{"dkim without a selector", `{` + good + `,"dkim":{"key":"secret"}}`, "dkim.selector", "._domainkey"},
		{"dkim with no key", `{` + good + `,"dkim":{"selector":"s1"}}`, "dkim.key", "is missing"},
		{"dkim with a wrong key", `{` + good + `,"dkim":{"selector":"s1","key":"secret"}}`, "dkim.key", "PEM"},
		{"directory without a DSN", `{` + good + `,"directory":{}}`, "directory.dsn", "is missing"},
		{"directory with a wrong DSN", `{` + good + `,"directory":{"dsn":"root:secret@somewhere"}}`, "directory.dsn", "is not like"},
		{"directory without a database", `{` + good + `,"directory":{"dsn":"root:secret@tcp(h)/"}}`, "directory.dsn", "names no database"},
		{"directory prefix", `{` + good + `,"directory":{"dsn":"root:secret@tcp(h)/x","prefix":"a;b"}}`, "directory.prefix", "letters"},
		{"xoauth2 without a token", `{"smtp":{"host":"h","auth":"xoauth2","username":"u"},"from":"a@example.com"}`, "smtp.token_file", "is missing"},
		{"token without xoauth2", `{"smtp":{"host":"h","token_file":"t"},"from":"a@example.com"}`, "smtp.token_file", "belongs to"},
		{"token in clear", `{"smtp":{"host":"h","tls":"none","auth":"xoauth2","username":"u","token_file":"t"},"from":"a@example.com"}`, "smtp.tls", "allow_plaintext_auth"},
		{"connections", `{"smtp":{"host":"h","max_connections":-1},"from":"a@example.com"}`, "smtp.max_connections", "1 or more"},
		{"mails per connection", `{"smtp":{"host":"h","max_per_connection":-1},"from":"a@example.com"}`, "smtp.max_per_connection", "1 or more"},
		{"app_url is a path", `{` + good + `,"app_url":"agenda"}`, "app_url", "https://"},
		{"app_url is a script", `{` + good + `,"app_url":"javascript:alert(1)"}`, "app_url", "https://"},
		{"app_url with a password", `{` + good + `,"app_url":"https://u:p@example.com"}`, "app_url", "https://"},
		{"locale", `{` + good + `,"default_locale":"fr"}`, "default_locale", "en, pt-BR"},
		{"zone", `{` + good + `,"default_timezone":"Sao_Paulo"}`, "default_timezone", "America/Sao_Paulo"},
		{"staff without address", `{` + good + `,"audiences":{"staff":[{"email":"a@example.com"},{"name":"Ana"}]}}`, "audiences.staff[1].email", "is missing"},
		{"staff with a wrong zone", `{` + good + `,"audiences":{"staff":[{"email":"a@example.com","timezone":"Mars"}]}}`, "audiences.staff[0].timezone", "time zone"},
		{"port 465 with starttls", `{"smtp":{"host":"h","port":465},"from":"a@example.com"}`, "smtp.tls", "use tls: implicit"},
		{"port 587 with implicit", `{"smtp":{"host":"h","port":587,"tls":"implicit"},"from":"a@example.com"}`, "smtp.tls", "use tls: starttls"},
		{"port", `{"smtp":{"host":"h","port":70000},"from":"a@example.com"}`, "smtp.port", "70000"},
		{"tls", `{"smtp":{"host":"h","tls":"ssl"},"from":"a@example.com"}`, "smtp.tls", "starttls, implicit or none"},
		{"auth", `{"smtp":{"host":"h","auth":"ntlm"},"from":"a@example.com"}`, "smtp.auth", "cram-md5"},
		{"auth without a user", `{"smtp":{"host":"h","auth":"plain"},"from":"a@example.com"}`, "smtp.username", "needs it"},
		{"user without a password", `{"smtp":{"host":"h","username":"u"},"from":"a@example.com"}`, "smtp.password", "is missing"},
		{"password without a user", `{"smtp":{"host":"h","password":"secret"},"from":"a@example.com"}`, "smtp.username", "is missing"},
		{"password in clear", `{"smtp":{"host":"h","tls":"none","username":"u","password":"secret"},"from":"a@example.com"}`, "smtp.tls", "allow_plaintext_auth"},
		{"timeout", `{"smtp":{"host":"h","timeout":"30"},"from":"a@example.com"}`, "smtp.timeout", "like 30s"},
		{"no authority", `{"smtp":{"host":"h","tls_ca":"missing.pem"},"from":"a@example.com"}`, "smtp.tls_ca", "/etc/earshot/missing.pem"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readConfig(configOf(tt.block))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q must say %q and no secret", err, tt.says)
			}
			if paths := pathsOf(err); tt.path != "" && !strings.Contains(paths, " "+tt.path+" ") {
				t.Errorf("the error is about%q, want %q", paths, tt.path)
			}
		})
	}
}

// All faults are told at once.
func TestConfigTellsAllFaults(t *testing.T) {
	_, err := readConfig(configOf(`{"smtp":{"port":465},"from":"x","app_url":"y","default_locale":"z"}`))
	for _, path := range []string{"smtp.host", "smtp.tls", "from", "app_url", "default_locale"} {
		if !strings.Contains(pathsOf(err), " "+path+" ") {
			t.Errorf("%q misses %s", err, path)
		}
	}
}

// pathsOf lists the keys that err is about, with a space around each.
func pathsOf(err error) string {
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	paths := " "
	for _, e := range list {
		var c *sdk.ConfigError
		if errors.As(e, &c) {
			paths += c.Path + " "
		}
	}
	return paths
}

func TestConfigDefaults(t *testing.T) {
	tests := []struct {
		name, block string
		port        int
		tls         string
	}{
		{"starttls", `{"host":"h"}`, 587, "starttls"},
		{"implicit", `{"host":"h","tls":"implicit"}`, 465, "implicit"},
		{"another port", `{"host":"h","port":2525}`, 2525, "starttls"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := readConfig(configOf(`{"smtp":` + tt.block + `,"from":"Ana <agenda@clinic.example.com>"}`))
			if err != nil {
				t.Fatal(err)
			}
			if c.SMTP.Port != tt.port || c.SMTP.TLS != tt.tls {
				t.Errorf("port %d with %s, want %d with %s", c.SMTP.Port, c.SMTP.TLS, tt.port, tt.tls)
			}
			if c.SMTP.HELO != "clinic.example.com" || c.zone.String() != "America/Sao_Paulo" || c.DefaultLocale != "en" {
				t.Errorf("helo %q, zone %s, locale %q", c.SMTP.HELO, c.zone, c.DefaultLocale)
			}
		})
	}
}
