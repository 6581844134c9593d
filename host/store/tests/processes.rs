//! Several processes use a store at once, and processes die. This program is the other process, too: a test that begins with `role_` does
//! nothing unless it is started as one.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use taskhost_model::event::Timed;
use taskhost_model::seams::Journal;
use taskhost_model::{RunEvent, TaskState, Value};
use taskhost_store::{RunFilter, RunState, Store, StoreError};

mod support;
use support::{
    Scratch, at, ended, events, id, numbers, other_process, record, role_folder, started, succeeded, task_over,
    wait_for,
};

/// The `n`-th event of the run that the writing process writes: it can be told from `n` alone.
fn nth(n: u32, task: &Arc<str>) -> Timed<RunEvent> {
    match n {
        0 => at(0, started(task, u32::MAX)),
        n => {
            // Now and then one that is kept as an artifact.
            let value = if n % 200 == 0 { numbers(n, 2_000) } else { Value::U32(n) };
            at(n.into(), ended(task, n, vec![value]))
        }
    }
}

/// Kills the process at once, as `kill -9` does.
fn kill(mut process: Child) {
    process.kill().expect("killed");
    process.wait().expect("ended");
}

/// Reads lines of the other process until one begins with `word`; gives the rest of it. None if the process ends before.
fn hear(output: &mut impl BufRead, word: &str) -> Option<String> {
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        // The test harness writes words of its own before ours.
        if let Some(at) = line.find(word) {
            return Some(line[at + word.len()..].trim().to_owned());
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody listens");
}

#[test]
fn role_write_until_killed() {
    let Some(folder) = role_folder() else { return };
    let store = Store::open(&folder).expect("a store");
    let number = store.runs(&RunFilter::default()).map_or(0, |runs| runs.len() as u32);
    let journal = store.create(record(number, "killed"), || {}).expect("a run");
    let task: Arc<str> = "t".into();
    for n in 0.. {
        journal.append(nth(n, &task)).expect("appended");
        if n % 500 == 499 {
            journal.flush().expect("durable");
            say(&format!("flushed {}", n + 1));
        }
    }
}

#[test]
fn what_is_read_after_a_kill_is_a_prefix_with_all_that_was_flushed() {
    const KILLS: u32 = 24;
    let scratch = Scratch::new();
    let task: Arc<str> = "t".into();
    for round in 0..KILLS {
        let mut process = other_process("role_write_until_killed", &scratch.0);
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut flushed = 0;
        for _ in 0..round % 3 + 1 {
            let told = hear(&mut output, "flushed").expect("it writes until it is killed");
            flushed = told.parse().expect("a number");
        }
        // At another moment each time, anywhere between two commits or within one.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 777 % 9_000));
        kill(process);
        // What it said before it died, and nobody had read yet.
        while let Some(told) = hear(&mut output, "flushed") {
            flushed = told.parse().unwrap_or(flushed);
        }
        let store = scratch.open();
        let read = events(&store, id(round));
        assert!(read.len() >= flushed, "{flushed} were flushed, {} are there", read.len());
        for (n, event) in read.iter().enumerate() {
            assert_eq!(*event, nth(n as u32, &task));
        }
        let (run, tasks) = (store.run(id(round)).expect("a run"), store.tasks(id(round)).expect("tasks"));
        assert_eq!(run.state, RunState::Interrupted);
        assert_eq!(
            (run.runs_ended, tasks[0].runs_ended),
            (read.len() as u64 - 1, read.len() as u64 - 1),
            "the summary agrees"
        );
        // Somebody else may go on at once.
        let journal = store.claim(id(round), || {}).expect("claimed");
        journal.append(nth(read.len() as u32, &task)).expect("appended");
        journal.append(at(u32::MAX.into(), succeeded())).expect("appended");
        journal.flush().expect("durable");
        assert_eq!(events(&store, id(round)).len(), read.len() + 2);
    }
}

#[test]
fn role_hold_a_run() {
    let Some(folder) = role_folder() else { return };
    let store = Store::open(&folder).expect("a store");
    let cancelled = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&cancelled);
    let journal = store.create(record(1, "held"), move || asked.store(true, Ordering::SeqCst)).expect("a run");
    say("ready");
    wait_for("somebody cancels", || cancelled.load(Ordering::SeqCst));
    say("cancelled");
    let _ = std::io::stdin().read(&mut [0]);
    drop(journal);
}

#[test]
fn a_run_belongs_to_one_process_until_that_dies_and_others_can_ask_it_to_stop() {
    let scratch = Scratch::new();
    let mut process = other_process("role_hold_a_run", &scratch.0);
    let mut output = BufReader::new(process.stdout.take().expect("its output"));
    hear(&mut output, "ready").expect("it begins a run");
    let store = scratch.open();
    assert_eq!(store.run(id(1)).expect("a run").state, RunState::Running);
    assert_eq!(store.claim(id(1), || {}).err(), Some(StoreError::Running(id(1))));
    assert_eq!(store.delete(&[id(1)]), Err(StoreError::Running(id(1))));
    store.request_cancel(id(1)).expect("asked");
    hear(&mut output, "cancelled").expect("it notices");
    kill(process);
    assert_eq!(store.run(id(1)).expect("a run").state, RunState::Interrupted);
    assert_eq!(store.request_cancel(id(1)), Err(StoreError::NotRunning(id(1))));
    let journal = store.claim(id(1), || panic!("the request was to the process before")).expect("claimed");
    journal.append(at(1, succeeded())).expect("appended");
    journal.flush().expect("durable");
    assert_eq!(store.run(id(1)).expect("a run").state, RunState::Succeeded);
}

#[test]
fn role_write_a_whole_run() {
    let Some(folder) = role_folder() else { return };
    // All of them begin with an empty folder at the same time.
    let store = Store::open(&folder).expect("a store");
    let number = std::process::id();
    let journal = store.create(record(number, "whole"), || {}).expect("a run");
    let task: Arc<str> = "t".into();
    for n in 0..1_000 {
        journal.append(nth(n, &task)).expect("appended");
    }
    journal.append(at(2_000, task_over("t", TaskState::Succeeded))).expect("appended");
    journal.append(at(2_001, succeeded())).expect("appended");
    journal.flush().expect("durable");
}

#[test]
fn several_processes_write_at_once_and_each_run_is_whole() {
    let scratch = Scratch::new();
    let processes: Vec<Child> = (0..4).map(|_| other_process("role_write_a_whole_run", &scratch.0)).collect();
    let mut numbers = Vec::new();
    for process in processes {
        numbers.push(process.id());
        let output = process.wait_with_output().expect("ended");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let store = scratch.open();
    assert_eq!(store.runs(&RunFilter::default()).expect("runs").len(), 4);
    for number in numbers {
        assert_eq!(store.run(id(number)).expect("a run").state, RunState::Succeeded);
        let read = events(&store, id(number));
        assert_eq!(read.len(), 1_002);
        assert_eq!(read[999], nth(999, &"t".into()));
    }
}
