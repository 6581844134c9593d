package wit

import "fmt"

// Failure is an error that carries a value of the type that the WIT names: the E of `result<T, E>`, where it is not a string.
// `task.Fail` makes one.
type Failure[E any] struct {
	Value E
}

func (f *Failure[E]) Error() string {
	return fmt.Sprint(f.Value)
}
