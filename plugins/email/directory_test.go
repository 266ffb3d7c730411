package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// application makes a database as the application has it and returns the DSN
// of a user who may only read.
func application(t *testing.T) (db *sql.DB, dsn string) {
	t.Helper()
	server := os.Getenv("EARSHOT_TEST_MYSQL_DSN")
	if server == "" {
		t.Fatal("EARSHOT_TEST_MYSQL_DSN does not name a MySQL or MariaDB server where databases may be made: run the tests with `make test`")
	}
	cfg, err := mysql.ParseDSN(server)
	if err != nil {
		t.Fatal(err)
	}
	cfg.MultiStatements = true
	cfg.DBName = ""
	db, err = sql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("email_%d_%x", os.Getpid(), t.Name()[max(0, len(t.Name())-12):])
	schema, err := os.ReadFile(filepath.Join("testdata", "application.sql"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // USE holds for one connection
	if _, err := db.Exec("DROP DATABASE IF EXISTS " + name + "; CREATE DATABASE " + name + "; USE " + name + ";" + string(schema)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
		db.Close()
	})
	cfg.DBName, cfg.MultiStatements = name, false
	return db, cfg.FormatDSN()
}

func directoryBlock(dsn string) string {
	return strings.Replace(fileBlock, "{", fmt.Sprintf(`{"directory":{"dsn":%q},`, dsn), 1)
}

// told lists who is told about the sample booking, in order.
func told(t *testing.T, l *Listener) string {
	t.Helper()
	o := occasionOf(t, readFile(t, "appointment.saved.json"))
	live, err := l.directory.rules(t.Context(), o.p.Provider.ID)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range l.cfg.recipients(o.p, live, "12-email") {
		name, _, _ := strings.Cut(r.address, "@")
		list = append(list, r.audience+":"+name+":"+r.locale+":"+r.zone.String())
	}
	return strings.Join(list, " ")
}

func TestDirectoryFollowsTheApplicationsRules(t *testing.T) {
	const customer, provider = "customer:joao.davila:pt-BR:America/Sao_Paulo ", "provider:marcia.lima:pt-BR:America/Sao_Paulo "
	const carla, paula, rita = "staff:carla:pt-BR:America/Manaus ", "staff:paula:en:Europe/Lisbon ", "staff:rita:pt-BR:America/Sao_Paulo "
	tests := []struct{ name, change, want string }{
		// Bruno said no, Sara is another provider's secretary, and Paula never said anything.
		{"as it is", "", customer + provider + carla + paula + rita},
		{"customers are not told", "UPDATE ea_settings SET value = '0' WHERE name = 'customer_notifications'", provider + carla + paula + rita},
		{"the switch is missing", "DELETE FROM ea_settings", customer + provider + carla + paula + rita},
		{"the provider said no since", "UPDATE ea_user_settings SET notifications = 0 WHERE id_users = 7", customer + carla + paula + rita},
		{"the provider never said", "UPDATE ea_user_settings SET notifications = NULL WHERE id_users = 7", customer + carla + paula + rita},
		{"the secretary left", "DELETE FROM ea_secretaries_providers WHERE id_users_secretary = 4", customer + provider + carla + paula},
		{"an administrator without address", "UPDATE ea_users SET email = NULL WHERE id = 1", customer + provider + paula + rita},
		{"two with one address", "UPDATE ea_users SET email = 'CARLA@example.com' WHERE id = 2", customer + provider + carla + rita},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, dsn := application(t)
			if tt.change != "" {
				if _, err := db.Exec(tt.change); err != nil {
					t.Fatal(err)
				}
			}
			if got := told(t, configured(t, directoryBlock(dsn))); got+" " != tt.want {
				t.Errorf("told are\n%s, want\n%s", got, tt.want)
			}
		})
	}
}

func TestDirectoryThatCannotBeReadHoldsTheListener(t *testing.T) {
	db, dsn := application(t)
	wrong := strings.Replace(dsn, "root@", "nobody:s3cret@", 1)
	tests := []struct{ name, block, says string }{
		{"no server", directoryBlock("agenda:s3cret@tcp(127.0.0.1:1)/x"), "refused"},
		{"wrong password", directoryBlock(wrong), "password is wrong"},
		{"another prefix", strings.Replace(directoryBlock(dsn), `"dsn"`, `"prefix":"other_","dsn"`, 1), "directory.prefix"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := configured(t, tt.block)
			err := l.Handle(t.Context(), event(readFile(t, "appointment.saved.json")))
			if outcomeOf(err) != "unavailable" || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "nobody") {
				t.Errorf("Handle = %v, want unavailable with %q and without names", err, tt.says)
			}
			if err := l.Check(t.Context()); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Check = %v, want it to say %q", err, tt.says)
			}
		})
	}
	if _, err := db.Exec("SELECT 1"); err != nil {
		t.Error(err)
	}
}

// The promise to the application's owner: nothing is written.
func TestDirectoryReadsOnly(t *testing.T) {
	_, dsn := application(t)
	l := configured(t, directoryBlock(dsn))
	tx, err := l.directory.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("UPDATE ea_settings SET value = '0'"); err == nil {
		t.Error("the directory's transaction lets writes through")
	}
}
