package visits

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"demo/visits/bindings/tasks"
)

// Report adds up the parts of a log.
func Report(parts []tasks.Summary) tasks.Overview {
	total := newCount()
	for _, part := range parts {
		total.add(countOf(part))
	}
	report := tasks.Overview{Lines: uint32(total.lines), Odd: uint32(total.odd)}
	for path, page := range total.pages {
		report.Rows = append(report.Rows, tasks.Row{
			Path:      path,
			Requests:  page.requests,
			Failures:  page.failures,
			Kilobytes: page.bytes / 1000,
			HalfMs:    page.quantile(0.5),
			MostMs:    page.quantile(0.95),
		})
	}
	slices.SortFunc(report.Rows, func(a, b tasks.Row) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Path, b.Path))
	})
	report.Table = table(report.Rows)
	return report
}

func table(rows []tasks.Row) string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(columns, "requests\tfailed\tkB\thalf\t95 %\t\tpage")
	for _, row := range rows {
		fmt.Fprintf(columns, "%d\t%d\t%d\t%.1f ms\t%.1f ms\t\t%s\n",
			row.Requests, row.Failures, row.Kilobytes, row.HalfMs, row.MostMs, row.Path)
	}
	columns.Flush()
	return text.String()
}
