//! `tests.toml`: what is wrong with it is told at once and with its place, what is right runs and is compared, and `--update` changes what
//! it has to change and nothing else.

mod support;

use std::sync::Arc;

use serde_json::{Value as Json, json};
use support::{Folder, Table, told};
use taskhost_authoring::testing::{Mismatch, Summary, TestOptions, TestReport, TestsFile};
use taskhost_authoring::{Error, Project};
use taskhost_flow::FlowSource;
use taskhost_model::TaskFailure;

const PROJECT: &str = "[component]\nname = \"greeter\"\nlanguage = \"rust\"\n";

const PERSON: &str = "record { name: string, age: option<u32> }";
const GREETING: &str = "result<record { text: string, letters: u32 }, string>";

/// Greets, counts, and gives back.
fn greeter() -> Table {
    Table::new(
        &[
            ("greet", &[("person", PERSON)], Some(GREETING)),
            ("first", &[("items", "list<option<u8>>")], Some("option<u8>")),
            ("upper", &[("text", "string")], Some("string")),
            ("root", &[("x", "f64")], Some("f64")),
            ("keep", &[("data", "blob")], Some("blob")),
            ("nothing", &[], None),
        ],
        |function, arguments| match function {
            "greet" => greet(&arguments[0]),
            "first" => (Ok(arguments[0][0].clone()), Vec::new()),
            "upper" => (Ok(json!(arguments[0].as_str().expect("text").to_uppercase())), Vec::new()),
            "root" => (Ok(arguments[0].as_f64().map_or(json!("NaN"), |x| json!(x.sqrt()))), Vec::new()),
            "keep" => (Ok(arguments[0].clone()), Vec::new()),
            _ => (Ok(json!([])), Vec::new()),
        },
    )
}

fn greet(person: &Json) -> (Result<Json, TaskFailure>, Vec<String>) {
    let name = person["name"].as_str().expect("a name");
    if name.trim().is_empty() {
        return (Err(TaskFailure::Returned("a person needs a name".to_owned())), Vec::new());
    }
    let text = match person["age"].as_u64() {
        Some(age) => format!("Hello, {name}, {age} years old!"),
        None => format!("Hello, {name}!"),
    };
    let letters = text.chars().count();
    (Ok(json!({ "text": text, "letters": letters })), vec![format!("greeting {name}")])
}

fn project(folder: &Folder) -> Project {
    let source = Arc::new(FlowSource::new("taskhost.toml", PROJECT));
    Project::read(&source, folder.path()).expect("a project")
}

/// The mistakes of a text that is checked against the greeter.
fn mistakes(text: &str) -> String {
    let folder = Folder::new();
    let source = Arc::new(FlowSource::new("tests.toml", text));
    told(&folder, TestsFile::parse(&source).and_then(|file| file.check(&project(&folder), &greeter())))
}

fn run(folder: &Folder, options: &TestOptions) -> Result<(Summary, Vec<TestReport>), Error> {
    let path = folder.path().join("tests.toml");
    let source = Arc::new(FlowSource::new(&path, folder.read("tests.toml")));
    let host = greeter();
    let mut reports = Vec::new();
    let tests = TestsFile::parse(&source)?.check(&project(folder), &host)?;
    let summary = tests.run(&host, options, &mut |report| reports.push(report.clone()))?;
    Ok((summary, reports))
}

/// Whether each test passed, and the text after an update.
fn updated(text: &str) -> (Vec<bool>, String) {
    let folder = Folder::new().with("tests.toml", text);
    let (_, reports) =
        run(&folder, &TestOptions { update: true, ..TestOptions::default() }).unwrap_or_else(|error| panic!("{error}"));
    (reports.iter().map(TestReport::has_passed).collect(), folder.read("tests.toml"))
}

#[test]
fn tests_of_the_template_pass() {
    let text = include_str!("../templates/rust/tests.toml");
    let folder = Folder::new().with("tests.toml", text);
    let (summary, reports) = run(&folder, &TestOptions::default()).expect("they run");
    assert_eq!((summary.passed, summary.failed, summary.left_out), (2, 0, 0));
    assert_eq!(reports[0].log, ["greeting Ada"]);
    assert_eq!(reports.iter().map(|report| report.line).collect::<Vec<_>>(), [2, 9]);
}

