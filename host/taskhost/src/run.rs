//! [`Launch`] and [`Run`]: a flow that is about to run, and one that does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taskhost_engine::{FlowRun, FlowRunReport, FlowRunView};
use taskhost_flow::{Flow, Given, RunnerChoice};
use taskhost_model::seams::{NoObserver, Observer};
use taskhost_model::{FlowRunEnding, FlowRunId};

use crate::builder::FlowBuilder;
use crate::builder::argument::IntoArgument;
use crate::error::RunError;
use crate::events::Events;
use crate::host::{Host, RunOptions};
use crate::outputs::Outputs;

/// What [`Host::prepare`] and [`Host::run`] take: a [`FlowBuilder`], the path of a flow file, or a flow that is
/// checked already.
pub trait IntoFlow {
    /// The flow, checked.
    fn into_flow(self, host: &Host) -> Result<Arc<Flow>, RunError>;
}

impl IntoFlow for &FlowBuilder {
    fn into_flow(self, host: &Host) -> Result<Arc<Flow>, RunError> {
        Ok(host.check_built(self)?.flow)
    }
}

impl IntoFlow for FlowBuilder {
    fn into_flow(self, host: &Host) -> Result<Arc<Flow>, RunError> {
        (&self).into_flow(host)
    }
}

impl IntoFlow for Arc<Flow> {
    fn into_flow(self, _host: &Host) -> Result<Arc<Flow>, RunError> {
        Ok(self)
    }
}

impl IntoFlow for &Arc<Flow> {
    fn into_flow(self, _host: &Host) -> Result<Arc<Flow>, RunError> {
        Ok(self.clone())
    }
}

macro_rules! paths {
    ($($path:ty),*) => {$(
        impl IntoFlow for $path {
            fn into_flow(self, host: &Host) -> Result<Arc<Flow>, RunError> {
                let path: &Path = self.as_ref();
                Ok(host.check(&host.read_flow(path)?)?.flow)
            }
        }
    )*};
}

paths!(&Path, &PathBuf, PathBuf, &str, &String, String);

/// A checked flow with its parameters, before it runs.
#[must_use = "a flow runs when `run` or `start` is called"]
pub struct Launch {
    host: Host,
    flow: Arc<Flow>,
    given: Vec<(String, Given)>,
    options: RunOptions,
}

impl Launch {
    pub(crate) fn new(host: Host, flow: Arc<Flow>) -> Launch {
        Launch { host, flow, given: Vec::new(), options: RunOptions::default() }
    }

    /// The flow, to be run again without another check.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// The value of a parameter: a number, text, a list and so on, which has to fit the parameter's type.
    pub fn give(mut self, parameter: &str, value: impl IntoArgument) -> Launch {
        self.given.push((parameter.into(), value.into_argument().given()));
        self
    }

    /// The value of a parameter as it stands in a file or on a command line.
    pub fn give_as(mut self, parameter: &str, value: Given) -> Launch {
        self.given.push((parameter.into(), value));
        self
    }

    /// Where task runs happen if the flow leaves it open.
    pub fn runner(mut self, runner: impl Into<RunnerChoice>) -> Launch {
        self.options.runner = runner.into();
        self
    }

    /// Everything about how it is run.
    pub fn options(mut self, options: RunOptions) -> Launch {
        self.options = options;
        self
    }

    /// Runs the flow and waits for its outputs.
    pub fn run(self) -> Result<Outputs, RunError> {
        let flow = self.flow.clone();
        let run = self.start_observed(Arc::new(NoObserver))?;
        outputs(run.wait(), &flow)
    }

    /// Starts the flow run and returns at once.
    pub fn start(self) -> Result<Run, RunError> {
        let (flow, events) = (self.flow.clone(), Events::new());
        let run = self.start_observed(events.observer())?;
        Ok(Run { run, flow, events })
    }

    /// Starts the flow run with an observer of yours. It is called in order, on the threads that run tasks, so it has
    /// to be quick.
    pub fn start_observed(self, observer: Arc<dyn Observer>) -> Result<FlowRun, RunError> {
        let plan = taskhost_flow::plan(&self.flow, self.given)?;
        self.host.fetch_secrets(&self.flow, &self.options)?;
        Ok(self.host.start(plan, self.options, observer)?)
    }
}

/// A flow run that was started. Dropping it does not stop the flow run.
pub struct Run {
    run: FlowRun,
    flow: Arc<Flow>,
    events: Events,
}

impl Run {
    /// Names the flow run.
    pub fn id(&self) -> FlowRunId {
        self.run.id()
    }

    /// What happens, from the start on, until the flow run is over.
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// What is known of it now.
    pub fn view(&self) -> FlowRunView {
        self.run.view()
    }

    /// Stops it: nothing new starts, and what runs is stopped. Returns at once; [`Run::wait`] tells when it is over.
    pub fn cancel(&self) {
        self.run.cancel();
    }

    /// Waits for its outputs.
    pub fn wait(&self) -> Result<Outputs, RunError> {
        outputs(self.run.wait(), &self.flow)
    }

    /// Waits for its outputs, but no longer than `timeout`; none if it still runs then.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<Outputs, RunError>> {
        self.run.wait_timeout(timeout).map(|report| outputs(report, &self.flow))
    }

    /// Waits for the whole report: how each task ended, and what it used.
    pub fn report(&self) -> FlowRunReport {
        self.run.wait()
    }
}

fn outputs(report: FlowRunReport, flow: &Flow) -> Result<Outputs, RunError> {
    match report.ending {
        FlowRunEnding::Succeeded(values) => Ok(Outputs::new(flow, values)),
        FlowRunEnding::Failed(_) => Err(RunError::Failed(Box::new(report))),
        FlowRunEnding::Cancelled => Err(RunError::Cancelled(Box::new(report))),
    }
}
