//! [`FromValue`]: results as Rust values.

use std::sync::Arc;

use bytes::Bytes;
use taskhost_model::{ArtifactRef, List, Value, ValueType};

use super::{TypeMismatch, TypedValue};

/// A Rust type that results can be read into: numbers (from the same or a narrower type), `bool`, `char`, text,
/// [`Bytes`], `Vec<T>`, `Option<T>`, `Result<T, E>`, tuples, and [`TypedValue`] for anything. For a record of your
/// own:
///
/// ```
/// use taskhost::{FromValue, TypeMismatch, TypedValue};
///
/// struct Month {
///     name: String,
///     mean: f64,
/// }
///
/// impl FromValue for Month {
///     fn from_value(value: &TypedValue) -> Result<Month, TypeMismatch> {
///         Ok(Month { name: value.get_field("name")?, mean: value.get_field("mean")? })
///     }
/// }
/// ```
pub trait FromValue: Sized {
    /// The Rust value, or what does not fit.
    fn from_value(value: &TypedValue) -> Result<Self, TypeMismatch>;

    /// What an output is whose task was skipped; none if this type cannot say that.
    fn skipped() -> Option<Self> {
        None
    }

    /// The elements of a list. Numbers do it in one copy.
    fn from_list(list: &List, element: &ValueType) -> Result<Vec<Self>, TypeMismatch> {
        let read = |(at, value)| {
            Self::from_value(&TypedValue::new(value, element.clone())).map_err(|error| error.within(&format!("[{at}]")))
        };
        list.iter().enumerate().map(read).collect()
    }
}

impl FromValue for TypedValue {
    fn from_value(value: &TypedValue) -> Result<TypedValue, TypeMismatch> {
        Ok(value.clone())
    }
}

/// An integer and the smallest and largest one of its type.
fn integer(value: &Value) -> Option<(i128, i128, i128)> {
    macro_rules! cases {
        ($($case:ident: $rust:ty),*) => {
            match value {
                $(Value::$case(v) => Some((i128::from(*v), i128::from(<$rust>::MIN), i128::from(<$rust>::MAX))),)*
                _ => None,
            }
        };
    }
    cases!(S8: i8, U8: u8, S16: i16, U16: u16, S32: i32, U32: u32, S64: i64, U64: u64)
}

macro_rules! integers {
    ($($rust:ty => $case:ident),*) => {$(
        impl FromValue for $rust {
            fn from_value(value: &TypedValue) -> Result<$rust, TypeMismatch> {
                let mismatch = || TypeMismatch::new(concat!("a `", stringify!($rust), "`"), &value.ty);
                let (number, min, max) = integer(&value.value).ok_or_else(mismatch)?;
                // The type decides, not this value: what fits today must fit tomorrow.
                if <$rust>::try_from(min).is_err() || <$rust>::try_from(max).is_err() {
                    return Err(mismatch());
                }
                <$rust>::try_from(number).map_err(|_| mismatch())
            }

            packed!($rust, $case);
        }
    )*};
}

/// Reads a packed list of exactly this type in one pass.
macro_rules! packed {
    ($rust:ty, $case:ident) => {
        fn from_list(list: &List, element: &ValueType) -> Result<Vec<$rust>, TypeMismatch> {
            match list.image() {
                Some(image) if *element == ValueType::$case => {
                    let (numbers, _) = image.as_chunks::<{ size_of::<$rust>() }>();
                    Ok(numbers.iter().map(|bytes| <$rust>::from_le_bytes(*bytes)).collect())
                }
                _ => elements(list, element),
            }
        }
    };
}

fn elements<T: FromValue>(list: &List, element: &ValueType) -> Result<Vec<T>, TypeMismatch> {
    list.iter().map(|value| T::from_value(&TypedValue::new(value, element.clone()))).collect()
}

integers!(i8 => S8, u8 => U8, i16 => S16, u16 => U16, i32 => S32, u32 => U32, i64 => S64, u64 => U64);

