package strictyaml

import (
	"fmt"
	"iter"
	"strings"
)

// Suggest returns a hint with the candidate nearest to word, or "" if none is
// near enough to be a slip.
func Suggest(word string, candidates iter.Seq[string]) string {
	best, distance := "", max(len(word)/3, 1)+1
	contained := ""
	for c := range candidates {
		// Candidates may come from a map: the order must not decide.
		if d := edits(word, c, distance); d < distance || d == distance && best != "" && c < best {
			best, distance = c, d
		}
		if len(word) > 3 && strings.Contains(c, word) && (contained == "" || c < contained) {
			contained = c
		}
	}
	if best == "" {
		best = contained
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// edits counts the changes that make b of a, a swap of neighbours being one;
// past limit it stops counting.
func edits(a, b string, limit int) int {
	if max(len(a), len(b))-min(len(a), len(b)) > limit || len(a) > 200 {
		return limit + 1
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
