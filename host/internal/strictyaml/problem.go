package strictyaml

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one mistake. Line and Column count from 1; zero when the mistake
// has no place in a file.
type Problem struct {
	// File is the path as it was given, or what else holds the mistake, such as
	// the name of an environment variable.
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	// Hint says what was probably meant.
	Hint string `json:"hint,omitempty"`
	// Excerpt is the line with a caret under the mistake.
	Excerpt string `json:"-"`
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	if p.Excerpt != "" {
		b.WriteString("\n" + p.Excerpt)
	}
	return b.String()
}

// Errors are all the mistakes of one configuration, in the order of the file.
type Errors struct {
	// What was read, for the first line of the message.
	What     string
	Problems []Problem
}

// maxShown keeps a file of another kind from filling the screen.
const maxShown = 50

func (e *Errors) Error() string {
	var b strings.Builder
	noun := "mistakes"
	if len(e.Problems) == 1 {
		noun = "mistake"
	}
	fmt.Fprintf(&b, "%d %s in %s", len(e.Problems), noun, e.What)
	for i, p := range e.Problems {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more", len(e.Problems)-maxShown)
			break
		}
		b.WriteString("\n" + p.String())
	}
	return b.String()
}

// sorted puts the problems in the order of the file.
func sorted(ps []Problem) []Problem {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}

var (
	secretValue = regexp.MustCompile(`(?i)([\w-]*(?:` + secretWords + `)[\w-]*["']?\s*:\s+)("[^"]*"?|'[^']*'?|[^\s{,}#][^,}]*)`)
	longWord    = regexp.MustCompile(`[A-Za-z0-9+/=_-]{32,}`)
)

const (
	secretWords = `passw|passphrase|secret|token|authorization|api[_-]?key|private[_-]?key|credential|dsn`
	masked      = "<secret>"
	maxExcerpt  = 160
)

var secretKey = regexp.MustCompile(`(?i)` + secretWords)

// LooksSecret reports whether a key's name says that its value is a secret.
// password_file and the like name the place of one.
func LooksSecret(key string) bool {
	return secretKey.MatchString(key) && !strings.HasSuffix(key, "_file")
}

// mask hides what looks like a secret in a line of a file.
func mask(line string) string {
	line = secretValue.ReplaceAllString(line, "${1}"+masked)
	if strings.Contains(line, "sha256") {
		return line
	}
	return longWord.ReplaceAllString(line, masked)
}

// beginning is as much of a line as an excerpt can need.
func beginning(line string) string {
	const enough = 4 * maxExcerpt
	if len(line) <= enough {
		return line
	}
	return strings.ToValidUTF8(line[:enough], "")
}

// excerpt shows a line with a caret under column, width characters wide.
func excerpt(line string, number, column, width int) string {
	if column > 2*maxExcerpt {
		return ""
	}
	line = strings.TrimRight(line, "\r\n")
	runes := []rune(line)
	at := min(max(column-1, 0), len(runes))
	// What is hidden before the caret moves it.
	before := mask(string(runes[:at]))
	shown := mask(line)
	if len(before) > maxExcerpt {
		return ""
	}
	if utf8.RuneCountInString(shown) > maxExcerpt {
		shown = string([]rune(shown)[:maxExcerpt]) + "…"
	}
	shown = strings.Map(printable, shown)
	// Tabs stay, so that the caret stands below its place.
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
	caret := "^" + strings.Repeat("~", max(min(width, maxExcerpt)-1, 0))
	return fmt.Sprintf("%5d | %s\n      | %s%s", number, shown, pad, caret)
}

// printable keeps control characters of a file from reaching a terminal.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return '\uFFFD'
	}
	return r
}
