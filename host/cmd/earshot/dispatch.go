package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/registry"
)

func (c *cli) dispatch() *cobra.Command {
	var payload string
	var in time.Duration
	cmd := &cobra.Command{
		Use:   "dispatch EVENT",
		Short: "Put an event in the queue",
		Example: `  earshot dispatch appointment.saved --payload @saved.json
  echo '{"n": 1}' | earshot dispatch order.paid --payload -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkEventName(args[0]); err != nil {
				return usage(err)
			}
			if in < 0 {
				return usage(errors.New("--in cannot be negative"))
			}
			body, err := readPayload(payload, cmd.InOrStdin())
			if err != nil {
				return usage(err)
			}
			store, err := c.open(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			id, err := store.Enqueue(cmd.Context(), args[0], body, in)
			if err != nil {
				return err
			}
			if c.output == "table" {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), id)
				return err
			}
			return c.json(cmd, struct {
				ID    int64  `json:"id"`
				Event string `json:"event"`
			}{id, args[0]})
		},
	}
	cmd.Flags().StringVar(&payload, "payload", "", "the payload: a JSON object, @FILE, or - for standard input")
	cmd.Flags().DurationVar(&in, "in", 0, "not before this time has passed, such as 30s or 2h")
	return cmd
}

// checkEventName refuses what the table would cut or nobody could listen to.
func checkEventName(name string) error {
	if name == "" || len(name) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '*' }) {
		return fmt.Errorf("%q is not an event name: it takes 1 to 100 printable ASCII characters, such as appointment.saved", name)
	}
	return nil
}

func readPayload(flag string, stdin io.Reader) ([]byte, error) {
	var body []byte
	var err error
	switch {
	case flag == "":
		return nil, errors.New("--payload is missing: give a JSON object, @FILE, or - for standard input")
	case flag == "-":
		body, err = io.ReadAll(stdin)
	case strings.HasPrefix(flag, "@"):
		body, err = os.ReadFile(flag[1:])
	default:
		body = []byte(flag)
	}
	if err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	return body, registry.CheckPayload(body)
}
