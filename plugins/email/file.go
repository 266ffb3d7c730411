package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// fileConfig makes mails go to a folder, for a trial or a test.
type fileConfig struct {
	// Dir is made if it is missing; a relative one starts at the folder of events.yaml.
	Dir string `json:"dir" jsonschema:"required"`
}

// fileTransport writes each mail to a file of its own that mail programs open.
type fileTransport struct{ dir string }

var (
	_ transport = (*fileTransport)(nil)
	_ session   = fileSession{}
)

// fileSession has nothing to open or close.
type fileSession struct{ t *fileTransport }

func (t *fileTransport) open(context.Context) session { return fileSession{t} }

func (t *fileTransport) close() error { return nil }

func (fileSession) close() {}

// send writes the mail under a name that is the same at every attempt.
func (s fileSession) send(l *letter) (string, *failure) {
	name := l.name() + ".eml"
	if err := writeFile(s.t.dir, name, l.msg); err != nil {
		return "", &failure{class: retry, what: fmt.Sprintf("write the mail to the folder: %v", err)}
	}
	return name, nil
}

// name is what the letter's files are called, without an ending.
func (l *letter) name() string { return fmt.Sprintf("%06d-%s", l.event, l.to.key) }

// show writes what a dry run would have sent, if there is a folder for it.
func (c *config) show(l *letter) error {
	if c.DryRunDir == "" {
		return nil
	}
	parts := []struct {
		ending  string
		content io.WriterTo
	}{
		{".eml", l.msg}, {".txt", strings.NewReader(l.text)},
		{".html", strings.NewReader(l.html)}, {".ics", strings.NewReader(l.ics)},
	}
	for _, part := range parts {
		if part.ending == ".ics" && l.ics == "" {
			continue
		}
		if err := writeFile(c.DryRunDir, l.name()+part.ending, part.content); err != nil {
			return fmt.Errorf("write the dry run to its folder: %w", err)
		}
	}
	return nil
}

// writeFile uses a second name until all is there, so that nobody reads half a mail.
func writeFile(dir, name string, content io.WriterTo) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // without effect after the rename
	if _, err := content.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

// check makes the folder and a file in it.
func (t *fileTransport) check(context.Context) error {
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(t.dir, ".new-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}
