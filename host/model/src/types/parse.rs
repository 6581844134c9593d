//! Reading a [`ValueType`] from its text: exactly what its `Display` writes, WIT's notation with records, variants, enums and
//! flags written out.
//!
//! Tolerant of white space, of a comma after the last item, and of WIT's `%` before a name. Names of other languages
//! (`int`, `str`, `array`) are answered with the WIT type that was probably meant.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::types::{Case, Field, ValueType};

/// Most levels of a type that is read from text: deeper is no type that anybody means, and each level costs stack.
pub const TYPE_DEPTH_MAX: usize = 64;

/// Most names of a `flags`: the Canonical ABI ends there.
const FLAGS_MAX: usize = 32;

/// Types without parts.
const PLAIN: [(&str, ValueType); 14] = [
    ("bool", ValueType::Bool),
    ("s8", ValueType::S8),
    ("u8", ValueType::U8),
    ("s16", ValueType::S16),
    ("u16", ValueType::U16),
    ("s32", ValueType::S32),
    ("u32", ValueType::U32),
    ("s64", ValueType::S64),
    ("u64", ValueType::U64),
    ("f32", ValueType::F32),
    ("f64", ValueType::F64),
    ("char", ValueType::Char),
    ("string", ValueType::String),
    ("blob", ValueType::Blob),
];

/// Types with parts, as they are to be written.
const COMPOUND: [(&str, &str); 8] = [
    ("list", "list<T>"),
    ("option", "option<T>"),
    ("tuple", "tuple<T, U>"),
    ("result", "result<T, E>"),
    ("record", "record { name: T }"),
    ("variant", "variant { case, other-case(T) }"),
    ("enum", "enum { case, other-case }"),
    ("flags", "flags { name, other-name }"),
];

/// What people write who think in another language, and what they mean.
const FOREIGN: [(&str, &str); 49] = [
    ("int", "s64"),
    ("integer", "s64"),
    ("long", "s64"),
    ("short", "s16"),
    ("uint", "u64"),
    ("usize", "u64"),
    ("isize", "s64"),
    ("byte", "u8"),
    ("i8", "s8"),
    ("i16", "s16"),
    ("i32", "s32"),
    ("i64", "s64"),
    ("int8", "s8"),
    ("int16", "s16"),
    ("int32", "s32"),
    ("int64", "s64"),
    ("uint8", "u8"),
    ("uint16", "u16"),
    ("uint32", "u32"),
    ("uint64", "u64"),
    ("float", "f64"),
    ("double", "f64"),
    ("number", "f64"),
    ("float32", "f32"),
    ("float64", "f64"),
    ("str", "string"),
    ("text", "string"),
    ("varchar", "string"),
    ("boolean", "bool"),
    ("character", "char"),
    ("bytes", "list<u8>"),
    ("bytearray", "list<u8>"),
    ("binary", "list<u8>"),
    ("array", "list<T>"),
    ("vec", "list<T>"),
    ("vector", "list<T>"),
    ("set", "list<T>"),
    ("slice", "list<T>"),
    ("map", "list<tuple<string, T>>"),
    ("dict", "list<tuple<string, T>>"),
    ("object", "record { name: T }"),
    ("struct", "record { name: T }"),
    ("optional", "option<T>"),
    ("maybe", "option<T>"),
    ("nullable", "option<T>"),
    ("union", "variant { case, other-case(T) }"),
    ("void", "tuple<>"),
    ("unit", "tuple<>"),
    ("none", "tuple<>"),
];

/// A text that is no type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeParseError {
    /// What is wrong and what to write instead: lower case, no full stop.
    pub message: String,
    /// Where it begins, in bytes.
    pub offset: usize,
}

impl fmt::Display for TypeParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TypeParseError {}

impl FromStr for ValueType {
    type Err = TypeParseError;

    fn from_str(text: &str) -> Result<ValueType, TypeParseError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let ty = parser.ty()?;
        match parser.peek() {
            None => Ok(ty),
            Some(_) => Err(parser.unexpected("the end of the type")),
        }
    }
}

