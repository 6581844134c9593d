//! A task that prints and waits: its lines reach the reader while it runs.

use std::io::Write;
use std::time::Duration;

use exports::demo::printer::tasks::Guest;

taskhost_task::world!({ world: "demo:printer/printer", path: ["../../wit", "wit"] });

struct Printer;

impl Guest for Printer {
    fn print_lines(text: String, times: u32, pause_ms: u32) -> u32 {
        for done in 1..=times {
            println!("{text}");
            std::io::stdout().flush().expect("stdout can be flushed");
            taskhost_task::progress(done, times, "");
            std::thread::sleep(Duration::from_millis(pause_ms.into()));
        }
        times
    }
}

export!(Printer);
