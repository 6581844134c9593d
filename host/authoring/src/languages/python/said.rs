//! What componentize-py says when it fails, made short: Python's own error, or that of the WIT's parser, is what the author can mend.

use crate::error::Error;
use crate::tools::Output;

/// componentize-py tells its own errors as exceptions of the Python that it is itself a module of: what stands before is its program.
const BEFORE: [&str; 2] = ["AssertionError: ", "PanicException: "];

/// What follows on an error of Python says the same again, or how Python ended; the reasons of its own errors stand closer.
const AFTER: &str = "\n\n\nCaused by:\n";

/// The same result, with a failure's output in the author's words.
pub(super) fn of_python(ended: Result<Output, Error>) -> Result<Output, Error> {
    ended.map_err(|error| match error {
        Error::Tool(mut failure) => {
            failure.output = shortened(&failure.output);
            Error::Tool(failure)
        }
        other => other,
    })
}

fn shortened(text: &str) -> String {
    let start = BEFORE.iter().filter_map(|before| Some(text.find(before)? + before.len())).min();
    let text = &text[start.unwrap_or(0)..];
    let Some((said, reasons)) = text.rsplit_once(AFTER) else { return text.trim_end().to_owned() };
    // Python did not end with an exception: the last reason says how.
    match reasons.contains("wasm backtrace") {
        true => {
            let last = reasons.trim_end().lines().next_back().unwrap_or_default();
            let how = last.trim().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(": ");
            format!("{said}\n{how}").trim_start().to_owned()
        }
        false => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "Traceback (most recent call last):\n  File \".taskhost/venv/bin/componentize-py\", line 8, in <module>\n    \
                           sys.exit(script())\n             ^^^^^^^^\n";

    fn told(text: &str) -> String {
        shortened(&format!("{PROGRAM}{text}"))
    }

    #[test]
    fn an_error_of_python_is_told_alone() {
        let syntax = "  File \"src/tasks.py\", line 8\n    class Tasks(exports.Tasks)\n                              ^\nSyntaxError: \
                      expected ':'";
        assert_eq!(
            told(&format!(
                "AssertionError: {syntax}\n\n\nCaused by:\n    SyntaxError: expected ':' (tasks.py, line 8)\n"
            )),
            syntax
        );
        // An exception may have a text of several lines, with these very words.
        let own = "ValueError: a\n\n\nCaused by:\n x";
        assert_eq!(told(&format!("AssertionError: {own}\n\n\nCaused by:\n    ValueError: a\n")), own);
    }

    #[test]
    fn an_error_of_the_wit_keeps_its_reasons() {
        let wit = "failed to resolve directory while parsing WIT for path [wit]\n\nCaused by:\n    0: failed to parse package: wit";
        assert_eq!(told(&format!("AssertionError: {wit}\n")), wit);
        assert_eq!(
            told("pyo3_runtime.PanicException: not yet implemented: FixedLengthList(U8, 4)\n"),
            "not yet implemented: FixedLengthList(U8, 4)"
        );
    }

    #[test]
    fn an_end_without_an_exception_is_told() {
        let reasons = "    0: error while executing at wasm backtrace:\n           0:  0x22003 - libc.so!exit_exit\n    1: Exited with i32 \
                       exit status 1\n";
        assert_eq!(
            told(&format!("AssertionError: hi\n\n\nCaused by:\n{reasons}")),
            "hi\nExited with i32 exit status 1"
        );
    }

    #[test]
    fn what_is_none_of_these_stays_as_it_is() {
        assert_eq!(shortened("error: unexpected argument\n"), "error: unexpected argument");
    }
}
