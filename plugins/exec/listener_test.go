package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/earshot-host/earshot/sdk"
	"github.com/earshot-host/earshot/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell is a block that runs a script of POSIX shell.
func shell(t *testing.T, script string, more ...string) sdktest.Option {
	t.Helper()
	return block(t, map[string]any{"command": append([]string{"sh", "-c", script}, more...)})
}

func block(t *testing.T, v map[string]any) sdktest.Option {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return sdktest.Config(string(data))
}

func saved() *sdk.Event {
	return &sdk.Event{ID: 12, Name: "appointment.saved", IdempotencyKey: "ev12.exec", Payload: []byte(`{"customer": {"id": 12345678901234567890}}`)}
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name, script string
		want         sdktest.Answer
	}{
		{"0", "exit 0", sdktest.Answer{Outcome: sdktest.Delivered}},
		{"75", "exit 75", sdktest.Answer{Outcome: sdktest.Retry, Message: "sh ended with exit code 75"}},
		{"69", "exit 69", sdktest.Answer{Outcome: sdktest.Unavailable, Message: "sh ended with exit code 69"}},
		{"65", "exit 65", sdktest.Answer{Outcome: sdktest.Rejected, Message: "sh ended with exit code 65"}},
		{"78", "exit 78", sdktest.Answer{Outcome: sdktest.Rejected, Message: "sh ended with exit code 78"}},
		{"99", "echo no phone >&2; exit 99", sdktest.Answer{Outcome: sdktest.Skipped, Message: `sh ended with exit code 99; it said "no phone"`}},
		{"any other", "echo first >&2; echo last >&2; exit 3", sdktest.Answer{Outcome: sdktest.Retry, Message: `sh ended with exit code 3; it said "last"`}},
		{"signal", "kill -KILL $$", sdktest.Answer{Outcome: sdktest.Retry, Message: "sh was killed by signal 9 (often out of memory)"}},
		{"an answer wins", `echo '{"outcome": "rejected", "message": "no such number"}'`, sdktest.Answer{Outcome: sdktest.Rejected, Message: "no such number"}},
		{"delivered, then it fell", `echo '{"outcome": "delivered"}'; exit 255`, sdktest.Answer{Outcome: sdktest.Delivered}},
		{"no outcome, but a message", `echo '{"message": "the gateway sleeps", "retry_after": "2m"}'; exit 75`,
			sdktest.Answer{Outcome: sdktest.Retry, Message: "the gateway sleeps", RetryAfter: 2 * time.Minute}},
		{"unavailable for a while", `echo '{"outcome": "unavailable", "message": "no credit", "retry_after": "1h"}'`,
			sdktest.Answer{Outcome: sdktest.Unavailable, Message: "no credit", RetryAfter: time.Hour}},
		{"external id and receipts", `echo '{"external_id": "m1", "receipts": [{"key": "customer:7", "external_id": "a"}]}'; echo '{"receipts": [{"key": "provider:2"}]}'`,
			sdktest.Answer{Outcome: sdktest.Delivered, ExternalID: "m1", Receipts: []sdk.Receipt{{Key: "customer:7", ExternalID: "a"}, {Key: "provider:2"}}}},
		{"an answer over several lines", `printf '{\n "outcome":\n "skipped", "message": "x"\n}\n'`, sdktest.Answer{Outcome: sdktest.Skipped, Message: "x"}},
		{"chatter before and after", `echo 'Warning: x'; echo '{"external_id": "m1"}'; printf bye`, sdktest.Answer{Outcome: sdktest.Delivered, ExternalID: "m1"}},
		{"a key that is none", `echo '{"outcom": "skipped"}'`,
			sdktest.Answer{Outcome: sdktest.Retry, Message: "sh printed an answer that cannot be understood: outcom: is unknown: did you mean outcome? (exit code 0)"}},
		{"a word that is none", `echo '{"outcome": "done"}'`,
			sdktest.Answer{Outcome: sdktest.Retry, Message: `sh printed an answer that cannot be understood: outcome: must be one of ["delivered" "skipped" "retry" "rejected" "unavailable"] (exit code 0)`}},
		{"cut off", `printf '{"outcome": "skip'`, sdktest.Answer{Outcome: sdktest.Retry, Message: "sh printed an answer that cannot be understood: it is not JSON (exit code 0)"}},
		{"endless", `printf '{"message": "'; head -c 2000000 /dev/zero | tr '\0' x; printf '"}'`,
			sdktest.Answer{Outcome: sdktest.Retry, Message: "sh printed an answer that cannot be understood: it is longer than 1048576 bytes (exit code 0)"}},
		{"a receipt without a key", `echo '{"receipts": [{"external_id": "a"}]}'`,
			sdktest.Answer{Outcome: sdktest.Retry, Message: "sh printed an answer that cannot be understood: receipts: each needs a key (exit code 0)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, sdktest.Start(t, &Listener{}, shell(t, tt.script)).Deliver(saved())); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatTheProgramGets(t *testing.T) {
	t.Setenv("PLUGIN_UNIX_SOCKET_DIR", "/not/yours")
	dir := t.TempDir()
	h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), block(t, map[string]any{
		"command": []string{"sh", "-c", `cat >stdin; env >env; printf %s "$1" >argument`, "sh", `$(id); "two  words"`},
	}))
	ev := saved()
	ev.OccurredAt = time.Date(2026, 1, 22, 23, 15, 37, 0, time.UTC)
	ev.Redelivered, ev.Trace = true, map[string]string{"traceparent": "00-1-2-01"}
	ev.Receipt("customer:7", "a")
	if a := h.Deliver(ev); a.Outcome != sdktest.Delivered {
		t.Fatal(a)
	}
	var got map[string]any
	text := read(t, dir, "stdin")
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got["deadline"] == nil {
		t.Error("the envelope has no deadline")
	}
	delete(got, "deadline")
	want := map[string]any{
		"event_id": 12.0, "event": "appointment.saved", "listener": "test", "idempotency_key": "ev12.exec",
		"occurred_at": "2026-01-22T23:15:37Z", "attempt": 1.0, "max_attempts": 5.0, "redelivered": true, "dry_run": false,
		"receipts": map[string]any{}, "trace": map[string]any{"traceparent": "00-1-2-01"},
		"payload": map[string]any{"customer": map[string]any{"id": 12345678901234567890.0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
	if !strings.Contains(text, "12345678901234567890") {
		t.Error("digits of the payload were lost")
	}
	env := "\n" + read(t, dir, "env")
	for _, kv := range []string{
		"EVENT_ID=12", "EVENT_NAME=appointment.saved", "LISTENER=test", "IDEMPOTENCY_KEY=ev12.exec", "ATTEMPT=1", "MAX_ATTEMPTS=5",
		"REDELIVERED=1", "DRY_RUN=0", "OCCURRED_AT=2026-01-22T23:15:37Z", "TRACEPARENT=00-1-2-01",
	} {
		if !strings.Contains(env, "\n"+kv+"\n") {
			t.Errorf("the environment has no %s", kv)
		}
	}
	if !strings.Contains(env, "\nDEADLINE=") || strings.Contains(env, "PLUGIN_UNIX_SOCKET_DIR") {
		t.Errorf("want a deadline, and nothing of the protocol, in the environment:%s", env)
	}
	if got := read(t, dir, "argument"); got != `$(id); "two  words"` {
		t.Errorf("a shell read the argument: %s", got)
	}
}

func TestReceiptsComeBack(t *testing.T) {
	dir := t.TempDir()
	h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), shell(t, `cat >>stdin; echo '{"receipts": [{"key": "customer:7", "external_id": "a"}]}'; exit 75`))
	ev := saved()
	for _, receipts := range []int{1, 0} {
		if a := h.Deliver(ev); a.Outcome != sdktest.Retry || len(a.Receipts) != receipts {
			t.Errorf("answer %s, want a retry with %d new receipts", a, receipts)
		}
	}
	if got := read(t, dir, "stdin"); !strings.Contains(got, `"receipts":{"customer:7":"a"}`) {
		t.Errorf("the second attempt was not told who is done: %s", got)
	}
}

func TestDryRun(t *testing.T) {
	tests := []struct {
		knows bool
		ran   string
	}{{false, ""}, {true, "1\n"}}
	for _, tt := range tests {
		dir := t.TempDir()
		h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), block(t, map[string]any{
			"command": []string{"sh", "-c", `echo "$DRY_RUN" >ran`}, "dry_run": tt.knows,
		}))
		ev := saved()
		ev.DryRun = true
		if a := h.Deliver(ev); a.Outcome != sdktest.Delivered {
			t.Error(a)
		}
		ran, _ := os.ReadFile(filepath.Join(dir, "ran"))
		if string(ran) != tt.ran {
			t.Errorf("dry_run %t: the program said %q, want %q", tt.knows, ran, tt.ran)
		}
	}
}

