package main

import (
	"io"
	"os"
)

// paint colours text on a terminal, unless somebody does not want it:
// https://no-color.org
func paint(w io.Writer, color, text string) string {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
