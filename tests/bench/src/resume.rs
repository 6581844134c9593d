//! How long people wait for a flow run of a million task runs that was recorded: until it is listed, and until it goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use taskhost::RunOptions;
use taskhost::store::{RunFilter, Store};
use taskhost_model::FlowRunEnding;
use taskhost_model::seams::NoObserver;

use crate::figures::Figure;
use crate::flows::{Flows, numbers};
use crate::journal::Data;
use crate::{Bench, Failure, TINY, WAITING};

const MANY: u32 = 1_000_000;

impl Bench {
    /// A million task runs that succeed, and one after them that fails each time the flow run goes on.
    pub(crate) fn resume(&mut self) -> Result<(), Failure> {
        let data = Data::new("resume");
        std::fs::create_dir_all(&data.0)?;
        let flows = Flows::recorded(&self.root, &data.0)?;
        let file = data.0.join("flow.toml");
        std::fs::write(&file, flow(&self.root))?;
        let host = flows.host();
        let flow = host.check(&host.read_flow(&file)?)?.flow;
        let plan = taskhost_flow::plan::plan(&flow, numbers(MANY))?;
        let failed = host.start(plan, RunOptions::default(), Arc::new(NoObserver))?.wait();
        if !matches!(failed.ending, FlowRunEnding::Failed(_)) {
            return Err(format!("the flow run ended with {:?}", failed.ending).into());
        }
        let (mut listed, mut resumed, mut detail) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..self.rounds {
            let started = Instant::now();
            let store = Store::open_for_reading(&data.0)?;
            let runs = store.runs(&RunFilter::default())?;
            let tasks = runs.first().map(|run| store.tasks(run.id)).transpose()?;
            listed.push(started.elapsed().as_secs_f64() * 1e3);
            if tasks.is_none_or(|tasks| tasks.len() != 2) {
                return Err("the flow run is not listed".into());
            }
            let started = Instant::now();
            let resume = host.resume(failed.id, false)?;
            let checked = started.elapsed();
            // Returns when all that is known has been gone through.
            let run = resume.start(RunOptions::default(), Arc::new(NoObserver))?;
            resumed.push(started.elapsed().as_secs_f64());
            detail = format!("of which {:.2} s until its flow is checked", checked.as_secs_f64());
            run.wait();
        }
        let name = "1,000,000 recorded, listed with its tasks";
        let detail_of_list = "the file is opened anew".to_owned();
        self.add(Figure {
            name,
            unit: "ms",
            rounds: listed,
            bar: "< 100 ms",
            meets: Some(|n| n < 100.0),
            detail: detail_of_list,
        });
        let name = "1,000,000 recorded, resumed, until it goes on";
        self.add(Figure { name, unit: "s", rounds: resumed, bar: "<= 2 s", meets: Some(|n| n <= 2.0), detail });
        Ok(())
    }
}

fn flow(root: &Path) -> String {
    let (tiny, misc) = (root.join(TINY.path), root.join(WAITING.path));
    format!(
        "name = \"resume\"\n[parameters.numbers]\n[components]\ntiny = {tiny:?}\nmisc = {misc:?}\n\
         [tasks.mapped]\ncall = \"tiny.{}\"\nwith.{} = \"${{numbers}}\"\nmap = [\"{}\"]\n\
         [tasks.fails]\ncall = \"misc.fail\"\nwith.message = \"again\"\nafter = [\"mapped\"]\n[outputs]\nall = \"${{mapped}}\"\n",
        TINY.function, TINY.parameter, TINY.parameter
    )
}
