//! taskhost against bare wasmtime, doing the same work in the same process and run, in interleaved rounds.
//!
//! Ratios are what counts: absolute times depend on the machine and on what else it does. `cargo xtask bench [-- --rounds N --only CASE]`.

#![expect(clippy::print_stdout, reason = "a benchmark reports to its caller")]

mod bare;
mod figures;
mod flows;
mod journal;
mod languages;
mod late;
mod limits;
mod observed;
mod queue;
mod remote;
mod resume;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bare::{Bare, Safety};
use figures::{Figure, median, micros};
use flows::{Flows, count, numbers};
use taskhost_flow::Flow;

/// Whatever stops the benchmark.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Bench {
    root: PathBuf,
    rounds: usize,
    flows: Flows,
    engine: wasmtime::Engine,
    figures: Vec<Figure>,
}

fn main() -> Result<(), Failure> {
    let (rounds, only) = options(std::env::args().skip(1))?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut bench =
        Bench { flows: Flows::new(&root)?, engine: bare::engine(Safety::Limited)?, root, rounds, figures: Vec::new() };
    println!("{rounds} interleaved rounds; median (lowest to highest)\n");
    for (name, case) in CASES {
        if only.as_ref().is_none_or(|only| only == name) {
            case(&mut bench)?;
        }
    }
    bench.save()
}

type Case = fn(&mut Bench) -> Result<(), Failure>;

/// The groups of figures, by the name that `--only` takes.
const CASES: [(&str, Case); 13] = [
    ("mapped", Bench::mapped_all),
    ("chain", Bench::chain),
    ("million", Bench::million),
    ("bytes", Bench::bytes),
    ("floats", Bench::floats),
    ("process", Bench::process),
    ("limits", Bench::limits),
    ("late", Bench::late),
    ("journal", Bench::journal),
    ("resume", Bench::resume),
    ("observed", Bench::observed),
    ("remote", Bench::remote),
    ("languages", Bench::languages),
];

/// How many rounds, and which group of figures if not all.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<(usize, Option<String>), Failure> {
    let (mut rounds, mut only) = (7, None);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match (argument.as_str(), value) {
            ("--rounds", Some(n)) => rounds = n.parse().map_err(|_| "`--rounds` wants a number")?,
            ("--only", Some(name)) if CASES.iter().any(|(case, _)| *case == name) => only = Some(name),
            _ => {
                let names = CASES.map(|(name, _)| name).join(", ");
                return Err(
                    format!("usage: taskhost-bench [--rounds N] [--only CASE], with CASE one of {names}").into()
                );
            }
        }
    }
    Ok((rounds, only))
}

/// A function of `u32` to benchmark with.
#[derive(Clone, Copy)]
struct Guest {
    path: &'static str,
    interface: &'static str,
    function: &'static str,
    parameter: &'static str,
    fallible: bool,
}

const TINY: Guest = Guest {
    path: "tests/guests/tiny/components/tiny.wasm",
    interface: "test:tiny/tasks@0.1.0",
    function: "add-one",
    parameter: "value",
    fallible: false,
};

const STD: Guest = Guest {
    path: "tests/guests/plain/components/plain.wasm",
    interface: "test:plain/tasks@0.1.0",
    function: "add-one",
    parameter: "value",
    fallible: true,
};

const WAITING: Guest = Guest {
    path: "tests/guests/misc/components/misc.wasm",
    interface: "test:misc/tasks@0.1.0",
    function: "add-one",
    parameter: "n",
    fallible: true,
};

const MAPPED: u32 = 100_000;

impl Bench {
    fn add(&mut self, figure: Figure) {
        println!("{}", figure.line());
        self.figures.push(figure);
    }

    fn bare(&self, guest: Guest) -> Result<Bare, Failure> {
        Ok(Bare::new(&self.engine, Safety::Limited, &self.root.join(guest.path), guest.interface, guest.function)?)
    }

    fn time_bare(bare: &Bare, guest: Guest, threads: u32, calls: u32) -> Result<Duration, Failure> {
        let parameters = |n: u32| (n % 1_000 + 1,);
        Ok(if guest.fallible {
            bare.time::<_, (Result<u32, String>,)>(threads, calls, parameters)?
        } else {
            bare.time::<_, (u32,)>(threads, calls, parameters)?
        })
    }

    fn mapped_all(&mut self) -> Result<(), Failure> {
        self.mapped("mapped, no WASI, 1 thread", TINY, 1)?;
        self.mapped("mapped, no WASI, 2 threads", TINY, 2)?;
        self.mapped("mapped, Rust std, 1 thread", STD, 1)?;
        self.mapped("mapped, Rust std, 2 threads", STD, 2)?;
        self.mapped("mapped, Rust std that may wait, 1 thread", WAITING, 1)
    }

