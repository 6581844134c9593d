//! Flows of the tests: task runs that note their begin, wait, and return their number.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use taskhost_faults::{Account, Ended, Place, component, eventually};

/// A mapped task of one run for each wait, in milliseconds. A run's number is its position.
pub(crate) fn notes(place: &Place, waits: &[u32]) -> Result<PathBuf, String> {
    notes_and(place, waits, "")
}

/// The same with more in its file.
pub(crate) fn notes_and(place: &Place, waits: &[u32], more: &str) -> Result<PathBuf, String> {
    let paths: Vec<String> = (0..waits.len()).map(|at| format!("notes/{at}")).collect();
    let numbers: Vec<usize> = (0..waits.len()).collect();
    let text = format!(
        "name = \"faults\"\n\n[components]\nmisc = \"{}\"\n\n[tasks.each]\ncall = \"misc.note\"\nwith.path = {paths:?}\n\
         with.n = {numbers:?}\nwith.ms = {waits:?}\nmap = [\"path\", \"n\", \"ms\"]\nallow.write = [\"notes\"]\n{more}\n\
         [outputs]\nall = \"${{each}}\"\n",
        component("misc")?
    );
    Ok(place.write("flow.toml", &text))
}

/// So many runs of the same wait.
pub(crate) fn same(runs: usize, wait: u32) -> Vec<u32> {
    vec![wait; runs]
}

/// Every run's result is there exactly once, and right.
pub(crate) fn all_there(ended: &Ended, runs: usize) -> Result<(), String> {
    let wanted: Value = (0..runs).collect::<Vec<_>>().into();
    let got = ended.output("all");
    if *got != wanted {
        return Err(format!("the output is {got}, not 0 to {}", runs - 1));
    }
    let counted = ended.json["tasks"][0]["runs"].clone();
    let ended = (counted["ended"].as_u64(), counted["failed"].as_u64());
    if ended == (Some(runs as u64), Some(0)) { Ok(()) } else { Err(format!("counted as {counted}")) }
}

/// Soon both queues are empty.
pub(crate) fn nothing_left(account: &Account) -> Result<(), String> {
    let left = || (account.tasks_left(), account.results_left());
    let is_empty = eventually("empty queues", Duration::from_secs(30), || left() == (Ok(0), Ok(0)));
    is_empty
        .map(drop)
        .map_err(|late| format!("{late}; there are {:?} messages to workers and {:?} answers", left().0, left().1))
}
