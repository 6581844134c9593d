package host

import (
	"runtime"
	"strings"
	"structs"
	"time"
	"unsafe"

	"taskhost/internal/memory"
)

//go:wasmimport taskhost:task/log@0.1.0 log
func logLog(level Level, message string)

//go:wasmimport taskhost:task/log@0.1.0 enabled
func logEnabled(level Level) bool

//go:wasmimport taskhost:task/progress@0.1.0 report
func progressReport(done, total uint32, message string)

//go:wasmimport taskhost:task/context@0.1.0 get
func contextGet(result *contextArea)

//go:wasmimport taskhost:task/blobs@0.1.0 [method]blob.length
func blobLength(blob int32) float64

//go:wasmimport taskhost:task/blobs@0.1.0 [method]blob.read
func blobRead(blob int32, offset float64, most uint32, result *span)

//go:wasmimport taskhost:task/blobs@0.1.0 [resource-drop]blob
func blobDrop(blob int32)

//go:wasmimport taskhost:task/blobs@0.1.0 [constructor]blob-writer
func writerNew() int32

//go:wasmimport taskhost:task/blobs@0.1.0 [method]blob-writer.append
func writerAppend(writer int32, bytes unsafe.Pointer, length uint32)

//go:wasmimport taskhost:task/blobs@0.1.0 [static]blob-writer.finish
func writerFinish(writer int32) int32

//go:wasmimport taskhost:task/blobs@0.1.0 [resource-drop]blob-writer
func writerDrop(writer int32)

// span is a list or a string as the host hands it over.
type span struct {
	_       structs.HostLayout
	pointer uint32
	length  uint32
}

// text copies the string out of memory that is the host's to fill.
func (s span) text() string {
	return strings.Clone(unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(nil), s.pointer)), s.length))
}

// contextArea is the record `context` as it lies in memory.
type contextArea struct {
	_           structs.HostLayout
	flowRun     span
	task        span
	taskRun     span
	attempt     uint32
	mapped      bool
	_           [3]byte
	mapIndex    uint32
	_           uint32
	secondsLeft float64
}

// What the host writes results to. Not on the stack, which moves when it grows, and it grows when the host asks for memory.
var (
	contextResult contextArea
	readResult    span
)

// Log writes a message into the task's log.
func Log(level Level, message string) {
	logLog(level, message)
}

// Enabled tells whether somebody keeps messages of that level.
func Enabled(level Level) bool {
	return logEnabled(level)
}

// Report says how far the task run is.
func Report(done, total uint32, message string) {
	progressReport(done, total, message)
}

// GetContext returns the surroundings of the task run.
func GetContext() Context {
	others := memory.Calling()
	contextGet(&contextResult)
	c, answer := contextResult, memory.Called(others)
	context := Context{
		FlowRun:  c.flowRun.text(),
		Task:     c.task.text(),
		TaskRun:  c.taskRun.text(),
		Attempt:  int(c.attempt),
		Mapped:   c.mapped,
		MapIndex: int(c.mapIndex),
		TimeLeft: time.Duration(c.secondsLeft * float64(time.Second)),
	}
	runtime.KeepAlive(answer)
	return context
}

// BlobLength returns the number of a blob's bytes.
func BlobLength(blob int32) int64 {
	return int64(blobLength(blob))
}

// BlobRead reads bytes from offset on into buffer, at most PieceBytesMax, and returns how many: fewer only at the end.
func BlobRead(blob int32, offset int64, buffer []byte) int {
	most := min(len(buffer), PieceBytesMax)
	memory.Into(buffer[:most], func() { blobRead(blob, float64(offset), uint32(most), &readResult) })
	return int(readResult.length)
}

// BlobDrop gives a blob back.
func BlobDrop(blob int32) {
	blobDrop(blob)
}

// WriterNew begins a blob.
func WriterNew() int32 {
	return writerNew()
}

// WriterAppend adds bytes to a blob that is being made, at most PieceBytesMax.
func WriterAppend(writer int32, bytes []byte) {
	writerAppend(writer, unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes)))
}

// WriterFinish makes the blob; the writer is gone.
func WriterFinish(writer int32) int32 {
	return writerFinish(writer)
}

// WriterDrop gives up a blob that is being made.
func WriterDrop(writer int32) {
	writerDrop(writer)
}
