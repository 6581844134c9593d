// Package task is what a task written in Go may say and ask, besides what every Go program may.
//
// A task is an exported function of your package. The WIT comes first, in wit/world.wit:
//
//	interface tasks {
//	  /// The sum of `numbers`.
//	  sum: func(numbers: list<u32>) -> result<u64, string>;
//	}
//
// and the function has its name, in Go's spelling:
//
//	package numbers
//
//	import "taskhost/log"
//
//	func Sum(numbers []uint32) (uint64, error) {
//		log.Infof("adding %d numbers", len(numbers))
//		var sum uint64
//		for _, number := range numbers {
//			sum += uint64(number)
//		}
//		return sum, nil
//	}
//
// What is printed becomes the task's log, as do messages of package taskhost/log. An error becomes the err of the WIT's result;
// a panic fails the task run and nothing else.
package task

import (
	"taskhost/internal/host"
	"taskhost/wit"
)

// Progress tells that done of total units are done; a total of 0 means that it is not known. It is shown live and never
// stored. It is cheap: only the latest is shown.
func Progress(done, total int, message string) {
	host.Report(uint32(done), uint32(total), message)
}

// Context is the surroundings of a task run, for logs and for names of things outside; results should not depend on it.
//
// TaskRun is the same in each attempt, so that it can serve as an idempotency key. TimeLeft is the time until the host ends
// this attempt, waiting included.
type Context = host.Context

// Current returns the context of the task run that calls.
func Current() Context {
	return host.GetContext()
}

// Fail makes an error of a value, for a task whose WIT says `result<T, E>` with an E that is not a string:
//
//	return nil, task.Fail(tasks.MakeProblemNotFound(name))
//
// Any other error is for an E that is a string: its message is the err.
func Fail[E any](value E) error {
	return &wit.Failure[E]{Value: value}
}
