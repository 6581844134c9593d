//! All runners behave alike: each flow below `conformance/flows`, and each example, gives the same outputs, the same failures and the same log
//! on each of them, byte for byte. A test is named `runner/flow`; what it has to be like is `sequential`.
//!
//! A new flow is a new file, no Rust. What differs from run to run (random numbers, times) must not show in what a flow gives, says or
//! returns; examples with random numbers are made deterministic.
//!
//! `nats` is a real server on loopback with two workers of one thread each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use taskhost::flow::written::Spanned;
use taskhost::flow::{FlowFile, RunnerKind, parse};
use taskhost::model::{Attachment, FlowRunEnding, json};
use taskhost::nats::NatsSettings;
use taskhost::nats::local::{Server, find_server};
use taskhost::{
    Ceiling, Happening, Host, HostOptions, RemoteWorkers, RunOptions, SecretSource, SecretSources, TaskWorker,
    WorkerSettings,
};

/// By then any of these flows has ended; whatever has not, hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A secret that a flow may name.
const SECRET: &str = "hush-hush-hush";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runners = [RunnerKind::Threads, RunnerKind::Nats];
    let flows = flows();
    let trials = runners.iter().flat_map(|runner| flows.iter().map(|flow| trial(*runner, flow)));
    let code = libtest_mimic::run(&arguments, trials.collect()).exit_code();
    Cluster::end();
    code
}

fn trial(runner: RunnerKind, flow: &Path) -> Trial {
    let flow = flow.to_owned();
    Trial::test(format!("{}/{}", runner.name(), name(&flow)), move || {
        let wanted = story(&flow, RunnerKind::Sequential)?;
        let found = story(&flow, runner)?;
        if wanted == found {
            return Ok(());
        }
        let only = |here: &str, there: &str, sign: char| -> String {
            let lines = here.lines().filter(|line| !there.lines().any(|other| other == *line)).take(20);
            lines.map(|line| format!("\n{sign} {}", line.chars().take(300).collect::<String>())).collect()
        };
        let (less, more) = (only(&wanted, &found, '-'), only(&found, &wanted, '+'));
        Err(format!("`{}` is not like `sequential`:{less}{more}", runner.name()).into())
    })
}

/// `flows/<name>.toml` and the examples' `<name>/flow.toml`.
fn flows() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = |folder: PathBuf| {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.expect("an entry that can be read").path()).collect::<Vec<_>>()
    };
    let mut flows = entries(tests.join("conformance/flows"));
    flows.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    flows.extend(
        entries(tests.join("../example-tasks"))
            .into_iter()
            .map(|folder| folder.join("flow.toml"))
            .filter(|path| path.exists()),
    );
    flows.sort();
    flows
}

