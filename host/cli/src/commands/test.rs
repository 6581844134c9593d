//! `taskhost test`: builds a project's component and carries out `tests.toml` in the sandbox.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use taskhost::{Host, HostError, HostErrorKind, HostOptions, RunOptions};
use taskhost_authoring::testing::{FILE, Summary, TaskRun, TestHost, TestOptions, TestReport, Tests, TestsFile};
use taskhost_authoring::{Error, ErrorKind, Project};
use taskhost_engine::{FlowRun, FlowRunReport};
use taskhost_flow::{Checked, Diagnostics, Flow, FlowFile};
use taskhost_model::event::Timed;
use taskhost_model::seams::{Catalog as _, CatalogError, Observer};
use taskhost_model::{ArtifactRef, Attachment, ComponentSignature, FlowRunEnding, RunEvent, Value};

use crate::args::authoring::TestArgs;
use crate::commands;
use crate::commands::authoring::{self, Steps};
use crate::commands::run::or_as_json;
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::output;
use crate::progress::Voice;
use crate::render::test_report as text;
use crate::render::{self, diagnostics};

/// How often a test that runs is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// Lines of a test's log that are kept.
const LOG_LINES_MAX: usize = 10_000;

pub(crate) fn run(args: &TestArgs) -> Result<Exit, CliError> {
    let voice = args.voice.voice();
    interrupt::work(|| match args.making.watch {
        true => authoring::watched(&args.folder, voice, |project| once(args, project)),
        false => or_as_json(
            args.json,
            Project::find(&args.folder).map_err(CliError::from).and_then(|project| once(args, &project)),
        ),
    })
}

fn once(args: &TestArgs, project: &Project) -> Result<Exit, CliError> {
    let voice = args.voice.voice();
    let Some(file) = TestsFile::read(project)? else {
        let help =
            format!("write calls with what is expected of them into `{FILE}`; `docs/writing-tasks.md` has its keys");
        return Err(CliError::usage(format!("the project has no `{FILE}`"), help));
    };
    let steps = Steps::new(voice);
    let ready = ready(args, project, file, &steps);
    steps.finish();
    let (host, tests) = ready?;
    output::stderr(&diagnostics::text(&tests.warnings));
    let options = TestOptions { only: args.only.clone(), update: args.update };
    let mut reports = Vec::new();
    let summary = tests.run(&host, &options, &mut |report| {
        if !args.json {
            // What nobody reads any more is told as the end of the command.
            let _ = output::stdout(&text::report(report, FILE, voice == Voice::Verbose));
        }
        reports.push(report.clone());
    })?;
    if summary.passed + summary.failed == 0 && summary.left_out > 0 {
        let message = format!("no test has `{}` in its name", args.only.as_deref().unwrap_or_default());
        return Err(CliError::usage(message, format!("the names stand in `{FILE}`")));
    }
    output::stdout(&match args.json {
        true => format!("{:#}\n", json_of(&summary, &reports)),
        false => text::summary(&summary),
    })?;
    Ok(if summary.failed == 0 { Exit::Fine } else { Exit::RunFailed })
}

/// A component that is up to date, and tests that fit it.
fn ready(args: &TestArgs, project: &Project, file: TestsFile, steps: &Steps) -> Result<(Sandbox, Tests), CliError> {
    let is_new = !args.no_build && authoring::built(project, &args.making, steps)?.has_changed;
    let secrets = args.secrets.sources()?;
    let options = HostOptions { concurrency: 1, workers: 1, secrets, ..HostOptions::default() };
    let host = Sandbox { host: commands::open_host(&args.host, options, None)? };
    if is_new {
        taskhost_authoring::Progress::step(steps, "compiling for the sandbox");
    }
    let tests = file.check(project, &host)?;
    Ok((host, tests))
}

/// The sandbox that `taskhost call` uses.
struct Sandbox {
    host: Host,
}

impl TestHost for Sandbox {
    fn signature(&self, component: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
        self.host.sandbox().signature(component)
    }

