package main

import "regexp"

// redact strikes addresses, links and what hide lists from the words of a
// server, which likes to repeat them.
func redact(text string, hide []string) string {
	text = regexp.MustCompile(`(?i)https?://\S+`).ReplaceAllString(text, "[link]")
	text = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`).ReplaceAllString(text, "[address]")
	for _, h := range hide {
		if h != "" {
			text = wholeWord(h).ReplaceAllString(text, "[hidden]")
		}
	}
	return oneLine(text, maxLine)
}

// wholeWord finds s, but not inside of a longer word: the user "in" would
// otherwise strike half of every sentence.
func wholeWord(s string) *regexp.Regexp {
	pattern := regexp.QuoteMeta(s)
	word := regexp.MustCompile(`^\w`)
	if word.MatchString(s) {
		pattern = `\b` + pattern
	}
	if word.MatchString(s[len(s)-1:]) {
		pattern += `\b`
	}
	return regexp.MustCompile(`(?i)` + pattern)
}
