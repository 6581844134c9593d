// Package visits has three tasks that read the access log of a web server: one cuts it, one counts in a part of it, one adds up.
package visits

import (
	"bufio"
	"errors"
	"io"

	"demo/visits/bindings/tasks"
	"taskhost/log"
	"taskhost/task"
)

// Split cuts a log into ranges that end where a line ends. It reads one line for each cut, and no more.
func Split(file *task.Blob, parts uint32) ([]tasks.Range, error) {
	if parts == 0 {
		return nil, errors.New("a log cannot be cut into 0 parts")
	}
	size := file.Size()
	var ranges []tasks.Range
	var from int64
	for part := range int64(parts) {
		to, err := lineEnd(file, max(from, size*(part+1)/int64(parts)))
		if err != nil {
			return nil, err
		}
		if to > from {
			ranges = append(ranges, tasks.Range{Start: uint64(from), Length: uint64(to - from)})
		}
		from = to
	}
	log.Infof("%d bytes in %d parts", size, len(ranges))
	return ranges, nil
}

// lineEnd is the end of the line that the byte before `at` belongs to.
func lineEnd(file *task.Blob, at int64) (int64, error) {
	if at == 0 || at >= file.Size() {
		return min(at, file.Size()), nil
	}
	rest := bufio.NewReader(io.NewSectionReader(file, at-1, file.Size()))
	for end := at - 1; ; {
		piece, err := rest.ReadSlice('\n')
		end += int64(len(piece))
		switch {
		case err == nil || err == io.EOF:
			return end, nil
		case err != bufio.ErrBufferFull:
			return 0, err
		}
	}
}
