//! What limits cost: bare wasmtime with an epoch deadline, a memory limit and a limit on host calls against the same without any, and
//! ours, which has them always, against both.

use crate::bare::{self, Bare, Safety};
use crate::figures::{Figure, median, micros};
use crate::flows::numbers;
use crate::{Bench, Failure, Guest, MAPPED, STD, TINY};

impl Bench {
    /// Throughput of small tasks with limits, as a part of that without.
    pub(crate) fn limits(&mut self) -> Result<(), Failure> {
        self.limits_of("limits, no WASI: bare with / without", "limits, no WASI: ours / bare without", TINY)?;
        self.limits_of("limits, Rust std: bare with / without", "limits, Rust std: ours / bare without", STD)
    }

    fn limits_of(&mut self, bare_name: &'static str, ours_name: &'static str, guest: Guest) -> Result<(), Failure> {
        let limited = self.bare(guest)?;
        let engine = bare::engine(Safety::Unlimited)?;
        let path = self.root.join(guest.path);
        let unlimited = Bare::new(&engine, Safety::Unlimited, &path, guest.interface, guest.function)?;
        let flow = self.flows.mapped(&format!("../../{}", guest.path), guest.function, guest.parameter)?;
        self.flows.time(&flow, 1, numbers(MAPPED / 10))?;
        let (mut bare_ratios, mut ours_ratios, mut times) = (Vec::new(), Vec::new(), [const { Vec::new() }; 3]);
        for _ in 0..self.rounds {
            let without = Bench::time_bare(&unlimited, guest, 1, MAPPED)?;
            let with = Bench::time_bare(&limited, guest, 1, MAPPED)?;
            let ours = self.flows.time(&flow, 1, numbers(MAPPED))?;
            bare_ratios.push(without.as_secs_f64() / with.as_secs_f64());
            ours_ratios.push(without.as_secs_f64() / ours.as_secs_f64());
            times.iter_mut().zip([without, with, ours]).for_each(|(all, time)| all.push(micros(time, MAPPED)));
        }
        let [without, with, ours] = times.each_ref().map(|all| median(all));
        self.add(Figure {
            name: bare_name,
            unit: "x",
            rounds: bare_ratios,
            bar: ">= 0.95",
            meets: Some(|n| n >= 0.95),
            detail: format!("{without:.2} µs a call without, {with:.2} µs with"),
        });
        let detail = format!("{ours:.2} µs a task, scheduling included");
        self.add(Figure { name: ours_name, unit: "x", rounds: ours_ratios, bar: "", meets: None, detail });
        Ok(())
    }
}
