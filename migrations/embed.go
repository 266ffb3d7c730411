// Package migrations carries the SQL that makes Earshot's tables, one folder
// per database.
package migrations

import "embed"

// FS holds mysql/*.sql and sqlite/*.sql, in goose's format.
//
//go:embed mysql/*.sql sqlite/*.sql
var FS embed.FS
