//! Panics with a message of 10 MiB, full of what terminals obey.
//! limits.output = "32 MiB"
//! expect: /panicked at|RUST_BACKTRACE/

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    panic!("{}", "\u{1b}[2J\u{1b}]0;owned\u{7}\0\u{202e}".repeat(400_000))
}
