package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/supervisor"
	"github.com/earshot-host/earshot/sdk/conformance"
)

func (c *cli) plugin() *cobra.Command {
	cmd := &cobra.Command{Use: "plugin", Short: "See installed plugins, and test one that you write"}
	cmd.AddCommand(c.pluginNew(), c.pluginList(), c.pluginDescribe(), c.pluginChecksum(), c.pluginTest())
	return cmd
}

// pluginFile finds a plugin by its name in the plugin folders, or by its path.
func (c *cli) pluginFile(cmd *cobra.Command, arg string) (string, error) {
	if strings.ContainsRune(arg, filepath.Separator) {
		return filepath.Abs(arg)
	}
	set, err := c.settings(cmd)
	if err != nil {
		return "", err
	}
	path, err := supervisor.Find(set.Plugins.Dirs, arg)
	if err != nil {
		return "", fmt.Errorf("%w: %w", app.ErrPlugin, err)
	}
	return path, nil
}

// installed is a plugin that events.yaml can name.
type installed struct {
	Name string `json:"name"`
	File string `json:"file"`
}

func (c *cli) pluginList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the plugins that are installed", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			rows := []installed{}
			for _, name := range supervisor.Names(set.Plugins.Dirs) {
				file, err := supervisor.Find(set.Plugins.Dirs, name)
				if err != nil {
					return err
				}
				rows = append(rows, installed{name, file})
			}
			return list(c, cmd, rows, "PLUGIN FILE", func(i installed) []string { return []string{i.Name, i.File} })
		},
	}
}

func (c *cli) pluginDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe NAME|PATH", Short: "Start a plugin without config and show what it is", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			path, err := c.pluginFile(cmd, args[0])
			if err != nil {
				return err
			}
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			about, err := supervisor.Probe(cmd.Context(), supervisor.Options{RunDir: set.RunDir, Logger: c.logger(set, true), HostVersion: version}, path)
			if err != nil {
				return fmt.Errorf("%w: %w", app.ErrPlugin, err)
			}
			var d described
			d.about(about)
			if c.output != "table" {
				return c.json(cmd, struct {
					File         string          `json:"file"`
					Name         string          `json:"name"`
					Version      string          `json:"version"`
					Summary      string          `json:"summary"`
					SDK          string          `json:"sdk"`
					Capabilities []string        `json:"capabilities"`
					Schema       json.RawMessage `json:"config_schema,omitempty"`
				}{path, d.Plugin, d.Version, d.Summary, d.SDK, d.Capabilities, d.Schema})
			}
			return facts(cmd, []fact{
				{"plugin", strings.TrimSpace(d.Plugin + " " + d.Version)}, {"summary", d.Summary}, {"file", path},
				{"SDK", d.SDK}, {"can", strings.Join(d.Capabilities, ", ")}, {"config", string(d.Schema)},
			})
		},
	}
}

func (c *cli) pluginChecksum() *cobra.Command {
	return &cobra.Command{
		Use:   "checksum NAME|PATH…",
		Short: "Print the sha256 that pins a plugin in events.yaml",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			type sum struct {
				SHA256 string `json:"sha256"`
				File   string `json:"file"`
			}
			rows := []sum{}
			for _, arg := range args {
				path, err := c.pluginFile(cmd, arg)
				if err != nil {
					return err
				}
				hash, err := fileSHA256(path)
				if err != nil {
					return fmt.Errorf("%w: %w", app.ErrPlugin, err)
				}
				rows = append(rows, sum{hash, path})
			}
			return list(c, cmd, rows, "SHA256 FILE", func(s sum) []string { return []string{s.SHA256, s.File} })
		},
	}
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// conformed is what one check of a plugin found.
type conformed struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func (c *cli) pluginTest() *cobra.Command {
	var config, event, payload string
	cmd := &cobra.Command{
		Use:   "test NAME|PATH",
		Short: "Check that a plugin, in whatever language, behaves as the host needs it to",
		Long: `Starts the plugin again and again and puts it through what a host does to it: bad
configurations, payloads that nobody can read, many calls at once, a stop in the
middle, the host's sudden death. Every delivery is a dry run. Exits 6 if a check fails.`,
		Example: `  earshot plugin test ./earshot-listener-sms --config-json '{"from": "Example"}' --event appointment.saved --payload @saved.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			p, err := c.conformancePlugin(cmd, args[0], config, event, payload)
			if err != nil {
				return err
			}
			rows, failed := []conformed{}, 0
			for _, r := range conformance.Run(cmd.Context(), p) {
				rows = append(rows, conformed{r.Name, r.OK, r.Detail})
				if !r.OK {
					failed++
				}
			}
			err = list(c, cmd, rows, "CHECK OK DETAIL", func(r conformed) []string {
				return []string{r.Check, yesNo(r.OK), orDash(oneLine(r.Detail))}
			})
			if err == nil && failed > 0 {
				err = coded{exitPlugin, fmt.Errorf("%d of %d checks failed", failed, len(rows))}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&config, "config-json", "", "a configuration that the plugin accepts: a JSON object, @FILE, or - (default {})")
	cmd.Flags().StringVar(&event, "event", "", "an event that the plugin knows")
	cmd.Flags().StringVar(&payload, "payload", "", "its payload: a JSON object, @FILE, or - for standard input")
	return cmd
}

func (c *cli) conformancePlugin(cmd *cobra.Command, arg, config, event, payload string) (conformance.Plugin, error) {
	var p conformance.Plugin
	if (event == "") != (payload == "") {
		return p, usage(errors.New("--event and --payload belong together"))
	}
	path, err := c.pluginFile(cmd, arg)
	if err != nil {
		return p, err
	}
	stderr := io.Discard
	if c.verbose {
		stderr = cmd.ErrOrStderr()
	}
	p = conformance.Binary(path, stderr)
	p.Event = event
	for _, in := range []struct {
		flag string
		to   *[]byte
	}{{config, &p.Config}, {payload, &p.Payload}} {
		if in.flag == "" {
			continue
		}
		if *in.to, err = readPayload(in.flag, cmd.InOrStdin()); err != nil {
			return p, usage(err)
		}
	}
	if p.Dir, err = os.Getwd(); err != nil {
		return p, err
	}
	return p, nil
}
