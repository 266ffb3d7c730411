package supervisor

import (
	"maps"
	"slices"
	"strings"
)

// inherited are the host's variables that a plugin gets. All others stay with
// the host: they hold the database's password.
var inherited = []string{
	"PATH", "HOME", "TZ", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
}

// environ is the environment of a plugin: what it may inherit, then what
// events.yaml gives it, then what the protocol needs; the later ones win.
func environ(host []string, own map[string]string, protocol []string) []string {
	env := make(map[string]string)
	for _, kv := range host {
		name, value, _ := strings.Cut(kv, "=")
		if slices.Contains(inherited, name) || strings.HasPrefix(name, "LC_") {
			env[name] = value
		}
	}
	maps.Copy(env, own)
	for _, kv := range protocol {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}
