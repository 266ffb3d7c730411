// Package config holds the configuration that Earshot ships.
package config

import _ "embed"

//go:embed events.schema.json
var schema string

// Schema is the JSON Schema of events.yaml.
func Schema() []byte { return []byte(schema) }
