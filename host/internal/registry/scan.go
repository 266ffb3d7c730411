package registry

import "bytes"

// What is here walks JSON that is known to be valid, without decoding it: an
// event is routed while its row is locked, and most of its payload is text
// that nobody asks for.

// span is a part of a payload, from the first byte to before the last.
type span struct{ from, to int }

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at i.
func skipString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// skipValue returns the index after the value that begins at i.
func skipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for {
			switch b[i] {
			case '"':
				i = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			i++
			if depth == 0 {
				return i
			}
		}
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

// children calls each for the members of the object, or the items of the list,
// that begins at i. key is nil for items, else the quoted key; at is the place
// of key and value.
func children(b []byte, i int, each func(key, value []byte, at span)) {
	object := b[i] == '{'
	i = skipSpace(b, i+1)
	for b[i] != '}' && b[i] != ']' {
		start := i
		var key []byte
		if object {
			end := skipString(b, i)
			key = b[i:end]
			// A colon stands between.
			i = skipSpace(b, skipSpace(b, end)+1)
		}
		end := skipValue(b, i)
		each(key, b[i:end], span{start, end})
		i = skipSpace(b, end)
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
}

// lookup returns the value at path as it is written, nil if there is none. Of
// equal keys the last counts, as for those who decode the payload.
func lookup(b []byte, path []string) []byte {
	value := b[skipSpace(b, 0):]
	for _, segment := range path {
		if value[0] != '{' {
			return nil
		}
		var found []byte
		children(value, 0, func(key, v []byte, _ span) {
			if is(key, segment) {
				found = v
			}
		})
		if found == nil {
			return nil
		}
		value = found
	}
	return value[:skipValue(value, 0)]
}

// is compares a quoted key with a name.
func is(key []byte, name string) bool {
	if string(key[1:len(key)-1]) == name {
		return true
	}
	return bytes.IndexByte(key, '\\') >= 0 && text(key) == name
}