    fn check(&self, flow: FlowFile) -> Result<Checked, Diagnostics> {
        self.host.check_file(flow)
    }

    fn run(&self, flow: &Arc<Flow>) -> Result<TaskRun, Error> {
        let plan = taskhost_flow::plan(flow, Vec::new()).map_err(|error| Error::internal(error.to_string()))?;
        let options = RunOptions { use_results: false, ..RunOptions::default() };
        self.host.fetch_secrets(flow, &options).map_err(as_error)?;
        let log = Arc::new(Log::default());
        let run = self.host.start(plan, options, log.clone()).map_err(as_error)?;
        task_run(wait(&run)?, log.lines())
    }

    fn blob(&self, blob: &ArtifactRef) -> Result<Vec<u8>, Error> {
        let failed =
            |error: taskhost_model::seams::BlobError| Error::internal(format!("failed to read a blob: {error}"));
        let reader = self.host.blobs().open(blob).map_err(failed)?;
        let mut bytes = vec![0; usize::try_from(blob.length).unwrap_or(usize::MAX)];
        let mut at = 0;
        while at < bytes.len() {
            match reader.read_at(at as u64, &mut bytes[at..]).map_err(failed)? {
                0 => break,
                length => at += length,
            }
        }
        bytes.truncate(at);
        Ok(bytes)
    }
}

/// Until it is over, or somebody does not want to wait.
fn wait(run: &FlowRun) -> Result<FlowRunReport, Error> {
    loop {
        if let Some(report) = run.wait_timeout(LOOK) {
            return Ok(report);
        }
        if interrupt::is_asked() {
            run.cancel();
            run.wait();
            return Err(Error::Interrupted);
        }
    }
}

fn task_run(report: FlowRunReport, log: Vec<String>) -> Result<TaskRun, Error> {
    let refusals = report.tasks.iter().flat_map(|task| task.refusals.clone()).collect();
    let failure = report.tasks.iter().flat_map(|task| &task.failures).next().map(|failed| failed.failure.clone());
    let ending = match report.ending {
        FlowRunEnding::Succeeded(outputs) => {
            Ok(outputs.into_iter().next().flatten().unwrap_or_else(|| Value::tuple([])))
        }
        FlowRunEnding::Failed(_) => {
            Err(failure.ok_or_else(|| Error::internal("the test failed, and nothing says why"))?)
        }
        FlowRunEnding::Cancelled => return Err(Error::Interrupted),
    };
    Ok(TaskRun { ending, log, usage: report.usage, refusals })
}

fn as_error(error: HostError) -> Error {
    let kind = match error.kind {
        HostErrorKind::Usage => ErrorKind::Usage,
        HostErrorKind::Rejected => ErrorKind::Rejected,
        HostErrorKind::Internal => ErrorKind::Internal,
    };
    Error::Message { kind, message: error.message, help: error.help }
}

/// The lines of a task's log.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Log {
    fn event(&self, _event: &Timed<RunEvent>) {}

    fn attachment(&self, _task: &Arc<str>, _index: u32, attachment: &Attachment) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Attachment::Log { line, .. } = attachment
            && lines.len() < LOG_LINES_MAX
        {
            lines.push(line.clone());
        }
    }
}

fn json_of(summary: &Summary, reports: &[TestReport]) -> Json {
    json!({
        "state": if summary.failed == 0 { "passed" } else { "failed" },
        "passed": summary.passed,
        "failed": summary.failed,
        "left-out": summary.left_out,
        "updated": summary.updated.tests,
        "wall-time-seconds": summary.took.as_secs_f64(),
        "tests": reports.iter().map(test_json).collect::<Vec<_>>(),
    })
}

fn test_json(report: &TestReport) -> Json {
    json!({
        "name": &*report.name,
        "line": report.line,
        "state": if report.has_passed() { "passed" } else { "failed" },
        "is-updated": report.is_updated,
        "mismatches": report.mismatches.iter().map(text::mismatch_json).collect::<Vec<_>>(),
        "log": report.log,
        "refusals": report.refusals,
        "usage": render::usage::json(&report.usage),
    })
}
