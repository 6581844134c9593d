package visits

import (
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"demo/visits/bindings/tasks"
	"taskhost/task"
	"taskhost/tasktest"
)

const line = `203.0.113.7 - - [27/Nov/2026:10:00:01 +0000] "GET /search?q=go HTTP/1.1" 503 5123 "-" "agent 1.0" 12.5ms`

func TestALineIsARequest(t *testing.T) {
	got, ok := parseRequest(line)
	want := request{"/search", 503, 5123, 12500 * time.Microsecond}
	if !ok || got != want {
		t.Errorf("got %v, not %v", got, want)
	}
	for _, odd := range []string{"", "-", `] "GET /`, `] "GET / HTTP/1.1" x 1 2ms`, `] "GET / HTTP/1.1" 200 1`, `] "no" 200 1 2ms`} {
		if got, ok := parseRequest(odd); ok {
			t.Errorf("%q was read as %v", odd, got)
		}
	}
}

func TestPartsEndWhereLinesEnd(t *testing.T) {
	tasktest.New(t)
	text := "a\nbb\n\nccccccccccccccc\nd"
	for parts := uint32(1); parts < 30; parts++ {
		ranges, err := Split(task.NewBlob([]byte(text)), parts)
		if err != nil {
			t.Fatal(err)
		}
		var at uint64
		for _, part := range ranges {
			if part.Start != at {
				t.Fatalf("%d parts: a gap before %v", parts, part)
			}
			at += part.Length
			if at != uint64(len(text)) && text[at-1] != '\n' {
				t.Errorf("%d parts: %v ends within a line", parts, part)
			}
		}
		if at != uint64(len(text)) {
			t.Errorf("%d parts: only %d bytes", parts, at)
		}
	}
	if _, err := Split(task.NewBlob(nil), 0); err == nil {
		t.Error("0 parts are possible")
	}
}

func TestALineMayBeLong(t *testing.T) {
	tasktest.New(t)
	text := strings.Repeat("x", 100_000) + "\nend\n"
	ranges, _ := Split(task.NewBlob([]byte(text)), 2)
	if len(ranges) != 2 || ranges[0].Length != 100_001 {
		t.Errorf("cut into %v", ranges)
	}
}

func TestTheResultDoesNotDependOnTheParts(t *testing.T) {
	host := tasktest.New(t)
	file, err := os.Open("access.log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	writer := task.NewBlobWriter()
	// More than one block for each of the parsers.
	for range 20 {
		file.Seek(0, io.SeekStart)
		io.Copy(writer, file)
	}
	log := writer.Finish()
	var first string
	for _, parts := range []uint32{1, 3, 16} {
		ranges, err := Split(log, parts)
		if err != nil {
			t.Fatal(err)
		}
		var summaries []tasks.Summary
		for _, part := range ranges {
			summary, err := Summarise(log, part)
			if err != nil {
				t.Fatal(err)
			}
			summaries = append(summaries, summary)
		}
		report := Report(summaries)
		if report.Lines != 40_000 || report.Odd != 100 {
			t.Errorf("%d lines, %d odd", report.Lines, report.Odd)
		}
		if first == "" {
			first = report.Table
		} else if report.Table != first {
			t.Errorf("%d parts give\n%s\n1 gives\n%s", parts, report.Table, first)
		}
	}
	if progress := host.Progress(); len(progress) == 0 || !host.Logged("worker 1 restarted") {
		t.Error("nobody was told")
	}
}

func TestDurationsAreRightToAFifth(t *testing.T) {
	page := page{requests: 100, durations: map[uint8]uint32{}}
	for i := range 100 {
		page.durations[step(time.Duration(i+1)*time.Millisecond)]++
	}
	for share, want := range map[float64]float64{0.5: 50, 0.95: 95} {
		if got := page.quantile(share); got < want || math.Abs(got-want) > want/5 {
			t.Errorf("%v of 1 to 100 ms is %v ms", share, got)
		}
	}
}

func TestTheTableIsForPeople(t *testing.T) {
	counted := newCount()
	counted.block([]byte(line + "\nodd\n"))
	got := Report([]tasks.Summary{counted.summary()}).Table
	want := "  requests  failed  kB     half     95 %  page\n         1       1   5  13.8 ms  13.8 ms  /search\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
}
