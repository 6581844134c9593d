//! Each way in which a guest can end badly is one typed failure with a message for its reader, and the next run is clean.

mod support;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use support::Guest;
use taskhost_model::event::{LogLevel, LogSource};
use taskhost_model::seams::{Catalog, Started};
use taskhost_model::{Attachment, Ending, Limit, TaskFailure, Value};

/// The same process goes on as if nothing had happened.
fn assert_clean(guest: &Guest) {
    assert_eq!(guest.call("add", vec![Value::U32(2), Value::U32(3)]), Value::U32(5));
}

#[test]
fn a_panic_shows_as_its_own_message() {
    let guest = Guest::new("misc");
    let TaskFailure::Trapped { message, backtrace } = guest.failure("panic", vec![Value::string("no rows left")])
    else {
        panic!("not a trap");
    };
    assert!(message.starts_with("panicked: no rows left (at "), "{message}");
    assert!(!message.contains("wasm"), "{message}");
    assert!(!backtrace.is_empty());
    assert_clean(&guest);
}

#[test]
fn a_trap_without_words_says_what_it_was() {
    let guest = Guest::new("misc");
    let failure = guest.failure("trap", vec![]);
    assert!(failure.to_string().contains("unreachable"), "{failure}");
    assert_clean(&guest);
}

#[test]
fn an_exit_is_a_failure_of_its_own() {
    let guest = Guest::new("misc");
    // All that WASI 0.2 passes on of a code is whether it means success.
    assert_eq!(guest.failure("exit", vec![Value::U8(3)]), TaskFailure::Exited(1));
    assert_clean(&guest);
}

#[test]
fn an_err_of_the_task_is_a_value() {
    let guest = Guest::new("misc");
    assert_eq!(guest.call("fail", vec![Value::string("bad input")]), Value::err(Some(Value::string("bad input"))));
}

#[test]
fn an_endless_loop_ends_at_its_cpu_limit() {
    let mut guest = Guest::new("misc");
    guest.limits.cpu_time_max = Duration::from_millis(50);
    assert_eq!(guest.failure("spin", vec![]), TaskFailure::LimitReached(Limit::Cpu(Duration::from_millis(50))));
    assert_clean(&guest);
}

#[test]
fn a_sleep_past_the_timeout_ends_there() {
    let mut guest = Guest::new("misc");
    guest.limits.wall_time_max = Duration::from_millis(50);
    let outcome = guest.run("sleep", vec![Value::U32(60_000)]);
    assert_eq!(outcome.ending, Ending::Failed(TaskFailure::LimitReached(Limit::Timeout(Duration::from_millis(50)))));
    assert!(outcome.usage.cpu_time < Duration::from_millis(50), "a wait is no computing");
    assert_clean(&guest);
}

#[test]
fn a_memory_bomb_ends_at_its_memory_limit() {
    let mut guest = Guest::new("misc");
    guest.limits.memory_bytes_max = 16 << 20;
    assert_eq!(guest.failure("grow", vec![Value::U32(64 << 20)]), TaskFailure::LimitReached(Limit::Memory(16 << 20)));
    assert_clean(&guest);
}

#[test]
fn recursion_without_end_is_a_trap() {
    let guest = Guest::new("misc");
    let failure = guest.failure("recurse", vec![]);
    assert!(matches!(failure, TaskFailure::Trapped { .. }), "{failure}");
    assert_clean(&guest);
}

#[test]
fn an_output_flood_ends_at_its_limit() {
    let mut guest = Guest::new("misc");
    guest.limits.output_bytes_max = 10_000;
    for function in ["print", "print-error"] {
        let failure = guest.failure(function, vec![Value::string("0123456789"), Value::U32(1_000_000)]);
        assert_eq!(failure, TaskFailure::LimitReached(Limit::Output(10_000)), "{function}");
    }
    let failure = guest.failure("log", vec![Value::Enum(2), Value::string("x".repeat(20_000))]);
    assert_eq!(failure, TaskFailure::LimitReached(Limit::Output(10_000)));
    assert_clean(&guest);
}

#[test]
fn a_result_past_its_limit_is_refused() {
    let mut guest = Guest::new("misc");
    guest.limits.result_bytes_max = 1 << 20;
    let failure = guest.failure("bytes", vec![Value::U32(2 << 20)]);
    assert_eq!(failure, TaskFailure::LimitReached(Limit::Result(1 << 20)));
    assert_clean(&guest);
}

