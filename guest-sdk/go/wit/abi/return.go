package abi

import (
	"errors"
	"fmt"

	"taskhost/internal/host"
	"taskhost/wit"
)

// Returned makes a WIT result of what a task's function returned.
func Returned[T, E any](value T, err error) wit.Result[T, E] {
	if err != nil {
		return wit.Err[T](failure[E](err))
	}
	return wit.Ok[T, E](value)
}

// Failed is Returned for a result that has no value: `result<_, E>`.
func Failed[E any](err error) wit.Result[wit.Unit, E] {
	return Returned[wit.Unit, E](wit.Unit{}, err)
}

// failure makes of an error what the WIT wants for err. One that does not fit is a bug of the task, and ends it with the
// error's own message.
func failure[E any](err error) E {
	var typed *wit.Failure[E]
	if errors.As(err, &typed) {
		return typed.Value
	}
	var value E
	switch value := any(&value).(type) {
	case *string:
		*value = err.Error()
	case *wit.Unit:
		// Nobody else would tell why.
		host.Log(host.Error, err.Error())
	default:
		panic(fmt.Sprintf("%v (an error that task.Fail did not make of the WIT's own type)", err))
	}
	return value
}

// atEnd is what is still to be done before the host gets the result of the call that runs.
var atEnd []func()

// AtEnd has something done when the task's function has returned.
func AtEnd(do func()) {
	atEnd = append(atEnd, do)
}

// End does what was left to do; the bindings call it behind every task's function.
func End() {
	for _, do := range atEnd {
		do()
	}
	atEnd = nil
}
