package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// credentials are dropped whatever the configuration says: no receiver of an
// appointment needs the keys to the provider's calendar or account.
func credentials() []string {
	return []string{
		"provider.settings.google_token", "provider.settings.caldav_*",
		"provider.settings.password*", "provider.settings.salt",
	}
}

// trim is what is taken out of a payload before anybody else sees it.
type trim struct {
	// include lists the top-level keys that stay; empty means all.
	include []string
	// redact lists dotted paths that go; * stands for any part of one key.
	redact []string
}

// apply reads a payload and takes out what must not leave. Numbers keep their
// digits; keys come out in alphabetical order.
func (t trim) apply(payload []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		// What cannot be read cannot be redacted, so it is not sent on.
		return nil, fmt.Errorf("the stored payload is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the stored payload is not JSON: something follows its end")
	}
	if len(t.include) > 0 {
		obj, ok := v.(map[string]any)
		if !ok {
			return nil, errors.New("include needs a payload that is a JSON object, and this one is not")
		}
		for key := range obj {
			if !slices.Contains(t.include, key) {
				delete(obj, key)
			}
		}
	}
	for _, p := range slices.Concat(credentials(), t.redact) {
		drop(v, strings.Split(p, "."))
	}
	return v, nil
}

// drop deletes what keys lead to; a list on the way is walked through.
func drop(v any, keys []string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			drop(item, keys)
		}
	case map[string]any:
		for key, child := range v {
			if ok, _ := path.Match(keys[0], key); !ok { // patterns are checked with the configuration
				continue
			}
			if len(keys) == 1 {
				delete(v, key)
			} else {
				drop(child, keys[1:])
			}
		}
	}
}

// encode writes v without the HTML escapes that Go adds by itself.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
