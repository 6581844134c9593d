// Package wit has the types of WIT that Go has no own ones for: options, results, tuples.
//
// The bindings that `taskhost build` writes use them. A task's function itself has none of Result: it returns a value and an
// error, as Go does.
package wit

// The tags of an [Option].
const (
	OptionNone uint8 = iota
	OptionSome
)

// Option is a value or nothing; its zero value is nothing. WIT calls it `option<T>`.
type Option[T any] struct {
	value T
	some  bool
}

// Some is an option with a value.
func Some[T any](value T) Option[T] {
	return Option[T]{value, true}
}

// None is an option without a value.
func None[T any]() Option[T] {
	return Option[T]{}
}

// Get returns the value and whether there is one:
//
//	if age, ok := person.Age.Get(); ok {
func (o Option[T]) Get() (T, bool) {
	return o.value, o.some
}

// Or returns the value, or else the one given.
func (o Option[T]) Or(otherwise T) T {
	if o.some {
		return o.value
	}
	return otherwise
}

// IsSome tells whether there is a value.
func (o Option[T]) IsSome() bool {
	return o.some
}

// IsNone tells whether there is no value.
func (o Option[T]) IsNone() bool {
	return !o.some
}

// Some returns the value of an option that has one; it panics on one that has none.
func (o Option[T]) Some() T {
	if !o.some {
		panic("wit: the option has no value")
	}
	return o.value
}

// Tag returns [OptionNone] or [OptionSome].
func (o Option[T]) Tag() uint8 {
	if o.some {
		return OptionSome
	}
	return OptionNone
}

// The tags of a [Result].
const (
	ResultOk uint8 = iota
	ResultErr
)

// Result is a value or what went wrong, where it stands inside of another type: a list of results, say. WIT calls it
// `result<T, E>`. The result of a task is a value and an error instead.
type Result[T, E any] struct {
	ok  T
	err E
	tag uint8
}

// Ok is a result with a value.
func Ok[T, E any](value T) Result[T, E] {
	return Result[T, E]{ok: value, tag: ResultOk}
}

// Err is a result without one.
func Err[T, E any](err E) Result[T, E] {
	return Result[T, E]{err: err, tag: ResultErr}
}

// IsOk tells whether there is a value.
func (r Result[T, E]) IsOk() bool {
	return r.tag == ResultOk
}

// IsErr tells whether something went wrong.
func (r Result[T, E]) IsErr() bool {
	return r.tag == ResultErr
}

// Ok returns the value; it panics if there is none.
func (r Result[T, E]) Ok() T {
	if r.tag != ResultOk {
		panic("wit: the result is an err")
	}
	return r.ok
}

// Err returns what went wrong; it panics if nothing did.
func (r Result[T, E]) Err() E {
	if r.tag != ResultErr {
		panic("wit: the result is an ok")
	}
	return r.err
}

// Tag returns [ResultOk] or [ResultErr].
func (r Result[T, E]) Tag() uint8 {
	return r.tag
}

// Unit is the value that says nothing, as in `result<_, string>`.
type Unit struct{}
