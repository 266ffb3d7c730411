package appointment

import (
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	tests := []struct {
		name, zone, start string
		want              string
		known             bool
	}{
		{"São Paulo", "America/Sao_Paulo", "2026-01-27 14:15:00", "2026-01-27T17:15:00Z", true},
		{"daylight saving", "Europe/Lisbon", "2026-07-01 10:00:00", "2026-07-01T09:00:00Z", true},
		{"fraction", "UTC", "2026-07-01 10:00:00.250000", "2026-07-01T10:00:00.25Z", true},
		{"no zone", "", "2026-07-01 10:00:00", "2026-07-01T10:00:00Z", false},
		{"wrong zone", "America/Springfield", "2026-07-01 10:00:00", "2026-07-01T10:00:00Z", false},
		{"the machine's zone", "Local", "2026-07-01 10:00:00", "2026-07-01T10:00:00Z", false},
		{"a path", "../../etc/passwd", "2026-07-01 10:00:00", "2026-07-01T10:00:00Z", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Payload{Appointment: Appointment{StartDatetime: tt.start, EndDatetime: tt.start}}
			p.Provider.Timezone = tt.zone
			if _, known := p.Zone(); known != tt.known {
				t.Errorf("zone known = %t, want %t", known, tt.known)
			}
			for what, read := range map[string]func() (time.Time, error){"start": p.Start, "end": p.End} {
				got, err := read()
				if err != nil {
					t.Fatal(err)
				}
				if s := got.UTC().Format(time.RFC3339Nano); s != tt.want {
					t.Errorf("%s = %s, want %s", what, s, tt.want)
				}
			}
		})
	}
}

func TestTimesThatAreNone(t *testing.T) {
	for _, value := range []string{"", "0000-00-00 00:00:00", "2026-02-30 10:00:00", "tomorrow", "2026-01-27"} {
		p := Payload{Appointment: Appointment{StartDatetime: value, EndDatetime: value}}
		if got, err := p.Start(); err == nil {
			t.Errorf("start %q was read as %s", value, got)
		}
		if got, err := p.End(); err == nil {
			t.Errorf("end %q was read as %s", value, got)
		}
	}
}

func TestRevision(t *testing.T) {
	tests := []struct {
		created, updated string
		want             int64
	}{
		{"2026-01-22 20:15:37", "2026-01-22 20:15:37", 0},
		{"2026-01-22 20:15:37", "2026-01-23 20:15:38", 86401},
		{"2026-01-23 20:15:37", "2026-01-22 20:15:37", 0},
		{"", "2026-01-22 20:15:37", 0},
		{"2026-01-22 20:15:37", "0000-00-00 00:00:00", 0},
	}
	for _, tt := range tests {
		p := Payload{Appointment: Appointment{CreateDatetime: tt.created, UpdateDatetime: tt.updated}}
		if got := p.Revision(); got != tt.want {
			t.Errorf("revision from %q to %q = %d, want %d", tt.created, tt.updated, got, tt.want)
		}
	}
}

func TestLanguageTag(t *testing.T) {
	tests := []struct{ folder, want string }{
		{"portuguese-br", "pt-BR"},
		{"portuguese", "pt"},
		{"English ", "en"},
		{"traditional-chinese", "zh-TW"},
		{"klingon", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := LanguageTag(tt.folder); got != tt.want {
			t.Errorf("LanguageTag(%q) = %q, want %q", tt.folder, got, tt.want)
		}
	}
}
