//! How long people wait for a flow run of a million task runs that was recorded: until it is listed, and until it goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use taskhost::store::{RunFilter, Store};
use taskhost::{Host, RunOptions};
use taskhost_engine::FlowRunReport;
use taskhost_model::seams::NoObserver;
use taskhost_model::{FlowRunEnding, FlowRunId};

use crate::figures::Figure;
use crate::flows::{Flows, numbers};
use crate::journal::Data;
use crate::{Bench, Failure, TINY, WAITING};

const MANY: u32 = 1_000_000;

/// How often the flow with a million subflows goes on: it is slow.
const SUBFLOWS_ROUNDS_MAX: usize = 3;

impl Bench {
    /// A million task runs that succeed, and one after them that fails each time the flow run goes on: the runs of one task, and those of a
    /// task each in a million runs of a subflow.
    pub(crate) fn resume(&mut self) -> Result<(), Failure> {
        let data = Data::new("resume");
        std::fs::create_dir_all(&data.0)?;
        let flows = Flows::recorded(&self.root, &data.0)?;
        let mapped = recorded(flows.host(), &data.0.join("mapped.toml"), &mapped(&self.root))?;
        let mut listed = Vec::new();
        for _ in 0..self.rounds {
            let started = Instant::now();
            let store = Store::open_for_reading(&data.0)?;
            let runs = store.runs(&RunFilter::default())?;
            let tasks = runs.first().map(|run| store.tasks(run.id)).transpose()?;
            listed.push(started.elapsed().as_secs_f64() * 1e3);
            if tasks.is_none_or(|tasks| tasks.len() != 2) {
                return Err("the flow run is not listed".into());
            }
        }
        self.add(Figure {
            name: "1,000,000 recorded, listed with its tasks",
            unit: "ms",
            rounds: listed,
            bar: "< 100 ms",
            meets: Some(|n| n < 100.0),
            detail: "the file is opened anew".to_owned(),
        });
        self.resumed("1,000,000 recorded, resumed, until it goes on", flows.host(), mapped, self.rounds)?;
        std::fs::write(data.0.join("one.toml"), one(&self.root))?;
        let subflows = recorded(flows.host(), &data.0.join("subflows.toml"), &subflows(&self.root))?;
        let rounds = self.rounds.min(SUBFLOWS_ROUNDS_MAX);
        self.resumed("the same, each in a subflow of its own", flows.host(), subflows, rounds)
    }

    fn resumed(&mut self, name: &'static str, host: &Host, id: FlowRunId, rounds: usize) -> Result<(), Failure> {
        let (mut times, mut detail) = (Vec::new(), String::new());
        for _ in 0..rounds {
            let (started, before) = (Instant::now(), Core::now()?);
            let resume = host.resume(id, false)?;
            // Returns when all that is known has been gone through.
            let run = resume.start(RunOptions::default(), Arc::new(NoObserver))?;
            times.push(started.elapsed().as_secs_f64());
            detail = Core::now()?.since(&before);
            let known = from_before(&run.wait());
            if known != u64::from(MANY) {
                return Err(format!("{known} task runs were taken from the journal").into());
            }
        }
        self.add(Figure { name, unit: "s", rounds: times, bar: "<= 2 s", meets: Some(|n| n <= 2.0), detail });
        Ok(())
    }
}

/// A flow run that has failed at its last task.
fn recorded(host: &Host, file: &Path, flow: &str) -> Result<FlowRunId, Failure> {
    std::fs::write(file, flow)?;
    let flow = host.check(&host.read_flow(file)?)?.flow;
    let plan = taskhost_flow::plan::plan(&flow, numbers(MANY))?;
    let failed = host.start(plan, RunOptions::default(), Arc::new(NoObserver))?.wait();
    match failed.ending {
        FlowRunEnding::Failed(_) => Ok(failed.id),
        ending => Err(format!("the flow run ended with {ending:?}").into()),
    }
}

/// Task runs of a component that ended before the flow run was resumed.
fn from_before(report: &FlowRunReport) -> u64 {
    report.tasks.iter().map(|task| task.runs_before).sum()
}

/// What this thread had of a core so far: where a machine is busy, a thread waits for one.
struct Core {
    computed: u64,
    waited: u64,
}

impl Core {
    fn now() -> Result<Core, Failure> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
        let mut numbers = text.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(computed), Some(waited)) => Ok(Core { computed: computed?, waited: waited? }),
            _ => Err("no numbers in /proc/thread-self/schedstat".into()),
        }
    }

    fn since(&self, before: &Core) -> String {
        let seconds = |now: u64, before: u64| now.saturating_sub(before) as f64 / 1e9;
        let (computed, waited) = (seconds(self.computed, before.computed), seconds(self.waited, before.waited));
        format!("in the last round {computed:.2} s on a core, {waited:.2} s waiting for one")
    }
}

fn mapped(root: &Path) -> String {
    let (tiny, misc) = (root.join(TINY.path), root.join(WAITING.path));
    format!(
        "name = \"resume\"\n[parameters.numbers]\n[components]\ntiny = {tiny:?}\nmisc = {misc:?}\n\
         [tasks.mapped]\ncall = \"tiny.{}\"\nwith.{} = \"${{numbers}}\"\nmap = [\"{}\"]\n\
         [tasks.fails]\ncall = \"misc.fail\"\nwith.message = \"again\"\nafter = [\"mapped\"]\n[outputs]\nall = \"${{mapped}}\"\n",
        TINY.function, TINY.parameter, TINY.parameter
    )
}

fn subflows(root: &Path) -> String {
    let misc = root.join(WAITING.path);
    format!(
        "name = \"subflows\"\n[parameters.numbers]\n[components]\nmisc = {misc:?}\n\
         [tasks.subflows]\nflow = \"one.toml\"\nwith.n = \"${{numbers}}\"\nmap = [\"n\"]\n\
         [tasks.fails]\ncall = \"misc.fail\"\nwith.message = \"again\"\nafter = [\"subflows\"]\n"
    )
}

/// The subflow.
fn one(root: &Path) -> String {
    let tiny = root.join(TINY.path);
    format!(
        "name = \"one\"\n[parameters.n]\n[components]\ntiny = {tiny:?}\n\
         [tasks.one]\ncall = \"tiny.{}\"\nwith.{} = \"${{n}}\"\n[outputs]\none = \"${{one}}\"\n",
        TINY.function, TINY.parameter
    )
}
