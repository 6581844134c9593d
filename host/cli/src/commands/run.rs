//! `taskhost run`: checks a flow, runs it, reports.

use std::path::Path;

use taskhost::{HostOptions, RunOptions};
use taskhost_flow::{Flow, FlowFile, RunnerChoice, RunnerKind};

use crate::args::{RunArgs, Runner};
use crate::arguments;
use crate::commands::{self, graph, read};
use crate::error::{CliError, Exit};
use crate::execute::{self, Executed};
use crate::output;
use crate::progress::{Labels, Voice};
use crate::render::report::Report;
use crate::render::values::pretty;

pub(crate) fn run(args: &RunArgs) -> Result<Exit, CliError> {
    // A drawing that cannot be made is known before anything runs.
    let format = args.graph.as_deref().map(graph::Format::of).transpose()?;
    let voice = args.voice.voice();
    let file = read::flow_file(&args.flow)?;
    let host = commands::open_host(&args.host, host_options(args, &file))?;
    let flow = commands::checked_flow(&host, file, voice)?.flow;
    let plan = taskhost_flow::plan(&flow, given(args, &flow)?)?;
    let options = RunOptions { runner_override: runner(args, &flow), ..RunOptions::default() };
    if let (Some(path), Some(format)) = (&args.graph, format) {
        can_be_drawn(path, format, &flow)?;
    }
    let executed = execute::execute(&host, plan, options, voice, Labels::Tasks)?;
    let exit = report(args, &executed, voice)?;
    if let (Some(path), Some(format)) = (&args.graph, format)
        && let Err(error) = draw(path, format, &executed)
    {
        let exit_of_drawing = error.report();
        // That the run failed matters more.
        return Ok(if exit == Exit::Fine { exit_of_drawing } else { exit });
    }
    Ok(exit)
}

fn report(args: &RunArgs, executed: &Executed, voice: Voice) -> Result<Exit, CliError> {
    let file = args.flow.display().to_string();
    let report = Report { run: &executed.report, tasks: &executed.tasks, file: Some(&file) };
    let failures = report.failures(voice);
    if !failures.is_empty() {
        // Apart from the lines of the tasks above.
        execute::say("\n", voice);
    }
    output::stderr(&failures);
    output::stderr(&report.warnings());
    execute::say(&report.handled(), voice);
    execute::say(&report.usage(voice), voice);
    execute::say(&report.summary(voice), voice);
    match args.json {
        true => output::stdout(&(pretty(&report.json()) + "\n"))?,
        false => output::stdout(&report.outputs())?,
    }
    Ok(report.exit())
}

fn host_options(args: &RunArgs, file: &FlowFile) -> HostOptions {
    let default = HostOptions::default();
    let workers = args.workers.map_or(default.workers, |workers| workers as usize);
    let concurrency =
        args.concurrency.map_or_else(|| read::concurrency_needed(file), |concurrency| concurrency as usize);
    HostOptions { workers, concurrency, ..default }
}

fn given(args: &RunArgs, flow: &Flow) -> Result<Vec<(String, taskhost_flow::Given)>, CliError> {
    let from_file = args.params.as_deref().map(arguments::from_json_file).transpose()?.unwrap_or_default();
    let type_of =
        |name: &str| flow.parameters.iter().find(|parameter| &*parameter.name == name).map(|found| found.ty.clone());
    let from_words = arguments::from_words(&args.parameters, "-p stop=5", type_of)?;
    Ok(arguments::merged(from_file, from_words))
}

/// What the command line says about the runner wins over the flow's own; what it leaves open is the flow's.
fn runner(args: &RunArgs, flow: &Flow) -> Option<RunnerChoice> {
    if args.runner.is_none() && args.workers.is_none() && args.concurrency.is_none() {
        return None;
    }
    let own = flow.runner;
    let kind = match args.runner {
        Some(Runner::Sequential) => RunnerKind::Sequential,
        Some(Runner::Threads) => RunnerKind::Threads,
        None => own.map_or(RunnerKind::Threads, |own| own.kind),
    };
    Some(RunnerChoice {
        kind,
        workers: args.workers.or(own.and_then(|own| own.workers)),
        concurrency: args.concurrency.or(own.and_then(|own| own.concurrency)),
    })
}

/// Refuses a drawing that would fail after the run.
fn can_be_drawn(path: &Path, format: graph::Format, flow: &Flow) -> Result<(), CliError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let message = format!("`{}` cannot be drawn: there is no folder `{}`", path.display(), folder.display());
        return Err(CliError::usage(message, "make the folder, or name a file in another one"));
    }
    if path.is_dir() {
        return Err(CliError::usage(format!("`{}` is a folder", path.display()), "name a file inside it to draw into"));
    }
    format.check(&crate::graph::picture(flow))
}

/// The path has been looked at before the run: a file that cannot be written now is no wrong command line.
fn draw(path: &Path, format: graph::Format, executed: &Executed) -> Result<(), CliError> {
    let picture = graph::picture_of_run(executed);
    graph::write(path, &format.draw(&picture)?).map_err(CliError::by_storage)
}