#[test]
fn every_mistake_of_shape_is_told_at_once() {
    let text = r#"
[[tests]]
name = "a"
cal = "greet"
returns = 1
fails = "x"

[[tests]]
call = 5
log = [1]

[[tests]]
name = "c"
call = "greet"
with.person = { name = "${name}" }
with-file = "x"
timeout = 5

[[tests]]
name = "c"
call = "greet"
with-json.person = "{}"
with.person = { name = "a" }
"#;
    assert_eq!(
        mistakes(text),
        "tests.toml:2:1: error[missing-key]: a test has no `call`\n\
         help: name the function that it calls: `call = \"sum\"`\n\
         tests.toml:4:1: error[unknown-key]: a test has no key `cal`\n\
         help: did you mean `call`?\n\
         tests.toml:6:1: error[two-expectations]: a test has both `returns` and `fails`\n\
         help: keep one of them\n\
         tests.toml:8:1: error[missing-key]: a test has no `name`\n\
         help: say in a few words what is promised: `name = \"an empty list has the sum 0\"`\n\
         tests.toml:9:8: error[wrong-shape]: `call` wants a string, not an integer\n\
         tests.toml:10:7: error[wrong-shape]: `log` wants a string or an array of strings, not an array\n\
         tests.toml:15:24: error[bad-reference]: a test has nothing to refer to\n\
         help: write `$${` for a literal `${`\n\
         tests.toml:16:13: error[wrong-shape]: `with-file` wants a table, not a string\n\
         tests.toml:17:11: error[wrong-shape]: `timeout` wants a duration such as `\"1.5s\"`, not an integer\n\
         help: write `timeout = \"5s\"` if seconds are meant\n\
         tests.toml:22:11: error[duplicate-key]: the argument `person` is given twice\n\
         help: keep one of them"
    );
}

#[test]
fn what_does_not_fit_the_component_is_told_before_anything_runs() {
    let text = r#"
[[tests]]
name = "no such function"
call = "gret"

[[tests]]
name = "wrong values"
call = "greet"
with.person = { name = 5, years = 3 }
returns = { text = "a", letters = -1 }

[[tests]]
name = "arguments"
call = "greet"
with.human = { name = "a" }

[[tests]]
name = "json"
call = "first"
with-json.items = "[1, null, 256]"
returns-json = "{}"

[[tests]]
name = "files"
call = "root"
with-file.x = "a.txt"
returns-file = "b.txt"

[[tests]]
name = "limits"
call = "tasks.nothing"
limits.memory = "lots"
allow.read = ["../secrets"]
"#;
    assert_eq!(
        mistakes(text),
        "tests.toml:4:8: error[unknown-function]: component `greeter` has no function `gret`\n\
         help: did you mean `greet`?\n\
         tests.toml:9:24: error[bad-literal]: argument `person`: wanted `string`, found 5\n\
         tests.toml:9:27: error[unknown-field]: argument `person` has no field `years`\n\
         help: there are `name`, `age`\n\
         tests.toml:10:35: error[bad-literal]: `returns`: -1 does not fit `u32` (0 to 4294967295)\n\
         tests.toml:13:8: error[missing-argument]: the test lacks the argument `person: record { name: string, age: option<u32> }` of `greet`\n\
         help: add `with.person = …`\n\
         tests.toml:15:6: error[unknown-argument]: `greet` has no parameter `human`\n\
         help: there is only `person`\n\
         tests.toml:20:19: error[bad-literal]: argument `items` is no JSON of type `list<option<u8>>`: at `[2]`: 256 does not fit `u8` (0 to 255)\n\
         tests.toml:21:16: error[bad-literal]: `returns-json` is no JSON of type `option<u8>`: wanted `u8`, found an object\n\
         tests.toml:26:15: error[bad-default]: `with-file` is for a `string`, a `list<u8>` or a `blob`, the argument `x` is `f64`\n\
         help: write the value into `with` or `returns`\n\
         tests.toml:27:16: error[bad-default]: `returns-file` is for a `string`, a `list<u8>` or a `blob`, the result is `f64`\n\
         help: write the value into `with` or `returns`\n\
         tests.toml:32:17: error[bad-size]: `lots` does not begin with a number\n\
         help: a size is `\"64 MiB\"`, `\"1.5 GB\"`, `\"512 KiB\"` or a number of bytes"
    );
}

#[test]
fn a_test_that_fails_says_what_was_expected_and_what_came() {
    let text = r#"
[[tests]]
name = "another age"
call = "greet"
with.person = { name = "Ada", age = 36 }
returns = { text = "Hello, Ada, 37 years old!", letters = 25 }
log = ["greeting", "waving"]

[[tests]]
name = "it is to fail"
call = "upper"
with.text = "a"
fails = "no"

[[tests]]
name = "it is not to fail"
call = "greet"
with.person = { name = "" }

[[tests]]
name = "another message"
call = "greet"
with.person = { name = "" }
fails = "too short"

[[tests]]
name = "nothing is expected"
call = "nothing"
"#;
    let folder = Folder::new().with("tests.toml", text);
    let (summary, reports) = run(&folder, &TestOptions::default()).expect("they run");
    assert_eq!((summary.passed, summary.failed), (1, 4));
    let Mismatch::Value { differences, .. } = &reports[0].mismatches[0] else { panic!("another value") };
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].path, ".text");
    assert_eq!(differences[0].returned, Some(json!("Hello, Ada, 36 years old!")));
    assert_eq!(reports[0].mismatches[1], Mismatch::Log("waving".into()));
    let failure = TaskFailure::Returned("a person needs a name".to_owned());
    assert_eq!(reports[1].mismatches, [Mismatch::Returned { expected: "no".into(), returned: "\"A\"".to_owned() }]);
    assert_eq!(reports[2].mismatches, [Mismatch::Failed(failure.clone())]);
    assert_eq!(reports[3].mismatches, [Mismatch::Message { expected: "too short".into(), failure }]);
}

