//! Random flows against the pure scheduler and the replay of its journal: random endings and delays, duplicates, late and foreign
//! reports, draining, cancelling, a crash after every event, and going on after a failure. What must hold is looked at after every step.
//!
//! A seed that fails is named in the panic: `TASKHOST_SEED=17 cargo test -p taskhost-engine --test simulation`. More seeds:
//! `cargo xtask simulate --seeds 1000000`.

mod flows;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use flows::Dice;
use taskhost_model::FlowRunEnding;
use taskhost_model::event::Timed;
use taskhost_model::{Origin, RunEvent};
use world::{Luck, Setting, World};

/// Seeds that a test without optimisation has time for.
const SEEDS: u64 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };

/// For each so many, every crash is simulated; for the others, one.
const EVERY_CRASH_OF: u64 = 4;

/// Longer journals are left to chance.
const EVENTS_MAX: usize = 60;

/// Plays a flow undisturbed, then disturbed and crashed; what is resumed ends as the undisturbed one.
fn simulate(seed: u64) {
    let mut dice = Dice::new(seed);
    let setting = Setting::random(&mut dice);
    let mut undisturbed = World::new(&setting, &[]);
    undisturbed.play(&mut dice, false);
    let end = undisturbed.end();
    let mut disturbed = World::new(&setting, &[]);
    disturbed.play(&mut dice, true);
    let journal = &disturbed.journal;
    let every: Vec<usize> = match seed.is_multiple_of(EVERY_CRASH_OF) && journal.len() <= EVENTS_MAX {
        true => (0..=journal.len()).collect(),
        false => vec![journal.len(), dice.below(journal.len() as u32 + 1) as usize],
    };
    for length in every {
        let mut resumed = World::new(&setting, &journal[..length]);
        let disturb = dice.one_in(4);
        resumed.play(&mut dice, disturb);
        if !matches!(resumed.ending, Some(taskhost_model::FlowRunEnding::Cancelled)) {
            assert_eq!(resumed.end(), end, "resumed after {length} events");
        }
        // Once more, after a second crash.
        if dice.one_in(4) {
            let length = length.min(resumed.journal.len()).max(dice.below(resumed.journal.len() as u32 + 1) as usize);
            let mut again = World::new(&setting, &resumed.journal[..length]);
            again.play(&mut dice, false);
            assert_eq!(again.end(), end, "resumed again after {length} events");
        }
    }
}

/// A flow run that failed is resumed with better luck: it ends as if it had been lucky at once, but for the failures that were results.
fn resume_after_failure(seed: u64) {
    let mut dice = Dice::new(seed);
    let setting = Setting::random(&mut dice);
    let mut failed = World::new(&setting, &[]);
    failed.play(&mut dice, false);
    let mut journal = match resumed(&setting, &failed) {
        Some(journal) => journal,
        None => return,
    };
    // It may fail once more.
    if dice.one_in(3) {
        let mut again = World::new(&setting, &journal);
        again.luck = Luck::Salt(u64::from(dice.below(u32::MAX)));
        again.play(&mut dice, false);
        journal = match resumed(&setting, &again) {
            Some(journal) => journal,
            None => return,
        };
    }
    let kept = flows::replay(&journal);
    let mut lucky = World::new(&setting, &[]);
    lucky.luck = Luck::Known(&kept);
    lucky.play(&mut dice, false);
    let end = lucky.end();
    let mut resumed = World::new(&setting, &journal);
    resumed.luck = Luck::Good;
    resumed.play(&mut dice, false);
    assert_eq!(resumed.end(), end, "resumed after a failure");
    // A crash on the way makes no difference.
    let length = journal.len() + dice.below((resumed.journal.len() - journal.len()) as u32 + 1) as usize;
    let mut crashed = World::new(&setting, &resumed.journal[..length]);
    crashed.luck = Luck::Good;
    crashed.play(&mut dice, false);
    assert_eq!(crashed.end(), end, "resumed after a failure and a crash after {length} events");
}

/// The journal of a flow run that failed, about to go on; none if it did not fail.
fn resumed(setting: &Setting, failed: &World<'_>) -> Option<Vec<Timed<RunEvent>>> {
    let mut replay = flows::replay(&failed.journal);
    let event = replay.resumed(setting.plan.flow());
    assert_eq!(event.is_some(), matches!(failed.ending, Some(FlowRunEnding::Failed(_))));
    let event = Timed { at: replay.elapsed(), event: event? };
    if let RunEvent::FlowRunResumed { taken_back } = &event.event {
        world::is_justified(setting, taken_back, &failed.states);
    }
    replay.add(event.clone()).unwrap_or_else(|illegal| panic!("{illegal}\n{event:?}\n{:#?}", failed.journal));
    // What it knows is a journal, too.
    let told = replay.events(|_| true);
    let same = flows::replay(&told);
    assert_eq!(same.events(|_| true), told);
    assert!(told.iter().all(|event| !matches!(event.event, RunEvent::TaskRunsEnded { origin: Origin::Run, .. })));
    Some(failed.journal.iter().cloned().chain([event]).collect())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn with_each_seed(simulate: impl Fn(u64) + Sync) {
    let seeds = match number("TASKHOST_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("TASKHOST_SEEDS").unwrap_or(SEEDS),
    };
    let next = AtomicU64::new(seeds.start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            if std::panic::catch_unwind(AssertUnwindSafe(|| simulate(seed))).is_err() {
                next.store(seeds.end, Ordering::Relaxed);
                panic!("see above; to run it alone: TASKHOST_SEED={seed}");
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
}

#[test]
fn what_must_hold_holds_after_every_step_and_a_resumed_flow_run_ends_as_an_undisturbed_one() {
    with_each_seed(simulate);
}

#[test]
fn a_flow_run_that_is_resumed_after_a_failure_ends_as_one_that_did_not_fail_and_repeats_nothing_that_succeeded() {
    with_each_seed(resume_after_failure);
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let trace = |seed| {
        let mut dice = Dice::new(seed);
        let setting = Setting::random(&mut dice);
        let mut world = World::new(&setting, &[]);
        world.trace = Some(String::new());
        world.play(&mut dice, true);
        world.trace
    };
    for seed in 0..200 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
}
