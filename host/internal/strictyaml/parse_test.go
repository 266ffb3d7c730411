package strictyaml_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/earshot-host/earshot/host/internal/strictyaml"
)

func bomb() string {
	text := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		a, b := string(rune('0'+i)), string(rune('1'+i))
		text += "a" + b + ": &a" + b + " [" + strings.TrimSuffix(strings.Repeat("*a"+a+", ", 10), ", ") + "]\n"
	}
	return text
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", "f: the file is empty"},
		{"only a comment", "# nothing\n", "f: the file is empty"},
		{"too large", "a: " + strings.Repeat("x", 10<<20), "f: the file is larger than the limit of 1048576 bytes"},
		{"byte order mark", "\xef\xbb\xbfa: 1", "f:1:1: the file begins with a byte order mark; save it as UTF-8 without one"},
		{"UTF-16", "\xff\xfea\x00", "f: the file is UTF-16; save it as UTF-8"},
		{"Latin-1", "a: b\nc: caf\xe9\n", "f:2:7: byte 0xe9 is not UTF-8; save the file as UTF-8"},
		{"control character", "a: b\nc: é\x1b[0m", "f:2:5: control character 0x1b"},
		{"tab", "a:\n\tb: 1", "f:2:1: not YAML: found character that cannot start any token; the line is indented with a tab, and YAML takes only spaces"},
		{"two documents", "a: 1\n---\nb: 2\n", "f:2:1: a second document begins here; the file may hold only one: remove the line ---"},
		{"unclosed list", "a: [1\nb: 2", "f:2:2: not YAML: did not find expected ',' or ']' (while parsing a flow sequence from line 1)"},
		{"unclosed text", "a: 'x\n", "f:2:1: not YAML: found unexpected end of stream (while scanning a quoted scalar from line 1)"},
		{"colon in text", "a: b: c", "f:1:5: not YAML: mapping values are not allowed in this context; put text that holds a colon in quotes, and check the indentation"},
		{"at sign", "a: @b", "f:1:4: not YAML: found character that cannot start any token; put the text in quotes"},
		{"unknown alias", "a: *b", "f:1:4: not YAML: unknown anchor 'b' referenced"},
		{"alias of itself", "a: &a [*a]", "f:1:4: nested more than 32 deep; does an alias hold itself?"},
		{"merge of itself", "a: &a\n  <<: *a", "f:1:4: nested more than 32 deep; does an alias hold itself?"},
		{"alias bomb", bomb(), "f:1:19: the file grows to more than 100000 values; does it use aliases of aliases?"},
		{"deep", strings.Repeat("[", 40) + strings.Repeat("]", 40), "f:1:34: nested more than 32 deep; does an alias hold itself?"},
		{"very deep", strings.Repeat("[", 20000), "f:1:10001: not YAML: exceeded max depth of 10000"},
		{"key twice", "a: 1\nb: 2\na: 3\n", `f:3:1: key "a" is here a second time; the first is in line 1`},
		{"key twice in another spelling", "a: 1\n'a': 3\n", `f:2:1: key "a" is here a second time; the first is in line 1`},
		{"key of a list", "? [a]\n: b", "f:1:3: a key must be text, not a list"},
		{"empty key", ": b", "f:1:1: a key must be text, not empty"},
		{"octal", "a: 0777", "f:1:4: 0777 can be read in more than one way; write a plain decimal number, or put it in quotes if it is text"},
		{"hexadecimal", "a: 0x1F", "f:1:4: 0x1F can be read in more than one way; write a plain decimal number, or put it in quotes if it is text"},
		{"not a number", "a: .nan", "f:1:4: .nan can be read in more than one way; write a plain decimal number, or put it in quotes if it is text"},
		{"unknown tag", "a: !env b", "f:1:4: tag !env is not known here; remove it"},
		{"unknown tag of a map", "a: !!set {b}", "f:1:4: tag !!set is not known here; remove it"},
		{"merge of text", "<<: x", "f:1:5: << takes a map, not text"},
		{"merge of a list of texts", "<<: [x]", "f:1:6: << takes maps, not text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := strictyaml.Parse("f", []byte(tt.text)).Err()
			var problems *strictyaml.Errors
			if !errors.As(err, &problems) {
				t.Fatalf("error = %v", err)
			}
			p := problems.Problems[0]
			p.Excerpt = ""
			if p.String() != tt.want {
				t.Errorf("%s\nwant %s", p, tt.want)
			}
		})
	}
}