    /// Throughput of a mapped flow of small tasks.
    fn mapped(&mut self, name: &'static str, guest: Guest, threads: u32) -> Result<(), Failure> {
        let bare = self.bare(guest)?;
        let flow = self.flows.mapped(&format!("../../{}", guest.path), guest.function, guest.parameter)?;
        self.flows.time(&flow, threads, numbers(MAPPED / 10))?;
        let (mut ratios, mut ours_times, mut bare_times) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let theirs = Bench::time_bare(&bare, guest, threads, MAPPED)?;
            let ours = self.flows.time(&flow, threads, numbers(MAPPED))?;
            ratios.push(theirs.as_secs_f64() / ours.as_secs_f64());
            ours_times.push(micros(ours, MAPPED));
            bare_times.push(micros(theirs, MAPPED));
        }
        let detail = format!("{:.2} µs a task, bare {:.2} µs", median(&ours_times), median(&bare_times));
        self.add(Figure {
            name,
            unit: "x",
            rounds: ratios,
            bar: ">= 0.85 of bare",
            meets: Some(|n| n >= 0.85),
            detail,
        });
        Ok(())
    }

    /// Latency of a hop.
    fn chain(&mut self) -> Result<(), Failure> {
        const LENGTH: u32 = 1_000;
        for (name, guest) in [
            ("chain of 1,000, a hop, no WASI", TINY),
            ("chain of 1,000, a hop, Rust std", STD),
            ("chain of 1,000, a hop, may wait", WAITING),
        ] {
            let bare = self.bare(guest)?;
            let flow = self.flows.chain(&format!("../../{}", guest.path), guest.function, guest.parameter, LENGTH)?;
            self.flows.time(&flow, 2, Vec::new())?;
            let (mut over, mut ours_times, mut bare_times) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.rounds {
                let theirs = micros(Bench::time_bare(&bare, guest, 1, LENGTH)?, LENGTH);
                let ours = micros(self.flows.time(&flow, 2, Vec::new())?, LENGTH);
                // What the bar leaves: at most 1.
                over.push(ours / (1.5 * theirs + 20.0));
                ours_times.push(ours);
                bare_times.push(theirs);
            }
            let detail = format!("{:.2} µs a hop, bare {:.2} µs", median(&ours_times), median(&bare_times));
            let bar = "<= 1 (1.5x + 20 µs)";
            self.add(Figure { name, unit: "x", rounds: over, bar, meets: Some(|n| n <= 1.0), detail });
        }
        Ok(())
    }

    /// Cost and memory of a million task runs.
    fn million(&mut self) -> Result<(), Failure> {
        const MANY: u32 = 1_000_000;
        const FEW: u32 = 10_000;
        let flow = self.flows.mapped(&format!("../../{}", TINY.path), TINY.function, TINY.parameter)?;
        let (mut costs, mut memory, mut detail) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..self.rounds.min(5) {
            // As many task runs by 10,000 as by the million, half of them before and half after: drift cancels.
            let mut few = self.repeated(&flow, FEW, MANY / FEW / 2)?;
            let before = reset_peak()?;
            let many = self.flows.time(&flow, 2, numbers(MANY))?;
            memory.push(peak()?.saturating_sub(before) as f64 / f64::from(MANY));
            few += self.repeated(&flow, FEW, MANY / FEW / 2)?;
            costs.push(many.as_secs_f64() / few.as_secs_f64());
            detail = format!("{:.2} µs a task, {:.2} µs by 10,000", micros(many, MANY), micros(few, MANY));
        }
        self.add(Figure {
            name: "1,000,000 mapped, cost against 10,000",
            unit: "x",
            rounds: costs,
            bar: "<= 1.1",
            meets: Some(|n| n <= 1.1),
            detail,
        });
        self.add(Figure {
            name: "1,000,000 mapped, peak memory a task run",
            unit: "bytes",
            rounds: memory,
            bar: "< 1024",
            meets: Some(|n| n < 1024.0),
            detail: "parameter and result lists included".to_owned(),
        });
        Ok(())
    }

    /// Time of `times` flow runs of `length` task runs each.
    fn repeated(&self, flow: &Arc<Flow>, length: u32, times: u32) -> Result<Duration, Failure> {
        (0..times).map(|_| self.flows.time(flow, 2, numbers(length))).sum()
    }

    /// 64 MiB from task to task.
    fn bytes(&mut self) -> Result<(), Failure> {
        const SIZE: u32 = 64 << 20;
        let guest = |function| Guest { function, ..WAITING };
        let (make, take) = (self.bare(guest("bytes"))?, self.bare(guest("sum-bytes"))?);
        let flow = self.flows.handover("../guests/misc/components/misc.wasm", "bytes", "sum-bytes", "bytes")?;
        let (mut ratios, mut detail) = (Vec::new(), String::new());
        for _ in 0..self.rounds {
            let started = Instant::now();
            let (bytes,) = make.call::<_, (Vec<u8>,)>((SIZE,))?;
            std::hint::black_box(take.call::<_, (u64,)>((bytes,))?);
            let theirs = started.elapsed();
            let ours = self.flows.time(&flow, 2, count(SIZE))?;
            ratios.push(theirs.as_secs_f64() / ours.as_secs_f64());
            detail = format!("{ours:.1?}, bare {theirs:.1?}");
        }
        let name = "64 MiB of list<u8> from task to task";
        self.add(Figure { name, unit: "x", rounds: ratios, bar: ">= 0.5 of bare", meets: Some(|n| n >= 0.5), detail });
        Ok(())
    }

    /// A million numbers from task to task.
    fn floats(&mut self) -> Result<(), Failure> {
        const LENGTH: u32 = 1_000_000;
        let guest = |function| Guest { function, ..WAITING };
        let (make, take) = (self.bare(guest("floats"))?, self.bare(guest("sum-floats"))?);
        let flow = self.flows.handover("../guests/misc/components/misc.wasm", "floats", "sum-floats", "numbers")?;
        let (mut ratios, mut detail) = (Vec::new(), String::new());
        for _ in 0..self.rounds {
            let started = Instant::now();
            let (numbers,) = make.call::<_, (Vec<f64>,)>((LENGTH,))?;
            std::hint::black_box(take.call::<_, (f64,)>((numbers,))?);
            let theirs = started.elapsed();
            let ours = self.flows.time(&flow, 2, count(LENGTH))?;
            ratios.push(theirs.as_secs_f64() / ours.as_secs_f64());
            detail = format!("{ours:.1?}, bare {theirs:.1?}");
        }
        let name = "1,000,000 f64 from task to task";
        self.add(Figure { name, unit: "x", rounds: ratios, bar: ">= 0.5 of bare", meets: Some(|n| n >= 0.5), detail });
        Ok(())
    }

    /// `taskhost run` of the parallel flow, from start to end of the process.
    fn process(&mut self) -> Result<(), Failure> {
        let binary = std::env::current_exe()?.with_file_name("taskhost");
        if !binary.exists() {
            return Err(
                format!("{} is missing: `cargo build --release -p taskhost-cli` first", binary.display()).into()
            );
        }
        let flow = self.root.join("example-tasks/02-parallel-execution/flow.toml");
        let cache = std::env::temp_dir().join(format!("taskhost-bench-{}", std::process::id()));
        let data = cache.with_added_extension("data");
        let run = |arguments: &[&str]| -> Result<f64, Failure> {
            let mut command = Command::new(&binary);
            command.args(arguments).env("TASKHOST_CACHE_FOLDER", &cache).env("TASKHOST_DATA_FOLDER", &data);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let started = Instant::now();
            let status = command.status()?;
            let time = started.elapsed();
            if status.success() {
                Ok(time.as_secs_f64() * 1e3)
            } else {
                Err(format!("taskhost ended with {status}").into())
            }
        };
        let flow = flow.to_str().ok_or("the path of the repository is not UTF-8")?;
        let (mut cold, mut warm, mut start) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let _ = std::fs::remove_dir_all(&cache);
            cold.push(run(&["run", flow])?);
            for _ in 0..3 {
                warm.push(run(&["run", flow])?);
                start.push(run(&["--version"])?);
            }
        }
        let _ = std::fs::remove_dir_all(&cache);
        let _ = std::fs::remove_dir_all(&data);
        let detail = format!("of which process start {:.1} ms", median(&start));
        let name = "parallel flow, whole process, warm";
        self.add(Figure { name, unit: "ms", rounds: warm, bar: "<= 15 ms", meets: Some(|n| n <= 15.0), detail });
        let (name, detail) = ("parallel flow, whole process, cold", "compiles its component".to_owned());
        self.add(Figure { name, unit: "ms", rounds: cold, bar: "", meets: None, detail });
        Ok(())
    }

    fn save(&self) -> Result<(), Failure> {
        let path = std::env::current_exe()?.with_file_name("taskhost-bench.json");
        let figures: Vec<_> = self.figures.iter().map(Figure::json).collect();
        std::fs::write(
            &path,
            serde_json::to_string_pretty(&serde_json::json!({ "rounds": self.rounds, "figures": figures }))?,
        )?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }
}

/// Starts the count of the peak anew; resident bytes now.
fn reset_peak() -> Result<u64, Failure> {
    std::fs::write("/proc/self/clear_refs", "5")?;
    status("VmRSS:")
}

/// Most resident bytes since the last reset.
fn peak() -> Result<u64, Failure> {
    status("VmHWM:")
}

fn status(key: &str) -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)).ok_or("no such line in /proc/self/status")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes << 10)
}
