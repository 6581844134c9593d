package abi

import (
	_ "taskhost/internal/folders"
	"taskhost/internal/memory"
)

// Unpin leaves to Go's collector what the arguments of a call lie in; the bindings call it once Go knows all of them.
func Unpin() {
	memory.Unpin()
}