impl FromValue for ArtifactRef {
    fn from_value(value: &TypedValue) -> Result<ArtifactRef, TypeMismatch> {
        match &value.value {
            Value::Blob(blob) => Ok(**blob),
            _ => Err(TypeMismatch::new("a blob", &value.ty)),
        }
    }
}

impl FromValue for f32 {
    fn from_value(value: &TypedValue) -> Result<f32, TypeMismatch> {
        match value.value {
            Value::F32(number) => Ok(number),
            _ => Err(TypeMismatch::new("an `f32`", &value.ty)),
        }
    }

    packed!(f32, F32);
}

impl FromValue for f64 {
    fn from_value(value: &TypedValue) -> Result<f64, TypeMismatch> {
        match value.value {
            Value::F64(number) => Ok(number),
            Value::F32(number) => Ok(f64::from(number)),
            _ => Err(TypeMismatch::new("an `f64`", &value.ty)),
        }
    }

    packed!(f64, F64);
}

impl FromValue for bool {
    fn from_value(value: &TypedValue) -> Result<bool, TypeMismatch> {
        match value.value {
            Value::Bool(value) => Ok(value),
            _ => Err(TypeMismatch::new("a `bool`", &value.ty)),
        }
    }
}

impl FromValue for char {
    fn from_value(value: &TypedValue) -> Result<char, TypeMismatch> {
        match value.value {
            Value::Char(value) => Ok(value),
            _ => Err(TypeMismatch::new("a `char`", &value.ty)),
        }
    }
}

impl FromValue for Arc<str> {
    fn from_value(value: &TypedValue) -> Result<Arc<str>, TypeMismatch> {
        match &value.value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(TypeMismatch::new("a `String`", &value.ty)),
        }
    }
}

impl FromValue for String {
    fn from_value(value: &TypedValue) -> Result<String, TypeMismatch> {
        value.get::<Arc<str>>().map(|text| text.as_ref().into())
    }
}

/// A `list<u8>`, without a copy.
impl FromValue for Bytes {
    fn from_value(value: &TypedValue) -> Result<Bytes, TypeMismatch> {
        match &value.value {
            Value::List(list) => list.as_bytes().cloned(),
            _ => None,
        }
        .ok_or_else(|| TypeMismatch::new("`Bytes`, which is a `list<u8>`", &value.ty))
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &TypedValue) -> Result<Vec<T>, TypeMismatch> {
        match (&value.value, &value.ty) {
            (Value::List(list), ValueType::List(element)) => T::from_list(list, element),
            _ => Err(TypeMismatch::new("a `Vec`", &value.ty)),
        }
    }
}

/// A value that is no `option` is `Some`; the output of a skipped task is `None`.
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &TypedValue) -> Result<Option<T>, TypeMismatch> {
        match (&value.value, &value.ty) {
            (Value::Option(None), ValueType::Option(_)) => Ok(None),
            (Value::Option(Some(value)), ValueType::Option(inner)) => {
                T::from_value(&TypedValue::new((**value).clone(), (**inner).clone())).map(Some)
            }
            _ => T::from_value(value).map(Some),
        }
    }

    fn skipped() -> Option<Option<T>> {
        Some(None)
    }
}

/// A side without a value is `()`.
impl<T: FromValue, E: FromValue> FromValue for Result<T, E> {
    fn from_value(value: &TypedValue) -> Result<Result<T, E>, TypeMismatch> {
        let (Value::Result(result), ValueType::Result { ok, err }) = (&value.value, &value.ty) else {
            return Err(TypeMismatch::new("a `Result`", &value.ty));
        };
        match result {
            Ok(value) => T::from_value(&side(value, ok)).map(Ok),
            Err(value) => E::from_value(&side(value, err)).map(Err),
        }
    }
}

fn side(value: &Option<Arc<Value>>, ty: &Option<Arc<ValueType>>) -> TypedValue {
    match (value, ty) {
        (Some(value), Some(ty)) => TypedValue::new((**value).clone(), (**ty).clone()),
        _ => TypedValue::new(Value::tuple([]), ValueType::tuple([])),
    }
}

