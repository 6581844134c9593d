//! Values as TOML, as people write them.

use serde_json::Value as Json;
use taskhost_model::{Value, ValueType, json};

/// Longest line that a list is put on, in characters.
const LINE_LENGTH_MAX: usize = 100;

/// A value; none if something in it is nothing, for which TOML has no word.
pub(super) fn value(value: &Value, ty: &ValueType) -> Option<String> {
    let line = inline(value, ty)?;
    match (value, ty) {
        (Value::List(items), ValueType::List(element))
            if line.starts_with('[') && line.chars().count() > LINE_LENGTH_MAX =>
        {
            let item = |item: Value| Some(format!("    {},\n", inline(&item, element)?));
            Some(format!("[\n{}]", items.iter().map(item).collect::<Option<String>>()?))
        }
        _ => Some(line),
    }
}

fn inline(value: &Value, ty: &ValueType) -> Option<String> {
    match (value, ty) {
        (Value::Record(values), ValueType::Record(fields)) => {
            let field = |(field, value): (&taskhost_model::Field, &Value)| match (value, &field.ty) {
                // It is left out where it is nothing.
                (Value::Option(None), ValueType::Option(_)) => Some(None),
                _ => Some(Some(format!("{} = {}", field.name, inline(value, &field.ty)?))),
            };
            let fields: Option<Vec<Option<String>>> = fields.iter().zip(values.iter()).map(field).collect();
            let fields: Vec<String> = fields?.into_iter().flatten().collect();
            Some(if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) })
        }
        (Value::List(_), ValueType::List(element)) if **element == ValueType::U8 => plain(&json::to_value(value, ty)),
        (Value::List(items), ValueType::List(element)) => {
            array(items.iter().map(|item| inline(&item, element)).collect())
        }
        (Value::Tuple(items), ValueType::Tuple(types)) => {
            array(items.iter().zip(types.iter()).map(|(item, ty)| inline(item, ty)).collect())
        }
        (Value::Option(Some(value)), ValueType::Option(inner)) if !matches!(**inner, ValueType::Option(_)) => {
            inline(value, inner)
        }
        _ => plain(&json::to_value(value, ty)),
    }
}

fn array(items: Option<Vec<String>>) -> Option<String> {
    Some(format!("[{}]", items?.join(", ")))
}

/// Variants, flags and what has no parts.
fn plain(json: &Json) -> Option<String> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => string(text),
        Json::Array(items) => array(items.iter().map(plain).collect())?,
        Json::Object(fields) => {
            let fields: Option<Vec<String>> =
                fields.iter().map(|(name, field)| Some(format!("{name} = {}", plain(field)?))).collect();
            format!("{{ {} }}", fields?.join(", "))
        }
    })
}

/// JSON's strings are TOML's, but that TOML wants one more character escaped.
fn string(text: &str) -> String {
    Json::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// A text without escapes, for JSON in TOML; with escapes if it has what cannot stand so.
pub(super) fn literal(text: &str) -> String {
    match text.contains('\'') || text.chars().any(char::is_control) {
        true => string(text),
        false => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json_text: &str, ty: &str) -> Option<String> {
        let ty: ValueType = ty.parse().expect("a type");
        let read = json::from_str(json_text, &ty).expect("a value");
        value(&read, &ty)
    }

    #[test]
    fn a_record_has_its_fields_in_their_order_without_those_that_are_nothing() {
        let ty = "record { text: string, n: tuple<u8, f64, bool>, none: option<u8>, some: option<u8>, at: variant { here, there(u8) } }";
        assert_eq!(
            written(r#"{"at": {"there": 3}, "text": "a \"b\"\n", "n": [1, 2.5, true], "some": 4}"#, ty).as_deref(),
            Some(r#"{ text = "a \"b\"\n", n = [1, 2.5, true], some = 4, at = { there = 3 } }"#)
        );
        assert_eq!(written("{}", "record { a: option<u8> }").as_deref(), Some("{}"));
        assert_eq!(written(r#""AQID""#, "list<u8>").as_deref(), Some(r#""AQID""#));
        assert_eq!(written("18446744073709551615", "u64").as_deref(), Some("18446744073709551615"));
    }

    #[test]
    fn what_has_no_word_in_toml_is_none() {
        assert_eq!(written("null", "option<u8>"), None);
        assert_eq!(written("[1, null]", "list<option<u8>>"), None);
        assert_eq!(written(r#"{"ok": null}"#, "result"), None);
    }

    #[test]
    fn a_long_list_has_a_line_for_each_item() {
        let long = format!("[{:?}, {:?}]", "a".repeat(60), "b".repeat(60));
        let long = written(&long, "list<string>").expect("a value");
        assert_eq!(long.lines().count(), 4, "{long}");
    }

    #[test]
    fn json_stands_in_quotes_that_need_no_escapes_if_that_is_possible() {
        assert_eq!(literal(r#"{"a": null}"#), r#"'{"a": null}'"#);
        assert_eq!(literal("\"it's\""), r#""\"it's\"""#);
    }
}
