//! [`Retry`]: how often, and when, a failed attempt of a task run is repeated.

use std::time::Duration;

/// How often, and when, a failed attempt is repeated.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Retry {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// From the end of the first attempt to the start of the second.
    pub delay: Duration,
    /// What each further delay is multiplied by; at least 1.
    pub backoff: f64,
    /// No delay is longer.
    pub delay_max: Duration,
    /// Whether delays are drawn between half of their length and all of it, so that what failed together is not repeated together.
    pub jitter: bool,
}

impl Retry {
    /// One attempt.
    pub const NEVER: Retry =
        Retry { attempts: 1, delay: Duration::ZERO, backoff: 1.0, delay_max: Duration::MAX, jitter: false };

    /// Whether a further attempt follows when attempt `attempt` (the first is 1) has failed.
    pub fn follows(&self, attempt: u32) -> bool {
        attempt < self.attempts
    }

    /// From the end of attempt `attempt` (the first is 1) to the start of the next. `dice` decides the jitter: evenly distributed numbers
    /// give evenly distributed delays.
    pub fn delay_after(&self, attempt: u32, dice: u32) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.backoff.max(1.0).powi(exponent);
        // Infinite, or too long to be told, is the longest.
        let whole = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(self.delay_max);
        if !self.jitter {
            return whole;
        }
        let half = whole / 2;
        half + half.mul_f64(f64::from(dice) / f64::from(u32::MAX))
    }
}

impl Default for Retry {
    fn default() -> Retry {
        Retry::NEVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry {
        attempts: 4,
        delay: Duration::from_secs(1),
        backoff: 2.0,
        delay_max: Duration::from_secs(3),
        jitter: false,
    };

    #[test]
    fn delays_grow_up_to_the_longest() {
        let delays: Vec<u64> = (1..5).map(|attempt| RETRY.delay_after(attempt, 7).as_secs()).collect();
        assert_eq!(delays, [1, 2, 3, 3]);
        assert_eq!(RETRY.delay_after(u32::MAX, 0), Duration::from_secs(3));
        assert!(RETRY.follows(3) && !RETRY.follows(4) && !Retry::NEVER.follows(1));
    }

    #[test]
    fn jitter_draws_between_half_and_all() {
        let retry = Retry { jitter: true, ..RETRY };
        assert_eq!(retry.delay_after(1, 0), Duration::from_millis(500));
        assert_eq!(retry.delay_after(1, u32::MAX), Duration::from_secs(1));
        let middle = retry.delay_after(1, u32::MAX / 2).as_millis();
        assert!((749..=751).contains(&middle), "{middle}");
    }
}
