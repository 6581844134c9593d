//go:build !wasip1

// Package tasktest is a host for tests: it keeps what a task says and answers what it asks, so that the functions of a task
// run under plain `go test`, without a sandbox.
//
//	func TestGreets(t *testing.T) {
//		host := tasktest.New(t)
//		greeting, err := Greet(tasks.Person{Name: "Ada"})
//		…
//		if !host.Logged("greeting Ada") {
//			t.Error("nothing was logged")
//		}
//	}
//
// Blobs need nothing of it: [task.NewBlob] makes one, and its Reader reads one, here as in the sandbox.
package tasktest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"taskhost/internal/host"
	"taskhost/log"
	"taskhost/task"
)

// Host answers the tasks that one test calls.
type Host struct {
	// Context is what [task.Current] returns; it may be changed.
	Context *task.Context

	lock     sync.Mutex
	messages []Message
	progress []Progress
}

// Message is one that was logged.
type Message struct {
	Level log.Level
	Text  string
}

// Progress is one report of it.
type Progress struct {
	Done, Total int
	Message     string
}

var (
	inUse     *Host
	inUseLock sync.Mutex
)

// New makes a host that answers until the test is over. There is one for the whole process: tests that have one cannot be
// parallel.
func New(t testing.TB) *Host {
	t.Helper()
	inUseLock.Lock()
	defer inUseLock.Unlock()
	if inUse != nil {
		t.Fatal("tasktest: another test has a host; tests that have one cannot be parallel")
	}
	h := &Host{}
	native := &host.Native{
		Context: task.Context{FlowRun: "test", Task: t.Name(), TaskRun: "test-1", Attempt: 1, TimeLeft: time.Minute},
		Log:     func(level host.Level, message string) { h.log(t, level, message) },
		Report:  h.report,
		Least:   host.Trace,
	}
	h.Context = &native.Context
	inUse = h
	before := host.Use(native)
	t.Cleanup(func() {
		inUseLock.Lock()
		defer inUseLock.Unlock()
		inUse = nil
		host.Use(before)
	})
	return h
}

func (h *Host) log(t testing.TB, level host.Level, message string) {
	t.Helper()
	h.lock.Lock()
	defer h.lock.Unlock()
	h.messages = append(h.messages, Message{level, message})
	t.Logf("%v: %s", level, message)
}

func (h *Host) report(done, total uint32, message string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.progress = append(h.progress, Progress{int(done), int(total), message})
}

// Messages returns what was logged so far.
func (h *Host) Messages() []Message {
	h.lock.Lock()
	defer h.lock.Unlock()
	return slices.Clone(h.messages)
}

// Logged tells whether text occurs in a message.
func (h *Host) Logged(text string) bool {
	return slices.ContainsFunc(h.Messages(), func(message Message) bool { return strings.Contains(message.Text, text) })
}

// Progress returns what was reported so far.
func (h *Host) Progress() []Progress {
	h.lock.Lock()
	defer h.lock.Unlock()
	return slices.Clone(h.progress)
}
