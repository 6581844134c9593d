//! `taskhost run`: checks a flow, runs it, reports.

use std::path::Path;
use std::sync::Arc;

use taskhost::{Host, HostOptions, RunOptions};
use taskhost_flow::{Flow, FlowFile, PlanError, RunnerChoice, RunnerKind};
use taskhost_model::{FlowRunEnding, Value};
use taskhost_telemetry::Telemetry;

use crate::args::RunArgs;
use crate::arguments;
use crate::blobs;
use crate::commands::{self, compiling, graph, read, refresh};
use crate::error::{CliError, Exit};
use crate::execute::{self, Executed};
use crate::observe;
use crate::output::{self, WARN, styled};
use crate::progress::{Labels, Voice};
use crate::render::hints;
use crate::render::report::{Report, Written};
use crate::render::values::{self, pretty};

pub(crate) fn run(args: &RunArgs) -> Result<Exit, CliError> {
    or_as_json(args.json, observe::followed(|telemetry| run_flow(args, telemetry)))
}

/// For programs, what was rejected is an object on stdout too.
pub(crate) fn or_as_json(is_json: bool, ended: Result<Exit, CliError>) -> Result<Exit, CliError> {
    if let Some(mistakes) = ended.as_ref().err().filter(|_| is_json).and_then(CliError::mistakes_json) {
        output::stdout(&format!("{:#}\n", serde_json::json!({ "state": "rejected", "mistakes": mistakes })))?;
    }
    ended
}

fn run_flow(args: &RunArgs, telemetry: Option<Arc<Telemetry>>) -> Result<Exit, CliError> {
    // A drawing that cannot be made is known before anything runs.
    let format = args.graph.as_deref().map(graph::Format::of).transpose()?;
    let voice = args.voice.voice();
    let file = read::flow_file(&args.flow)?;
    let written = Written::of(&file);
    let host = commands::open_host(&args.host, host_options(args, &file)?, telemetry)?;
    compiling::tell(&host, voice);
    let flow = commands::checked_flow(&host, file, voice)?.flow;
    let output = args.output.as_deref().map(|name| output_named(&flow, name)).transpose()?;
    let plan =
        taskhost_flow::plan(&flow, given(args, &flow, &host)?).map_err(|error| with_examples(error, args, &flow))?;
    let options = RunOptions {
        runner_override: runner(args, &flow),
        use_results: !args.host.no_cache,
        refresh: refresh::named(&args.refresh, &flow)?,
        labels: args.labels.clone(),
        ..RunOptions::default()
    };
    if let (Some(path), Some(format)) = (&args.graph, format) {
        can_be_drawn(path, format, &flow)?;
    }
    commands::fetch_secrets(&host, &flow, &args.secrets, &options)?;
    if let Some(named) = args.remote.named().filter(|_| !goes_to_workers(&flow, &options)) {
        let warning = styled(WARN, "warning:");
        output::stderr(&format!(
            "{warning} `{named}` has no effect: nothing of this flow goes to workers; add `--runner nats`\n"
        ));
    }
    let executed = execute::execute(&host, plan, options, voice, Labels::Tasks)?;
    host.disconnect();
    let told = Told { host: &host, file: &args.flow, voice, json: args.json, output, is_recorded: !args.no_journal };
    let exit = report(&told, &executed, &written)?;
    if let (Some(path), Some(format)) = (&args.graph, format)
        && let Err(error) = draw(path, format, &executed)
    {
        let exit_of_drawing = error.report();
        // That the run failed matters more.
        return Ok(if exit == Exit::Fine { exit_of_drawing } else { exit });
    }
    Ok(exit)
}

/// What is to be told of a flow run, and how.
pub(crate) struct Told<'a> {
    /// Where blobs are.
    pub host: &'a Host,
    pub file: &'a Path,
    pub voice: Voice,
    pub json: bool,
    /// The position of the only output that is wanted.
    pub output: Option<usize>,
    pub is_recorded: bool,
}

/// Tells how a flow run ended.
pub(crate) fn report(told: &Told, executed: &Executed, written: &Written) -> Result<Exit, CliError> {
    let voice = told.voice;
    let file = told.file.display().to_string();
    let report = Report { run: &executed.report, tasks: &executed.tasks, file: Some(&file), written: Some(written) };
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
    match &report.run.journal_error {
        Some(_) => output::stderr(&report.record(told.is_recorded)),
        None => execute::say(&report.record(told.is_recorded), voice),
    }
    match told.output {
        _ if told.json => output::stdout(&(pretty(&report.json()) + "\n"))?,
        Some(output) => print_output(&report, output, told.host)?,
        None => output::stdout(&report.outputs())?,
    }
    Ok(report.exit())
}

