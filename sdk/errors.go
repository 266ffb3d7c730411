package sdk

import (
	"errors"
	"time"
)

// Skip says that there was nothing to do for this event, and why. It is not a
// failure: the delivery is finished and counted as skipped.
func Skip(reason string) error { return &skipError{reason} }

// Permanent says that no retry can mend err. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// RetryAfter asks for the next attempt after d, which the host keeps between
// one second and 24 hours. RetryAfter(nil, d) is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryError{err, d}
}

// Unavailable says that the listener itself cannot work now (a wrong password,
// an expired token, a provider that is down): the host holds all its
// deliveries for d and spends no attempt. Zero d leaves the time to the host.
// Unavailable(nil, d) is nil.
func Unavailable(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &unavailableError{err, d}
}

// At says which key of the configuration err is about, as dotted keys:
// At("smtp.port", err). At(path, nil) is nil.
func At(path string, err error) error {
	if err == nil {
		return nil
	}
	return &ConfigError{Path: path, Err: err}
}

// ConfigError is a fault of one key of the configuration.
type ConfigError struct {
	Path string
	Err  error
}

func (e *ConfigError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// IsPermanent reports whether err says that no retry can mend it.
func IsPermanent(err error) bool { return errors.As(err, new(*permanentError)) }

type skipError struct{ reason string }

func (e *skipError) Error() string { return "skipped: " + e.reason }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

type unavailableError struct {
	err   error
	after time.Duration
}

func (e *unavailableError) Error() string { return e.err.Error() }
func (e *unavailableError) Unwrap() error { return e.err }
