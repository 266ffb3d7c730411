package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The length of a signing key in bytes, as Standard Webhooks sets it.
const (
	minKey = 24
	maxKey = 64
)

// signingKey reads a secret like whsec_MfKQ9r8G…: base64 of random bytes.
func signingKey(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(secret), "whsec_")
	if !ok {
		return nil, errors.New("must start with whsec_: make one with: echo whsec_$(openssl rand -base64 32)")
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		// The decoder's own error tells where in the secret it stopped.
		return nil, errors.New("what follows whsec_ is not base64: make one with: echo whsec_$(openssl rand -base64 32)")
	}
	if len(key) < minKey || len(key) > maxKey {
		return nil, fmt.Errorf("holds %d bytes: it must hold %d to %d", len(key), minKey, maxKey)
	}
	return key, nil
}

// messageID is the same at every attempt, so that a receiver can tell repeats
// apart. It holds no full stop: that separates the parts of what is signed.
func messageID(idempotencyKey string) string { return strings.ReplaceAll(idempotencyKey, ".", "_") }

// signature signs with every key, the newest first: while keys rotate, old and
// new receivers both find one that they know.
func signature(keys [][]byte, id string, at time.Time, body []byte) string {
	signed := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signed[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signed, " ")
}
