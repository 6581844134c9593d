//! How tests of a component went: a line for each that passed, more for one that did not.

use serde_json::{Value as Json, json};
use taskhost_authoring::testing::{Difference, Mismatch, Summary, TestReport};

use super::{count, duration, refusal, shortened, usage};
use crate::output::{BAD, DIM, GOOD, HELP, STRONG, styled, visible, visible_line};

/// Most characters of a value in a line.
const VALUE_MAX: usize = 200;

/// Lines of a failed test's log that are shown: the last ones.
const LOG_LINES_MAX: usize = 20;

/// One test, as soon as it is over.
pub(crate) fn report(report: &TestReport, file: &str, is_verbose: bool) -> String {
    let name = visible_line(&report.name);
    let used = styled(DIM, format!("{}  {}", duration(report.usage.wall_time), usage::words(&report.usage)));
    let mut out = match (report.has_passed(), report.is_updated) {
        (true, false) => format!("{} {name}  {used}\n", styled(GOOD, "✓")),
        (true, true) => format!("{} {name}  {}  {used}\n", styled(GOOD, "✓"), styled(STRONG, "written down")),
        (false, _) => format!("{} {name}  {}\n", styled(BAD, "✗"), styled(DIM, format!("{file}:{}", report.line))),
    };
    for mismatch in &report.mismatches {
        out.push_str(&indented(&text(mismatch)));
    }
    if !report.has_passed() {
        for refusal in &report.refusals {
            let way_out = refusal::way_out(refusal, &refusal::Place::Test);
            let line = format!("{} it {}{way_out}\n", styled(HELP, "help:"), refusal::attempt(refusal));
            out.push_str(&indented(&line));
        }
    }
    if (!report.has_passed() || is_verbose) && !report.log.is_empty() {
        out.push_str(&log(&report.log));
    }
    out
}

/// `2 tests passed in 12 ms`.
pub(crate) fn summary(summary: &Summary) -> String {
    let took = duration(summary.took);
    let all = summary.passed + summary.failed;
    let mut out = match summary.failed {
        0 => format!("{} passed in {took}", count(all as u64, "test")),
        failed => format!("{} of {} failed in {took}", styled(BAD, failed), count(all as u64, "test")),
    };
    if summary.left_out > 0 {
        out.push_str(&format!(", {} left out", summary.left_out));
    }
    if summary.updated.tests > 0 {
        let files = summary.updated.files.iter().map(|file| format!("`{}`", visible_line(&file.display().to_string())));
        out.push_str(&format!("; written down: {}", files.collect::<Vec<_>>().join(", ")));
    }
    out + "\n"
}

/// For programs.
pub(crate) fn mismatch_json(mismatch: &Mismatch) -> Json {
    match mismatch {
        Mismatch::Value { expected, returned, differences } => {
            let read = |text: &str| serde_json::from_str::<Json>(text).unwrap_or(Json::Null);
            let places = differences
                .iter()
                .map(|place| json!({ "path": place.path, "expected": place.expected, "returned": place.returned }));
            json!({
                "kind": "other-value",
                "expected": read(expected),
                "returned": read(returned),
                "differences": places.collect::<Vec<_>>(),
            })
        }
        Mismatch::Returned { expected, returned } => {
            let returned = serde_json::from_str::<Json>(returned).unwrap_or(Json::Null);
            json!({ "kind": "did-not-fail", "expected": &**expected, "returned": returned })
        }
        Mismatch::Failed(failure) => {
            json!({ "kind": "failed", "failure": { "kind": failure.kind(), "message": failure.to_string() } })
        }
        Mismatch::Message { expected, failure } => json!({
            "kind": "other-message",
            "expected": &**expected,
            "failure": { "kind": failure.kind(), "message": failure.to_string() },
        }),
        Mismatch::Log(text) => json!({ "kind": "not-in-log", "expected": &**text }),
    }
}

fn text(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Value { expected, returned, differences } => other_value(expected, returned, differences),
        Mismatch::Returned { expected, returned } => {
            format!("was to fail with `{}` in its message, and returned {}\n", visible_line(expected), value(returned))
        }
        Mismatch::Failed(failure) => format!("failed: {}\n", visible(failure.to_string().trim_end())),
        Mismatch::Message { expected, failure } => format!(
            "was to fail with `{}` in its message, and failed otherwise: {}\n",
            visible_line(expected),
            visible(failure.to_string().trim_end())
        ),
        Mismatch::Log(text) => format!("no line of its log has `{}` in it\n", visible_line(text)),
    }
}

fn other_value(expected: &str, returned: &str, differences: &[Difference]) -> String {
    // The place is of use where the whole is more than what differs.
    if let [only] = differences
        && only.path.is_empty()
    {
        return format!("expected {}\nreturned {}\n", value(expected), value(returned));
    }
    let line = |place: &Difference| {
        let side = |json: &Option<Json>| json.as_ref().map_or("nothing".to_owned(), |json| value(&json.to_string()));
        format!(
            "{}: expected {}, returned {}\n",
            visible_line(&place.path),
            side(&place.expected),
            side(&place.returned)
        )
    };
    differences.iter().map(line).collect()
}

fn value(json: &str) -> String {
    shortened(&visible_line(json), VALUE_MAX)
}

fn log(lines: &[String]) -> String {
    let left = lines.len().saturating_sub(LOG_LINES_MAX);
    let mut out = String::new();
    if left > 0 {
        out.push_str(&format!("… {}\n", count(left as u64, "more line")));
    }
    for line in &lines[left..] {
        out.push_str(&format!("| {}\n", visible(line)));
    }
    indented(&styled(DIM, out.trim_end()))
}

fn indented(text: &str) -> String {
    text.trim_end_matches('\n').lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use taskhost_model::{TaskFailure, Usage};

    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn of(mismatches: Vec<Mismatch>, log: &[&str]) -> String {
        let log = log.iter().map(|line| (*line).to_owned()).collect();
        let whole = TestReport {
            name: "it is so".into(),
            line: 7,
            mismatches,
            is_updated: false,
            log,
            refusals: Vec::new(),
            usage: Usage::default(),
        };
        plain(&report(&whole, "tests.toml", false))
    }

    #[test]
    fn a_test_that_passed_is_a_line() {
        assert_eq!(of(Vec::new(), &["unseen"]), "✓ it is so  0 µs  cpu 0 µs, memory 0 B\n");
    }

    #[test]
    fn a_test_that_failed_says_where_and_what() {
        let place = Difference { path: ".age".into(), expected: Some(json!(1)), returned: None };
        let other = Mismatch::Value { expected: "{}".into(), returned: "{}".into(), differences: vec![place] };
        let failed = Mismatch::Failed(TaskFailure::Returned("no".into()));
        assert_eq!(
            of(vec![other, failed, Mismatch::Log("seen".into())], &["first", "second"]),
            "✗ it is so  tests.toml:7\n    \
             .age: expected 1, returned nothing\n    \
             failed: returned an error: no\n    \
             no line of its log has `seen` in it\n    \
             | first\n    | second\n"
        );
    }
}
