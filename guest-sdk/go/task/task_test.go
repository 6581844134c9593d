package task_test

import (
	"errors"
	"testing"

	"taskhost/task"
	"taskhost/tasktest"
	"taskhost/wit"
)

func TestProgressReachesTheHost(t *testing.T) {
	host := tasktest.New(t)
	task.Progress(3, 10, "third")
	got := host.Progress()
	if len(got) != 1 || got[0] != (tasktest.Progress{Done: 3, Total: 10, Message: "third"}) {
		t.Errorf("the host was told %v", got)
	}
}

func TestTheContextIsTheHosts(t *testing.T) {
	host := tasktest.New(t)
	if got := task.Current(); got.Attempt != 1 || got.Mapped || got.TimeLeft <= 0 {
		t.Errorf("unexpected to begin with: %+v", got)
	}
	host.Context.Attempt, host.Context.Mapped, host.Context.MapIndex = 2, true, 7
	if got := task.Current(); got.Attempt != 2 || !got.Mapped || got.MapIndex != 7 {
		t.Errorf("what the test has set is not there: %+v", got)
	}
}

func TestFailCarriesAValue(t *testing.T) {
	err := task.Fail(uint8(3))
	var failure *wit.Failure[uint8]
	if !errors.As(err, &failure) || failure.Value != 3 {
		t.Errorf("no value in %v", err)
	}
	if err.Error() != "3" {
		t.Errorf("its message is %q", err)
	}
}
