//! Two tasks for the sum of squares.

use exports::demo::squares::tasks::Guest;
use taskhost_task::info;

taskhost_task::world!({ world: "demo:squares/squares", path: ["../../wit", "wit"] });

struct Squares;

impl Guest for Squares {
    fn square(n: u32) -> u64 {
        info!("squaring {n}");
        u64::from(n) * u64::from(n)
    }

    fn sum(numbers: Vec<u64>) -> Result<u64, String> {
        let total = numbers.iter().try_fold(0_u64, |sum, n| sum.checked_add(*n));
        total.ok_or_else(|| format!("the sum of {} numbers does not fit 64 bits", numbers.len()))
    }
}

export!(Squares);
