package main

import (
	"strings"
	"testing"
)

func TestMistypedFlag(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"queue list --statsu failed", `did you mean "status"?; see: earshot queue list --help`},
		{"queue list --otput json", `did you mean "output"?`},
		{"queue list --qqqqqqqqqq", "unknown flag: --qqqqqqqqqq; see:"},
		{"queue lsit", `did you mean "list"?`},
	} {
		_, err := answer(t, strings.Fields(tt.args)...)
		if err == nil || codeOf(err) != exitUsage || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("earshot %s: %v, want %q", tt.args, err, tt.want)
		}
	}
}

// TestTopicsAreTrue holds the help to what there is.
func TestTopicsAreTrue(t *testing.T) {
	for _, topic := range topics() {
		out, err := answer(t, "help", topic.Name())
		if err != nil || !strings.Contains(out, topic.Long[:40]) {
			t.Errorf("help %s: %v, %q", topic.Name(), err, out)
		}
	}
	list, _, err := newRoot(t.Context()).Find([]string{"queue", "list"})
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics() {
		if topic.Name() != "filters" {
			continue
		}
		for word := range strings.FieldsSeq(topic.Long) {
			name, ok := strings.CutPrefix(word, "--")
			if name = strings.TrimRight(name, ",;"); ok && name != "yes" && name != "dry-run" && list.Flags().Lookup(name) == nil {
				t.Errorf("there is no flag --%s", name)
			}
		}
	}
}

// TestEverythingIsTranslated looks for columns and messages that the catalogue lacks.
func TestEverythingIsTranslated(t *testing.T) {
	c := &cli{lang: "pt-BR"}
	for _, header := range []string{eventHeader, "LISTENER STATE WAITING RUNNING DUE DEAD LAST_DELIVERED WHY", "EVENTS STATUS VALUE"} {
		for _, word := range strings.Fields(header) {
			if _, ok := portuguese[word]; !ok && word != "ID" && word != "LISTENER" {
				t.Errorf("the catalogue has no %s", word)
			}
		}
	}
	for english, translated := range portuguese {
		if strings.Count(english, "%") != strings.Count(translated, "%") {
			t.Errorf("%q and %q do not take the same values", english, translated)
		}
		if c.say(english) != translated {
			t.Errorf("%q is not said as %q", english, translated)
		}
	}
}
