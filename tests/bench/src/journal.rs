//! What it costs to record a flow run: time, and room on the disk.

use std::path::{Path, PathBuf};

use crate::figures::{Figure, median, micros};
use crate::flows::{Flows, numbers};
use crate::{Bench, Failure, MAPPED, TINY};

/// A data folder, deleted at the end.
pub(crate) struct Data(pub(crate) PathBuf);

impl Data {
    pub(crate) fn new(case: &str) -> Data {
        Data(std::env::temp_dir().join(format!("taskhost-bench-{case}-{}", std::process::id())))
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

impl Bench {
    /// With a journal against without one, in the same process.
    pub(crate) fn journal(&mut self) -> Result<(), Failure> {
        const LENGTH: u32 = 1_000;
        const MANY: u32 = 1_000_000;
        let data = Data::new("journal");
        let recorded = Flows::recorded(&self.root, &data.0)?;
        let component = format!("../../{}", TINY.path);
        let mapped = self.flows.mapped(&component, TINY.function, TINY.parameter)?;
        let chain = self.flows.chain(&component, TINY.function, TINY.parameter, LENGTH)?;
        for flows in [&self.flows, &recorded] {
            // A component is known to a host that has checked a flow with it.
            flows.mapped(&component, TINY.function, TINY.parameter)?;
            flows.time(&mapped, 2, numbers(MAPPED))?;
            flows.time(&chain, 2, Vec::new())?;
        }
        let (mut ratios, mut hops, mut detail) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..self.rounds {
            let off = self.flows.time(&mapped, 2, numbers(MAPPED))?;
            let on = recorded.time(&mapped, 2, numbers(MAPPED))?;
            ratios.push(off.as_secs_f64() / on.as_secs_f64());
            detail = format!("{:.2} µs a task, without {:.2} µs", micros(on, MAPPED), micros(off, MAPPED));
            let off = micros(self.flows.time(&chain, 2, Vec::new())?, LENGTH);
            hops.push(micros(recorded.time(&chain, 2, Vec::new())?, LENGTH) - off);
        }
        let name = "100,000 mapped, recorded";
        self.add(Figure {
            name,
            unit: "x",
            rounds: ratios,
            bar: ">= 0.9 of without",
            meets: Some(|n| n >= 0.9),
            detail,
        });
        let (name, detail) = ("chain of 1,000, recorded, a hop more", format!("{:.2} µs", median(&hops)));
        self.add(Figure { name, unit: "µs", rounds: hops, bar: "<= 20 µs", meets: Some(|n| n <= 20.0), detail });
        let before = size(&data.0)?;
        recorded.time(&mapped, 2, numbers(MANY))?;
        let bytes = size(&data.0)?.saturating_sub(before) as f64 / f64::from(MANY);
        let (name, detail) = ("1,000,000 mapped, recorded, a task run", "values and log of SQLite included".to_owned());
        self.add(Figure { name, unit: "bytes", rounds: vec![bytes], bar: "< 200", meets: Some(|n| n < 200.0), detail });
        Ok(())
    }
}