type Parsed<T> = Result<T, TypeParseError>;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Types that are open around `at`.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn ty(&mut self) -> Parsed<ValueType> {
        self.peek();
        let start = self.at;
        if self.depth == TYPE_DEPTH_MAX {
            return Err(self.error(start, format!("the type has more than {TYPE_DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let word = self.word();
        let ty = match word {
            "" => return Err(self.unexpected("a type")),
            "list" => ValueType::List(Arc::new(self.only_part(word)?)),
            "option" => ValueType::Option(Arc::new(self.only_part(word)?)),
            "tuple" => {
                self.opening(word, '<')?;
                ValueType::Tuple(self.items('>', Self::ty)?.into())
            }
            "result" => self.result()?,
            "record" => ValueType::Record(self.braced(word, Self::field, |field| &field.name)?.into()),
            "variant" => ValueType::Variant(self.cases(start, word, Self::case, |case| &case.name)?.into()),
            "enum" => ValueType::Enum(self.cases(start, word, Self::name, |name| name)?.into()),
            "flags" => self.flags(start)?,
            _ => plain(word).ok_or_else(|| self.error(start, unknown(word)))?,
        };
        self.depth -= 1;
        Ok(ty)
    }

    fn only_part(&mut self, word: &str) -> Parsed<ValueType> {
        self.opening(word, '<')?;
        let part = self.ty()?;
        self.take(',');
        self.expect('>')?;
        Ok(part)
    }

    fn result(&mut self) -> Parsed<ValueType> {
        if !self.take('<') {
            return Ok(ValueType::result(None, None));
        }
        let ok = if self.take('_') { None } else { Some(self.ty()?) };
        let err = match self.take(',') && self.peek() != Some('>') {
            false => None,
            true if self.take('_') => None,
            true => Some(self.ty()?),
        };
        self.take(',');
        self.expect('>')?;
        Ok(ValueType::result(ok, err))
    }

    fn flags(&mut self, start: usize) -> Parsed<ValueType> {
        let names = self.cases(start, "flags", Self::name, |name| name)?;
        if names.len() > FLAGS_MAX {
            let message =
                format!("`flags` has at most {FLAGS_MAX} names, not {}: write `list<…>` of an enum", names.len());
            return Err(self.error(start, message));
        }
        Ok(ValueType::Flags(names.into()))
    }

    fn field(&mut self) -> Parsed<Field> {
        let name = self.name()?;
        self.expect(':')?;
        Ok(Field { name, ty: self.ty()? })
    }

    fn case(&mut self) -> Parsed<Case> {
        let name = self.name()?;
        if !self.take('(') {
            return Ok(Case { name, ty: None });
        }
        let ty = self.ty()?;
        self.expect(')')?;
        Ok(Case { name, ty: Some(ty) })
    }

    /// A kebab-case name, as WIT has it: words of one case each, joined by `-`, the first beginning with a letter.
    fn name(&mut self) -> Parsed<Arc<str>> {
        self.take('%');
        self.peek();
        let start = self.at;
        let name = self.word();
        if name.is_empty() {
            return Err(self.unexpected("a name"));
        }
        if !is_kebab_case(name) {
            let message = format!("`{name}` is no kebab-case name: write lower-case words joined by `-`");
            return Err(self.error(start, message));
        }
        Ok(name.into())
    }

    /// As `braced`, at least one.
    fn cases<T>(
        &mut self,
        start: usize,
        word: &str,
        item: fn(&mut Self) -> Parsed<T>,
        name: fn(&T) -> &Arc<str>,
    ) -> Parsed<Vec<T>> {
        let cases = self.braced(word, item, name)?;
        if cases.is_empty() {
            return Err(self.error(start, format!("`{word}` needs at least one name: `{}`", form(word))));
        }
        Ok(cases)
    }

    /// `{ item, … }`, each with a name of its own.
    fn braced<T>(&mut self, word: &str, item: fn(&mut Self) -> Parsed<T>, name: fn(&T) -> &Arc<str>) -> Parsed<Vec<T>> {
        self.opening(word, '{')?;
        let start = self.at;
        let items = self.items('}', item)?;
        let mut seen = HashSet::new();
        // Component names differ only when they do so in lower case.
        match items.iter().map(name).find(|name| !seen.insert(name.to_ascii_lowercase())) {
            None => Ok(items),
            Some(name) => Err(self.error(start, format!("`{word}` has the name `{name}` twice"))),
        }
    }

    /// Items with commas between them up to `close`, which is taken too.
    fn items<T>(&mut self, close: char, item: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(item(self)?);
            if !self.take(',') && self.peek() != Some(close) {
                return Err(self.unexpected(&format!("`,` or `{close}`")));
            }
        }
        Ok(items)
    }

    fn opening(&mut self, word: &str, bracket: char) -> Parsed<()> {
        match self.take(bracket) {
            true => Ok(()),
            false => Err(self.error(self.at, format!("`{word}` needs its parts: `{}`", form(word)))),
        }
    }

    fn expect(&mut self, wanted: char) -> Parsed<()> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(&format!("`{wanted}`"))) }
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    /// The next character that is no white space, not taken.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest().trim_start();
        self.at = self.text.len() - rest.len();
        rest.chars().next()
    }

    /// The longest run of characters that may stand in a name, wrong ones of other languages included.
    fn word(&mut self) -> &'a str {
        self.peek();
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn unexpected(&mut self, wanted: &str) -> TypeParseError {
        let message = match self.peek() {
            None => format!("expected {wanted}, found the end"),
            Some(found) => format!("expected {wanted}, found `{found}`"),
        };
        self.error(self.at, message)
    }

    fn error(&self, offset: usize, message: String) -> TypeParseError {
        TypeParseError { message, offset }
    }
}

fn plain(word: &str) -> Option<ValueType> {
    PLAIN.iter().find(|(name, _)| *name == word).map(|(_, ty)| ty.clone())
}

/// How a type with parts is written.
fn form(word: &str) -> &'static str {
    COMPOUND.iter().find(|(name, _)| *name == word).map_or("", |(_, form)| form)
}

