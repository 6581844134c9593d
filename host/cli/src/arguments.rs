//! `name=value` on the command line, and files of parameters, as [`Given`] values.

use std::path::Path;

use serde_json::Value as Json;
use taskhost::Host;
use taskhost_flow::Given;
use taskhost_model::{Limits, List, Value, ValueType};

use crate::error::CliError;
use crate::file;

/// Largest file behind `@FILE`, in bytes: a value of a flow is not larger than a result may be.
const CONTENT_BYTES_MAX: u64 = Limits::DEFAULT.result_bytes_max;

/// Largest JSON object of parameters, in bytes: as JSON it takes several times as much memory.
const PARAMETERS_BYTES_MAX: u64 = 64 << 20;

/// `name=value` pairs. `type_of` knows the types of those that exist: the content of a file is bytes where bytes are wanted, and a blob that
/// the host keeps where a blob is.
pub(crate) fn from_words(
    words: &[String],
    example: &str,
    type_of: impl Fn(&str) -> Option<ValueType>,
    host: &Host,
) -> Result<Vec<(String, Given)>, CliError> {
    let pairs = words.iter().map(|word| {
        let (name, value) = word.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            CliError::usage(format!("`{word}` is no `name=value`"), format!("write it as in `{example}`"))
        })?;
        Ok((name.to_owned(), given(value, type_of(name), host)?))
    });
    pairs.collect()
}

fn given(value: &str, ty: Option<ValueType>, host: &Host) -> Result<Given, CliError> {
    match value.strip_prefix('@') {
        None => Ok(Given::Text(value.to_owned())),
        Some(rest) if rest.starts_with('@') => Ok(Given::Text(rest.to_owned())),
        Some(path) if ty == Some(ValueType::Blob) => {
            Ok(Given::Value(host.keep_file(Path::new(path))?, ValueType::Blob))
        }
        Some(path) => from_file(Path::new(path), ty),
    }
}

fn from_file(path: &Path, ty: Option<ValueType>) -> Result<Given, CliError> {
    let bytes = file::read(path, CONTENT_BYTES_MAX)?;
    let list = ValueType::list(ValueType::U8);
    if ty.as_ref() == Some(&list) {
        let bytes = List::from_image(&ValueType::U8, bytes).map_err(|error| CliError::internal(error.to_string()))?;
        return Ok(Given::Value(Value::List(bytes), list));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Given::Text(text)),
        Err(_) => Err(CliError::usage(
            format!("`{}` is not UTF-8 text", path.display()),
            "only a parameter of type `list<u8>` or `blob` takes the content of such a file",
        )),
    }
}

/// The pairs of the JSON object in a file, or on stdin for `-`.
pub(crate) fn from_json_file(path: &Path) -> Result<Vec<(String, Given)>, CliError> {
    let (name, bytes) = match path == Path::new("-") {
        true => ("stdin".to_owned(), file::read_stdin(PARAMETERS_BYTES_MAX)?),
        false => (format!("`{}`", path.display()), file::read(path, PARAMETERS_BYTES_MAX)?),
    };
    // Some editors begin every file with a byte order mark.
    let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let Pairs(pairs) = serde_json::from_slice(json).map_err(|error| {
        CliError::usage(
            format!("{name} is no JSON object of parameters: {error}"),
            "write it as in `{\"stop\": 5, \"name\": \"Ada\"}`",
        )
    })?;
    Ok(pairs.into_iter().map(|(name, value)| (name, Given::Json(value))).collect())
}

/// Parameters from a file, then those of the command line, which win.
pub(crate) fn merged(file: Vec<(String, Given)>, words: Vec<(String, Given)>) -> Vec<(String, Given)> {
    let left = file.into_iter().filter(|(name, _)| !words.iter().any(|(word, _)| word == name));
    let mut all: Vec<_> = left.collect();
    all.extend(words);
    all
}

/// The pairs of a JSON object with those that are given twice, which a map would hide.
struct Pairs(Vec<(String, Json)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object with a value for each parameter")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use taskhost::HostOptions;

    use super::*;

    fn words(words: &[&str]) -> Result<Vec<(String, Given)>, CliError> {
        let host = Host::new(HostOptions { use_cache: false, ..HostOptions::default() })?;
        from_words(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), "-p stop=5", |_| None, &host)
    }

    #[test]
    fn a_word_is_a_name_and_a_value() {
        let text = |text: &str| Given::Text(text.into());
        assert_eq!(
            words(&["a=b=c", "d=", "e=@@f"]).expect("pairs"),
            [("a".into(), text("b=c")), ("d".into(), text("")), ("e".into(), text("@f"))]
        );
        assert!(words(&["a"]).is_err() && words(&["=a"]).is_err());
    }

    #[test]
    fn an_object_keeps_what_is_given_twice() {
        let Pairs(pairs) = serde_json::from_str(r#"{"a": 1, "a": 2}"#).expect("an object");
        assert_eq!(pairs.len(), 2);
        assert!(serde_json::from_str::<Pairs>("[1]").is_err());
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let pair = |name: &str, value: &str| (name.to_owned(), Given::Text(value.into()));
        let merged = merged(vec![pair("a", "1"), pair("b", "1")], vec![pair("b", "2"), pair("b", "3")]);
        assert_eq!(merged, [pair("a", "1"), pair("b", "2"), pair("b", "3")]);
    }
}
