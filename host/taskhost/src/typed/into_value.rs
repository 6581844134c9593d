//! [`IntoValue`]: Rust values as arguments and defaults.

use std::sync::Arc;

use bytes::Bytes;
use taskhost_model::{ArtifactRef, List, Value, ValueType};

/// A Rust type that has a WIT type: numbers, `bool`, `char`, text, [`Bytes`] and `Vec<u8>`, `Vec<T>`, `Option<T>`,
/// `Result<T, E>`, tuples. Records of your own: implement it with [`ValueType::record`] and [`Value::record`].
pub trait IntoValue: Sized {
    /// The WIT type of every value of this Rust type.
    fn value_type() -> ValueType;

    /// The value, of that type.
    fn into_value(self) -> Value;

    /// A list of such values. Numbers do it in one copy.
    fn into_list(values: Vec<Self>) -> List {
        List::from_values(&Self::value_type(), values.into_iter().map(Self::into_value))
    }
}

macro_rules! simple {
    ($($rust:ty => $case:ident),*) => {$(
        impl IntoValue for $rust {
            fn value_type() -> ValueType {
                ValueType::$case
            }

            fn into_value(self) -> Value {
                Value::$case(self)
            }
        }
    )*};
}

macro_rules! number {
    ($($rust:ty => $case:ident),*) => {$(
        impl IntoValue for $rust {
            fn value_type() -> ValueType {
                ValueType::$case
            }

            fn into_value(self) -> Value {
                Value::$case(self)
            }

            fn into_list(values: Vec<$rust>) -> List {
                let image = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                List::from_image(&ValueType::$case, image).expect("numbers of this type are a whole number of elements")
            }
        }
    )*};
}

simple!(bool => Bool, char => Char);
number!(i8 => S8, i16 => S16, u16 => U16, i32 => S32, u32 => U32, i64 => S64, u64 => U64, f32 => F32, f64 => F64);

impl IntoValue for u8 {
    fn value_type() -> ValueType {
        ValueType::U8
    }

    fn into_value(self) -> Value {
        Value::U8(self)
    }

    fn into_list(values: Vec<u8>) -> List {
        List::bytes(values)
    }
}

/// A blob: [`Host::keep_file`](crate::Host::keep_file) makes one of a file.
impl IntoValue for ArtifactRef {
    fn value_type() -> ValueType {
        ValueType::Blob
    }

    fn into_value(self) -> Value {
        Value::Blob(self.into())
    }
}

macro_rules! text {
    ($($rust:ty),*) => {$(
        impl IntoValue for $rust {
            fn value_type() -> ValueType {
                ValueType::String
            }

            fn into_value(self) -> Value {
                Value::string(self)
            }
        }
    )*};
}

text!(String, &str, Arc<str>);

impl IntoValue for Bytes {
    fn value_type() -> ValueType {
        ValueType::list(ValueType::U8)
    }

    fn into_value(self) -> Value {
        Value::List(List::bytes(self))
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn value_type() -> ValueType {
        ValueType::list(T::value_type())
    }

    fn into_value(self) -> Value {
        Value::List(T::into_list(self))
    }
}

impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn value_type() -> ValueType {
        ValueType::list(T::value_type())
    }

    fn into_value(self) -> Value {
        Value::List(T::into_list(self.into()))
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn value_type() -> ValueType {
        ValueType::option(T::value_type())
    }

    fn into_value(self) -> Value {
        self.map_or(Value::NONE, |value| Value::some(value.into_value()))
    }
}

/// `()` stands for a side without a value.
impl<T: IntoValue, E: IntoValue> IntoValue for Result<T, E> {
    fn value_type() -> ValueType {
        ValueType::result(side(T::value_type()), side(E::value_type()))
    }

    fn into_value(self) -> Value {
        match self {
            Ok(value) => Value::ok(side(T::value_type()).map(|_| value.into_value())),
            Err(value) => Value::err(side(E::value_type()).map(|_| value.into_value())),
        }
    }
}

fn side(ty: ValueType) -> Option<ValueType> {
    (ty != ValueType::tuple([])).then_some(ty)
}

impl IntoValue for () {
    fn value_type() -> ValueType {
        ValueType::tuple([])
    }

    fn into_value(self) -> Value {
        Value::tuple([])
    }
}

macro_rules! tuples {
    ($(($($name:ident),+)),+) => {$(
        impl<$($name: IntoValue),+> IntoValue for ($($name,)+) {
            fn value_type() -> ValueType {
                ValueType::tuple([$($name::value_type()),+])
            }

            fn into_value(self) -> Value {
                #[expect(non_snake_case, reason = "one binding for each type parameter, with its name")]
                let ($($name,)+) = self;
                Value::tuple([$($name.into_value()),+])
            }
        }
    )+};
}

tuples!((A), (A, B), (A, B, C), (A, B, C, D), (A, B, C, D, E), (A, B, C, D, E, F), (A, B, C, D, E, F, G));
tuples!((A, B, C, D, E, F, G, H));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_types_have_the_wit_types_that_one_expects() {
        assert_eq!(Vec::<Option<(u8, String)>>::value_type().to_string(), "list<option<tuple<u8, string>>>");
        assert_eq!(Result::<(), String>::value_type().to_string(), "result<_, string>");
        assert_eq!(Bytes::value_type(), Vec::<u8>::value_type());
    }

    #[test]
    fn numbers_become_packed_lists() {
        let Value::List(list) = vec![1u32, 2].into_value() else { panic!("a list") };
        assert_eq!(list.image().expect("packed").as_ref(), [1, 0, 0, 0, 2, 0, 0, 0]);
    }
}
