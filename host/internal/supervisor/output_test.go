package supervisor

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
)

func TestNoiseOnStdout(t *testing.T) {
	s, log := supervise(t, quick(t), playing("email", "noisy"))
	ask(t, s, "email", "pid")
	for _, want := range []string{"Loading…", "1|2|3 is no handshake", "xxx … (cut)"} {
		log.await(t, want)
	}
	ask(t, s, "email", "stdout", fmt.Sprint(300<<10)) // more than a pipe holds
	ask(t, s, "email", "print", "printed later")
	log.await(t, "yyy … (cut)")
	log.await(t, "printed later")
	ask(t, s, "email", "pid")
}

func TestMalformedLogLines(t *testing.T) {
	s, log := supervise(t, quick(t), playing("email", "babble"))
	ask(t, s, "email", "stderr", `{"@message":{},"@level":5,"@timestamp":null}`)
	ask(t, s, "email", "stderr", "after it")
	log.await(t, "after it")
	log.await(t, "plain words")
	ask(t, s, "email", "pid")
}

func TestLogOfAPlugin(t *testing.T) {
	spec := playing("email", "puppet")
	spec.Secrets = []string{`tajna"lozinka`}
	s, log := supervise(t, quick(t), spec)
	ask(t, s, "email", "log", `login with tajna"lozinka`)
	log.await(t, "login with")
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "login with") {
			continue
		}
		for _, want := range []string{"[WARN]", "[redacted]", "big=9007199254740993", "listener=email", "event_id=1", "pid="} {
			if !strings.Contains(line, want) {
				t.Errorf("%q is not in %s", want, line)
			}
		}
	}
	if strings.Contains(log.String(), "lozinka") {
		t.Errorf("a secret is in the log:\n%s", log)
	}
	o, err := s.Call(t.Context(), "email", order("fail", `tajna"lozinka was refused`))
	if err != nil || o.GetMessage() != "[redacted] was refused" {
		t.Errorf("answer %q, %v", o.GetMessage(), err)
	}
}

func TestStderrLines(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"plain", "hello", "[INFO]  hello"},
		{"hclog", `{"@level":"debug","@message":"m","@timestamp":"x","a":1}`, "[DEBUG] m: a=1"},
		{"slog", `{"time":"t","level":"ERROR","msg":"m","b":{"c":"secret1"}}`, "[ERROR] m: b=map[c:[redacted]]"},
		{"escaped secret", `{"msg":"\u0073ecret1"}`, "[INFO]  [redacted]"},
		{"no message", `{"level":"error"}`, `[INFO]  {"level":"error"}`},
		{"message of another type", `{"@message":5}`, `[INFO]  {"@message":5}`},
		{"level of another type", `{"msg":"m","level":30}`, "[INFO]  m: level=30"},
		{"unknown level", `{"msg":"m","level":"loud"}`, "[INFO]  m"},
		{"panic", "panic: boom", "[ERROR] panic: boom"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var buf bytes.Buffer
			o := &output{redact: newRedactor([]string{"secret1", "abc"}), log: hclog.New(&hclog.LoggerOptions{
				Level: hclog.Trace, Output: &buf, DisableTime: true})}
			o.stderr(tt.line)
			if got := strings.TrimSpace(buf.String()); got != tt.want {
				t.Errorf("logged %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTailKeepsThePanic(t *testing.T) {
	o := &output{redact: newRedactor(nil), log: hclog.NewNullLogger()}
	for i := range 30 {
		o.stderr(fmt.Sprint("before ", i))
	}
	o.stderr("panic: boom")
	for i := range 60 {
		o.stderr(fmt.Sprint("goroutine ", i))
	}
	lines := o.lines()
	if len(lines) != maxTail || lines[0] != "panic: boom" || lines[maxTail-1] != "goroutine 59" {
		t.Errorf("kept %q", lines)
	}
	if got := telling(lines); got != "panic: boom" {
		t.Errorf("telling line %q", got)
	}
}

func TestLineWriter(t *testing.T) {
	long := strings.Repeat("z", maxLine+5)
	var got []string
	w := &lineWriter{line: func(s string) { got = append(got, s) }}
	for _, part := range []string{"a", "b\nc\r\n\n  \n", long[:100], long[100:] + "\nd", "\xff"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
	w.flush()
	want := []string{"ab", "c", long[:maxLine] + " … (cut)", "d\uFFFD"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRedactor(t *testing.T) {
	key := "-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----\n"
	r := newRedactor([]string{"p@ss<word>", "abc", key, ""})
	for in, want := range map[string]string{
		"login p@ss<word>!":            "login [redacted]!",
		`{"m":"p@ss\u003cword\u003e"}`: `{"m":"[redacted]"}`,
		"abc is too short to hide":     "abc is too short to hide",
		"line abcdefgh of a key":       "line [redacted] of a key",
	} {
		if got := r.Replace(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
