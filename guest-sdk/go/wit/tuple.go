package wit

// A tuple has its values in the fields F0, F1, and so on. WIT calls it `tuple<A, B>`; one that is all of a task's result is
// several results in Go.
type (
	// Tuple1 is a tuple of 1 value.
	Tuple1[T0 any] struct {
		F0 T0
	}
	// Tuple2 is a tuple of 2 values.
	Tuple2[T0, T1 any] struct {
		F0 T0
		F1 T1
	}
	// Tuple3 is a tuple of 3 values.
	Tuple3[T0, T1, T2 any] struct {
		F0 T0
		F1 T1
		F2 T2
	}
	// Tuple4 is a tuple of 4 values.
	Tuple4[T0, T1, T2, T3 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
	}
	// Tuple5 is a tuple of 5 values.
	Tuple5[T0, T1, T2, T3, T4 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
	}
	// Tuple6 is a tuple of 6 values.
	Tuple6[T0, T1, T2, T3, T4, T5 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
	}
	// Tuple7 is a tuple of 7 values.
	Tuple7[T0, T1, T2, T3, T4, T5, T6 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
	}
	// Tuple8 is a tuple of 8 values.
	Tuple8[T0, T1, T2, T3, T4, T5, T6, T7 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
		F7 T7
	}
	// Tuple9 is a tuple of 9 values.
	Tuple9[T0, T1, T2, T3, T4, T5, T6, T7, T8 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
		F7 T7
		F8 T8
	}
	// Tuple10 is a tuple of 10 values.
	Tuple10[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9 any] struct {
		F0 T0
		F1 T1
		F2 T2
		F3 T3
		F4 T4
		F5 T5
		F6 T6
		F7 T7
		F8 T8
		F9 T9
	}
	// Tuple11 is a tuple of 11 values.
	Tuple11[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
	}
	// Tuple12 is a tuple of 12 values.
	Tuple12[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
	}
	// Tuple13 is a tuple of 13 values.
	Tuple13[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
	}
	// Tuple14 is a tuple of 14 values.
	Tuple14[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
		F13 T13
	}
	// Tuple15 is a tuple of 15 values.
	Tuple15[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
		F13 T13
		F14 T14
	}
	// Tuple16 is a tuple of 16 values.
	Tuple16[T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15 any] struct {
		F0  T0
		F1  T1
		F2  T2
		F3  T3
		F4  T4
		F5  T5
		F6  T6
		F7  T7
		F8  T8
		F9  T9
		F10 T10
		F11 T11
		F12 T12
		F13 T13
		F14 T14
		F15 T15
	}
)
