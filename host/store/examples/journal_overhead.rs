//! What the journal costs: prints CPU time and bytes on disk for each task run, for (a) slices of 256 runs and (b) chains of single runs; and
//! how long it takes to open a store, begin a run and end it.
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_model::event::Timed;
use taskhost_model::seams::Journal;
use taskhost_model::{FlowRunEnding, FlowRunId, Origin, RunEvent, TaskState, Usage, Value};
use taskhost_store::{RunFilter, RunRecord, Store};

type Failure = Box<dyn std::error::Error>;

/// How many events were appended, and the CPU time that had nothing to do with it.
type Appended = (u32, Duration);

/// Task runs of a slice.
const SLICE: u32 = 256;

/// What a task run of the chain takes itself.
const WORK: Duration = Duration::from_micros(15);

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn main() -> Result<(), Failure> {
    let scratch = Scratch(std::env::temp_dir().join(format!("taskhost-overhead-{}", std::process::id())));
    for round in 0..3 {
        let folder = scratch.0.join(format!("short-{round}"));
        short(&folder)?;
        short(&folder)?;
    }
    for _ in 0..2 {
        measure("(a) slices of 256", &scratch.0.join("slices"), 1_000_000, slices)?;
        measure("(b) a chain", &scratch.0.join("chain"), 100_000, chain)?;
    }
    many(&scratch.0.join("many"))
}

/// Many short runs, listed.
fn many(folder: &Path) -> Result<(), Failure> {
    const RUNS: u32 = 1_000;
    let store = Store::open(folder)?;
    let began = Instant::now();
    for number in 0..RUNS {
        let journal = store.create(RunRecord::empty(FlowRunId::new(number.into(), number), 1), || {})?;
        end(&*journal, Duration::ZERO)?;
    }
    store.flush()?;
    let made = began.elapsed() / RUNS;
    let began = Instant::now();
    let count = store.runs(&RunFilter::default())?.len();
    println!("{:18} begun and ended in {made:.1?} each; {count} listed in {:.1?}", "many runs", began.elapsed());
    Ok(())
}

/// A run without tasks, with its store.
fn short(folder: &Path) -> Result<(), Failure> {
    let is_new = !folder.exists();
    let began = Instant::now();
    let store = Store::open(folder)?;
    let opened = began.elapsed();
    let journal = store.create(RunRecord::empty(FlowRunId::new(1, u32::from(is_new)), 1), || {})?;
    let created = began.elapsed();
    end(&*journal, Duration::ZERO)?;
    journal.flush()?;
    let ended = began.elapsed();
    drop(journal);
    drop(store);
    let name = if is_new { "new store" } else { "known store" };
    println!(
        "{name:18} open {opened:.1?}, begin {:.1?}, end {:.1?}, close {:.1?}",
        created - opened,
        ended - created,
        began.elapsed() - ended
    );
    Ok(())
}

fn measure(
    name: &str,
    folder: &Path,
    runs: u32,
    append: fn(&dyn Journal, u32) -> Result<Appended, Failure>,
) -> Result<(), Failure> {
    let _ = fs::remove_dir_all(folder);
    let store = Store::open(folder)?;
    let journal = store.create(RunRecord::empty(FlowRunId::new(1, 1), 1), || {})?;
    let (began, cpu) = (Instant::now(), cpu_time());
    let (events, own) = append(&*journal, runs)?;
    let appended = began.elapsed();
    end(&*journal, Duration::from_secs(1))?;
    journal.flush()?;
    let (wall, cpu) = (began.elapsed(), cpu_time().saturating_sub(cpu + own));
    drop(journal);
    drop(store);
    let opening = Instant::now();
    let store = Store::open(folder)?;
    let opening = opening.elapsed();
    let listing = Instant::now();
    let (count, tasks) = (store.runs(&RunFilter::default())?.len(), store.tasks(FlowRunId::new(1, 1))?.len());
    let listing = listing.elapsed();
    let reading = Instant::now();
    let read = store.events(FlowRunId::new(1, 1))?.filter(Result::is_ok).count();
    let reading = reading.elapsed();
    drop(store);
    let of = |duration: Duration, count: u32| duration.as_nanos() as f64 / f64::from(count);
    println!(
        "{name:18} {:6.0} ns CPU and {:.1} bytes each task run; {:5.0} ns wall; {:5.0} ns to append an event; {read} events read in \
         {reading:.1?}; opened in {opening:.1?}; {count} run with {tasks} tasks listed in {listing:.1?}",
        of(cpu, runs),
        bytes(folder) as f64 / f64::from(runs),
        of(wall, runs),
        of(appended, events),
    );
    Ok(())
}

fn slices(journal: &dyn Journal, runs: u32) -> Result<Appended, Failure> {
    let task: Arc<str> = "squares".into();
    let mut at = Duration::ZERO;
    journal.append(Timed { at, event: RunEvent::TaskStarted { task: Arc::clone(&task), runs } })?;
    for first in (0..runs).step_by(SLICE as usize) {
        let count = SLICE.min(runs - first);
        at += Duration::from_micros(300);
        journal.append(Timed { at, event: ended(&task, first, count) })?;
    }
    journal.append(Timed { at, event: RunEvent::TaskEnded { task, state: TaskState::Succeeded } })?;
    Ok((runs / SLICE + 2, Duration::ZERO))
}

fn chain(journal: &dyn Journal, runs: u32) -> Result<Appended, Failure> {
    let mut at = Duration::ZERO;
    for hop in 0..runs {
        let task: Arc<str> = format!("hop-{hop}").into();
        at += Duration::from_micros(8);
        journal.append(Timed { at, event: RunEvent::TaskStarted { task: Arc::clone(&task), runs: 1 } })?;
        at += Duration::from_micros(12);
        journal.append(Timed { at, event: ended(&task, 0, 1) })?;
        journal.append(Timed { at, event: RunEvent::TaskEnded { task, state: TaskState::Succeeded } })?;
        // As long as a task run takes, so that commits come as often as they would.
        let until = Instant::now() + WORK;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }
    Ok((runs * 3, WORK * runs))
}

fn ended(task: &Arc<str>, first: u32, count: u32) -> RunEvent {
    let usage = Usage {
        wall_time: Duration::from_nanos(12_345),
        cpu_time: Duration::from_nanos(11_111),
        memory_bytes_peak: 1_114_112,
        bytes_in: 4,
        bytes_out: 8,
        ..Usage::default()
    };
    let results = (first..first + count).map(|n| Some(Value::ok(Some(Value::U32(n))))).collect();
    let task = Arc::clone(task);
    let (failures, refusals) = (vec![], vec![]);
    RunEvent::TaskRunsEnded { task, first, count, usage, failures, refusals, results, origin: Origin::Run }
}

fn end(journal: &dyn Journal, at: Duration) -> Result<(), Failure> {
    let event = RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(vec![]));
    Ok(journal.append(Timed { at, event })?)
}

fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Of this process, all threads.
fn cpu_time() -> Duration {
    // utime and stime, in hundredths of a second, after the name in brackets.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
