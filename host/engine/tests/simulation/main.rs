//! Random flows against the pure scheduler and the replay of its journal: random endings and delays, duplicates, late and foreign
//! reports, draining, cancelling, and a crash after every event. What must hold is looked at after every step.
//!
//! A seed that fails is named in the panic: `TASKHOST_SEED=17 cargo test -p taskhost-engine --test simulation`. More seeds:
//! `cargo xtask simulate --seeds 1000000`.

mod flows;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use flows::Dice;
use world::{Setting, World};

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

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn what_must_hold_holds_after_every_step_and_a_resumed_flow_run_ends_as_an_undisturbed_one() {
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
            if std::panic::catch_unwind(|| simulate(seed)).is_err() {
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
