//! Hints for values on a command line: what a type looks like, and what a name was meant to be.

use taskhost_model::{ValueType, json};

/// The name that was meant, if one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance_max = (name.chars().count() / 3).max(1);
    let near = known.map(|known| (strsim::osa_distance(&name, known), known)).min();
    near.filter(|(distance, _)| *distance <= distance_max).map(|(_, near)| near)
}

/// `write it as in `-p names='["text"]'``. `prefix` is what stands before the name, such as `-p `.
pub(crate) fn example(name: &str, ty: &ValueType, prefix: &str) -> String {
    let value = match ty {
        ValueType::Bool => return format!("write it as `{prefix}{name}=true` or `{prefix}{name}=false`"),
        ValueType::Blob => return format!("name a file: `{prefix}{name}=@FILE`"),
        ValueType::String => "text".to_owned(),
        ValueType::Char => "x".to_owned(),
        ValueType::Enum(names) => names.first().map_or(String::new(), ToString::to_string),
        _ => value(ty, 0),
    };
    let words = format!("{name}={value}");
    let is_plain = words.chars().all(|c| c.is_alphanumeric() || "-_=.".contains(c));
    if is_plain { format!("write it as in `{prefix}{words}`") } else { format!("write it as in `{prefix}'{words}'`") }
}

/// What a whole number was meant to be that JSON does not know so: `007`, `+7`.
pub(crate) fn plain_integer(text: &str, ty: &ValueType) -> Option<String> {
    let plain = text.parse::<i128>().ok()?.to_string();
    (plain != text && json::from_argument(&plain, ty).is_ok()).then_some(plain)
}

/// Levels that an example shows; a type may be deeper than a line is long.
const DEPTH_MAX: usize = 3;

/// JSON of a type.
fn value(ty: &ValueType, depth: usize) -> String {
    if depth > DEPTH_MAX {
        return "…".to_owned();
    }
    let inner = |ty: &ValueType| value(ty, depth + 1);
    let side =
        |ty: &Option<std::sync::Arc<ValueType>>| ty.as_ref().map_or("null".to_owned(), |ty| value(ty, depth + 1));
    match ty {
        ValueType::Bool => "true".to_owned(),
        ValueType::F32 | ValueType::F64 => "0.5".to_owned(),
        ValueType::Char => "\"x\"".to_owned(),
        ValueType::String => "\"text\"".to_owned(),
        ValueType::List(element) if **element == ValueType::U8 => "\"aGVsbG8=\"".to_owned(),
        ValueType::List(element) => format!("[{}]", inner(element)),
        ValueType::Tuple(types) => format!("[{}]", types.iter().map(inner).collect::<Vec<_>>().join(", ")),
        ValueType::Option(some) => inner(some),
        ValueType::Blob => "\"blob:DIGEST:LENGTH\"".to_owned(),
        ValueType::Result { ok, .. } => format!("{{\"ok\": {}}}", side(ok)),
        ValueType::Enum(names) => names.first().map_or(String::new(), |name| format!("\"{name}\"")),
        ValueType::Flags(names) => {
            let names: Vec<String> = names.iter().take(2).map(|name| format!("\"{name}\"")).collect();
            format!("[{}]", names.join(", "))
        }
        ValueType::Record(fields) => {
            let fields = fields.iter().map(|field| format!("\"{}\": {}", field.name, inner(&field.ty)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        ValueType::Variant(cases) => cases.first().map_or(String::new(), |case| match &case.ty {
            None => format!("\"{}\"", case.name),
            Some(ty) => format!("{{\"{}\": {}}}", case.name, inner(ty)),
        }),
        _ => "5".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ty: &str) -> String {
        example("x", &ty.parse().expect("a type"), "-p ")
    }

    #[test]
    fn each_type_has_an_example_that_is_read_as_that_type() {
        for (ty, words) in [
            ("u32", "write it as in `-p x=5`"),
            ("bool", "write it as `-p x=true` or `-p x=false`"),
            ("list<string>", "write it as in `-p 'x=[\"text\"]'`"),
            ("result<u32, string>", "write it as in `-p 'x={\"ok\": 5}'`"),
            ("flags { read, write, run }", "write it as in `-p 'x=[\"read\", \"write\"]'`"),
            ("record { a: u8, b: option<bool> }", "write it as in `-p 'x={\"a\": 5, \"b\": true}'`"),
        ] {
            assert_eq!(shown(ty), words);
        }
        for ty in [
            "f64",
            "char",
            "string",
            "list<u8>",
            "tuple<u8, string>",
            "variant { a, b(u8) }",
            "enum { a, b }",
            "result",
        ] {
            let ty: ValueType = ty.parse().expect("a type");
            assert!(json::from_str(&value(&ty, 0), &ty).is_ok(), "{ty}: {}", value(&ty, 0));
        }
    }

    #[test]
    fn a_number_with_zeros_before_it_is_told_without_them() {
        assert_eq!(plain_integer("007", &ValueType::U32).as_deref(), Some("7"));
        assert_eq!(plain_integer("+7", &ValueType::U32).as_deref(), Some("7"));
        assert_eq!(plain_integer("7", &ValueType::U32), None);
        assert_eq!(plain_integer("-07", &ValueType::U32), None);
        assert_eq!(plain_integer("seven", &ValueType::U32), None);
    }

    #[test]
    fn a_name_is_suggested_only_if_it_is_near() {
        assert_eq!(nearest("stpo", ["start", "stop"].into_iter()), Some("stop"));
        assert_eq!(nearest("zebra", ["start", "stop"].into_iter()), None);
    }
}