func TestPayloadThatIsNoJSONIsPermanent(t *testing.T) {
	dir := t.TempDir()
	h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), shell(t, `>ran`))
	ev := saved()
	ev.Payload = []byte(`{"customer": {"ema`)
	if a := h.Deliver(ev); a.Outcome != sdktest.Rejected {
		t.Errorf("answer %s, want rejected", a)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the program was run")
	}
}

func TestLogs(t *testing.T) {
	h := sdktest.Start(t, &Listener{}, shell(t, `echo 'sent 1' >&2; head -c 10000 /dev/zero | tr '\0' x >&2; echo >&2; echo loud; yes x | head -300 >&2; printf end >&2`))
	if a := h.Deliver(saved()); a.Outcome != sdktest.Delivered {
		t.Fatal(a)
	}
	var lines []sdktest.Line
	var warnings []string // of stdout and stderr, in no order between them
	for _, l := range h.Logs() {
		if l.Level == "warn" {
			warnings = append(warnings, l.Message)
			continue
		}
		lines = append(lines, l)
	}
	slices.Sort(warnings)
	if lines[0].Message != "sent 1" || lines[0].Fields["event_id"] != 12.0 || lines[0].Level != "info" {
		t.Errorf("first line %+v", lines[0])
	}
	if got := lines[1].Message; len(got) > 5000 || !strings.HasSuffix(got, "x … (cut)") {
		t.Errorf("a long line has %d bytes in the log", len(got))
	}
	want := []string{"the program prints to stdout what is no answer: log to stderr", "the program prints too much: the rest is left out"}
	if diff := cmp.Diff(want, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if len(lines) != 200 {
		t.Errorf("%d lines in the log, want 200", len(lines))
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "run.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, program, dir, says string
	}{
		{"in PATH", "true", "", ""},
		{"relative to dir", "./run.sh", "", ""},
		{"absolute", script, "", ""},
		{"nowhere", "earshot-no-such-program", "", "executable file not found"},
		{"not executable", "./notes.txt", "", "permission denied"},
		{"no folder", "sh", "nowhere", "is not there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := sdktest.Start(t, &Listener{}, sdktest.Dir(dir), block(t, map[string]any{"command": []string{tt.program}, "dir": tt.dir}))
			err := h.Check()
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Check = %v, want %q", err, tt.says)
			}
			want := sdktest.Delivered
			if tt.says != "" {
				want = sdktest.Unavailable
			}
			if a := h.Deliver(saved()); a.Outcome != want {
				t.Errorf("answer %s, want %s", a, want)
			}
		})
	}
}

func TestConfigure(t *testing.T) {
	tests := []struct {
		block string
		want  []sdktest.Fault
	}{
		{`{"command": ["sh"], "dir": "scripts", "dry_run": true}`, nil},
		{`{}`, []sdktest.Fault{{Path: "command", Message: "is missing: name the program and its arguments, such as [php, notify.php]"}}},
		{`{"command": "php notify.php"}`, []sdktest.Fault{{Path: "command", Message: "must be a list, not text"}}},
		{`{"command": ["sh"], "shell": true}`, []sdktest.Fault{{Path: "shell", Message: "is unknown: the keys here are command, dir, dry_run"}}},
		{`{"command": ["sh", "a\u0000b"]}`, []sdktest.Fault{{Path: "command[1]", Message: "holds a NUL, which no argument can"}}},
	}
	h := sdktest.Start(t, &Listener{}, shell(t, "exit 0"))
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, h.Validate(tt.block)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.block, diff)
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
