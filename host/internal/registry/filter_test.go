package registry_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/registry"
)

func filtering(t testing.TB, payload string) *registry.Listener {
	t.Helper()
	return parse(t, "version: 1\nlisteners: {a: {plugin: log, payload: "+payload+"}}\nevents: {x: [a]}").Listeners["a"]
}

func TestFilter(t *testing.T) {
	tests := []struct{ name, filter, payload, want string }{
		{"first", "{drop: [a]}", `{"a":1,"b":2,"c":3}`, `{"b":2,"c":3}`},
		{"middle", "{drop: [b]}", `{"a":1,"b":2,"c":3}`, `{"a":1,"c":3}`},
		{"last", "{drop: [c]}", `{"a":1,"b":2,"c":3}`, `{"a":1,"b":2}`},
		{"first two", "{drop: [a, b]}", `{"a":1,"b":2,"c":3}`, `{"c":3}`},
		{"last two", "{drop: [b, c]}", `{"a":1,"b":2,"c":3}`, `{"a":1}`},
		{"all", "{drop: ['*']}", `{"a":1,"b":2}`, `{}`},
		{"outer ones", "{drop: [a, c]}", `{"a":1,"b":2,"c":3}`, `{"b":2}`},
		{"nested", "{drop: [a.b.c]}", `{"a":{"b":{"c":1,"d":2}},"b":{"c":3}}`, `{"a":{"b":{"d":2}},"b":{"c":3}}`},
		{"through lists", "{drop: [a.b]}", `{"a":[{"b":1,"c":2},3,[{"b":4}]]}`, `{"a":[{"c":2},3,[{}]]}`},
		{"beginning of a name", "{drop: [a.caldav_*]}", `{"a":{"caldav_url":1,"caldav":2,"caldav_password":3}}`, `{"a":{"caldav":2}}`},
		{"any name", "{drop: ['*.b']}", `{"a":{"b":1},"c":{"b":2},"b":3}`, `{"a":{},"c":{},"b":3}`},
		{"escaped name", "{drop: [password]}", `{"p\u0061ssword":1,"b":2}`, `{"b":2}`},
		{"escaped beginning", "{drop: [pass*]}", `{"p\u0061ssword":1,"b":2}`, `{"b":2}`},
		{"a name twice", "{drop: [a]}", `{"a":1,"b":2,"a":3}`, `{"b":2}`},
		{"names inside text", "{drop: [a]}", `{"b":"\"a\":1,{[","a":"}"}`, `{"b":"\"a\":1,{["}`},
		{"space stays", "{drop: [b]}", "{ \"a\" : 1 ,\n \"b\" : 2 ,\n \"c\" : 3 }", "{ \"a\" : 1 ,\n \"c\" : 3 }"},
		{"digits stay", "{drop: [a]}", `{"a":1,"b":12345678901234567890.10e+3}`, `{"b":12345678901234567890.10e+3}`},
		{"only", "{only: [b]}", `{"a":1,"b":{"c":2}}`, `{"b":{"c":2}}`},
		{"only nested", "{only: [a.b, c]}", `{"a":{"b":1,"x":2},"c":[1],"d":3}`, `{"a":{"b":1},"c":[1]}`},
		{"only through lists", "{only: [a.b]}", `{"a":[{"b":1,"x":2},3,"s",{"x":1}]}`, `{"a":[{"b":1},{}]}`},
		{"only below a plain value", "{only: [a.b]}", `{"a":5,"c":1}`, `{}`},
		{"only beginning", "{only: ['a.x_*']}", `{"a":{"x_1":1,"y":2,"x_2":3}}`, `{"a":{"x_1":1,"x_2":3}}`},
		{"only the whole and a part", "{only: [a, a.b]}", `{"a":{"b":1,"c":2}}`, `{"a":{"b":1,"c":2}}`},
		{"both", "{only: [a], drop: [a.b]}", `{"a":{"b":1,"c":2},"d":3}`, `{"a":{"c":2}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := filtering(t, tt.filter).Filter([]byte(tt.payload))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("Filter = %s, want %s", got, tt.want)
			}
			if !json.Valid(got) {
				t.Error("not JSON")
			}
		})
	}
}

func TestFilterReturnsTheVeryBytes(t *testing.T) {
	payload := []byte(" {\"a\" : 1.0}\n")
	for _, filter := range []string{"{}", "{drop: [b, a.c]}", "{only: [a]}"} {
		got, err := filtering(t, filter).Filter(payload)
		if err != nil || &got[0] != &payload[0] || len(got) != len(payload) {
			t.Errorf("%s: %q, %v", filter, got, err)
		}
	}
	var zero registry.Listener
	if got, err := zero.Filter([]byte("not JSON")); err != nil || string(got) != "not JSON" {
		t.Errorf("a listener without a filter: %q, %v", got, err)
	}
	if _, err := filtering(t, "{drop: [a]}").Filter([]byte("not JSON")); err == nil {
		t.Error("a payload that cannot be filtered was passed on")
	}
}

// FuzzFilter compares with what decoding would give.
func FuzzFilter(f *testing.F) {
	// Small seeds: the engine spends its time on making large ones smaller.
	f.Add([]byte(`{"event":"x","provider":{"id":7,"settings":{"google_token":"{}","caldav_url":null,"caldav_password":"p"}},"customer":{"email":"a@example.com","zip":1},"b":{"c":[1]}}`))
	f.Add([]byte(`{"a":{"b":[{"c":1,"x_1":2}]},"d":null}`))
	f.Add([]byte(`{"a":{},"a":{"b":1}}`))
	l := filtering(f, "{only: [a, provider, customer.email, b.c], drop: [a.b.c, provider.settings.caldav_*, 'a.x_*']}")
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := l.Filter(payload)
		if (err == nil) != (registry.CheckPayload(payload) == nil) {
			t.Fatalf("error %v", err)
		}
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q, which is not JSON", payload, got)
		}
		again, err := l.Filter(got)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("a second time: %q, %v", again, err)
		}
		var want, have any
		if json.Unmarshal(payload, &want) != nil || duplicates(payload) {
			return
		}
		if err := json.Unmarshal(got, &have); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(cut(want, "", true))
		b, _ := json.Marshal(have)
		if !bytes.Equal(a, b) {
			t.Fatalf("%q\nbecame %s\nwant   %s", payload, b, a)
		}
	})
}

// cut is the filter of FuzzFilter, by the slow way.
func cut(v any, path string, wanted bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any)
		for k, item := range v {
			p := strings.TrimPrefix(path+"/"+k, "/")
			whole := p == "a" || p == "provider" || p == "customer/email" || p == "b/c" ||
				strings.HasPrefix(p, "a/") || strings.HasPrefix(p, "provider/") || strings.HasPrefix(p, "customer/email/") || strings.HasPrefix(p, "b/c/")
			_, object := item.(map[string]any)
			_, array := item.([]any)
			if !whole && !((p == "customer" || p == "b") && (object || array)) {
				continue
			}
			if p == "a/b/c" || strings.HasPrefix(p, "provider/settings/caldav_") && strings.Count(p, "/") == 2 || strings.HasPrefix(p, "a/x_") && strings.Count(p, "/") == 1 {
				continue
			}
			out[k] = cut(item, p, whole)
		}
		return out
	case []any:
		out := []any{}
		for _, item := range v {
			_, object := item.(map[string]any)
			_, array := item.([]any)
			if wanted && path != "" || object || array {
				out = append(out, cut(item, path, wanted))
			}
		}
		return out
	}
	return v
}

// duplicates reports whether an object has a key twice, or one that holds a
// slash, which cut cannot tell apart.
func duplicates(payload []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(payload))
	type level struct {
		object, value bool
		keys          map[string]bool
	}
	var stack []*level
	for {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		var top *level
		if len(stack) > 0 {
			top = stack[len(stack)-1]
		}
		if d, ok := token.(json.Delim); ok {
			if d == '}' || d == ']' {
				stack = stack[:len(stack)-1]
				continue
			}
			if top != nil {
				top.value = false
			}
			stack = append(stack, &level{object: d == '{', keys: make(map[string]bool)})
			continue
		}
		if top != nil && top.object && !top.value {
			key := token.(string)
			if top.keys[key] || strings.Contains(key, "/") {
				return true
			}
			top.keys[key], top.value = true, true
			continue
		}
		if top != nil {
			top.value = false
		}
	}
}
