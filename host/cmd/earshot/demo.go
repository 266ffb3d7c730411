package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/dispatch"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/settings"
)

// demoFiles are laid out in the demo's folder.
//
//go:embed demo
var demoFiles embed.FS

// demoEvents are dispatched in this order; the payloads are among the files.
var demoEvents = [...]string{"appointment.saved", "appointment.updated", "appointment.deleted"}

func (c *cli) demo() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: an SQLite queue, three events, real plugins",
		Long: `Makes a queue and its configuration in a folder, puts three events of a booking
in it, runs the host once, and shows who was told. Nothing is sent: mails are
written to files. Files that are there already stay as they are.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := layOutDemo(dir); err != nil {
				return fmt.Errorf("make the demo in %s: %w", dir, err)
			}
			// Without the environment: a DSN in it must not take the demo's
			// events to a queue that somebody works with.
			set, err := settings.Load(filepath.Join(dir, "host.yaml"), nil, c.given(cmd))
			if err != nil {
				return coded{exitConfig, err}
			}
			return c.runDemo(cmd, dir, set)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", filepath.Join("var", "demo"), "the folder to work in")
	return cmd
}

// layOutDemo writes the files that are not there yet.
func layOutDemo(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := fs.Sub(demoFiles, "demo")
	if err != nil {
		return err
	}
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(dir, path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	})
}

func (c *cli) runDemo(cmd *cobra.Command, dir string, set *settings.Settings) error {
	ctx, w, start := cmd.Context(), cmd.OutOrStdout(), time.Now()
	ids, err := fillDemo(ctx, set)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, set, app.Options{
		Version: version, Logger: c.logger(set, true), LookupEnv: os.LookupEnv, Run: dispatch.Options{Once: true},
	})
	if err != nil {
		return err
	}
	_, err = a.Run(ctx, nil)
	if err := errors.Join(err, a.Close()); err != nil {
		return err
	}
	fmt.Fprintf(w, "In %.2f s, in %s: a queue, three events, and a host that told their listeners.\n\n", time.Since(start).Seconds(), dir)
	if err := c.printDemo(cmd, set, ids); err != nil {
		return err
	}
	if err := printMails(w, filepath.Join(dir, "mail"), ids); err != nil {
		return err
	}
	self := os.Args[0] + " --config " + filepath.Join(dir, "host.yaml")
	fmt.Fprintf(w, `
Try next:
  %[1]s queue list
  %[1]s queue show %[2]d
  %[1]s dispatch appointment.saved --payload @%[3]s
  %[1]s run --once
To send real mails, name your mail server in %[4]s, then:
  %[1]s config validate
`, self, ids[0], filepath.Join(dir, "appointment.saved.json"), filepath.Join(dir, "events.yaml"))
	return nil
}

// fillDemo makes the tables and puts the events in the queue.
func fillDemo(ctx context.Context, set *settings.Settings) (ids []int64, err error) {
	store, err := app.OpenQueue(ctx, set)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	m, err := migrate.New(store.SQL(), set.Database.Driver, store.Adopted())
	if err != nil {
		return nil, err
	}
	if _, err := m.Up(ctx); err != nil {
		return nil, err
	}
	for _, name := range demoEvents {
		payload, err := demoFiles.ReadFile("demo/" + name + ".json")
		if err != nil {
			return nil, err
		}
		id, err := store.Enqueue(ctx, name, payload, 0)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// told is one line of what happened.
type told struct{ id, event, listener, state, detail string }

func (c *cli) printDemo(cmd *cobra.Command, set *settings.Settings, ids []int64) error {
	store, err := app.OpenQueue(cmd.Context(), set)
	if err != nil {
		return err
	}
	defer store.Close()
	var lines []told
	for _, id := range ids {
		row, deliveries, _, err := store.Show(cmd.Context(), id)
		if err != nil {
			return err
		}
		if len(deliveries) == 0 {
			lines = append(lines, told{fmt.Sprint(id), row.Name, "-", row.Status, short(row.Error, 60)})
		}
		for _, d := range deliveries {
			detail := d.Error
			if detail == "" && d.Receipts > 0 {
				detail = fmt.Sprintf("%d told", d.Receipts)
			}
			lines = append(lines, told{fmt.Sprint(id), row.Name, d.Listener, string(d.State), short(detail, 60)})
		}
	}
	return table(cmd.OutOrStdout(), lines, "EVENT NAME LISTENER STATE DETAIL", func(t told) []string {
		return []string{t.id, t.event, t.listener, t.state, t.detail}
	})
}

// printMails lists the mails that were written for the events.
func printMails(w io.Writer, dir string, ids []int64) error {
	for i, id := range ids {
		files, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf("%06d-*.eml", id)))
		if err != nil {
			return err
		}
		if i == 0 && len(files) > 0 {
			fmt.Fprintln(w, "\nMails, to be opened with any mail program:")
		}
		for _, file := range files {
			subject, to, err := mailHeader(file)
			if err != nil {
				return fmt.Errorf("read mail %s: %w", file, err)
			}
			fmt.Fprintf(w, "  %s\n    to %s: %s\n", file, to, subject)
		}
	}
	return nil
}

func mailHeader(file string) (subject, to string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	m, err := mail.ReadMessage(f)
	if err != nil {
		return "", "", err
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return "", "", err
	}
	people, err := m.Header.AddressList("To")
	if err != nil {
		return "", "", err
	}
	var addresses []string
	for _, p := range people {
		addresses = append(addresses, p.Address)
	}
	return subject, strings.Join(addresses, ", "), nil
}
