// Makes a log of a web server that never was: go run ./makelog LINES > access.log
package main

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

var pages = []struct {
	path        string
	weight      int
	bytes       int
	median      float64
	failsPer100 int
}{
	{"/", 30, 8200, 3.1, 0},
	{"/articles", 18, 15400, 9.5, 0},
	{"/articles/goroutines-in-a-sandbox", 14, 31800, 12, 0},
	{"/articles/what-a-component-is", 9, 27100, 11.5, 0},
	{"/search", 8, 6400, 84, 3},
	{"/assets/site.css", 22, 12900, 0.4, 0},
	{"/assets/site.js", 20, 48800, 0.6, 0},
	{"/feed.xml", 6, 22300, 2.2, 0},
	{"/api/comments", 7, 1900, 41, 6},
	{"/login", 2, 3100, 155, 1},
}

func main() {
	lines, err := strconv.Atoi(os.Args[len(os.Args)-1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "usage: makelog LINES")
		os.Exit(2)
	}
	random := rand.New(rand.NewPCG(1, 2))
	total := 0
	for _, page := range pages {
		total += page.weight
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	at := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	for range lines {
		at = at.Add(time.Duration(random.ExpFloat64() * float64(9*time.Second)))
		if random.IntN(400) == 0 {
			fmt.Fprintf(out, "%s worker %d restarted\n", at.Format(time.RFC3339), random.IntN(4))
			continue
		}
		pick := random.IntN(total)
		page := pages[0]
		for _, page = range pages {
			if pick -= page.weight; pick < 0 {
				break
			}
		}
		status, query := 200, ""
		if random.IntN(100) < page.failsPer100 {
			status = 503
		}
		if page.path == "/search" {
			query = fmt.Sprintf("?q=%x", random.IntN(1000))
		}
		took := page.median * math.Exp(random.NormFloat64()*0.6)
		fmt.Fprintf(out, "203.0.113.%d - - [%s] \"GET %s%s HTTP/1.1\" %d %d \"-\" \"Mozilla/5.0\" %.2fms\n",
			random.IntN(254)+1, at.Format("02/Jan/2006:15:04:05 -0700"), page.path, query, status,
			page.bytes+random.IntN(page.bytes/4), took)
	}
}
