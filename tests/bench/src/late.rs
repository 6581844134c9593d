//! How late a task run is stopped when its time is over, while all threads are busy with other guests.

use std::fmt::Write;
use std::time::Duration;

use taskhost_model::Usage;

use crate::figures::Figure;
use crate::{Bench, Failure, WAITING};

/// What each guest is allowed.
const ALLOWED: Duration = Duration::from_millis(50);

/// How many guests are stopped.
const STOPPED: u32 = 200;

/// How many guests keep the threads busy where those that are stopped do not.
const BUSY: u32 = 40;

/// Guests that must be stopped.
struct Stopped {
    names: [&'static str; 2],
    /// The end of a task's table.
    task: &'static str,
    /// How many others keep the threads busy.
    busy: u32,
    /// The time that is over.
    used: fn(&Usage) -> Duration,
}

const KINDS: [Stopped; 3] = [
    Stopped {
        names: ["late, loops with cpu = 50 ms, p50", "late, loops with cpu = 50 ms, p99"],
        task: "call = \"guest.spin\"\nlimits.cpu = \"50 ms\"\n",
        busy: 0,
        used: |usage| usage.cpu_time,
    },
    Stopped {
        names: ["late, loops with timeout = 50 ms, p50", "late, loops with timeout = 50 ms, p99"],
        task: "call = \"guest.spin\"\ntimeout = \"50 ms\"\n",
        busy: 0,
        used: |usage| usage.wall_time,
    },
    Stopped {
        names: ["late, sleeps with timeout = 50 ms, p50", "late, sleeps with timeout = 50 ms, p99"],
        task: "call = \"guest.sleep\"\nwith.ms = 600000\ntimeout = \"50 ms\"\n",
        busy: BUSY,
        used: |usage| usage.wall_time,
    },
];

impl Bench {
    /// Lateness in milliseconds, the middle one and that of the slowest hundredth.
    pub(crate) fn late(&mut self) -> Result<(), Failure> {
        KINDS.iter().try_for_each(|kind| self.late_of(kind))
    }

    fn late_of(&mut self, kind: &Stopped) -> Result<(), Failure> {
        let mut text = format!("name = \"late\"\n[components]\nguest = \"../../{}\"\n", WAITING.path);
        for n in 0..STOPPED {
            write!(text, "[tasks.stopped-{n}]\n{}", kind.task)?;
        }
        for n in 0..kind.busy {
            write!(text, "[tasks.busy-{n}]\ncall = \"guest.spin\"\nlimits.cpu = \"50 ms\"\n")?;
        }
        let flow = self.flows.check(text)?;
        let (mut middle, mut slowest) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let report = self.flows.report(&flow)?;
            let stopped = report.tasks.iter().filter(|task| task.path.starts_with("stopped-"));
            let mut late: Vec<Duration> = stopped
                .filter(|task| task.runs_failed == 1)
                .map(|task| (kind.used)(&task.usage).saturating_sub(ALLOWED))
                .collect();
            if late.len() != STOPPED as usize {
                return Err(format!("{} of {STOPPED} guests were stopped", late.len()).into());
            }
            late.sort();
            middle.push(late[late.len() / 2].as_secs_f64() * 1e3);
            slowest.push(late[late.len() * 99 / 100].as_secs_f64() * 1e3);
        }
        let meets: fn(f64) -> bool = |n| n <= 10.0;
        for (name, rounds) in kind.names.into_iter().zip([middle, slowest]) {
            let detail = format!("{STOPPED} guests on 2 threads");
            self.add(Figure { name, unit: "ms", rounds, bar: "<= 10 ms", meets: Some(meets), detail });
        }
        Ok(())
    }
}