fn name(flow: &Path) -> String {
    let own = if flow.ends_with("flow.toml") { flow.parent().unwrap_or(flow) } else { flow };
    own.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Everything that a flow run shows and that does not depend on time or place.
fn story(path: &Path, runner: RunnerKind) -> Result<String, Failed> {
    let host = host(runner)?;
    let mut file: FlowFile = parse(&host.read_flow(path)?).map_err(|mistakes| mistakes.to_string())?;
    if path.components().any(|part| part.as_os_str() == "example-tasks") {
        file.default_grants.deterministic = Some(Spanned::new(true));
    }
    let flow = host.check_file(file).map_err(|mistakes| mistakes.to_string())?.flow;
    let options = RunOptions { runner: runner.into(), ..RunOptions::default() };
    let launch = host.prepare(flow.clone())?.options(options);
    let run = launch.start()?;
    let (mut events, mut said) = (run.events(), BTreeMap::<(String, u32), String>::new());
    while let Some(happening) = events.next_timeout(PATIENCE) {
        if let Happening::Attachment { task, index, attachment } = happening {
            let lines = said.entry((task.to_string(), index)).or_default();
            match attachment {
                Attachment::Log { source, line } => writeln!(lines, "  {source:?} {line}")?,
                Attachment::Progress { done, total, message } => writeln!(lines, "  {done}/{total} {message}")?,
            }
        }
    }
    run.wait_timeout(PATIENCE).ok_or("it has not ended")?.ok();
    let report = run.report();
    let mut story = String::new();
    match &report.ending {
        FlowRunEnding::Succeeded(values) => {
            for (output, value) in flow.outputs.iter().zip(values) {
                let value = value.as_ref().map(|value| json::to_string(value, &output.ty));
                writeln!(story, "{} = {}", output.name, value.as_deref().unwrap_or("nothing"))?;
            }
        }
        // In which order depends on the runner.
        FlowRunEnding::Failed(causes) => {
            let mut causes = causes.clone();
            causes.sort();
            writeln!(story, "failed because of {causes:?}")?;
        }
        FlowRunEnding::Cancelled => writeln!(story, "cancelled")?,
    }
    // Which task is met first depends on the runner.
    let mut tasks = report.tasks;
    tasks.sort_by(|one, other| one.path.cmp(&other.path));
    for task in &tasks {
        let (runs, failed, retries) = (task.runs_ended, task.runs_failed, task.retries);
        writeln!(story, "task {}: {:?}, {runs} runs, {failed} failed, {retries} retries", task.path, task.state)?;
        let mut failures = task.failures.clone();
        failures.sort_by_key(|failure| failure.index);
        for failure in &failures {
            writeln!(story, "  {:?} {} {:?}", failure.index, failure.failure.kind(), failure.failure)?;
        }
        for refusal in &task.refusals {
            writeln!(story, "  refused: {} ({})", refusal.attempt, refusal.grant)?;
        }
    }
    for ((task, index), lines) in said {
        write!(story, "log of {task}[{index}]\n{lines}")?;
    }
    Ok(story)
}

fn host(runner: RunnerKind) -> Result<Host, Failed> {
    static HOST: LazyLock<Host> = LazyLock::new(|| Host::new(options()).expect("a host"));
    static REMOTE: OnceLock<Host> = OnceLock::new();
    if runner != RunnerKind::Nats {
        return Ok(HOST.clone());
    }
    if let Some(host) = REMOTE.get() {
        return Ok(host.clone());
    }
    let remote = Some(RemoteWorkers::At(NatsSettings::new(Cluster::address()?)));
    let host = Host::new(HostOptions { remote, ..options() })?;
    Ok(REMOTE.get_or_init(|| host).clone())
}

fn options() -> HostOptions {
    let secrets = SecretSources {
        given: [("token".to_owned(), SecretSource::Value(SECRET.into()))].into(),
        ..SecretSources::default()
    };
    // Four sandboxes in one process, each of two engines.
    HostOptions { workers: 2, concurrency: 64, secrets, ..HostOptions::default() }
}

/// A server and its workers.
struct Cluster {
    address: String,
    folder: PathBuf,
    server: Server,
    workers: Vec<TaskWorker>,
}

static CLUSTER: std::sync::Mutex<Option<Cluster>> = std::sync::Mutex::new(None);

impl Cluster {
    fn address() -> Result<String, Failed> {
        let mut cluster = CLUSTER.lock().expect("no panic");
        if let Some(cluster) = &*cluster {
            return Ok(cluster.address.clone());
        }
        let missing = "there is no NATS server: `cargo xtask test` installs one; or set TASKHOST_NATS_SERVER to nats-server 2.12 or newer";
        let program = find_server(None).map_err(|error| format!("{error}; {missing}"))?;
        let folder = std::env::temp_dir().join(format!("taskhost-conformance-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let server = Server::start(&program, &folder)?;
        let worker = |number: u32| {
            let host = HostOptions { workers: 1, ..options() };
            let nats = NatsSettings::new(&server.address);
            let mut settings = WorkerSettings::new(nats, format!("conformance-{number}"), host);
            settings.ceiling = Ceiling::Everything;
            TaskWorker::start(settings)
        };
        let workers = [1, 2].map(worker).into_iter().collect::<Result<_, _>>()?;
        let address = server.address.clone();
        Ok(cluster.insert(Cluster { address, folder, server, workers }).address.clone())
    }

    /// Takes it down.
    fn end() {
        if let Some(Cluster { folder, server, workers, .. }) = CLUSTER.lock().expect("no panic").take() {
            drop(workers);
            drop(server);
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
