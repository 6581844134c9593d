//go:build !wasip1

package abi

import "unsafe"

// Natively the bindings are compiled and never run.

func Unpin() {}

func Calling() []unsafe.Pointer { return nil }

func Called([]unsafe.Pointer) any { return nil }
