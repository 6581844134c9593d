//go:build !wasip1

package host

import "sync"

// Blobs of a native process, by handle, those that are being made among them. They are there as long as something holds them,
// whatever test began them.
var (
	blobs     = map[int32][]byte{}
	blobsLast int32
	blobsLock sync.Mutex
)

func blob(handle int32) []byte {
	blobsLock.Lock()
	defer blobsLock.Unlock()
	bytes, there := blobs[handle]
	if !there {
		panic("unknown handle of a blob")
	}
	return bytes
}

func BlobLength(handle int32) int64 {
	return int64(len(blob(handle)))
}

func BlobRead(handle int32, offset int64, buffer []byte) int {
	bytes := blob(handle)
	if offset < 0 {
		panic("a blob's offset is a whole number")
	}
	if offset >= int64(len(bytes)) {
		return 0
	}
	return copy(buffer[:min(len(buffer), PieceBytesMax)], bytes[offset:])
}

func BlobDrop(handle int32) {
	blobsLock.Lock()
	defer blobsLock.Unlock()
	delete(blobs, handle)
}

func WriterNew() int32 {
	blobsLock.Lock()
	defer blobsLock.Unlock()
	blobsLast++
	blobs[blobsLast] = nil
	return blobsLast
}

func WriterAppend(handle int32, bytes []byte) {
	if len(bytes) > PieceBytesMax {
		panic("more than 4 MiB at once")
	}
	blobsLock.Lock()
	defer blobsLock.Unlock()
	blobs[handle] = append(blobs[handle], bytes...)
}

func WriterFinish(handle int32) int32 {
	return handle
}

func WriterDrop(handle int32) {
	BlobDrop(handle)
}
