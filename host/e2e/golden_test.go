package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/testdb"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What commands print is read by people and programs: a change of it is seen
// here, in testdata/*.txt, and belongs in the changelog. JSON only gains keys.
func TestOutputs(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db testdb.DB) {
		h := newHost(t, db)
		h.events(`listeners:
  email:
    plugin: email
    config: {file: {dir: mail}, from: agenda@example.com}
  ledger:
    plugin: ledger
    concurrency: 2
    rate: 30/m
    order_by: customer.id
    config: {path: ` + h.path("ledger.jsonl") + `, bad: retry, until: ` + h.path("never") + `}
events:
  appointment.saved: [email]
  order.*: [ledger]
`)
		h.write("saved.json", payload(t, "appointment.saved"))
		h.mustRun("dispatch", "appointment.saved", "--payload", "@saved.json")
		h.mustRun("dispatch", "order.paid", "--payload", `{"n": 1}`)
		h.mustRun("dispatch", "cart.filled", "--payload", `{"n": 2}`)
		h.run("run", "--once")
		h.mustRun("queue", "pause", "--listener", "email")
		for _, args := range []string{
			"version", "listener list", "listener describe ledger", "listener check",
			"listener test email --dry-run", "plugin list", "plugin describe ledger",
			"dispatch order.paid --payload {}",
		} {
			for _, form := range []string{"table", "json"} {
				t.Run(args+" "+form, func(t *testing.T) {
					r := h.run(append(strings.Fields(args), "-o", form)...)
					golden(t, strings.Join(strings.Fields(args)[:min(2, len(strings.Fields(args)))], "-")+"."+form+".txt", h.plain(r.stdout))
				})
			}
		}
	})
}

// plain takes out what differs from run to run; with it go the widths of columns.
func (h *host) plain(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{regexp.QuoteMeta(h.dir), "DIR"},
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?`, "TIME"},
		{`\(devel\)|v\d+\.\d+\.\d+[\w.+-]*`, "VERSION"},
		{`<[0-9a-f]{32}@`, "<ID@"},
		{`[^\S\n]+\n`, "\n"},
		{`(\S)   +`, "$1  "},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}

// golden compares with a file, the same for both databases.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./host/e2e -run Outputs -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
