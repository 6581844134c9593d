//! What the binary form costs: prints nanoseconds for each event and for each result, written and read.
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_model::codec::{ChunkReader, ChunkWriter, keep_inline, resolve_nothing};
use taskhost_model::event::Timed;
use taskhost_model::{Origin, RunEvent, Usage, Value};

const RESULTS: u32 = 256;
const ROUNDS: u32 = 2_000;

fn main() {
    let number = |n| Some(Value::U32(n));
    let ok = |n| Some(Value::ok(Some(Value::U32(n))));
    let text = |n: u32| Some(Value::string(format!("the text of number {n}")));
    for (name, results) in [
        ("u32", (0..RESULTS).map(number).collect::<Vec<_>>()),
        ("result<u32>", (0..RESULTS).map(ok).collect()),
        ("string", (0..RESULTS).map(text).collect()),
    ] {
        let event = RunEvent::TaskRunsEnded {
            task: Arc::from("numbers"),
            first: 0,
            count: RESULTS,
            usage: Usage::default(),
            failures: vec![],
            refusals: vec![],
            results,
            origin: Origin::Run,
        };
        let event = Timed { at: Duration::from_millis(5), event };
        let (mut writer, mut bytes) = (ChunkWriter::default(), Vec::new());
        let mut best = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            bytes.clear();
            let began = Instant::now();
            writer.start(&mut bytes);
            writer.event(&event, &mut bytes, &mut keep_inline);
            best.0 = best.0.min(began.elapsed());
            let began = Instant::now();
            let mut reader = ChunkReader::new(bytes.clone()).expect("a chunk");
            assert!(reader.event(&mut resolve_nothing).is_ok_and(|read| read.is_some()));
            best.1 = best.1.min(began.elapsed());
        }
        println!("{name:12} {RESULTS} results: written in {:?}, read in {:?}, {} bytes", best.0, best.1, bytes.len());
    }
}
