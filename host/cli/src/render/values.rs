//! Values for people: outputs as text, and JSON with line breaks where it does not fit a line.

use taskhost_model::list::List;
use taskhost_model::task_run::Bytes;
use taskhost_model::{Value, ValueType, json};

use crate::output::{STRONG, styled, visible, visible_json};

/// Values up to this size are put into words for people; of larger ones they see how much there is.
const SHOWN_BYTES_MAX: u64 = 64 << 10;

/// Lines of JSON that are shown to people; of more they see how much there is.
const SHOWN_LINES_MAX: usize = 40;

/// Columns that one line of JSON may have.
const COLUMNS: usize = 100;

/// `name = value`, or a block below the name; with a line end. Without a value it is `null`, as in JSON.
pub(crate) fn output(name: &str, value: Option<&Value>, ty: &ValueType) -> String {
    let name = styled(STRONG, name);
    let Some(value) = value else {
        return format!("{name} = null\n");
    };
    let text = match value {
        Value::String(text) => visible(text).into_owned(),
        Value::Blob(blob) => format!("{blob} ({}; `--output` prints its bytes)", Bytes(blob.length)),
        _ => match shown(value, ty) {
            Some(text) => text,
            None => summary(value, ty),
        },
    };
    match text.trim_end_matches('\n') {
        line if !line.contains('\n') => format!("{name} = {line}\n"),
        // JSON begins with a bracket that belongs to the name's line; a text does not.
        block if matches!(value, Value::String(_)) => {
            let lines = block.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
            format!("{name} =\n{}", lines.collect::<String>())
        }
        block => format!("{name} = {block}\n"),
    }
}

/// An output for programs that want it alone: a text or bytes as they are, anything else as JSON with a line end.
pub(crate) fn raw(value: &Value, ty: &ValueType) -> Vec<u8> {
    match (value, ty) {
        (Value::String(text), _) => text.as_bytes().to_vec(),
        (Value::List(list), ValueType::List(element)) if **element == ValueType::U8 => match list.as_bytes() {
            Some(bytes) => bytes.to_vec(),
            None => json::to_string(value, ty).into_bytes(),
        },
        _ => (json::to_string(value, ty) + "\n").into_bytes(),
    }
}

/// The result of one function, with a line end: a text as it is.
pub(crate) fn result(value: &Value, ty: &ValueType) -> String {
    match value {
        Value::String(text) => format!("{}\n", visible(text.trim_end_matches('\n'))),
        _ => shown(value, ty).unwrap_or_else(|| summary(value, ty)) + "\n",
    }
}

/// A value as JSON, if it is small enough to be read.
fn shown(value: &Value, ty: &ValueType) -> Option<String> {
    if value.size_bytes() > SHOWN_BYTES_MAX {
        return None;
    }
    let text = pretty(&json::to_string(value, ty));
    (text.lines().count() <= SHOWN_LINES_MAX).then_some(text)
}

/// What a large value is.
fn summary(value: &Value, ty: &ValueType) -> String {
    let what = match value {
        Value::List(list) => list_summary(list, ty),
        _ => super::shortened(&ty.to_string(), 60),
    };
    format!("({what}, {}; `--json` prints it)", Bytes(value.size_bytes()))
}

fn list_summary(list: &List, ty: &ValueType) -> String {
    format!("{} of {}", super::shortened(&ty.to_string(), 60), super::count(list.len() as u64, "element"))
}

/// Compact JSON text with line breaks: what fits a line stays on one. It is fit for a terminal.
pub(crate) fn pretty(compact: &str) -> String {
    let compact = &*visible_json(compact);
    let mut out = String::with_capacity(compact.len() * 2);
    // A long list of numbers is filled like a paragraph; anything else has a line for each item.
    write(compact, 0, 0, &mut out);
    out
}

