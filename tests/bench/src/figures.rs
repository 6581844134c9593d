//! Rounds, medians and the report.

use std::time::Duration;

use serde_json::{Value, json};

/// A figure of the benchmark: ours beside bare wasmtime's, round by round.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// What is divided: `bare / ours` (throughput) or `ours` alone.
    pub(crate) unit: &'static str,
    pub(crate) rounds: Vec<f64>,
    /// What the design asks for, for people.
    pub(crate) bar: &'static str,
    /// Whether a median meets the bar; none where there is no bar.
    pub(crate) meets: Option<fn(f64) -> bool>,
    /// Absolute times for orientation.
    pub(crate) detail: String,
}

/// The middle of some numbers; of none, NaN.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// Microseconds for each of `count`.
pub(crate) fn micros(time: Duration, count: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(count)
}

impl Figure {
    fn spread(&self) -> (f64, f64) {
        self.rounds.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), n| (low.min(*n), high.max(*n)))
    }

    /// A line for people.
    pub(crate) fn line(&self) -> String {
        let (low, high) = self.spread();
        let verdict = match self.meets {
            None => "",
            Some(meets) if meets(median(&self.rounds)) => "met",
            Some(_) => "MISSED",
        };
        format!(
            "{:<44} {:>9.3} {:<5} ({low:.3} to {high:.3})  {:<18} {verdict:<7} {}",
            self.name,
            median(&self.rounds),
            self.unit,
            self.bar,
            self.detail
        )
    }

    pub(crate) fn json(&self) -> Value {
        let (low, high) = self.spread();
        json!({
            "name": self.name, "unit": self.unit, "median": median(&self.rounds), "low": low, "high": high,
            "rounds": self.rounds, "bar": self.bar, "met": self.meets.map(|meets| meets(median(&self.rounds))),
            "detail": self.detail,
        })
    }
}
