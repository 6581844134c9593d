//! Two tasks: draw a number, and add numbers up.

use exports::demo::numbers::tasks::Guest;
use taskhost_task::info;

taskhost_task::world!({ world: "demo:numbers/numbers", path: ["../../wit", "wit"] });

struct Numbers;

impl Guest for Numbers {
    fn random_num(stop: u32) -> Result<u32, String> {
        if stop == 0 {
            return Err("there is no number below 0".to_owned());
        }
        let random = getrandom::u32().map_err(|error| format!("no random number: {error}"))?;
        // The upper half of the product spreads `random` evenly over 0..stop.
        let number = ((u64::from(random) * u64::from(stop)) >> 32) as u32;
        info!("drew {number}");
        Ok(number)
    }

    fn sum(numbers: Vec<u32>) -> u64 {
        numbers.into_iter().map(u64::from).sum()
    }
}

export!(Numbers);
