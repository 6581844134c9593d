//! What people write as JSON, what they get back, and what they are told when it does not fit.

use taskhost_model::{Value, ValueType, json};

fn ty(text: &str) -> ValueType {
    text.parse().expect(text)
}

/// Reads `text`, writes it again.
#[track_caller]
fn rewrites(type_text: &str, text: &str, expected: &str) {
    let ty = ty(type_text);
    let value = json::from_str(text, &ty).expect(text);
    assert!(value.has_type(&ty));
    assert_eq!(json::to_string(&value, &ty), expected);
    let tree = serde_json::from_str(text).expect("JSON");
    assert_eq!(json::from_value(&tree, &ty).expect(text), value);
}

#[track_caller]
fn refuses(type_text: &str, text: &str, message: &str) {
    assert_eq!(json::from_str(text, &ty(type_text)).expect_err(text).to_string(), message);
}

#[test]
fn each_type_has_its_json() {
    for (ty, text) in [
        ("bool", "true"),
        ("s8", "-128"),
        ("u64", "18446744073709551615"),
        ("s64", "-9223372036854775808"),
        ("f64", "-0.0"),
        ("f64", r#""NaN""#),
        ("f64", r#""-Infinity""#),
        ("f32", "0.1"),
        ("f32", "3.4028235e+38"),
        ("char", r#""ß""#),
        ("string", r#""a\"b\n""#),
        ("list<u8>", r#""AQID""#),
        ("list<string>", r#"["a","b"]"#),
        ("list<tuple<u8, f32>>", "[[1,0.1],[2,0.2]]"),
        ("tuple<>", "[]"),
        ("record { b: u8, a: string }", r#"{"b":1,"a":"x"}"#),
        ("variant { a, b(u32) }", r#""a""#),
        ("variant { a, b(u32) }", r#"{"b":1}"#),
        ("enum { red, green }", r#""green""#),
        ("flags { r, w, x }", r#"["r","x"]"#),
        ("option<u8>", "null"),
        ("option<u8>", "1"),
        ("option<option<u8>>", "null"),
        ("option<option<u8>>", r#"{"some":null}"#),
        ("option<option<u8>>", r#"{"some":1}"#),
        ("option<option<option<u8>>>", r#"{"some":{"some":null}}"#),
        ("result<u8, string>", r#"{"ok":1}"#),
        ("result<_, string>", r#"{"err":"no"}"#),
        ("result", r#"{"ok":null}"#),
    ] {
        rewrites(ty, text, text);
    }
}

#[test]
fn other_spellings_are_read_too() {
    rewrites("u64", r#""18446744073709551615""#, "18446744073709551615");
    rewrites("s64", r#""-5""#, "-5");
    rewrites("list<u8>", "[1, 2, 3]", r#""AQID""#);
    rewrites("list<u8>", r#""AQI""#, r#""AQI=""#);
    rewrites("f64", "3", "3.0");
    rewrites("record { a: u8, b: option<u8> }", r#"{"a": 1}"#, r#"{"a":1,"b":null}"#);
    rewrites("record { a: u8, b: u8 }", r#"{"b": 1, "a": 2}"#, r#"{"a":2,"b":1}"#);
    rewrites("variant { a, b(u8) }", r#"{"a": null}"#, r#""a""#);
    rewrites("result", r#""ok""#, r#"{"ok":null}"#);
    rewrites("result<u8>", r#""err""#, r#"{"err":null}"#);
}

#[test]
fn numbers_that_do_not_fit_are_refused_with_the_range() {
    refuses("u8", "300", "300 does not fit `u8` (0 to 255)");
    refuses("s8", "-129", "-129 does not fit `s8` (-128 to 127)");
    refuses("u32", "-1", "-1 does not fit `u32` (0 to 4294967295)");
    refuses("u64", "18446744073709551616", "1.8446744073709552e19 does not fit `u64` (0 to 18446744073709551615)");
    refuses("u64", r#""18446744073709551616""#, "18446744073709551616 does not fit `u64` (0 to 18446744073709551615)");
    refuses("f32", "1e300", "1e300 does not fit `f32` (-3.4e38 to 3.4e38)");
    refuses("u32", "1.5", "wanted `u32`, found 1.5");
    refuses("u32", r#""5""#, r#"wanted `u32`, found the string "5""#);
}

#[test]
fn a_mistake_inside_is_told_with_its_place() {
    let rows = "record { rows: list<record { name: u32, tag: option<enum { red, green }> }> }";
    refuses(
        rows,
        r#"{"rows": [{"name": 1}, {"name": "x"}]}"#,
        r#"at `.rows[1].name`: wanted `u32`, found the string "x""#,
    );
    refuses(rows, r#"{"rows": [{}]}"#, "at `.rows[0]`: the field `name` is missing");
    refuses(rows, r#"{"rows": [{"nme": 1}]}"#, "at `.rows[0]`: no field named `nme`; did you mean `name`?");
    refuses(rows, r#"{"rows": [{"name": 1, "name": 1}]}"#, "at `.rows[0]`: the field `name` stands there twice");
    refuses(
        rows,
        r#"{"rows": [{"name": 1, "tag": "gren"}]}"#,
        "at `.rows[0].tag`: no case named `gren`; did you mean `green`?",
    );
    refuses("result<list<u8>>", r#"{"ok": [1, true]}"#, "at `.ok[1]`: wanted `u8`, found true");
    refuses("variant { circle(f64), dot }", r#"{"circle": null}"#, "at `.circle`: wanted `f64`, found null");
}

#[test]
fn aggregates_that_do_not_fit_are_refused() {
    refuses("variant { circle(f64), dot }", r#""circle""#, r#"`circle` carries a `f64`: write {"circle": …}"#);
    refuses("variant { circle(f64), dot }", r#"{"dot": 1}"#, "at `.dot`: wanted null, since nothing is carried here");
    refuses(
        "variant { a, b }",
        r#"{"a": null, "b": null}"#,
        "wanted `variant { a, b }`, found an object with several fields",
    );
    refuses("variant { a, b }", "{}", "wanted `variant { a, b }`, found an empty object");
    refuses("flags { r, w }", r#"["r", "r"]"#, "at `[1]`: the same name stands there twice");
    refuses("flags { r, w }", r#"["q"]"#, "at `[0]`: no name named `q`; did you mean `r`?");
    refuses("flags { read, write }", "[1]", "at `[0]`: wanted a name of `flags { read, write }`, found 1");
    refuses("tuple<u8, u8>", "[1]", "wanted `tuple<u8, u8>`, found an array of 1");
    refuses("tuple<u8>", "[1, 2]", "wanted `tuple<u8>`, found an array of more than 1");
    refuses("list<u8>", r#""*""#, r#"wanted `list<u8>` as base64 or an array, found the string "*""#);
    refuses("option<option<u8>>", "5", r#"wanted `option<option<u8>>` as null or {"some": …}, found 5"#);
    refuses("result<u8>", r#""ok""#, r#"wanted `result<u8>` as {"ok": …} or {"err": …}, found the string "ok""#);
    refuses("result<u8>", "5", r#"wanted `result<u8>` as {"ok": …} or {"err": …}, found 5"#);
    refuses("char", r#""ab""#, r#"wanted `char`, found the string "ab""#);
    refuses("string", "null", "wanted `string`, found null");
    refuses("u8", "[]", "wanted `u8`, found an array");
    refuses("u8", "{}", "wanted `u8`, found an object");
}

#[test]
fn text_that_is_no_json_is_told_with_line_and_column() {
    refuses("u8", "", "not valid JSON: EOF while parsing a value at line 1 column 0");
    refuses("list<u32>", "[1, 2", "not valid JSON: EOF while parsing a list at line 1 column 5");
    refuses("u8", "1 2", "not valid JSON: trailing characters at line 1 column 3");
}

#[test]
fn long_texts_are_cut_in_messages() {
    let message = json::from_str(&format!("\"{}\"", "ä".repeat(10_000)), &ty("u32")).expect_err("text").message;
    assert_eq!(message, format!("wanted `u32`, found the string \"{}…\"", "ä".repeat(40)));
}

#[test]
fn json_that_is_too_deep_is_an_error() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(json::from_str(&deep, &ty("list<list<u8>>")).is_err());
    assert!(json::from_argument(&deep, &ty("list<list<u8>>")).is_err());
}

#[test]
fn lists_of_numbers_are_read_into_their_packed_form() {
    for element in ["f64", "u8", "tuple<u32, f32>"] {
        let item = if element.starts_with("tuple") { "[1,2]" } else { "1" };
        let text = format!("[{}]", [item; 100].join(","));
        let Value::List(list) = json::from_str(&text, &ty(&format!("list<{element}>"))).expect("a list") else {
            panic!("a list")
        };
        assert!(list.image().is_some(), "{element}");
    }
}

#[test]
fn arguments_are_read_as_a_person_means_them() {
    for (type_text, text, expected) in [
        ("string", "Ada", r#""Ada""#),
        ("string", "5", r#""5""#),
        ("string", r#""Ada""#, r#""\"Ada\"""#),
        ("string", "null", r#""null""#),
        ("option<string>", "null", "null"),
        ("option<string>", "Ada", r#""Ada""#),
        ("u32", "5", "5"),
        ("option<u32>", "null", "null"),
        ("f64", "NaN", r#""NaN""#),
        ("char", "5", r#""5""#),
        ("enum { red, green }", "red", r#""red""#),
        ("option<enum { red, green }>", "red", r#""red""#),
        ("enum { true, false }", "true", r#""true""#),
        ("variant { a, b(u8) }", "a", r#""a""#),
        ("variant { a, b(u8) }", r#"{"b": 1}"#, r#"{"b":1}"#),
        ("list<u8>", "AQID", r#""AQID""#),
        ("list<string>", r#"["a"]"#, r#"["a"]"#),
    ] {
        let ty = ty(type_text);
        assert_eq!(json::to_string(&json::from_argument(text, &ty).expect(text), &ty), expected, "{type_text} {text}");
    }
    let refused = |type_text: &str, text: &str| json::from_argument(text, &ty(type_text)).expect_err(text).to_string();
    assert_eq!(refused("u8", "300"), "300 does not fit `u8` (0 to 255)");
    assert_eq!(refused("u8", "many"), r#"wanted `u8`, found the string "many""#);
    assert_eq!(refused("list<u32>", "[1, 2"), "not valid JSON: EOF while parsing a list at line 1 column 5");
}

#[test]
fn text_is_a_string_as_it_is_and_anything_else_as_json() {
    assert_eq!(json::to_text(&Value::string("a\"b"), &ValueType::String), "a\"b");
    assert_eq!(json::to_text(&Value::U8(5), &ValueType::U8), "5");
    assert_eq!(json::to_text(&Value::some(Value::string("a")), &ty("option<string>")), "\"a\"");
}

#[test]
fn a_value_that_is_not_of_the_type_is_an_error_of_the_writer() {
    assert!(serde_json::to_string(&json::Json(&Value::U8(5), &ValueType::String)).is_err());
    assert!(serde_json::to_string(&json::Json(&Value::Enum(5), &ty("enum { a }"))).is_err());
}
