// Package log writes messages with a level into the task's log.
//
// Printing does too, and so does Go's own package log, which prints to stderr; a message has a level as well, by which its
// reader can choose. For [log/slog], see package taskhost/log/slog.
package log

import (
	"fmt"

	"taskhost/internal/host"
)

// Level is how much a message matters.
type Level = host.Level

// The levels, least first.
const (
	// Trace is details for the author.
	Trace = host.Trace
	// Debug is details for whoever looks for a mistake.
	Debug = host.Debug
	// Info is what everybody may see.
	Info = host.Info
	// Warn is something to look at.
	Warn = host.Warn
	// Error is something that went wrong.
	Error = host.Error
)

// Enabled tells whether somebody keeps messages of that level.
func Enabled(level Level) bool {
	return host.Enabled(level)
}

// Print writes a message as it is.
func Print(level Level, message string) {
	host.Log(level, message)
}

// Tracef writes details for the author, formatted as by [fmt.Sprintf].
func Tracef(format string, values ...any) { printf(host.Trace, format, values) }

// Debugf writes details for whoever looks for a mistake, formatted as by [fmt.Sprintf].
func Debugf(format string, values ...any) { printf(host.Debug, format, values) }

// Infof writes what everybody may see, formatted as by [fmt.Sprintf].
func Infof(format string, values ...any) { printf(host.Info, format, values) }

// Warnf writes something to look at, formatted as by [fmt.Sprintf].
func Warnf(format string, values ...any) { printf(host.Warn, format, values) }

// Errorf writes what went wrong, formatted as by [fmt.Sprintf]. It makes no error: a task fails by returning one.
func Errorf(format string, values ...any) { printf(host.Error, format, values) }

func printf(level Level, format string, values []any) {
	// Nothing is composed that nobody would see.
	if host.Enabled(level) {
		host.Log(level, fmt.Sprintf(format, values...))
	}
}
