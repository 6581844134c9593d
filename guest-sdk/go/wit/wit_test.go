package wit_test

import (
	"testing"

	"taskhost/wit"
)

func TestAnOptionIsAValueOrNothing(t *testing.T) {
	some, none := wit.Some(3), wit.None[int]()
	if value, ok := some.Get(); value != 3 || !ok || some.Or(4) != 3 || some.Some() != 3 || some.IsNone() {
		t.Error("a value is lost")
	}
	if _, ok := none.Get(); ok || none.Or(4) != 4 || none.IsSome() || none != (wit.Option[int]{}) {
		t.Error("nothing is something")
	}
	mustPanic(t, func() { none.Some() })
}

func TestAResultIsAValueOrAnError(t *testing.T) {
	ok, err := wit.Ok[int, string](3), wit.Err[int]("no")
	if !ok.IsOk() || ok.IsErr() || ok.Ok() != 3 {
		t.Error("a value is lost")
	}
	if err.IsOk() || !err.IsErr() || err.Err() != "no" {
		t.Error("an error is lost")
	}
	mustPanic(t, func() { ok.Err() })
	mustPanic(t, func() { err.Ok() })
}

func mustPanic(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	do()
}
