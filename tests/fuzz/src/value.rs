//! The codec of values: JSON to a value and back, and the packed form of lists.

use taskhost_model::layout::is_flat;
use taskhost_model::list::is_packable;
use taskhost_model::{List, Value, ValueType, json};

/// The target. The first line of an input is a WIT type; the rest is JSON of that type, or elements of it as they lie in memory.
pub fn value_codec(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (text, rest) = (std::str::from_utf8(&bytes[..end]), &bytes[end + 1..]);
    let Some(ty) = text.ok().and_then(|text| text.parse::<ValueType>().ok()) else { return };
    assert_eq!(ty.to_string().parse().as_ref(), Ok(&ty), "a type prints as itself");
    if let Ok(text) = std::str::from_utf8(rest)
        && let Ok(value) = json::from_str(text, &ty)
    {
        survives(&value, &ty);
    }
    if is_flat(&ty)
        && let Ok(list) = List::from_image(&ty, rest.to_vec())
    {
        if is_packable(&ty) {
            let again = List::from_values(&ty, list.iter());
            assert_eq!(
                again.image().map(|image| image.len()),
                list.image().map(|image| image.len()),
                "packed as it was"
            );
        }
        survives(&Value::List(list), &ValueType::list(ty));
    }
}

/// A value has its type, and comes back from JSON as it was.
fn survives(value: &Value, ty: &ValueType) {
    assert!(value.has_type(ty), "{value:?} is no `{ty}`");
    let text = json::to_string(value, ty);
    let again = json::from_str(&text, ty).unwrap_or_else(|error| panic!("`{text}` is not read as `{ty}`: {error:?}"));
    assert_eq!(json::to_string(&again, ty), text);
    // A NaN comes back as the canonical one, which is another value.
    if !text.contains("NaN") {
        assert_eq!(again, *value, "of `{ty}`");
    }
}