impl FromValue for () {
    fn from_value(value: &TypedValue) -> Result<(), TypeMismatch> {
        match &value.value {
            Value::Tuple(items) if items.is_empty() => Ok(()),
            _ => Err(TypeMismatch::new("`()`", &value.ty)),
        }
    }
}

macro_rules! tuples {
    ($(($count:literal: $($name:ident $at:literal),+)),+) => {$(
        impl<$($name: FromValue),+> FromValue for ($($name,)+) {
            fn from_value(value: &TypedValue) -> Result<Self, TypeMismatch> {
                match (&value.value, &value.ty) {
                    (Value::Tuple(values), ValueType::Tuple(types)) if values.len() == $count => Ok(($(
                        $name::from_value(&TypedValue::new(values[$at].clone(), types[$at].clone()))
                            .map_err(|mismatch| mismatch.within(concat!("[", $at, "]")))?,
                    )+)),
                    _ => Err(TypeMismatch::new(concat!("a tuple of ", $count), &value.ty)),
                }
            }
        }
    )+};
}

tuples!((1: A 0), (2: A 0, B 1), (3: A 0, B 1, C 2), (4: A 0, B 1, C 2, D 3), (5: A 0, B 1, C 2, D 3, E 4));
tuples!((6: A 0, B 1, C 2, D 3, E 4, F 5), (7: A 0, B 1, C 2, D 3, E 4, F 5, G 6));
tuples!((8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7));

#[cfg(test)]
mod tests {
    use super::super::IntoValue;
    use super::*;

    fn typed<T: IntoValue>(value: T) -> TypedValue {
        TypedValue::new(value.into_value(), T::value_type())
    }

    fn comes_back<T: IntoValue + FromValue + Clone + PartialEq + std::fmt::Debug>(value: T) {
        assert_eq!(typed(value.clone()).get::<T>(), Ok(value));
    }

    #[test]
    fn rust_values_come_back_equal() {
        comes_back(u64::MAX);
        comes_back(vec![1.5f64, -0.0]);
        comes_back(vec![1u8, 2, 3]);
        comes_back(Bytes::from_static(b"abc"));
        comes_back(vec![Some("x".to_owned()), None]);
        comes_back(vec![Some(Some(1i8)), Some(None), None]);
        comes_back((true, 'ß', vec![(1u16, 2i32)]));
        comes_back::<Result<(), String>>(Ok(()));
        comes_back::<Vec<Result<u32, String>>>(vec![Ok(1), Err("no".into())]);
    }

    #[test]
    fn integers_are_read_into_wider_types_only() {
        assert_eq!(typed(7u8).get::<u64>(), Ok(7));
        assert_eq!(typed(7u32).get::<i64>(), Ok(7));
        assert_eq!(typed(vec![1u8, 2]).get::<Vec<u32>>(), Ok(vec![1, 2]));
        assert_eq!(typed(7u64).get::<u8>().map_err(|error| error.to_string()), Err("`u64` is not a `u8`".into()));
        assert!(typed(7u64).get::<i64>().is_err());
    }

    #[test]
    fn a_mismatch_inside_says_where() {
        let value = typed((1u8, vec!["a".to_owned()]));
        let error = value.get::<(u8, Vec<Vec<u8>>)>().expect_err("text is no list");
        assert_eq!(error.to_string(), "`[1][0]`: `string` is not a `Vec`");
    }

    #[test]
    fn a_plain_value_may_be_read_as_an_option() {
        assert_eq!(typed(7u8).get::<Option<u8>>(), Ok(Some(7)));
        assert_eq!(<Option<u8> as FromValue>::skipped(), Some(None));
        assert_eq!(u8::skipped(), None);
    }

    #[test]
    fn records_are_read_by_field() {
        let ty: ValueType = "record { name: string, mean: f64 }".parse().expect("a type");
        let month = TypedValue::new(Value::record([Value::string("May"), Value::F64(13.5)]), ty);
        assert_eq!(month.get_field::<f64>("mean"), Ok(13.5));
        assert!(month.get_field::<u8>("mean").expect_err("a float").to_string().starts_with("`.mean`: `f64`"));
        assert!(month.field("median").expect_err("no field").to_string().contains("a field `median`"));
    }
}
