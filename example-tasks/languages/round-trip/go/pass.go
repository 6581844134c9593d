// Package pass has the value in Go.
package pass

import (
	"demo/round-trip/bindings/tasks"
	"taskhost/log"
)

// Pass gives the value back.
func Pass(value tasks.Everything) tasks.Everything {
	log.Infof("%s in Go, %d words", value.Text, len(value.Words))
	return value
}

// AddOne is as little as a task can do.
func AddOne(value uint32) uint32 {
	return value + 1
}