/// The output of a flow that `--output` names.
fn output_named(flow: &Flow, name: &str) -> Result<usize, CliError> {
    let at = flow.outputs.iter().position(|output| &*output.name == name);
    at.ok_or_else(|| {
        let names = || flow.outputs.iter().map(|output| &*output.name);
        let help = match hints::nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if flow.outputs.is_empty() => "it declares none".to_owned(),
            None => format!("it has `{}`", names().collect::<Vec<_>>().join("`, `")),
        };
        CliError::usage(format!("flow `{}` has no output `{name}`", flow.name), help)
    })
}

fn print_output(report: &Report, at: usize, host: &Host) -> Result<(), CliError> {
    let FlowRunEnding::Succeeded(values) = &report.run.ending else { return Ok(()) };
    let output = &report.tasks.flow().outputs[at];
    match values.get(at).and_then(Option::as_ref) {
        Some(Value::Blob(blob)) => blobs::print(host, blob),
        Some(value) => output::stdout_raw(&values::raw(value, &output.ty)),
        None => {
            let warning = styled(WARN, "warning:");
            output::stderr(&format!("{warning} output `{}` has no value: its task was skipped\n", output.name));
            output::stdout("null\n")
        }
    }
}

/// Mistakes among the parameters, each with an example of what would be right.
fn with_examples(mut error: PlanError, args: &RunArgs, flow: &Flow) -> PlanError {
    for mistake in error.0.iter_mut().filter(|mistake| mistake.code == "bad-parameter") {
        let name = &mistake.parameter;
        let Some(parameter) = flow.parameters.iter().find(|parameter| *parameter.name == **name) else { continue };
        let typed = args.parameters.iter().filter_map(|word| word.split_once('=')).find(|(word, _)| word == name);
        let plain = typed.and_then(|(_, text)| hints::plain_integer(text, &parameter.ty));
        let example = match plain {
            Some(plain) => format!("write it as `-p {name}={plain}`"),
            None => hints::example(name, &parameter.ty, "-p "),
        };
        mistake.help = Some(match mistake.help.take() {
            Some(description) => format!("{description}; {example}"),
            None => example,
        });
    }
    error
}

fn host_options(args: &RunArgs, file: &FlowFile) -> Result<HostOptions, CliError> {
    let default = HostOptions::default();
    let workers = args.workers.map_or(default.workers, |workers| workers as usize);
    let concurrency =
        args.concurrency.map_or_else(|| read::concurrency_needed(file), |concurrency| concurrency as usize);
    let secrets = args.secrets.sources()?;
    let options = HostOptions { workers, concurrency, secrets, keep_runs: !args.no_journal, ..default };
    let workers = args.workers.or(file.runner.as_ref().and_then(|own| own.workers));
    args.remote.options(workers, &args.secrets, &args.host, options)
}

fn given(args: &RunArgs, flow: &Flow, host: &Host) -> Result<Vec<(String, taskhost_flow::Given)>, CliError> {
    let from_file = args.params.as_deref().map(arguments::from_json_file).transpose()?.unwrap_or_default();
    let type_of =
        |name: &str| flow.parameters.iter().find(|parameter| &*parameter.name == name).map(|found| found.ty.clone());
    let from_words = arguments::from_words(&args.parameters, "-p stop=5", type_of, host)?;
    Ok(arguments::merged(from_file, from_words))
}

/// What the command line says about the runner wins over the flow's own; what it leaves open is the flow's.
fn runner(args: &RunArgs, flow: &Flow) -> Option<RunnerChoice> {
    if args.runner.is_none() && args.workers.is_none() && args.concurrency.is_none() {
        return None;
    }
    let own = flow.runner.as_ref();
    let kind = args.runner.map(RunnerKind::from).or(own.map(|own| own.kind)).unwrap_or(RunnerKind::Threads);
    Some(RunnerChoice {
        kind,
        workers: args.workers.or(own.and_then(|own| own.workers)),
        concurrency: args.concurrency.or(own.and_then(|own| own.concurrency)),
        labels: own.map(|own| own.labels.clone()).unwrap_or_default(),
    })
}

/// Whether anything of a flow is carried out by workers.
fn goes_to_workers(flow: &Flow, options: &RunOptions) -> bool {
    let own = options.runner_override.as_ref().or(flow.runner.as_ref());
    let others = taskhost_engine::runner_choices(flow)
        .into_iter()
        .flatten()
        .filter(|choice| flow.runner.as_ref() != Some(choice));
    others.map(|choice| choice.kind).chain(own.map(|own| own.kind)).any(|kind| kind == RunnerKind::Nats)
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
