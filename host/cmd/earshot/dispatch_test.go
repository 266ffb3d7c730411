package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

// feed runs a command with text on its standard input.
func feed(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := newRoot(t.Context())
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func TestDispatchLines(t *testing.T) {
	good := `{"event":"order.paid","payload":{"n":1}}` + "\n"
	tests := []struct {
		name, stdin string
		code        int
		want        string
		rows        string
	}{
		{"three and an empty line", good + "\n" + good + good, exitOK, "", "3"},
		{"a second with its key", `{"event":"a","payload":{},"key":"k"}` + "\n" + `{"event":"a","payload":{},"key":"k"}`, exitOK, "", "1"},
		{"nothing", "", exitOK, "", "0"},
		{"not JSON", "nonsense\n", exitUsage, "line 1: it is not an event as JSON", "0"},
		{"a list", good + `{"event":"a","payload":[]}`, exitPartly, "line 2: payload is a list; it must be a JSON object; the 1 events before it are in the queue", "1"},
		{"an unknown key", `{"event":"a","payload":{},"kee":"k"}`, exitUsage, `unknown field "kee"`, "0"},
		{"two on a line", `{"event":"a","payload":{}} {}`, exitUsage, "more than one value", "0"},
		{"no payload", `{"event":"a"}`, exitUsage, "payload is empty", "0"},
		{"a bad time", `{"event":"a","payload":{},"in":"soon"}`, exitUsage, "30s, 2h or 7d", "0"},
		{"many", strings.Repeat(good, 1201), exitOK, "", "1201"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := testdb.SQLite(t)
			t.Chdir(t.TempDir())
			t.Setenv("EARSHOT_DATABASE_DSN", db.DSN)
			ask(t, "migrate", "up")
			_, err := feed(t, tt.stdin, "dispatch", "--lines")
			code := exitOK
			if err != nil {
				code = codeOf(err)
			}
			if code != tt.code || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("exit %d, %v, want %d with %q", code, err, tt.code, tt.want)
			}
			var n int
			if err := db.Open(t).QueryRow("SELECT COUNT(*) FROM event_queue").Scan(&n); err != nil || fmt.Sprint(n) != tt.rows {
				t.Errorf("%d rows, %v, want %s", n, err, tt.rows)
			}
		})
	}
}

func TestDispatchRefuses(t *testing.T) {
	db := testdb.SQLite(t)
	t.Chdir(t.TempDir())
	t.Setenv("EARSHOT_DATABASE_DSN", db.DSN)
	ask(t, "migrate", "up")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"dispatch"}, exitUsage, "which event?"},
		{[]string{"dispatch", "a b", "--payload", "{}"}, exitUsage, "not an event name"},
		{[]string{"dispatch", "a"}, exitUsage, "--payload is missing"},
		{[]string{"dispatch", "a", "--payload", "{"}, exitUsage, "payload"},
		{[]string{"dispatch", "a", "--payload", "@gone.json"}, exitUsage, "gone.json"},
		{[]string{"dispatch", "a", "--payload", "{}", "--in", "soon"}, exitUsage, "30s, 2h or 7d"},
		{[]string{"dispatch", "a", "--payload", "{}", "--in", "-2h"}, exitUsage, "--in"},
		{[]string{"dispatch", "a", "--payload", "{}", "--at", "tomorrow"}, exitUsage, "--at"},
		{[]string{"dispatch", "a", "--payload", "{}", "--at", "2020-01-01"}, exitUsage, "has passed"},
		{[]string{"dispatch", "a", "--payload", "{}", "--sync", "--key", "k"}, exitUsage, "leave out"},
		{[]string{"dispatch", "a", "--payload", "{}", "--wait", "--in", "1h"}, exitUsage, "leave out"},
		{[]string{"dispatch", "a", "--lines"}, exitUsage, "--lines takes everything"},
		{[]string{"dispatch", "a", "--payload", "{}", "--key", strings.Repeat("k", 192)}, exitUsage, "191"},
		{[]string{"dispatch", "a", "--payload", "{}", "--wait", "--timeout", "1ms"}, exitFailed, "is a host running?"},
	} {
		if _, err := feed(t, "", tt.args...); err == nil || codeOf(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("earshot %s: %v, want exit %d with %q", strings.Join(tt.args, " "), err, tt.code, tt.want)
		}
	}
}
