package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The table of errors names every code that is sorted, and no other.
func TestReadmeNamesEveryCode(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(data), "| what happens |")
	table, _, _ = strings.Cut(table, "\n\n")
	named := map[int]bool{}
	for _, m := range regexp.MustCompile(`(\d+)(?:(?: to |–)(\d+))?`).FindAllStringSubmatch(table, -1) {
		from, _ := strconv.Atoi(m[1])
		to, err := strconv.Atoi(m[2])
		if err != nil {
			to = from
		}
		for code := from; code <= to; code++ {
			named[code] = true
		}
	}
	for code := range 140_000 {
		meta := metaCode(code, 0).class != 0
		if known := meta || twilioCode(code).class != 0; known && !named[code] {
			t.Errorf("code %d is sorted, and the README does not name it", code)
		} else if code >= 1000 && !known && named[code] {
			t.Errorf("the README names code %d, which nothing sorts", code)
		}
	}
}
