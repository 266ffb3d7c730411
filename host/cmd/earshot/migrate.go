package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/earshot-host/earshot/host/internal/app"
	"github.com/earshot-host/earshot/host/internal/migrate"
	"github.com/earshot-host/earshot/host/internal/queue"
)

func (c *cli) migrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Make Earshot's tables, or remove them",
		Long: `Makes the tables that Earshot needs. With database.queue_table set to a table of
the application's own, that table is left alone: only Earshot's own are made.`,
	}
	var yes bool
	down := c.migrateStep("down", "Remove Earshot's tables and what they hold", func(ctx context.Context, m *migrate.Migrator) ([]string, error) {
		if !yes {
			return nil, usage(fmt.Errorf("migrate down deletes every delivery record; say --yes if that is meant"))
		}
		return m.Down(ctx)
	})
	down.Flags().BoolVarP(&yes, "yes", "y", false, "delete without asking")
	cmd.AddCommand(
		c.migrateStep("up", "Apply what is missing", func(ctx context.Context, m *migrate.Migrator) ([]string, error) { return m.Up(ctx) }),
		down, c.migrateStatus(), c.migratePrint())
	return cmd
}

// migrator opens the database without asking for tables to be there.
func (c *cli) migrator(cmd *cobra.Command) (*queue.Store, *migrate.Migrator, error) {
	set, err := c.settings(cmd)
	if err != nil {
		return nil, nil, err
	}
	store, err := app.OpenQueue(cmd.Context(), set)
	if err != nil {
		return nil, nil, err
	}
	m, err := migrate.New(store.SQL(), set.Database.Driver, store.Adopted())
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	return store, m, nil
}

func (c *cli) migrateStep(use, short string, step func(context.Context, *migrate.Migrator) ([]string, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, m, err := c.migrator(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			files, err := step(cmd.Context(), m)
			for _, f := range files {
				fmt.Fprintln(cmd.OutOrStdout(), use+"  "+f)
			}
			if err == nil && len(files) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to do")
			}
			return err
		},
	}
}

func (c *cli) migrateStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "List the migrations; exits 5 if one is missing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			store, m, err := c.migrator(cmd)
			if err != nil {
				return err
			}
			defer store.Close()
			states, err := m.Status(cmd.Context())
			if err != nil {
				return err
			}
			missing := false
			err = list(c, cmd, states, "MIGRATION APPLIED", func(s migrate.State) []string {
				return []string{s.File, yesNo(s.Applied)}
			})
			for _, s := range states {
				missing = missing || !s.Applied
			}
			if err == nil && missing {
				err = fmt.Errorf("%w: migrations are missing; run: earshot migrate up", queue.ErrSchema)
			}
			return err
		},
	}
}

func (c *cli) migratePrint() *cobra.Command {
	return &cobra.Command{
		Use: "print", Short: "Print the SQL, to apply by hand", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			adopted := set.Database.QueueTable != "" && set.Database.QueueTable != queue.DefaultTable
			return migrate.Print(cmd.OutOrStdout(), set.Database.Driver, adopted)
		},
	}
}
