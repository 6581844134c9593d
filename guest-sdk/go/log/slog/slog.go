// Package slog makes Go's [log/slog] write into the task's log. To import it is enough:
//
//	import _ "taskhost/log/slog"
//
// It is not there by itself because slog doubles the size of a small component.
package slog

import (
	"context"
	"log/slog"
	"strconv"
	"strings"

	"taskhost/internal/host"
)

// LevelTrace is below [slog.LevelDebug]: details for the author.
const LevelTrace = slog.LevelDebug - 4

func init() {
	slog.SetDefault(slog.New(Handler{}))
}

// Handler gives records to the host: their level, and their message followed by the attributes, as in `adding numbers=3`. The
// host knows time and task.
type Handler struct {
	// attributes are those of WithAttrs, as text; group is what keys begin with.
	attributes string
	group      string
}

// Enabled tells whether somebody keeps messages of that level.
func (h Handler) Enabled(_ context.Context, level slog.Level) bool {
	return host.Enabled(levelOf(level))
}

// Handle writes one record.
func (h Handler) Handle(_ context.Context, record slog.Record) error {
	var text strings.Builder
	text.WriteString(record.Message)
	text.WriteString(h.attributes)
	record.Attrs(func(attribute slog.Attr) bool {
		write(&text, h.group, attribute)
		return true
	})
	host.Log(levelOf(record.Level), text.String())
	return nil
}

// WithAttrs returns a handler that ends messages with these attributes.
func (h Handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	var text strings.Builder
	text.WriteString(h.attributes)
	for _, attribute := range attributes {
		write(&text, h.group, attribute)
	}
	return Handler{text.String(), h.group}
}

// WithGroup returns a handler that puts `name.` before keys.
func (h Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return Handler{h.attributes, h.group + name + "."}
}

func write(text *strings.Builder, group string, attribute slog.Attr) {
	value := attribute.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if attribute.Key != "" {
			group += attribute.Key + "."
		}
		for _, inner := range value.Group() {
			write(text, group, inner)
		}
		return
	}
	if attribute.Equal(slog.Attr{}) {
		return
	}
	text.WriteByte(' ')
	text.WriteString(group)
	text.WriteString(attribute.Key)
	text.WriteByte('=')
	text.WriteString(quoted(value.String()))
}

func quoted(text string) string {
	special := func(r rune) bool { return r == ' ' || r == '"' || r == '=' || !strconv.IsPrint(r) }
	if text == "" || strings.ContainsFunc(text, special) {
		return strconv.Quote(text)
	}
	return text
}

func levelOf(level slog.Level) host.Level {
	switch {
	case level < slog.LevelDebug:
		return host.Trace
	case level < slog.LevelInfo:
		return host.Debug
	case level < slog.LevelWarn:
		return host.Info
	case level < slog.LevelError:
		return host.Warn
	default:
		return host.Error
	}
}
