package log_test

import (
	"slices"
	"testing"

	"taskhost/log"
	"taskhost/tasktest"
)

func TestMessagesHaveALevel(t *testing.T) {
	host := tasktest.New(t)
	log.Tracef("a %d", 1)
	log.Debugf("b")
	log.Infof("c")
	log.Warnf("d")
	log.Errorf("e %v", true)
	log.Print(log.Info, "100 % as it is")
	want := []tasktest.Message{
		{Level: log.Trace, Text: "a 1"},
		{Level: log.Debug, Text: "b"},
		{Level: log.Info, Text: "c"},
		{Level: log.Warn, Text: "d"},
		{Level: log.Error, Text: "e true"},
		{Level: log.Info, Text: "100 % as it is"},
	}
	if got := host.Messages(); !slices.Equal(got, want) {
		t.Errorf("logged %v", got)
	}
	if !host.Logged("as it is") || host.Logged("as it was") {
		t.Error("Logged does not look at the messages")
	}
}

func TestEachTestHasItsOwnHost(t *testing.T) {
	if messages := tasktest.New(t).Messages(); len(messages) != 0 {
		t.Errorf("there are %v of another test", messages)
	}
}
