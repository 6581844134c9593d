//! A guest that fails, waits, talks and asks for what it must not have: one function for each.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use exports::test::misc::tasks::{Guest, Level, Surroundings};
use taskhost_task::log;

taskhost_task::world!({ world: "test:misc/misc", path: ["../../../wit", "wit"] });

struct Misc;

impl Guest for Misc {
    fn trap() -> u32 {
        #[cfg(target_arch = "wasm32")]
        core::arch::wasm32::unreachable();
        // So that an editor, which looks at the workspace with the host's eyes, finds no mistake.
        #[cfg(not(target_arch = "wasm32"))]
        std::process::abort();
    }

    fn panic(message: String) -> u32 {
        panic!("{message}")
    }

    fn exit(code: u8) -> u32 {
        std::process::exit(i32::from(code))
    }

    fn fail(message: String) -> Result<u32, String> {
        Err(message)
    }

    fn fail_code(code: u32) -> Result<u32, u32> {
        Err(code)
    }

    fn fail_plain() -> Result<u32, ()> {
        Err(())
    }

    fn fail_odd(n: u32) -> Result<u32, String> {
        if n.is_multiple_of(2) { Ok(n) } else { Err(format!("{n} is odd")) }
    }

    fn spin() -> u32 {
        let mut n = 0_u32;
        while black_box(true) {
            n = black_box(n).wrapping_add(1);
        }
        n
    }

    fn grow(bytes: u32) -> u32 {
        const CHUNK: usize = 1 << 20;
        let mut left = bytes as usize;
        let mut chunks = Vec::new();
        while left > 0 {
            let size = left.min(CHUNK);
            chunks.push(black_box(vec![1_u8; size]));
            left -= size;
        }
        chunks.iter().map(|chunk| chunk.len() as u32).sum()
    }

    fn recurse() -> u32 {
        deeper(0)
    }

    fn print(text: String, times: u32) {
        for _ in 0..times {
            println!("{text}");
        }
    }

    fn print_error(text: String, times: u32) {
        for _ in 0..times {
            eprintln!("{text}");
        }
    }

    fn print_part(text: String) {
        print!("{text}");
        flush();
    }

    fn print_bytes(bytes: Vec<u8>) {
        std::io::stdout().write_all(&bytes).expect("stdout takes bytes");
        flush();
    }

    fn log(level: Level, message: String) {
        log::log(level.into(), &message);
    }

    fn log_enabled(level: Level) -> bool {
        log::enabled(level.into())
    }

    fn progress(done: u32, total: u32, message: String) {
        taskhost_task::progress(done, total, &message);
    }

    fn context() -> Surroundings {
        let taskhost_task::Context { flow_run, task, task_run, attempt, mapped, map_index, seconds_left } =
            taskhost_task::context();
        Surroundings { flow_run, task, task_run, attempt, mapped, map_index, seconds_left }
    }

    fn sleep(ms: u32) -> u32 {
        std::thread::sleep(Duration::from_millis(ms.into()));
        ms
    }

    fn work(ms: u32) -> u32 {
        let end = Instant::now() + Duration::from_millis(ms.into());
        while Instant::now() < end {
            black_box((0..1000_u64).fold(0, |sum, n| sum ^ black_box(n)));
        }
        ms
    }

    fn random() -> u64 {
        getrandom::u64().expect("wasi:random always answers")
    }

    fn now() -> f64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    }

    fn is_even(n: u32) -> bool {
        n.is_multiple_of(2)
    }

    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn add_one(n: u32) -> Result<u32, String> {
        n.checked_add(1).ok_or_else(|| format!("{n} + 1 does not fit"))
    }

    fn concat(a: String, b: String) -> String {
        a + &b
    }

    fn maybe(text: Option<String>) -> String {
        text.unwrap_or_else(|| "nothing".to_owned())
    }

    fn recover(outcome: Result<u32, String>) -> String {
        match outcome {
            Ok(value) => format!("ok: {value}"),
            Err(message) => format!("err: {message}"),
        }
    }

    fn half(n: u32) -> Option<u32> {
        n.is_multiple_of(2).then_some(n / 2)
    }

    fn split(text: String) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn range(n: u32) -> Vec<u32> {
        (0..n).collect()
    }

    fn sum(numbers: Vec<u32>) -> u64 {
        numbers.into_iter().map(u64::from).sum()
    }

    fn bytes(n: u32) -> Vec<u8> {
        (0..n).map(|position| (position % 251) as u8).collect()
    }

    fn sum_bytes(bytes: Vec<u8>) -> u64 {
        bytes.into_iter().map(u64::from).sum()
    }

    fn floats(n: u32) -> Vec<f64> {
        (0..n).map(|position| f64::from(position) * 0.5).collect()
    }

    fn sum_floats(numbers: Vec<f64>) -> f64 {
        numbers.into_iter().sum()
    }

    fn try_read_file(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn try_write_file(path: String, text: String) -> Result<(), String> {
        std::fs::write(path, text).map_err(|error| error.to_string())
    }

    fn note(path: String, n: u32, ms: u32) -> Result<u32, String> {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        let noted = file.and_then(|mut file| file.write_all(format!("{n}\n").as_bytes()));
        noted.map_err(|error| error.to_string())?;
        std::thread::sleep(Duration::from_millis(ms.into()));
        Ok(n)
    }

    fn try_connect(address: String) -> Result<(), String> {
        std::net::TcpStream::connect(address).map(drop).map_err(|error| error.to_string())
    }

    fn getenv(name: String) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl From<Level> for log::Level {
    fn from(level: Level) -> log::Level {
        match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        }
    }
}

fn flush() {
    std::io::stdout().flush().expect("stdout can be flushed");
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u32) -> u32 {
    black_box(deeper(black_box(depth).wrapping_add(1))).wrapping_add(1)
}

export!(Misc);
