//go:build wasip1

// Package memory gives the host the memory that it asks for.
package memory

import "unsafe"

// The host, and the adapter below Go's system calls, ask for memory through cabi_realloc: for each string and list that comes
// in, and for what the adapter itself needs. It is answered from three places:
//
//   - a buffer that waits for exactly this answer (Into), so that bulk data goes where it is wanted without a copy
//   - a chunk, for what is small: it costs no allocation, and the first chunk is there before Go's runtime is
//   - Go's heap, for what is large
//
// No call of the host is allowed while it asks, and Go's collector makes some: it looks at the clock. So the goroutine is pinned
// meanwhile, which keeps the collector from beginning and from having this goroutine help; and for whatever else looks at the
// clock, the adapter is told to answer from memory.

// firstBytes is enough for the adapter's own memory, twice a page of 64 KiB, and the arguments of most calls.
const firstBytes = 160 << 10

// chunkBytes is the size of later chunks; what is larger than a quarter of it is not put into one.
const chunkBytes = 32 << 10

// word is memory that is aligned for every type of WIT.
type word = uint64

// The zero values are the beginning: nothing has run yet when the adapter asks for the first time.
var (
	first [firstBytes / 8]word
	// chunk is given out piece by piece; nil stands for first.
	chunk *[chunkBytes / 8]word
	// used is how much of the chunk is given out.
	used uintptr
	// kept is what the host has got and Go knows nothing of yet, besides the chunk.
	kept []unsafe.Pointer
	// waiting is the buffer for the next answer.
	waiting []byte
	// running is set when Go's runtime is there to allocate.
	running bool
	// empty is where lists without elements lie.
	empty word
)

func init() {
	running = true
}

//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

//go:linkname pin runtime.procPin
func pin() int

//go:linkname unpin runtime.procUnpin
func unpin()

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&empty)
	}
	pointer := provide(align, size)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(pointer), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return pointer
}

func provide(align, size uintptr) unsafe.Pointer {
	if uintptr(len(waiting)) >= size && align == 1 {
		pointer := unsafe.Pointer(unsafe.SliceData(waiting))
		waiting = nil
		return pointer
	}
	if pointer := fromChunk(align, size); pointer != nil {
		return pointer
	}
	if !running {
		panic("the adapter asks for more memory than there is")
	}
	pin()
	pauseClock(true)
	var pointer unsafe.Pointer
	if size > chunkBytes/4 {
		pointer = unsafe.Pointer(unsafe.SliceData(make([]word, (size+7)/8)))
		kept = append(kept, pointer)
	} else {
		kept = append(kept, unsafe.Pointer(chunk))
		chunk, used = new([chunkBytes / 8]word), 0
		pointer = fromChunk(align, size)
	}
	pauseClock(false)
	unpin()
	return pointer
}

// fromChunk takes memory from the chunk, if there is enough.
func fromChunk(align, size uintptr) unsafe.Pointer {
	start, length := unsafe.Pointer(&first), uintptr(firstBytes)
	if chunk != nil {
		start, length = unsafe.Pointer(chunk), chunkBytes
	}
	at := (used + align - 1) &^ (align - 1)
	if at+size > length {
		return nil
	}
	used = at + size
	return unsafe.Add(start, at)
}

// Unpin leaves to Go's collector what the host has put into memory so far: whatever is needed of it is known to Go by now.
func Unpin() {
	kept = nil
}

// Kept holds what one call of the host has put into memory, as long as it is held itself. While the answer is made into values
// of Go, other goroutines may have their turn, and make calls of their own.
type Kept struct {
	_ []unsafe.Pointer
	_ *[chunkBytes / 8]word
}

// Calling begins a call of the host. It returns what others have in memory, for Called.
func Calling() []unsafe.Pointer {
	others := kept
	kept = nil
	return others
}

// Called returns what the host has put into memory since.
func Called(others []unsafe.Pointer) Kept {
	answer := Kept{kept, chunk}
	kept = others
	return answer
}

// Into calls the host, which answers with a list of bytes, and has it put them into buffer. The answer may be shorter.
func Into(buffer []byte, call func()) {
	waiting = buffer
	call()
	waiting = nil
}
