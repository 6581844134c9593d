//go:build wasip1

// Package folders makes paths mean what they mean in a flow.
//
// There a path is relative to the flow, and a folder that is granted has the path that its grant says: `read = ["data"]` is for
// `data/rows.csv`. Go expects absolute paths of granted folders, and takes the first one for the working directory, so that it
// would look for `data/data/rows.csv` and find nothing in a second folder at all. Here the working directory is `/`, and each
// folder lies below it.
package folders

import (
	"path"
	_ "unsafe" // for go:linkname
)

// folder is one that was granted, as package syscall keeps it.
type folder struct {
	_    int32
	name string
}

// Both are internal to Go, and no other way leads to them: `taskhost build` links with -checklinkname=0.
//
//go:linkname folders syscall.preopens
var folders []folder

//go:linkname workingFolder syscall.cwd
var workingFolder string

func init() {
	for i := range folders {
		folders[i].name = path.Join("/", folders[i].name)
	}
	workingFolder = "/"
}