func TestAMistakeBehindTwoAliasesIsOne(t *testing.T) {
	var problems *strictyaml.Errors
	if err := strictyaml.Parse("f", []byte("a: &a {b: 0x1}\nc: *a\nd: *a\n")).Err(); !errors.As(err, &problems) || len(problems.Problems) != 1 {
		t.Errorf("error = %v", err)
	}
}

func TestAppendJSON(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"kinds", "a: 1\nb: -1.50e3\nc: true\nd: ~\ne: text\nf: [1, [], {}]\ng: \"é\\n<&\\\"\"", `{"a":1,"b":-1.50e3,"c":true,"d":null,"e":"text","f":[1,[],{}],"g":"é\n<&\""}`},
		{"explicit tags", "a: !!str 1\nb: !!int '2'", `{"a":"1","b":2}`},
		{"words of YAML 1.1", "a: yes\nb: off", `{"a":"yes","b":"off"}`},
		{"capital words", "a: True\nb: NULL", `{"a":true,"b":null}`},
		{"times are text", "a: 2026-01-02 03:04:05", `{"a":"2026-01-02 03:04:05"}`},
		{"aliases", "a: &x {b: 1}\nc: *x", `{"a":{"b":1},"c":{"b":1}}`},
		{"merge", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3", `{"a":{"b":1,"c":2},"d":{"b":3,"c":2}}`},
		{"the first merged wins", "a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y]}", `{"a":{"k":1},"b":{"k":2,"l":3},"c":{"k":1,"l":3}}`},
		{"Windows line ends", "a: 1\r\nb: 2\r\n", `{"a":1,"b":2}`},
		{"long text", "a: |\n  one\n  two\n", `{"a":"one\ntwo\n"}`},
		{"plain document marks", "---\na: 1\n...\n", `{"a":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := strictyaml.Parse("f", []byte(tt.text))
			if err := doc.Err(); err != nil {
				t.Fatal(err)
			}
			if got := string(doc.Root.AppendJSON(nil, "", nil)); got != tt.want {
				t.Errorf("JSON = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestExcerptsHideSecrets(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"by its key", "password: hunter2  0x1", ""},
		{"in a map", `{smtp_password: "hun, ter2", n: 0x1}`, "    1 | {smtp_password: <secret>, n: 0x1}\n      |                              ^~~"},
		{"in quotes", `{"api-key": 'hunter2', n: 0x1}`, "    1 | {\"api-key\": <secret>, n: 0x1}\n      |                          ^~~"},
		{"by its look", "{x: EAAGm0PX4ZCpsBAKZCZBqZCtZAzUhunter2ZB, n: 0x1}", "    1 | {x: <secret>, n: 0x1}\n      |                  ^~~"},
		{"a reference is shown", "{password: {file: smtp}, n: 0x1}", "    1 | {password: {file: smtp}, n: 0x1}\n      |                             ^~~"},
		{"tabs keep their width", "{a:\t1, n:\t0x1}", "    1 | {a:\t1, n:\t0x1}\n      |    \t     \t^~~"},
		{"wide letters count once", "{a: çãé, n: 0x1}", "    1 | {a: çãé, n: 0x1}\n      |             ^~~"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var problems *strictyaml.Errors
			err := strictyaml.Parse("f", []byte(tt.line)).Err()
			if tt.want == "" && err == nil {
				return
			}
			if !errors.As(err, &problems) {
				t.Fatalf("error = %v", err)
			}
			if diff := cmp.Diff(tt.want, problems.Problems[0].Excerpt); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2") {
				t.Error("the secret is shown")
			}
		})
	}
}

func TestManyMistakesAreCut(t *testing.T) {
	err := strictyaml.Parse("f", []byte("["+strings.Repeat("0x1,\n", 80)+"]")).Err()
	if text := err.Error(); !strings.HasPrefix(text, "80 mistakes in f\n") || !strings.HasSuffix(text, "\nand 30 more") {
		t.Errorf("error = %s", text)
	}
}

// TestMistakesOnOneLongLine would take minutes if each looked at all of it.
func TestMistakesOnOneLongLine(t *testing.T) {
	err := strictyaml.Parse("f", []byte("["+strings.Repeat("0x1, ", 90_000)+"]")).Err()
	if !strings.HasPrefix(err.Error(), "200 mistakes in f\n") {
		t.Errorf("error = %.100s", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a: &x [1, *x]\n<<: {b: 0x1}\n"))
	f.Add([]byte("a: |\n  text\n---\nb: !!set {c}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc := strictyaml.Parse("f", data)
		if (doc.Root == nil) && doc.Err() == nil {
			t.Fatal("neither a tree nor a mistake")
		}
		_ = doc.Err()
	})
}
