package abi

import (
	"unsafe"

	_ "taskhost/internal/folders"
	"taskhost/internal/memory"
)

// Unpin leaves to Go's collector what the arguments of a call lie in; the bindings call it once Go knows all of them.
func Unpin() {
	memory.Unpin()
}

// Calling and Called stand around each call of the host that answers with strings or lists; what Called returns holds them.
func Calling() []unsafe.Pointer {
	return memory.Calling()
}

// Called is the second of them.
func Called(others []unsafe.Pointer) memory.Kept {
	return memory.Called(others)
}
