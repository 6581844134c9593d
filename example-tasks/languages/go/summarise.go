package visits

import (
	"bufio"
	"io"
	"sync"

	"demo/visits/bindings/tasks"
	"taskhost/log"
	"taskhost/task"
)

// How the pipeline is cut. Blocks in work are at most parsers × 2 + 1, whatever the size of the log: that bounds the memory.
const (
	parsers    = 4
	blockBytes = 256 << 10
)

// Summarise counts in one part of a log, by a pipeline:
//
//	                 ┌─► parse ─┐
//	log ─► readBlocks ─► parse ─┼─► add up
//	                 └─► parse ─┘
//
// Whoever is slow holds the others up, since the channels have bounds. The parsers share nothing, so there is nothing to lock.
func Summarise(file *task.Blob, part tasks.Range) (tasks.Summary, error) {
	blocks := make(chan []byte, parsers)
	counts := make(chan *count)

	var reading error
	go func() {
		defer close(blocks)
		reading = readBlocks(io.NewSectionReader(file, int64(part.Start), int64(part.Length)), blocks)
	}()

	var parsing sync.WaitGroup
	for range parsers {
		parsing.Go(func() { parse(blocks, counts) })
	}
	go func() {
		parsing.Wait()
		close(counts)
	}()

	total := newCount()
	for one := range counts {
		total.add(one)
		task.Progress(total.bytes, int(part.Length), "reading")
	}
	if reading != nil {
		return tasks.Summary{}, reading
	}
	if total.odd > 0 {
		log.Warnf("%d of %d lines are no requests, such as %q", total.odd, total.lines, total.oddest)
	}
	return total.summary(), nil
}

// readBlocks sends what it reads in blocks of whole lines.
func readBlocks(from io.Reader, blocks chan<- []byte) error {
	lines := bufio.NewReader(from)
	for {
		block := make([]byte, blockBytes)
		n, err := io.ReadFull(lines, block)
		block = block[:n]
		if err == nil {
			rest, _ := lines.ReadBytes('\n')
			block = append(block, rest...)
		}
		if len(block) > 0 {
			blocks <- block
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
}

// parse counts in blocks until there are no more. It sends a count for each, so that progress can be seen.
func parse(blocks <-chan []byte, counts chan<- *count) {
	for block := range blocks {
		counted := newCount()
		counted.block(block)
		counts <- counted
	}
}
