package task

import (
	"errors"
	"io"
	"runtime"

	"taskhost/internal/host"
	"taskhost/wit/abi"
)

// Blob is bulk data by reference: bytes that never change, read in pieces, so that a task needs memory for one piece only.
//
// A task whose WIT says `use taskhost:task/blobs@0.1.0.{blob};` takes and gives a *Blob.
type Blob struct {
	handle   *abi.Handle
	borrowed bool
}

// NewBlob makes a blob of bytes that are in memory. A [BlobWriter] makes a larger one.
func NewBlob(bytes []byte) *Blob {
	writer := NewBlobWriter()
	writer.Write(bytes)
	return writer.Finish()
}

// Size returns the number of bytes.
func (b *Blob) Size() int64 {
	return host.BlobLength(b.handle.Use())
}

// ReadAt reads bytes from offset on, as an [io.ReaderAt] does.
func (b *Blob) ReadAt(buffer []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("a blob has no bytes before its first")
	}
	read := 0
	for read < len(buffer) {
		piece := host.BlobRead(b.handle.Use(), offset+int64(read), buffer[read:])
		if piece == 0 {
			return read, io.EOF
		}
		read += piece
	}
	return read, nil
}

// Reader reads the blob from its beginning. Each reader has a position of its own. A read is a call of the host: for small
// ones, put a [bufio.Reader] or a [bufio.Scanner] around it.
func (b *Blob) Reader() *io.SectionReader {
	return io.NewSectionReader(b, 0, b.Size())
}

// Close gives the blob back before the garbage collector does; who holds many needs it.
func (b *Blob) Close() error {
	if b.borrowed {
		return nil
	}
	if handle := b.handle.TakeOrNil(); handle != 0 {
		host.BlobDrop(handle)
	}
	return nil
}

// BlobWriter makes a blob, as an [io.Writer]. A write is a call of the host: for small ones, put a [bufio.Writer] around it,
// and flush that before Finish.
type BlobWriter struct {
	handle *abi.Handle
}

// NewBlobWriter begins a blob. One that is not finished leaves nothing behind.
func NewBlobWriter() *BlobWriter {
	handle := abi.MakeHandle(host.WriterNew())
	writer := &BlobWriter{handle}
	runtime.AddCleanup(writer, dropWriter, handle)
	return writer
}

// Write adds bytes at the end. It never fails: the host ends a task run that goes beyond its limit `blobs`.
func (w *BlobWriter) Write(bytes []byte) (int, error) {
	for from := 0; from < len(bytes); from += host.PieceBytesMax {
		host.WriterAppend(w.handle.Use(), bytes[from:min(from+host.PieceBytesMax, len(bytes))])
	}
	return len(bytes), nil
}

// Finish returns the blob of what was written; the writer is of no more use.
func (w *BlobWriter) Finish() *Blob {
	return BlobFromOwnHandle(host.WriterFinish(w.handle.Take()))
}

func dropWriter(handle *abi.Handle) {
	if handle := handle.TakeOrNil(); handle != 0 {
		host.WriterDrop(handle)
	}
}

// BlobFromOwnHandle is for the generated bindings.
func BlobFromOwnHandle(value int32) *Blob {
	handle := abi.MakeHandle(value)
	blob := &Blob{handle: handle}
	runtime.AddCleanup(blob, dropBlob, handle)
	return blob
}

// BlobFromBorrowHandle is for the generated bindings. What was lent is given back when the task's function has returned.
func BlobFromBorrowHandle(value int32) *Blob {
	blob := &Blob{handle: abi.MakeHandle(value), borrowed: true}
	abi.AtEnd(func() { dropBlob(blob.handle) })
	return blob
}

func dropBlob(handle *abi.Handle) {
	if handle := handle.TakeOrNil(); handle != 0 {
		host.BlobDrop(handle)
	}
}

// TakeHandle is for the generated bindings.
func (b *Blob) TakeHandle() int32 {
	if b.borrowed {
		panic("a borrowed blob cannot be given away")
	}
	return b.handle.Take()
}

// Handle is for the generated bindings.
func (b *Blob) Handle() int32 {
	return b.handle.Use()
}
