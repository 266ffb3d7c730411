package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/scaffold"
)

func (c *cli) pluginNew() *cobra.Command {
	p := scaffold.Project{}
	var out, sdk string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write the project of a new listener, which builds and passes its tests",
		Long: `Writes a project of its own into a new folder: the listener, its typed configuration, a
test on a recorded event, a Makefile and a README.

  go     a plugin in Go on the SDK: of the checkout that this folder, --out or earshot
         itself lies in, or that --sdk names; else of the release of this host
  node   a plugin in JavaScript over the published protocol
  exec   a program in PHP that the exec plugin runs once per event`,
		Example: `  earshot plugin new sms
  earshot plugin new sms --lang exec --out /etc/earshot/sms
  earshot plugin new sms --sdk ../earshot`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Name = args[0]
			if out == "" {
				out = p.Name
			}
			dir, err := filepath.Abs(out)
			if err != nil {
				return err
			}
			if p.Lang == "go" {
				if p.SDK, err = checkout(sdk, dir); err != nil {
					return usage(err)
				}
				p.Version = release(version)
			}
			if err := scaffold.Write(dir, p); err != nil {
				return usage(err)
			}
			return sayNext(cmd, out, p)
		},
	}
	cmd.Flags().StringVar(&p.Lang, "lang", "go", "what it is written in: "+strings.Join(scaffold.Languages(), ", "))
	cmd.Flags().StringVar(&out, "out", "", "the folder to make (default ./NAME)")
	cmd.Flags().StringVar(&sdk, "sdk", "", "with --lang go: a checkout of Earshot to build against")
	complete(cmd, "lang", scaffold.Languages())
	return cmd
}

// checkout finds the checkout that a project at dir builds against; empty for
// none. A relative path stays right when both move together.
func checkout(named, dir string) (string, error) {
	found, err := filepath.Abs(named)
	if err != nil {
		return "", err
	}
	if named != "" && !scaffold.IsCheckout(found) {
		return "", fmt.Errorf("--sdk %s: there is no go.mod of %s", named, scaffold.Module)
	}
	if named == "" {
		here, _ := os.Getwd()
		self, _ := os.Executable()
		if found = scaffold.Checkout(dir, here, filepath.Dir(self)); found == "" {
			return "", nil
		}
	}
	if rel, err := filepath.Rel(dir, found); err == nil && strings.Count(rel, "..") <= 3 {
		return rel, nil
	}
	return found, nil
}

var released = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.?\d+)?$`)

// release is the version of the SDK's module that goes with this host; empty
// for a host that was built from a checkout.
func release(version string) string {
	if released.MatchString(version) {
		return version
	}
	return ""
}

func sayNext(cmd *cobra.Command, out string, p scaffold.Project) error {
	next := "cd " + out + " && make test"
	if p.Lang == "go" {
		next += " && make run"
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "wrote %s; next:\n  %s\n", out, next)
	return err
}
