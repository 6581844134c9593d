package slog_test

import (
	"log/slog"
	"testing"
	"time"

	"taskhost/log"
	taskslog "taskhost/log/slog"
	"taskhost/tasktest"
)

func TestRecordsBecomeMessages(t *testing.T) {
	host := tasktest.New(t)
	slog.Info("plain")
	slog.Warn("adding", "numbers", 3, "name", "Ada Lovelace", "empty", "")
	slog.With("run", 7).WithGroup("step").Error("late", "by", time.Second, slog.Group("at", "x", 1))
	slog.Debug("groups", slog.Group("", "inline", true), slog.Attr{})
	slog.Log(t.Context(), taskslog.LevelTrace, "least")
	want := []tasktest.Message{
		{Level: log.Info, Text: `plain`},
		{Level: log.Warn, Text: `adding numbers=3 name="Ada Lovelace" empty=""`},
		{Level: log.Error, Text: `late run=7 step.by=1s step.at.x=1`},
		{Level: log.Debug, Text: `groups inline=true`},
		{Level: log.Trace, Text: `least`},
	}
	got := host.Messages()
	if len(got) != len(want) {
		t.Fatalf("logged %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("logged %v, not %v", got[i], want[i])
		}
	}
}
