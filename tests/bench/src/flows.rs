//! The same work as flows.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost::telemetry::{Settings, Telemetry};
use taskhost::{Host, HostOptions, RunOptions};
use taskhost_engine::FlowRunReport;
use taskhost_flow::plan::{Given, plan};
use taskhost_flow::{Flow, RunnerChoice, RunnerKind};
use taskhost_model::seams::NoObserver;
use taskhost_model::{FlowRunEnding, List, Value, ValueType};

use crate::Failure;

/// A host with flows of the benchmark.
pub(crate) struct Flows {
    host: Host,
    telemetry: Option<Arc<Telemetry>>,
    folder: std::path::PathBuf,
}

impl Flows {
    /// `root` is the folder of the repository.
    pub(crate) fn new(root: &Path) -> Result<Flows, Failure> {
        Flows::with(root, HostOptions::default())
    }

    /// Of a host with these options.
    pub(crate) fn with(root: &Path, options: HostOptions) -> Result<Flows, Failure> {
        Ok(Flows { host: Host::new(options)?, telemetry: None, folder: root.join("tests/bench") })
    }

    /// The same with a journal, in this data folder.
    pub(crate) fn recorded(root: &Path, data: &Path) -> Result<Flows, Failure> {
        let options = HostOptions {
            keep_runs: true,
            data_folder: Some(data.to_owned()),
            cache_folder: Some(data.join("compiled")),
            ..HostOptions::default()
        };
        Flows::with(root, options)
    }

    /// The same, followed as these variables say.
    pub(crate) fn followed(root: &Path, variables: &[(&str, String)]) -> Result<Flows, Failure> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let (telemetry, warnings) = Telemetry::start(Settings::from_variables(value)?);
        if !warnings.is_empty() {
            return Err(warnings.join("; ").into());
        }
        let host = Host::with_telemetry(HostOptions::default(), Some(Arc::clone(&telemetry)))?;
        Ok(Flows { host, telemetry: Some(telemetry), folder: root.join("tests/bench") })
    }

    /// Sends what is left; gives what was lost.
    pub(crate) fn finish(&self) -> Vec<String> {
        self.telemetry.as_ref().map_or_else(Vec::new, |telemetry| telemetry.finish())
    }

    /// Its host.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn check(&self, text: String) -> Result<Arc<Flow>, Failure> {
        let source = taskhost_flow::FlowSource::new(self.folder.join("flow.toml"), text);
        Ok(self.host.check(&Arc::new(source))?.flow)
    }

    /// One function mapped over a list of `u32`.
    pub(crate) fn mapped(&self, component: &str, call: &str, parameter: &str) -> Result<Arc<Flow>, Failure> {
        self.check(format!(
            "name = \"mapped\"\n[parameters.numbers]\n[components]\nguest = \"{component}\"\n\
             [tasks.mapped]\ncall = \"guest.{call}\"\nwith.{parameter} = \"${{numbers}}\"\nmap = [\"{parameter}\"]\n\
             [outputs]\nall = \"${{mapped}}\"\n"
        ))
    }

    /// A chain of tasks, each given the result of the one before.
    pub(crate) fn chain(
        &self,
        component: &str,
        call: &str,
        parameter: &str,
        length: u32,
    ) -> Result<Arc<Flow>, Failure> {
        let mut text = format!("name = \"chain\"\n[components]\nguest = \"{component}\"\n");
        for n in 0..length {
            let argument = if n == 0 { "0".to_owned() } else { format!("\"${{t{}}}\"", n - 1) };
            write!(text, "[tasks.t{n}]\ncall = \"guest.{call}\"\nwith.{parameter} = {argument}\n")?;
        }
        write!(text, "[outputs]\nlast = \"${{t{}}}\"\n", length - 1)?;
        self.check(text)
    }

    /// A task that makes a list and one that takes it.
    pub(crate) fn handover(
        &self,
        component: &str,
        make: &str,
        take: &str,
        parameter: &str,
    ) -> Result<Arc<Flow>, Failure> {
        self.check(format!(
            "name = \"handover\"\n[parameters.n]\n[components]\nguest = \"{component}\"\n[defaults.limits]\nmemory = \"1 GiB\"\n\
             [tasks.make]\ncall = \"guest.{make}\"\nwith.n = \"${{n}}\"\n\
             [tasks.take]\ncall = \"guest.{take}\"\nwith.{parameter} = \"${{make}}\"\n[outputs]\nsum = \"${{take}}\"\n"
        ))
    }

    /// Runs a flow on two threads, however it ends; the whole report.
    pub(crate) fn report(&self, flow: &Arc<Flow>) -> Result<FlowRunReport, Failure> {
        let runner = RunnerChoice { workers: Some(2), ..RunnerKind::Threads.into() };
        let options = RunOptions { runner, ..RunOptions::default() };
        Ok(self.host.start(plan(flow, Vec::new())?, options, Arc::new(NoObserver))?.wait())
    }

    /// Runs a flow on so many threads; the wall time.
    pub(crate) fn time(
        &self,
        flow: &Arc<Flow>,
        threads: u32,
        given: Vec<(String, Given)>,
    ) -> Result<Duration, Failure> {
        self.time_on(flow, RunnerChoice { workers: Some(threads), ..RunnerKind::Threads.into() }, given)
    }

    /// Runs a flow on workers; the wall time.
    pub(crate) fn time_on_workers(&self, flow: &Arc<Flow>, given: Vec<(String, Given)>) -> Result<Duration, Failure> {
        self.time_on(flow, RunnerKind::Nats.into(), given)
    }

    fn time_on(
        &self,
        flow: &Arc<Flow>,
        runner: RunnerChoice,
        given: Vec<(String, Given)>,
    ) -> Result<Duration, Failure> {
        let plan = plan(flow, given)?;
        let options = RunOptions { runner, ..RunOptions::default() };
        let started = Instant::now();
        let run = self.host.start(plan, options, Arc::new(NoObserver))?;
        let report: FlowRunReport = run.wait();
        let time = started.elapsed();
        match report.ending {
            FlowRunEnding::Succeeded(_) => Ok(time),
            other => Err(format!("a flow of the benchmark ended with {other:?}").into()),
        }
    }
}

/// A list of the numbers below `length`, as the parameter `numbers`.
pub(crate) fn numbers(length: u32) -> Vec<(String, Given)> {
    let list = List::from_values(&ValueType::U32, (0..length).map(|n| Value::U32(n % 1_000 + 1)));
    vec![("numbers".to_owned(), Given::Value(Value::List(list), ValueType::list(ValueType::U32)))]
}

/// The parameter `n`.
pub(crate) fn count(n: u32) -> Vec<(String, Given)> {
    vec![("n".to_owned(), Given::Value(Value::U32(n), ValueType::U32))]
}
