package registry

import (
	"bytes"
	"strings"
)

// Filter returns the payload without what the listener may not see: the very
// same bytes when there is nothing to cut, and never a byte of the rest
// changed. It returns an error for a payload that is not a JSON object.
func (l *Listener) Filter(payload []byte) ([]byte, error) {
	if len(l.only) == 0 && len(l.drop) == 0 {
		return payload, nil
	}
	if err := CheckPayload(payload); err != nil {
		return nil, err
	}
	f := filter{payload: payload}
	f.walk(skipSpace(payload, 0), l.only, l.drop)
	if len(f.cuts) == 0 {
		return payload, nil
	}
	out, from := make([]byte, 0, len(payload)), 0
	for _, c := range f.cuts {
		out = append(out, payload[from:c.from]...)
		from = c.to
	}
	return append(out, payload[from:]...), nil
}

// filter collects the parts of a payload that are to be cut, in order.
type filter struct {
	payload []byte
	cuts    []span
}

// walk looks at the object or list that begins at i. only and drop are the
// paths that still lead somewhere from here; only is nil where all is wanted.
func (f *filter) walk(i int, only, drop [][]string) {
	kept, last := false, 0
	children(f.payload, i, func(key, value []byte, at span) {
		o, d := only, drop
		keep, cut := true, false
		if key != nil {
			if only != nil {
				o, keep = follow(only, key)
				if keep {
					o = nil
				}
				keep = keep || len(o) > 0 && (value[0] == '{' || value[0] == '[')
			}
			d, cut = follow(drop, key)
		} else if only != nil {
			// Paths lead through lists; a plain item of one is not at their end.
			keep = value[0] == '{' || value[0] == '['
		}
		switch {
		case keep && !cut:
			if (o != nil || len(d) > 0) && (value[0] == '{' || value[0] == '[') {
				f.walk(at.to-len(value), o, d)
			}
			kept = true
		case kept:
			// The comma before it goes too.
			f.cuts = append(f.cuts, span{last, at.to})
		default:
			end := skipSpace(f.payload, at.to)
			if f.payload[end] == ',' {
				at.to = end + 1
			}
			f.cuts = append(f.cuts, at)
		}
		last = at.to
	})
}

// follow goes one key along paths: those that go on, and whether one ends here.
func follow(paths [][]string, key []byte) (rest [][]string, ends bool) {
	for _, p := range paths {
		if !matchesKey(key, p[0]) {
			continue
		}
		if len(p) == 1 {
			ends = true
		} else {
			rest = append(rest, p[1:])
		}
	}
	return rest, ends
}

// matchesKey compares a quoted key with a segment, which may end with *.
func matchesKey(key []byte, segment string) bool {
	prefix, wild := strings.CutSuffix(segment, "*")
	if !wild {
		return is(key, segment)
	}
	if bytes.IndexByte(key, '\\') >= 0 {
		return strings.HasPrefix(text(key), prefix)
	}
	return len(key)-2 >= len(prefix) && string(key[1:1+len(prefix)]) == prefix
}
