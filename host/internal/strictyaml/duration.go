package strictyaml

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DurationPattern is what ParseDuration takes.
const DurationPattern = `^([0-9]{1,5}d([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h))*|([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h))+)$`

var duration = regexp.MustCompile(DurationPattern)

// ParseDuration reads a duration such as 250ms, 30s, 1h30m or 7d.
func ParseDuration(s string) (time.Duration, error) {
	if len(s) > 100 || !duration.MatchString(s) {
		return 0, fmt.Errorf("%q is not a duration such as 30s or 7d", s)
	}
	var total time.Duration
	if days, rest, found := strings.Cut(s, "d"); found {
		n, err := strconv.Atoi(days)
		if err != nil {
			return 0, err
		}
		total, s = time.Duration(n)*24*time.Hour, rest
		if s == "" {
			return total, nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || total+v < 0 {
		return 0, fmt.Errorf("%q is too long", s)
	}
	return total + v, nil
}

// FormatDuration writes a duration as people do: 1h, not 1h0m0s.
func FormatDuration(d time.Duration) string {
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