#[test]
fn an_option_that_is_nothing_and_a_number_that_is_none_are_compared_as_json() {
    let text = r#"
[[tests]]
name = "nothing"
call = "first"
with-json.items = "[null, 1]"
returns-json = "null"

[[tests]]
name = "no number"
call = "root"
with.x = "NaN"
returns = nan
"#;
    let folder = Folder::new().with("tests.toml", text);
    let (summary, _) = run(&folder, &TestOptions::default()).expect("they run");
    assert_eq!((summary.passed, summary.failed), (2, 0));
}

#[test]
fn arguments_and_results_may_lie_in_files() {
    let text = r#"
[[tests]]
name = "a text"
call = "upper"
with-file.text = "data/in.txt"
returns-file = "data/out.txt"

[[tests]]
name = "a blob"
call = "keep"
with-file.data = "data/in.txt"
returns-file = "data/in.txt"
"#;
    let folder = Folder::new().with("tests.toml", text).with("data/in.txt", "abc").with("data/out.txt", "ABC");
    let (summary, _) = run(&folder, &TestOptions::default()).expect("they run");
    assert_eq!((summary.passed, summary.failed), (2, 0));
}

#[test]
fn only_tests_with_a_text_in_their_names_are_run() {
    let text = include_str!("../templates/rust/tests.toml");
    let folder = Folder::new().with("tests.toml", text);
    let options = TestOptions { only: Some("without a name".to_owned()), update: false };
    let (summary, reports) = run(&folder, &options).expect("they run");
    assert_eq!((summary.passed, summary.left_out), (1, 1));
    assert_eq!(&*reports[0].name, "a person without a name is an error");
}

#[test]
fn update_changes_what_is_returned_and_nothing_else() {
    let before = r#"# Greetings.

[[tests]]
name = "another age"   # the age is wrong
call = "greet"
returns = { text = "Hello!",   letters = 0 }  # to be changed
with.person = { name = "Ada", age = 36 }

[[tests]]
name = "nothing is said"
with.person = { name = "Bo" }
call = "greet"   # below this
[tests.limits]
memory = "10 MiB"

[[tests]]
name = "as it is"
call = "greet"
with.person = { name = "Cy" }
returns.letters = 10
returns.text = "Hello, Cy!"

[[tests]]
name = "nothing can be said of it"
call = "nothing"

[[tests]]
name = "no TOML has a word for it"
call = "first"
with-json.items = "[null]"
returns = 5

[[tests]]
name = "a failure stays"
call = "greet"
with.person = { name = "" }
fails = "too short"
"#;
    let after = r#"# Greetings.

[[tests]]
name = "another age"   # the age is wrong
call = "greet"
returns = { text = "Hello, Ada, 36 years old!", letters = 25 }  # to be changed
with.person = { name = "Ada", age = 36 }

[[tests]]
name = "nothing is said"
with.person = { name = "Bo" }
call = "greet"   # below this
returns = { text = "Hello, Bo!", letters = 10 }
[tests.limits]
memory = "10 MiB"

[[tests]]
name = "as it is"
call = "greet"
with.person = { name = "Cy" }
returns.letters = 10
returns.text = "Hello, Cy!"

[[tests]]
name = "nothing can be said of it"
call = "nothing"

[[tests]]
name = "no TOML has a word for it"
call = "first"
with-json.items = "[null]"
returns-json = 'null'

[[tests]]
name = "a failure stays"
call = "greet"
with.person = { name = "" }
fails = "too short"
"#;
    let (passed, text) = updated(before);
    assert_eq!(text, after);
    assert_eq!(passed, [true, true, true, true, true, false]);
    assert_eq!(updated(&text).1, text);
}

#[test]
fn update_knows_inline_tests_and_leaves_scattered_values_to_their_author() {
    let before = r#"tests = [{ name = "a", call = "upper", with = { text = "a" } }]"#;
    assert_eq!(updated(before).1, r#"tests = [{ name = "a", call = "upper", with = { text = "a" }, returns = "A" }]"#);
    let before = r#"
[[tests]]
name = "a"
call = "greet"
with.person.name = "Ada"
[tests.returns]
text = ""
letters = 0
"#;
    let (passed, text) = updated(before);
    assert_eq!((passed, &*text), (vec![false], before));
}

#[test]
fn update_writes_files_that_are_expected() {
    let text = r#"
[[tests]]
name = "a"
call = "upper"
with.text = "a"
returns-file = "out.txt"
"#;
    let folder = Folder::new().with("tests.toml", text).with("out.txt", "b");
    let (summary, _) = run(&folder, &TestOptions { only: None, update: true }).expect("they run");
    assert_eq!(summary.updated.files, [folder.path().join("out.txt")]);
    assert_eq!((folder.read("out.txt"), folder.read("tests.toml")), ("A".to_owned(), text.to_owned()));
}
