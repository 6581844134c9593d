// Package host is the bottom of the SDK: the functions of `taskhost:task` as Go sees them.
//
// In a component they are calls of the host ([host_wasip1.go]). Natively, under `go test`, they are calls of a host that lives in
// the same process ([host_native.go]), so that the sources of a task are the same in both.
package host

import "time"

// Level is how much a message matters.
type Level uint32

// The levels of messages, in the order of the WIT.
const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
)

var levelNames = [...]string{"trace", "debug", "info", "warn", "error"}

func (l Level) String() string {
	return levelNames[l]
}

// Context is the surroundings of a task run.
type Context struct {
	FlowRun  string
	Task     string
	TaskRun  string
	Attempt  int
	Mapped   bool
	MapIndex int
	TimeLeft time.Duration
}

// PieceBytesMax is the most that one call reads from a blob, or adds to one.
const PieceBytesMax = 4 << 20
