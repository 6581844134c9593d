package abi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"taskhost/task"
	"taskhost/tasktest"
	"taskhost/wit"
	"taskhost/wit/abi"
)

func TestAnErrorBecomesAString(t *testing.T) {
	if got := abi.Returned[int, string](3, nil); got.Ok() != 3 {
		t.Errorf("got %v", got)
	}
	if got := abi.Returned[int, string](0, errors.New("no rows")); got.Err() != "no rows" {
		t.Errorf("got %v", got)
	}
	if got := abi.Failed[string](nil); !got.IsOk() {
		t.Errorf("got %v", got)
	}
}

func TestAValueIsFoundInsideOfAnError(t *testing.T) {
	err := fmt.Errorf("reading: %w", task.Fail(uint8(2)))
	if got := abi.Returned[int, uint8](0, err); got.Err() != 2 {
		t.Errorf("got %v", got)
	}
}

func TestAnErrorWithoutAPlaceIsLogged(t *testing.T) {
	host := tasktest.New(t)
	if got := abi.Failed[wit.Unit](errors.New("no rows")); !got.IsErr() || !host.Logged("no rows") {
		t.Errorf("got %v, logged %v", got, host.Messages())
	}
}

func TestAnErrorOfAnotherTypePanicsWithItsMessage(t *testing.T) {
	defer func() {
		if message := fmt.Sprint(recover()); !strings.HasPrefix(message, "no rows") {
			t.Errorf("it said %q", message)
		}
	}()
	abi.Returned[int, uint8](0, errors.New("no rows"))
}

func TestWhatWasLentIsGivenBackAtTheEnd(t *testing.T) {
	blob := task.BlobFromBorrowHandle(task.NewBlob([]byte("abc")).TakeHandle())
	blob.Close()
	if blob.Size() != 3 {
		t.Error("closing took it away")
	}
	abi.End()
	defer func() {
		if recover() == nil {
			t.Error("it is still there")
		}
	}()
	blob.Size()
}
