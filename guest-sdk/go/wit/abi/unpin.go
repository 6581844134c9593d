//go:build !wasip1

package abi

// Unpin does nothing: natively, nobody's memory lies here.
func Unpin() {}
