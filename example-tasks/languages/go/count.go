package visits

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"demo/visits/bindings/tasks"
	"taskhost/wit"
)

// count is what is known of some lines.
type count struct {
	lines, odd, bytes int
	// oddest is a line that is no request.
	oddest string
	pages  map[string]*page
}

type page struct {
	requests, failures uint32
	bytes              uint64
	// durations has the number of answers for each step of time.
	durations map[uint8]uint32
}

func newCount() *count {
	return &count{pages: map[string]*page{}}
}

// block counts the lines of a block.
func (c *count) block(block []byte) {
	c.bytes += len(block)
	for line := range bytes.Lines(block) {
		c.line(strings.TrimSpace(string(line)))
	}
}

func (c *count) line(line string) {
	if line == "" {
		return
	}
	c.lines++
	request, ok := parseRequest(line)
	if !ok {
		c.odd++
		c.oddest = line
		return
	}
	page := c.page(request.path)
	page.requests++
	page.bytes += request.bytes
	page.durations[step(request.took)]++
	if request.status >= 500 {
		page.failures++
	}
}

func (c *count) page(path string) *page {
	found := c.pages[path]
	if found == nil {
		found = &page{durations: map[uint8]uint32{}}
		c.pages[path] = found
	}
	return found
}

// add adds what another count knows.
func (c *count) add(other *count) {
	c.lines += other.lines
	c.odd += other.odd
	c.bytes += other.bytes
	c.oddest = cmp.Or(c.oddest, other.oddest)
	for path, page := range other.pages {
		mine := c.page(path)
		mine.requests += page.requests
		mine.failures += page.failures
		mine.bytes += page.bytes
		for step, answers := range page.durations {
			mine.durations[step] += answers
		}
	}
}

func (c *count) summary() tasks.Summary {
	summary := tasks.Summary{Lines: uint32(c.lines), Odd: uint32(c.odd)}
	// Sorted, so that the same log gives the same value.
	for _, path := range slices.Sorted(maps.Keys(c.pages)) {
		page := c.pages[path]
		durations := make([]wit.Tuple2[uint8, uint32], 0, len(page.durations))
		for _, step := range slices.Sorted(maps.Keys(page.durations)) {
			durations = append(durations, wit.Tuple2[uint8, uint32]{F0: step, F1: page.durations[step]})
		}
		summary.Pages = append(summary.Pages, tasks.Page{
			Path: path, Requests: page.requests, Failures: page.failures, Bytes: page.bytes, Durations: durations,
		})
	}
	return summary
}

func countOf(summary tasks.Summary) *count {
	c := newCount()
	c.lines, c.odd = int(summary.Lines), int(summary.Odd)
	for _, from := range summary.Pages {
		to := c.page(from.Path)
		to.requests, to.failures, to.bytes = from.Requests, from.Failures, from.Bytes
		for _, duration := range from.Durations {
			to.durations[duration.F0] = duration.F1
		}
	}
	return c
}

// request is what a line says.
type request struct {
	path   string
	status int
	bytes  uint64
	took   time.Duration
}

// parseRequest reads a line of the form
//
//	203.0.113.7 - - [27/Nov/2026:10:00:01 +0000] "GET /articles?page=2 HTTP/1.1" 200 5123 "-" "agent" 12.3ms
func parseRequest(line string) (request, bool) {
	_, rest, _ := strings.Cut(line, `] "`)
	verb, rest, ok := strings.Cut(rest, `" `)
	if !ok {
		return request{}, false
	}
	_, target, _ := strings.Cut(verb, " ")
	target, _, _ = strings.Cut(target, " ")
	path, _, _ := strings.Cut(target, "?")
	numbers := strings.Fields(rest)
	if len(numbers) < 3 || !strings.HasPrefix(path, "/") {
		return request{}, false
	}
	status, err1 := strconv.Atoi(numbers[0])
	size, err2 := strconv.ParseUint(strings.Replace(numbers[1], "-", "0", 1), 10, 64)
	took, err3 := time.ParseDuration(numbers[len(numbers)-1])
	if err1 != nil || err2 != nil || err3 != nil {
		return request{}, false
	}
	return request{path, status, size, took}, true
}

// stepsPerDoubling is how fine durations are counted: each step is 2^(1/4), about a fifth, longer than the one before.
const stepsPerDoubling = 4

func step(took time.Duration) uint8 {
	microseconds := max(1, float64(took)/float64(time.Microsecond))
	return uint8(min(255, math.Ceil(stepsPerDoubling*math.Log2(microseconds))))
}

// milliseconds is the longest duration of a step.
func milliseconds(step uint8) float64 {
	return math.Round(math.Exp2(float64(step)/stepsPerDoubling)/10) / 100
}

// quantile is the duration that this share of the answers took at most, in milliseconds.
func (p *page) quantile(share float64) float64 {
	left := int64(math.Ceil(share * float64(p.requests)))
	steps := slices.Sorted(maps.Keys(p.durations))
	for _, step := range steps {
		if left -= int64(p.durations[step]); left <= 0 {
			return milliseconds(step)
		}
	}
	return 0
}
