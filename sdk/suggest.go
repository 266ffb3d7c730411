package sdk

import (
	"fmt"
	"strings"
)

// unknownKey says that key is none, and which one may have been meant.
func unknownKey(key string, known []string) string {
	best, distance := "", len(key)/3+2
	for _, k := range known {
		if n := edits(strings.ToLower(key), strings.ToLower(k)); n < distance {
			best, distance = k, n
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("is unknown: did you mean %s?", best)
	case len(known) == 0:
		return "is unknown: there are no keys here"
	default:
		return "is unknown: the keys here are " + strings.Join(known, ", ")
	}
}

// edits counts the letters to add, drop or change to make a of b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
