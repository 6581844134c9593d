// Package abi is what the generated bindings stand on: memory and handles that cross the border of the component, and what
// becomes of a function's error. Authors of tasks have no use for it.
//
// Its names are given by the generator of the bindings.
package abi

import (
	"runtime"
	"unsafe"
)

// word is memory that is aligned for every type of WIT.
type word = uint64

// Allocate makes memory that stays where it is, and alive, until the pinner lets go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&empty)
	}
	words := make([]word, (size+unsafe.Sizeof(word(0))-1)/unsafe.Sizeof(word(0)))
	pointer := unsafe.Pointer(unsafe.SliceData(words))
	pinner.Pin(pointer)
	return pointer
}

// empty is where lists without elements lie.
var empty word

// Handle is a component's hold on a resource of the host; 0 once it was given away or dropped.
type Handle struct {
	value int32
}

// MakeHandle wraps what the host gave.
func MakeHandle(value int32) *Handle {
	return &Handle{value}
}

// Use returns the handle, for a call that leaves it here.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("the resource was given away or closed")
	}
	return h.value
}

// Take returns the handle, for a call that takes it over.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// TakeOrNil is Take for one that may be gone already: it returns 0 then.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

// Set fills an empty handle.
func (h *Handle) Set(value int32) {
	if h.value != 0 {
		panic("the handle is taken")
	}
	h.value = value
}
