//! Tasks that fail in two ways, and tasks that take failures as values.

use exports::demo::shares::tasks::{Guest, Tally};

taskhost_task::world!({ world: "demo:shares/shares", path: ["../../wit", "wit"] });

struct Shares;

impl Guest for Shares {
    fn share(people: String) -> Result<u32, String> {
        let people: u32 = people.parse().map_err(|_| format!("`{people}` is no number of people"))?;
        Ok(1000 / people)
    }

    fn count(outcomes: Vec<Result<u32, String>>) -> Tally {
        let mut tally = Tally { succeeded: 0, failed: 0, total: 0, messages: Vec::new() };
        for outcome in outcomes {
            match outcome {
                Ok(share) => {
                    tally.succeeded += 1;
                    tally.total += u64::from(share);
                }
                Err(message) => {
                    tally.failed += 1;
                    tally.messages.push(message);
                }
            }
        }
        tally
    }

    fn or_else(outcome: Result<u32, String>, instead: u32) -> u32 {
        outcome.unwrap_or(instead)
    }
}

export!(Shares);
