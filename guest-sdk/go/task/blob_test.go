package task_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"taskhost/task"
)

func TestABlobIsReadAsGoReads(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef\n"), 300_000)
	blob := task.NewBlob(content)
	if blob.Size() != int64(len(content)) {
		t.Fatalf("%d bytes became %d", len(content), blob.Size())
	}
	if err := iotest.TestReader(blob.Reader(), content); err != nil {
		t.Error(err)
	}
}

func TestAReadEndsWithTheBlob(t *testing.T) {
	blob := task.NewBlob([]byte("abc"))
	buffer := make([]byte, 5)
	if n, err := blob.ReadAt(buffer, 1); n != 2 || err != io.EOF || string(buffer[:n]) != "bc" {
		t.Errorf("read %d bytes %q, %v", n, buffer[:n], err)
	}
	if n, err := blob.ReadAt(buffer, 10); n != 0 || err != io.EOF {
		t.Errorf("beyond the end: %d bytes, %v", n, err)
	}
	if _, err := blob.ReadAt(buffer, -1); err == nil {
		t.Error("there is something before the beginning")
	}
	if n, err := blob.ReadAt(nil, 0); n != 0 || err != nil {
		t.Errorf("nothing was asked for: %d bytes, %v", n, err)
	}
}

func TestAWriterTakesMoreThanOnePiece(t *testing.T) {
	content := bytes.Repeat([]byte{1, 2, 3}, 3<<20)
	writer := task.NewBlobWriter()
	if n, err := writer.Write(content); n != len(content) || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	got, err := io.ReadAll(writer.Finish().Reader())
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

func TestLinesPassThrough(t *testing.T) {
	writer := task.NewBlobWriter()
	out := bufio.NewWriter(writer)
	lines := bufio.NewScanner(task.NewBlob([]byte("a\nb\n")).Reader())
	for lines.Scan() {
		fmt.Fprintf(out, "<%s>", lines.Text())
	}
	out.Flush()
	got, _ := io.ReadAll(writer.Finish().Reader())
	if string(got) != "<a><b>" {
		t.Errorf("got %q", got)
	}
}

func TestAClosedBlobIsGone(t *testing.T) {
	blob := task.NewBlob([]byte("abc"))
	blob.Close()
	blob.Close()
	defer func() {
		if recover() == nil {
			t.Error("it can still be read")
		}
	}()
	blob.Size()
}
