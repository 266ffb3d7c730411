package sdk

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"
)

type loggerKey struct{}

// Logger returns the logger of the delivery that ctx belongs to: its lines
// carry listener, event_id and attempt, and end in the host's log at their
// level. Elsewhere it is slog's default. Log no payload, address or secret.
func Logger(ctx context.Context) *slog.Logger {
	if l, ok := ctx.Value(loggerKey{}).(logLines); ok {
		return l.logger()
	}
	return slog.Default()
}

// logLines is a logger to be: most deliveries have nothing to say, and making
// one costs more than all else that the SDK does for a delivery.
type logLines struct {
	base     *slog.Logger
	listener string
	ev       *Event // nil where it is about no single one
}

func (l logLines) logger() *slog.Logger {
	log := l.base.With("listener", l.listener)
	if l.ev == nil {
		return log
	}
	return log.With("event_id", l.ev.ID, "attempt", l.ev.Attempt)
}

func withLogger(ctx context.Context, l logLines) context.Context {
	return context.WithValue(ctx, loggerKey{}, l)
}

// newLogger writes lines as hclog does, since that is what hosts read a
// plugin's level from.
func newLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: asHclog}))
}

func asHclog(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch {
	case a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime:
		return slog.String("@timestamp", a.Value.Time().Format("2006-01-02T15:04:05.000000Z07:00"))
	case a.Key == slog.MessageKey && a.Value.Kind() == slog.KindString:
		return slog.String("@message", a.Value.String())
	case a.Key == slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String("@level", levelName(level))
		}
	case strings.HasPrefix(a.Key, "@"):
		// These keys mean something to the host.
		a.Key = strings.TrimLeft(a.Key, "@")
	case a.Value.Kind() == slog.KindDuration:
		a.Value = slog.StringValue(a.Value.Duration().Round(time.Microsecond).String())
	}
	return a
}

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelDebug:
		return "trace"
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	default:
		return "error"
	}
}
