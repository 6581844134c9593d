//! What a guest said of its own end on stderr: a Rust panic, a Go panic, a traceback of Python or JavaScript, or else its last line.
//!
//! Each runtime has a form of its own; what a reader wants of all of them is the message first, then the place in the author's sources.

/// Longest message, in bytes: room for a long traceback.
const MESSAGE_BYTES_MAX: usize = 8 << 10;

/// The message of a failure, from the last part of stderr; none if the guest said nothing.
pub(crate) fn of(stderr: &str) -> Option<String> {
    let mut message = whole(stderr)?;
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    Some(message)
}

fn whole(stderr: &str) -> Option<String> {
    let text = stderr.trim_end();
    let found = [rust_panic(text), go_panic(text), traceback(text)].into_iter().flatten();
    // The last one is the end; what came before was survived.
    found
        .max_by_key(|(at, _)| *at)
        .map(|(_, message)| message)
        .or_else(|| text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned))
}

/// `panicked at src/lib.rs:3:5:`, then the message, then a note about backtraces that means nothing here.
fn rust_panic(text: &str) -> Option<(usize, String)> {
    let at = text.rfind("panicked at ")?;
    let (place, rest) = text[at..].split_once('\n').unwrap_or((&text[at..], ""));
    let place = place.trim_start_matches("panicked at ").trim_end_matches(':');
    let message: Vec<&str> =
        rest.lines().take_while(|line| !line.starts_with("note: run with `RUST_BACKTRACE")).collect();
    Some((at, panicked(message.join("\n").trim(), Some(place))))
}

fn panicked(message: &str, place: Option<&str>) -> String {
    match (message, place) {
        ("", Some(place)) => format!("panicked at {place}"),
        (message, Some(place)) => format!("panicked: {message} (at {place})"),
        (message, None) => format!("panicked: {message}"),
    }
}

/// `panic: MESSAGE` or `fatal error: MESSAGE`, perhaps notes of the runtime, an empty line, and the calls of each goroutine.
fn go_panic(text: &str) -> Option<(usize, String)> {
    const BEGINNINGS: [&str; 2] = ["panic: ", "fatal error: "];
    let begins = |line: &str| BEGINNINGS.iter().find(|beginning| line.starts_with(**beginning)).copied();
    let lines = || lines_with_places(text);
    // Only Go names goroutines; a line of that beginning alone says nothing. Goroutines are listed once, at the very end.
    let (calls, _) = lines().find(|(_, line)| line.starts_with("goroutine ") && line.ends_with("]:"))?;
    let (at, beginning) =
        lines().take_while(|(at, _)| *at < calls).filter_map(|(at, line)| Some((at, begins(line)?))).last()?;
    // A panic while another one was handled is told after it, indented.
    let mut message = String::new();
    for line in text[at + beginning.len()..calls].lines() {
        let is_of_runtime = line.starts_with("[signal ") || line.starts_with("[recovered") || line.is_empty();
        if is_of_runtime {
            break;
        }
        if !message.is_empty() {
            message.push('\n');
        }
        message.push_str(line.strip_prefix('\t').unwrap_or(line));
    }
    Some((at, panicked(&message, go_place(&text[calls..]).as_deref())))
}

/// The first call of the first goroutine that is not of Go's own packages: `count.go:12`. Calls are two lines, and the second one is
/// `\tMODULE/FILE:LINE +0xOFFSET`; Go's own are `\truntime/panic.go:…`.
fn go_place(calls: &str) -> Option<String> {
    let mut lines = calls.lines().skip(1).take_while(|line| !line.is_empty());
    let package_of = |call: &str| {
        // Package, then what is in it: `example/shop/tasks.(*Cart).Add(...)`.
        let path_end = call.rfind('/').map_or(0, |at| at + 1);
        call[path_end..].split_once('.').map(|(name, _)| call[..path_end + name.len()].to_owned())
    };
    loop {
        let call = lines.next()?;
        let place = lines.next()?;
        let is_call = place.starts_with('\t') && !call.starts_with("created by ");
        let Some(package) = package_of(call.split('(').next().unwrap_or(call)).filter(|_| is_call) else { continue };
        let place = place.trim().split(" +0x").next().unwrap_or_default();
        // Packages of Go itself have no point in the first part of their path, and lie in a folder of their own name.
        let is_of_go =
            call.starts_with("panic(") || (place.starts_with(&format!("{package}/")) && is_standard(&package));
        if !is_of_go {
            return Some(place.to_owned());
        }
    }
}

/// Whether a package is of those of Go's library that stand in a panic's calls: they check what they are given, or run goroutines.
fn is_standard(package: &str) -> bool {
    const ROOTS: [&str; 16] = [
        "runtime", "internal", "sync", "reflect", "strings", "bytes", "strconv", "sort", "slices", "maps", "encoding",
        "fmt", "math", "regexp", "time", "unicode",
    ];
    ROOTS.contains(&package.split('/').next().unwrap_or(package))
}

/// Frames first, the exception last; in front of it, what led to it has frames of its own. The exception is shown first, and then all.
fn traceback(text: &str) -> Option<(usize, String)> {
    const HEADING: &str = "Traceback (most recent call last):";
    const LINKS: [&str; 2] = [
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    ];
    let last = text.rfind(HEADING)?;
    // What stands between two headings that belong together ends with one of the links.
    let mut begin = last;
    while let Some(before) = text[..begin].rfind(HEADING)
        && LINKS.iter().any(|link| text[before..begin].trim_end().ends_with(link))
    {
        begin = before;
    }
    // A group of exceptions draws a border around its parts: `  + Exception Group Traceback …`.
    let line_begin = text[..begin].rfind('\n').map_or(0, |at| at + 1);
    let is_group = text[line_begin..begin].trim_start().starts_with("+ Exception Group");
    let whole = &text[if is_group { line_begin } else { begin }..];
    let exception = match is_group {
        true => whole.lines().find_map(|line| line.strip_prefix("  | ").filter(|line| !line.starts_with(' '))),
        // After the frames, which are indented; its text may have several lines, and only the first need not be.
        false => text[last..].lines().skip(1).find(|line| !line.starts_with(' ') && !line.is_empty()),
    };
    let exception = exception.or(whole.lines().last()).unwrap_or(whole);
    Some((last, format!("{exception}\n{whole}")))
}