fn unknown(word: &str) -> String {
    let lower = word.to_lowercase();
    let meant = FOREIGN.iter().find(|(name, _)| *name == lower).map(|(_, meant)| *meant).or_else(|| nearest(&lower));
    let word: String = word.chars().take(40).collect();
    match meant {
        Some(meant) => format!("no type named `{word}`; did you mean `{meant}`?"),
        None => format!("no type named `{word}`: types are written as in WIT, such as `u32`, `string`, `list<f64>`"),
    }
}

fn nearest(word: &str) -> Option<&'static str> {
    if word.len() > 16 {
        return None;
    }
    let plain = PLAIN.iter().map(|(name, _)| (*name, *name));
    let distance = |name: &str| strsim::osa_distance(word, name);
    let (name, form) = plain.chain(COMPOUND).min_by_key(|(name, _)| distance(name))?;
    (distance(name) <= if name.len() <= 3 { 1 } else { 2 }).then_some(form)
}

fn is_kebab_case(name: &str) -> bool {
    let is_word = |word: &str| {
        let of = |case: fn(&u8) -> bool| word.bytes().all(|byte| byte.is_ascii_digit() || case(&byte));
        !word.is_empty() && (of(u8::is_ascii_lowercase) || of(u8::is_ascii_uppercase))
    };
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (String, usize) {
        let error = text.parse::<ValueType>().expect_err(text);
        (error.message, error.offset)
    }

    #[test]
    fn what_display_writes_reads_back() {
        for text in [
            "bool",
            "list<option<f32>>",
            "tuple<>",
            "tuple<u8, string>",
            "result",
            "result<u8>",
            "result<_, string>",
            "result<list<u8>, string>",
            "record { a: u32, b-c: record { d: char } }",
            "variant { a, b(u32) }",
            "enum { record, list }",
            "flags { read, write }",
        ] {
            assert_eq!(text.parse::<ValueType>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn white_space_trailing_commas_and_escapes_do_not_matter() {
        let written = " record{ %a :tuple< u8,u16 , >,b:result< _ , _ >,\n c: list<u8,> , }\t";
        let ty = written.parse::<ValueType>().expect("a type");
        assert_eq!(ty.to_string(), "record { a: tuple<u8, u16>, b: result, c: list<u8> }");
    }

    #[test]
    fn an_unknown_type_is_answered_with_the_one_that_was_meant() {
        assert_eq!(error("int"), ("no type named `int`; did you mean `s64`?".into(), 0));
        assert_eq!(error("list<Str>"), ("no type named `Str`; did you mean `string`?".into(), 5));
        assert_eq!(error("lst<u8>"), ("no type named `lst`; did you mean `list<T>`?".into(), 0));
        assert_eq!(error("strin").0, "no type named `strin`; did you mean `string`?");
        assert_eq!(error("u31").0, "no type named `u31`; did you mean `u32`?");
        assert!(error("weather-report").0.starts_with("no type named `weather-report`: types are written as in WIT"));
    }

    #[test]
    fn a_broken_type_tells_what_is_missing_and_where() {
        assert_eq!(error(""), ("expected a type, found the end".into(), 0));
        assert_eq!(error("list"), ("`list` needs its parts: `list<T>`".into(), 4));
        assert_eq!(error("list<u8"), ("expected `>`, found the end".into(), 7));
        assert_eq!(error("u8>"), ("expected the end of the type, found `>`".into(), 2));
        assert_eq!(error("tuple<u8 u8>"), ("expected `,` or `>`, found `u`".into(), 9));
        assert_eq!(error("record { a u8 }"), ("expected `:`, found `u`".into(), 11));
        assert_eq!(error("enum { }").0, "`enum` needs at least one name: `enum { case, other-case }`");
        assert_eq!(error("record { a: u8, A: u8 }").0, "`record` has the name `A` twice");
        let kebab = "is no kebab-case name: write lower-case words joined by `-`";
        for name in ["a_b", "aB", "1a", "a-", "ä"] {
            assert_eq!(error(&format!("enum {{ {name} }}")), (format!("`{name}` {kebab}"), 7));
        }
    }

    #[test]
    fn flags_end_at_thirty_two() {
        let flags = |n: usize| {
            format!("flags {{ {} }}", (0..n).map(|n| format!("f{n}")).collect::<Vec<_>>().join(", "))
                .parse::<ValueType>()
        };
        assert!(flags(32).is_ok());
        assert!(flags(33).expect_err("too many").message.starts_with("`flags` has at most 32 names, not 33"));
    }

    #[test]
    fn depth_is_limited() {
        let nested = |levels: usize| format!("{}u8{}", "list<".repeat(levels), ">".repeat(levels)).parse::<ValueType>();
        assert!(nested(TYPE_DEPTH_MAX - 1).is_ok());
        assert_eq!(nested(TYPE_DEPTH_MAX).expect_err("too deep").message, "the type has more than 64 levels");
        assert!(nested(1_000_000).is_err());
    }
}