#[test]
fn a_cancelled_guest_stops_while_it_computes() {
    let guest = Guest::new("misc");
    guest.cancelled.store(true, Ordering::Relaxed);
    let started = Instant::now();
    assert_eq!(guest.run("spin", vec![]).ending, Ending::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn dropping_a_waiting_guest_stops_it() {
    let guest = Guest::new("misc");
    let _guard = guest.sandbox.enter_thread();
    let Started::Waiting(mut future) = guest.start(&guest.request("sleep", vec![Value::U32(60_000)])) else {
        panic!("a sleep may wait");
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop(future);
    assert_clean(&guest);
}

#[test]
fn output_becomes_the_log_line_by_line() {
    let guest = Guest::new("misc");
    guest.call("print", vec![Value::string("hello"), Value::U32(2)]);
    guest.call("print-part", vec![Value::string("no line end")]);
    guest.call("print-error", vec![Value::string("oh"), Value::U32(1)]);
    assert_eq!(guest.log.lines(|source| source == LogSource::Stdout), ["hello", "hello", "no line end"]);
    assert_eq!(guest.log.lines(|source| source == LogSource::Stderr), ["oh"]);
}

#[test]
fn messages_and_progress_reach_the_host() {
    let guest = Guest::new("misc");
    guest.call("log", vec![Value::Enum(3), Value::string("careful")]);
    guest.call("progress", vec![Value::U32(3), Value::U32(4), Value::string("reading")]);
    assert_eq!(guest.log.lines(|source| source == LogSource::Log(LogLevel::Warn)), ["careful"]);
    let progress = Attachment::Progress { done: 3, total: 4, message: "reading".to_owned() };
    assert!(guest.log.0.lock().expect("not poisoned").contains(&progress));
}

#[test]
fn a_task_learns_which_run_it_is() {
    let guest = Guest::new("misc");
    let Value::Record(fields) = guest.call("context", vec![]) else { panic!("a record") };
    assert_eq!(fields[1], Value::string("test"));
    assert_eq!(fields[3], Value::U32(1));
    assert_eq!(fields[4], Value::Bool(false));
}

#[test]
fn nothing_is_granted() {
    let guest = Guest::new("misc");
    assert_eq!(guest.call("getenv", vec![Value::string("PATH")]), Value::NONE);
    let calls = [
        ("try-read-file", vec![Value::string("/etc/passwd")]),
        ("try-write-file", vec![Value::string("/tmp/taskhost-escape"), Value::string("x")]),
        ("try-connect", vec![Value::string("127.0.0.1:22")]),
    ];
    for (function, arguments) in calls {
        let value = guest.call(function, arguments);
        assert!(matches!(value, Value::Result(Err(_))), "`{function}` gave {value:?}");
    }
}

#[test]
fn usage_tells_memory_and_time() {
    let guest = Guest::new("misc");
    let usage = guest.run("work", vec![Value::U32(30)]).usage;
    assert!(usage.cpu_time >= Duration::from_millis(20), "{usage:?}");
    assert!(usage.memory_bytes_peak >= 64 << 10, "{usage:?}");
}

#[test]
fn what_is_no_component_is_refused_with_the_reason() {
    let guest = Guest::new("tiny");
    let folder = std::env::temp_dir().join(format!("taskhost-refused-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let whole = std::fs::read(support::guest("tiny")).expect("readable");
    let mut flipped = whole.clone();
    flipped[40..60].iter_mut().for_each(|byte| *byte ^= 0x55);
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("empty.wasm", vec![], "is empty"),
        ("text.wasm", b"hello".to_vec(), "is no WebAssembly"),
        ("module.wasm", b"\0asm\x01\0\0\0".to_vec(), "is a core wasm module"),
        ("future.wasm", b"\0asm\x77\0\x01\0".to_vec(), "is WebAssembly of a version"),
        ("truncated.wasm", whole[..whole.len() / 2].to_vec(), "is not valid"),
        ("flipped.wasm", flipped, "is not valid"),
    ];
    for (name, bytes, wanted) in cases {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("written");
        let error = guest.sandbox.signature(&path).expect_err(name);
        assert!(error.message.contains(wanted), "{name}: {}", error.message);
    }
    let error = guest.sandbox.signature(&folder.join("absent.wasm")).expect_err("absent");
    assert!(error.message.contains("is missing"), "{}", error.message);
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn doc_comments_survive_in_the_component() {
    let guest = Guest::new("echo");
    let inspection = guest.sandbox.inspect(&support::guest("echo")).expect("a component");
    assert!(inspection.wit.is_some(), "the component carries its WIT");
}