/// Each line, and where it begins.
fn lines_with_places(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split('\n').map(move |line| {
        let begin = at;
        at += line.len() + 1;
        (begin, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_told(stderr: &str, message: &str) {
        assert_eq!(of(stderr).as_deref(), Some(message));
    }

    #[test]
    fn a_rust_panic_shows_as_its_message_and_place() {
        let stderr = "first line\n\nthread '<unnamed>' (1) panicked at src/lib.rs:7:9:\nno rows left\n\
                      note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        is_told(stderr, "panicked: no rows left (at src/lib.rs:7:9)");
    }

    #[test]
    fn an_exception_shows_before_its_traceback() {
        let stderr = "Traceback (most recent call last):\n  File \"app.py\", line 3, in run\nValueError: bad\n";
        is_told(stderr, &format!("ValueError: bad\n{}", stderr.trim_end()));
    }

    #[test]
    fn an_exception_of_several_lines_shows_its_first_one() {
        let stderr = "Traceback (most recent call last):\n  File \"app.py\", line 3, in run\n    raise E\nValueError: bad\nrow 3\n";
        is_told(stderr, &format!("ValueError: bad\n{}", stderr.trim_end()));
    }

    #[test]
    fn what_led_to_an_exception_is_told_with_it() {
        let stderr = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nOSError: survived\nlogged\n\
                      Traceback (most recent call last):\n  File \"a.py\", line 2, in f\nKeyError: 'row'\n\n\
                      The above exception was the direct cause of the following exception:\n\n\
                      Traceback (most recent call last):\n  File \"a.py\", line 4, in g\nRuntimeError: while looking\n";
        let whole = stderr.split_once("logged\n").expect("two parts").1.trim_end();
        is_told(stderr, &format!("RuntimeError: while looking\n{whole}"));
    }

    #[test]
    fn a_group_of_exceptions_shows_its_own_message_first() {
        let stderr = "  + Exception Group Traceback (most recent call last):\n  |   File \"src/tasks.py\", line 5, in run\n  \
                      | ExceptionGroup: two of them (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    \
                      | ValueError: one\n    +---------------- 2 ----------------\n    | ValueError: two\n    \
                      +------------------------------------\n";
        let told = of(stderr).expect("a message");
        assert!(told.starts_with("ExceptionGroup: two of them (2 sub-exceptions)\n  + Exception Group"), "{told}");
    }

    #[test]
    fn a_go_panic_shows_as_its_message_and_the_first_place_of_the_author() {
        let stderr = "reading\npanic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\n\
                      panic({0x1, 0x2})\n\truntime/panic.go:792 +0x1e\nsync.(*Once).doSlow(0x4, 0x5)\n\tsync/once.go:78 +0xd\n\
                      hello/tasks.pick(...)\n\thello/tasks/pick.go:12\nhello/tasks.Run(0x3)\n\thello/tasks/run.go:4 +0x5\n\
                      main.main()\n\thello/bindings/component/exports.go:9 +0x2\n";
        is_told(stderr, "panicked: runtime error: index out of range [5] with length 3 (at hello/tasks/pick.go:12)");
    }

    #[test]
    fn what_the_runtime_adds_to_a_go_panic_is_left_out() {
        let stderr = "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation]\n\n\
                      goroutine 7 [running]:\nhello.(*Cart).Add(0x0)\n\thello/cart.go:3 +0x5\ncreated by hello.Run in goroutine 1\n\
                      \thello/run.go:8 +0x1\n\ngoroutine 1 [chan receive]:\nhello.Run()\n\thello/run.go:9 +0x1\n";
        is_told(
            stderr,
            "panicked: runtime error: invalid memory address or nil pointer dereference (at hello/cart.go:3)",
        );
    }

    #[test]
    fn a_go_panic_of_several_lines_and_one_in_a_deferred_call_are_told_whole() {
        let stderr = "panic: first line\n\tsecond line\n\tpanic: while closing\n\ngoroutine 1 [running]:\nmain.f()\n\th/f.go:1 +0x1\n";
        is_told(stderr, "panicked: first line\nsecond line\npanic: while closing (at h/f.go:1)");
    }

    #[test]
    fn a_fatal_error_of_go_without_a_place_is_told() {
        let stderr = "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n";
        is_told(stderr, "panicked: all goroutines are asleep - deadlock!");
    }

    #[test]
    fn a_panic_that_go_recovered_from_is_not_the_end() {
        is_told("panic: was recovered\nlater\n", "later");
    }

    #[test]
    fn of_several_ends_the_last_one_counts() {
        let stderr = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nOSError: survived\n\
                      thread 'main' panicked at src/a.rs:1:1:\nreally\n";
        is_told(stderr, "panicked: really (at src/a.rs:1:1)");
    }

    #[test]
    fn a_message_without_end_is_cut() {
        let told = of(&"ä".repeat(20_000)).expect("a message");
        assert_eq!(told.len(), MESSAGE_BYTES_MAX);
    }

    #[test]
    fn without_any_the_last_line_of_stderr_speaks() {
        is_told("a\nassertion failed\n\n", "assertion failed");
        assert_eq!(of("  \n"), None);
    }
}
