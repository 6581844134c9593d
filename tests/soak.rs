//! Very many task runs in one process: small ones, ones that wait, ones that trap and ones that meet a limit. Memory, file descriptors,
//! threads and child processes must not grow.
//!
//! `TASKHOST_SOAK_RUNS` says how many, 200,000 by default; `cargo xtask soak` makes ten million. Flat means: of the samples, the
//! largest of the last quarter is at most [`MARGIN`] above the largest of the second one. The first quarter is for warming up.

#![expect(clippy::print_stdout, reason = "a table for whoever waits for it")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use taskhost::flow::{Flow, FlowSource};
use taskhost::{Host, HostOptions, RunError};

/// How many task runs when nothing else is said.
const RUNS_DEFAULT: u64 = 200_000;

/// How many samples are taken.
const SAMPLES: u64 = 40;

/// What may be more in the last quarter than in the second: 3 % and 16 MiB of memory (slots of the pool that keep their
/// pages, and the allocator's moods), nothing else.
const MARGIN: (u64, u64) = (3, 16 << 20);

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    // This test has no harness: it is one test, and answers whoever lists tests as one.
    if std::env::args().any(|argument| argument == "--list") {
        println!("soak: test");
        return ExitCode::SUCCESS;
    }
    if let Some(filter) = std::env::args().skip(1).find(|argument| !argument.starts_with('-'))
        && !"soak".contains(&filter)
    {
        return ExitCode::SUCCESS;
    }
    match soak() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("soak: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn soak() -> Result<(), Failure> {
    let runs = std::env::var("TASKHOST_SOAK_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(RUNS_DEFAULT);
    let host = Host::new(HostOptions { use_cache: false, concurrency: 16, ..HostOptions::default() })?;
    let mixes = mixes(&host)?;
    println!(
        "{runs} task runs\n{:>12} {:>10} {:>6} {:>8} {:>9} {:>10}",
        "task runs", "memory", "files", "threads", "children", "runs/s"
    );
    let (mut done, mut samples, started) = (0, Vec::new(), Instant::now());
    while done < runs {
        for mix in &mixes {
            done += mix.run(&host)?;
        }
        if done >= (samples.len() as u64 + 1) * runs / SAMPLES {
            let sample = Sample::take()?;
            let speed = done as f64 / started.elapsed().as_secs_f64();
            println!(
                "{done:>12} {:>6} MiB {:>6} {:>8} {:>9} {speed:>10.0}",
                sample.memory >> 20,
                sample.files,
                sample.threads,
                sample.children
            );
            samples.push(sample);
        }
    }
    judge(&samples)
}

/// A flow with how many task runs it has, and whether they fail.
struct Mix {
    flow: Arc<Flow>,
    runs: u64,
    ends_well: bool,
}

impl Mix {
    fn run(&self, host: &Host) -> Result<u64, Failure> {
        match host.run(&self.flow) {
            Ok(_) if self.ends_well => Ok(self.runs),
            Err(RunError::Failed(_)) if !self.ends_well => Ok(self.runs),
            Ok(_) => Err("a flow that must fail succeeded".into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Many that are quick, and a few of everything else.
fn mixes(host: &Host) -> Result<Vec<Mix>, Failure> {
    let mut mixes = Vec::new();
    let numbers = |length: u32| (1..=length).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    for (guest, call, arguments, count, limits, ends_well) in [
        ("tiny", "add-one", format!("value = [{}]", numbers(1500)), 1500, "", true),
        ("plain", "add-one", format!("value = [{}]", numbers(400)), 400, "", true),
        ("misc", "add-one", format!("n = [{}]", numbers(50)), 50, "", true),
        ("misc", "sleep", format!("ms = [{}]", vec!["1"; 40].join(", ")), 40, "", true),
        ("misc", "fail-odd", format!("n = [{}]", ["1"; 5].join(", ")), 5, "on-failure = \"collect\"\n", true),
        ("misc", "trap", String::new(), 1, "", false),
        ("misc", "spin", String::new(), 1, "limits.cpu = \"2 ms\"\n", false),
        ("misc", "sleep", "ms = 10000".to_owned(), 1, "timeout = \"2 ms\"\n", false),
        ("misc", "grow", "bytes = 33554432".to_owned(), 1, "limits.memory = \"16 MiB\"\n", false),
    ] {
        let map = arguments.split_once(" = [").map_or(String::new(), |(name, _)| format!("map = [\"{name}\"]\n"));
        let text = format!(
            "name = \"soak\"\n[components]\nguest = {:?}\n[tasks.many]\ncall = \"guest.{call}\"\nwith = {{ {arguments} }}\n{map}{limits}\
             [outputs]\nall = \"${{many}}\"\n",
            component(guest)?
        );
        let flow = host.check(&Arc::new(FlowSource::new("flow.toml", text)))?.flow;
        mixes.push(Mix { flow, runs: count, ends_well });
    }
    Ok(mixes)
}

fn component(name: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("guests/{name}/components/{name}.wasm"));
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} is missing: run `cargo xtask guests`", path.display()).into())
    }
}

/// What the process holds.
#[derive(Clone, Copy)]
struct Sample {
    memory: u64,
    files: u64,
    threads: u64,
    children: u64,
}

impl Sample {
    fn take() -> Result<Sample, Failure> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let number = |key: &str| -> Option<u64> {
            status.lines().find_map(|line| line.strip_prefix(key))?.trim().trim_end_matches(" kB").parse().ok()
        };
        let entries = |folder: &str| std::fs::read_dir(folder).map(|all| all.count() as u64);
        let mut children = 0;
        for thread in std::fs::read_dir("/proc/self/task")? {
            let text = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
            children += text.split_whitespace().count() as u64;
        }
        Ok(Sample {
            memory: number("VmRSS:").ok_or("no VmRSS in /proc/self/status")? << 10,
            files: entries("/proc/self/fd")?,
            threads: number("Threads:").ok_or("no Threads in /proc/self/status")?,
            children,
        })
    }
}

fn judge(samples: &[Sample]) -> Result<(), Failure> {
    let quarter = |at: usize| &samples[samples.len() * at / 4..samples.len() * (at + 1) / 4];
    let most = |at: usize, of: fn(&Sample) -> u64| quarter(at).iter().map(of).max().unwrap_or(0);
    let mut grown = Vec::new();
    let allowed = |before: u64| before + before * MARGIN.0 / 100 + MARGIN.1;
    let (before, after) = (most(1, |sample| sample.memory), most(3, |sample| sample.memory));
    if after > allowed(before) {
        grown.push(format!("memory from {} to {} MiB", before >> 20, after >> 20));
    }
    type Count = fn(&Sample) -> u64;
    let counts: [(&str, Count); 3] = [
        ("files", |sample| sample.files),
        ("threads", |sample| sample.threads),
        ("children", |sample| sample.children),
    ];
    for (what, of) in counts {
        if most(3, of) > most(1, of) {
            grown.push(format!("{what} from {} to {}", most(1, of), most(3, of)));
        }
    }
    if grown.is_empty() {
        println!("flat: memory {} MiB in the second quarter, {} MiB in the last", before >> 20, after >> 20);
        return Ok(());
    }
    Err(format!("not flat: {}", grown.join(", ")).into())
}
