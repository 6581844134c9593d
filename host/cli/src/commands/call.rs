//! `taskhost call`: one function of a component, without a flow.

use std::path::Path;
use std::sync::Arc;

use taskhost::{CallSettings, Host, HostOptions, RunError, RunOptions};
use taskhost_flow::{Flow, PlanError};
use taskhost_model::seams::Catalog as _;
use taskhost_model::{ComponentSignature, FlowRunEnding, TaskSignature, Value, ValueType, json};
use taskhost_telemetry::Telemetry;

use crate::args::CallArgs;
use crate::arguments;
use crate::blobs;
use crate::commands::run::or_as_json;
use crate::commands::{self, command, compiling};
use crate::error::{CliError, Exit};
use crate::execute::{self, Executed};
use crate::file;
use crate::observe;
use crate::output;
use crate::progress::{Labels, Voice};
use crate::render::report::{Report, object, state_name};
use crate::render::{hints, shortened, signature, usage, values};

pub(crate) fn run(args: &CallArgs) -> Result<Exit, CliError> {
    match &args.function {
        _ if args.command => command::run(args),
        Some(function) => or_as_json(args.json, observe::followed(|telemetry| call(args, function, telemetry))),
        None => Err(CliError::usage("no function is named", "`taskhost inspect` lists those of a component")),
    }
}

fn call(args: &CallArgs, function: &str, telemetry: Option<Arc<Telemetry>>) -> Result<Exit, CliError> {
    let voice = args.voice.voice();
    file::is_there(&args.component)?;
    let secrets = args.secrets.sources()?;
    let options = HostOptions { concurrency: 1, workers: 1, secrets, ..HostOptions::default() };
    let host = commands::open_host(&args.host, options, telemetry)?;
    compiling::tell(&host, voice);
    let component = component(&host, args)?;
    let task = find(&component, &args.component, function)?;
    let type_of = |name: &str| task.parameters.iter().find(|(known, _)| &**known == name).map(|(_, ty)| ty.clone());
    let given = arguments::from_words(&args.arguments, "stop=5", type_of, &host)?;
    // The function as a flow's `call` names it: there an interface has its short name.
    let short = task.interface_short().filter(|_| function.contains('.'));
    let function = short.map_or(task.function.to_string(), |interface| format!("{interface}.{}", task.function));
    let names: Vec<&str> = given.iter().map(|(name, _)| &**name).collect();
    let checked = host.check_call(&args.component, &function, &names, &settings(args)?)?;
    commands::tell_notes(&checked, voice);
    let plan = taskhost_flow::plan(&checked.flow, given).map_err(|error| in_words_of_a_call(error, task))?;
    commands::fetch_secrets(&host, &checked.flow, &args.secrets, &RunOptions::default())
        .map_err(|error| secrets_of_a_call(error, &checked.flow))?;
    let executed = execute::execute(&host, plan, RunOptions::default(), voice, Labels::None)?;
    report(args, &executed, voice, &host)
}

pub(super) fn settings(args: &CallArgs) -> Result<CallSettings, CliError> {
    let pairs = |words: &[String], example: &str| -> Result<Vec<(String, String)>, CliError> {
        let pair = |word: &String| match word.split_once('=').filter(|(key, _)| !key.is_empty()) {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(CliError::usage(format!("`{word}` is no `key=value`"), format!("write it as in `{example}`"))),
        };
        words.iter().map(pair).collect()
    };
    Ok(CallSettings {
        limits: pairs(&args.limit, "--limit memory=1GiB")?,
        allow: pairs(&args.allow, "--allow read=data")?,
        is_deterministic: args.deterministic,
        is_strict: args.strict,
    })
}

fn component(host: &Host, args: &CallArgs) -> Result<Arc<ComponentSignature>, CliError> {
    host.sandbox().signature(&args.component).map_err(|error| {
        CliError::rejected(format!("component `{}` {}", args.component.display(), error.message), error.help)
    })
}

/// The function that is meant; if that is not clear, the error lists what there is.
fn find<'a>(component: &'a ComponentSignature, path: &Path, function: &str) -> Result<&'a TaskSignature, CliError> {
    let (interface, name) = match function.rsplit_once('.') {
        Some((interface, name)) => (Some(interface), name),
        None => (None, function),
    };
    let is_meant = |task: &&TaskSignature| {
        let is_inside = interface.is_none_or(|interface| {
            let whole = task.interface.as_deref();
            let unversioned = whole.and_then(|whole| whole.split('@').next());
            [task.interface_short(), whole, unversioned].contains(&Some(interface))
        });
        &*task.function == name && is_inside
    };
    let found: Vec<&TaskSignature> = component.tasks.iter().filter(is_meant).collect();
    match found[..] {
        [task] => Ok(task),
        [] => Err(CliError::usage(
            format!("component `{}` has no function `{}`", path.display(), function),
            list(&words_for_unknown(component, name), &component.tasks.iter().collect::<Vec<_>>()),
        )),
        _ => Err(CliError::usage(
            format!("component `{}` has several functions `{}`", path.display(), function),
            list("write `interface.function` for one of these:", &found),
        )),
    }
}

