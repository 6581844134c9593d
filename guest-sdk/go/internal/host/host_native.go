//go:build !wasip1

package host

import (
	"fmt"
	"os"
	"time"
)

// Native is what a host in this process keeps; package tasktest makes one for each test.
type Native struct {
	Context Context
	// Log and Report are told what the task says.
	Log    func(level Level, message string)
	Report func(done, total uint32, message string)
	// Least is the lowest level of which messages are kept.
	Least Level
}

// current answers outside of tests as well: whoever runs a task in a program of their own sees its messages on stderr.
var current = &Native{
	Context: Context{FlowRun: "native", Task: "task", TaskRun: "native", Attempt: 1, TimeLeft: time.Hour},
	Log:     func(_ Level, message string) { fmt.Fprintln(os.Stderr, message) },
	Report:  func(uint32, uint32, string) {},
	Least:   Debug,
}

// Use makes another host the one that answers, and returns the one before.
func Use(host *Native) *Native {
	before := current
	current = host
	return before
}

func Log(level Level, message string) {
	current.Log(level, message)
}

func Enabled(level Level) bool {
	return level >= current.Least
}

func Report(done, total uint32, message string) {
	current.Report(done, total, message)
}

func GetContext() Context {
	return current.Context
}