fn write(text: &str, indent: usize, used: usize, out: &mut String) {
    let is_nested = text.starts_with(['[', '{']) && text.len() > 2;
    if !is_nested || text.len() + indent + used <= COLUMNS {
        spaced(text, out);
        return;
    }
    let (open, close) = (&text[..1], &text[text.len() - 1..]);
    out.push_str(open);
    let inner = " ".repeat(indent + 2);
    for (at, item) in items(&text[1..text.len() - 1]).into_iter().enumerate() {
        out.push_str(if at > 0 { ",\n" } else { "\n" });
        out.push_str(&inner);
        match key(item).filter(|_| open == "{") {
            Some((key, value)) => {
                out.push_str(key);
                out.push_str(": ");
                write(value, indent + 2, key.len() + 2, out);
            }
            None => write(item, indent + 2, 0, out),
        }
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push_str(close);
}

/// One line, with a space after each comma and colon outside strings.
fn spaced(text: &str, out: &mut String) {
    let mut quoted = Quoted::default();
    for character in text.chars() {
        out.push(character);
        if !quoted.is_inside_after(character) && matches!(character, ',' | ':') {
            out.push(' ');
        }
    }
}

/// The parts between the commas of this level.
fn items(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    let mut quoted = Quoted::default();
    for (at, character) in text.char_indices() {
        if quoted.is_inside_after(character) {
            continue;
        }
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found
}

/// The key of an object's item, with its quotes, and the value.
fn key(item: &str) -> Option<(&str, &str)> {
    let mut quoted = Quoted::default();
    let colon = item.char_indices().find(|(_, character)| !quoted.is_inside_after(*character) && *character == ':')?.0;
    Some((&item[..colon], &item[colon + 1..]))
}

/// Follows the quotes of JSON.
#[derive(Default)]
struct Quoted {
    inside: bool,
    escaped: bool,
}

impl Quoted {
    fn is_inside_after(&mut self, character: char) -> bool {
        match (self.inside, self.escaped, character) {
            (true, true, _) => self.escaped = false,
            (true, false, '\\') => self.escaped = true,
            (_, false, '"') => self.inside = !self.inside,
            _ => {}
        }
        self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &Value, ty: &str) -> String {
        let ty: ValueType = ty.parse().expect("a type");
        anstream::adapter::strip_str(&output("out", Some(value), &ty)).to_string()
    }

    #[test]
    fn outputs_read_well() {
        assert_eq!(shown(&Value::U64(9), "u64"), "out = 9\n");
        assert_eq!(shown(&Value::string("Hello, Ada!"), "string"), "out = Hello, Ada!\n");
        assert_eq!(shown(&Value::string(""), "string"), "out = \n");
        assert_eq!(shown(&Value::string("a\n\nb\n"), "string"), "out =\n  a\n\n  b\n");
        let list = Value::List(List::from_values(&ValueType::U32, [1, 2].map(Value::U32)));
        assert_eq!(shown(&list, "list<u32>"), "out = [1, 2]\n");
        let list = Value::List(List::from_values(&ValueType::String, [Value::string("\u{202e}a\u{9b}")]));
        assert_eq!(shown(&list, "list<string>"), "out = [\"\\u202ea\\u009b\"]\n");
        assert_eq!(anstream::adapter::strip_str(&output("out", None, &ValueType::U32)).to_string(), "out = null\n");
    }

    #[test]
    fn a_large_list_is_told_not_shown() {
        let list = Value::List(List::from_values(&ValueType::U64, (0..100_000).map(Value::U64)));
        assert_eq!(shown(&list, "list<u64>"), "out = (list<u64> of 100,000 elements, 781.2 KiB; `--json` prints it)\n");
    }

    #[test]
    fn json_breaks_only_where_it_must_and_keeps_the_order_of_fields() {
        assert_eq!(pretty(r#"{"b":1,"a":[1,2]}"#), r#"{"b": 1, "a": [1, 2]}"#);
        let long = format!(r#"{{"text":"{}","list":[{{"x":1,"y":"a,b:c"}},{{"x":2}}]}}"#, "é,\\\"".repeat(15));
        let expected = format!(
            "{{\n  \"text\": \"{}\",\n  \"list\": [{{\"x\": 1, \"y\": \"a,b:c\"}}, {{\"x\": 2}}]\n}}",
            "é,\\\"".repeat(15)
        );
        assert_eq!(pretty(&long), expected);
    }

    #[test]
    fn prettified_json_means_the_same() {
        let numbers: Vec<u32> = (0..200).collect();
        let json = serde_json::json!({ "a": [], "b": {}, "c": numbers, "d": { "e": "x\"[,:{", "f": [[1], [2, [3]]] } });
        let back: serde_json::Value = serde_json::from_str(&pretty(&json.to_string())).expect("JSON");
        assert_eq!(back, json);
    }
}