/// What was meant, if something is near; the list follows.
fn words_for_unknown(component: &ComponentSignature, name: &str) -> String {
    match hints::nearest(name, component.tasks.iter().map(|task| &*task.function)) {
        Some(near) => format!("did you mean `{near}`? it has"),
        None => "it has".to_owned(),
    }
}

fn list(words: &str, tasks: &[&TaskSignature]) -> String {
    if tasks.is_empty() {
        return "it has none that can be called; `taskhost inspect` says why".to_owned();
    }
    let lines = tasks.iter().map(|task| {
        let interface = task.interface_short().map_or(String::new(), |interface| format!("{interface}."));
        format!("\n  {interface}{}", signature::line(task))
    });
    format!("{words}{}", lines.collect::<String>())
}

fn report(args: &CallArgs, executed: &Executed, voice: Voice, host: &Host) -> Result<Exit, CliError> {
    let report = Report { run: &executed.report, tasks: &executed.tasks, file: None, written: None };
    output::stderr(report.failures(voice).trim_end_matches('\n'));
    if report.exit() == Exit::RunFailed {
        output::stderr("\n");
    }
    output::stderr(&report.warnings());
    if voice == Voice::Verbose {
        output::stderr(&report.summary(voice));
    }
    let result = match &executed.report.ending {
        FlowRunEnding::Succeeded(outputs) => outputs.first().cloned().flatten(),
        _ => None,
    };
    let ty =
        executed.tasks.flow().outputs.first().map(|output| output.ty.clone()).unwrap_or_else(|| ValueType::tuple([]));
    if args.json {
        let json = result.map_or("null".to_owned(), |value| json::to_string(&value, &ty));
        output::stdout(&(values::pretty(&call_json(&report, json)) + "\n"))?;
    } else if let Some(Value::Blob(blob)) = &result {
        blobs::print(host, blob)?;
    } else if let Some(value) = result.filter(|_| ty != ValueType::tuple([])) {
        output::stdout(&values::result(&value, &ty))?;
    }
    Ok(report.exit())
}

fn call_json(whole: &Report, result: String) -> String {
    let report = whole.run;
    let failure = report.tasks.iter().flat_map(|task| &task.failures).next();
    let failure = failure.map(|failed| {
        let (kind, message, help) = whole.failure_for_programs(failed);
        serde_json::json!({ "kind": kind, "message": message, "help": help })
    });
    let refusals: Vec<_> = report.tasks.iter().flat_map(|task| &task.refusals).collect();
    let parts = [
        ("result", result),
        ("state", serde_json::json!(state_name(&report.ending)).to_string()),
        ("failure", serde_json::json!(failure).to_string()),
        ("refusals", serde_json::json!(refusals).to_string()),
        ("usage", usage::json(&report.usage).to_string()),
        ("wall-time-seconds", serde_json::json!(report.wall_time.as_secs_f64()).to_string()),
    ];
    object(parts.into_iter().map(|(key, json)| (key.to_owned(), json)))
}

/// Without a flow there are no parameters of a flow, and no `-p`.
fn in_words_of_a_call(mut error: PlanError, task: &TaskSignature) -> CliError {
    for mistake in &mut error.0 {
        let name = &mistake.parameter;
        match mistake.code {
            "unknown-parameter" => {
                mistake.message = format!("function `{}` has no parameter `{name}`", task.function);
                mistake.help = Some(parameters(task, name));
            }
            "missing-parameter" => mistake.help = Some(format!("give it as `{name}=…`")),
            "bad-parameter" => {
                let ty = task.parameters.iter().find(|(known, _)| **known == **name).map(|(_, ty)| ty);
                mistake.help = ty.map(|ty| hints::example(name, ty, ""));
            }
            _ => {}
        }
    }
    error.into()
}

/// There is no task of that name for people.
fn secrets_of_a_call(error: CliError, flow: &Flow) -> CliError {
    let CliError::Secrets(mut error) = error else { return error };
    let wants = flow.tasks.first().map_or(String::new(), |task| format!(", which task `{}` wants", task.name));
    for text in error.parts.iter_mut().map(|part| &mut part.message).chain([&mut error.message]) {
        *text = text.replace(&wants, "");
    }
    CliError::Secrets(error)
}

/// What a function takes, those that may be left out included.
fn parameters(task: &TaskSignature, name: &str) -> String {
    let near = hints::nearest(name, task.parameters.iter().map(|(known, _)| &**known));
    let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
    let all: Vec<String> =
        task.parameters.iter().map(|(name, ty)| format!("`{name}: {}`", shortened(&ty.to_string(), 60))).collect();
    match all.is_empty() {
        true => "it takes no arguments".to_owned(),
        false => format!("{near}it takes {}", all.join(", ")),
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> CliError {
        match error {
            RunError::Host(error) => error.into(),
            RunError::Rejected(diagnostics) => diagnostics.into(),
            RunError::Parameters(error) => error.into(),
            other => CliError::internal(other.to_string()),
        }
    }
}
