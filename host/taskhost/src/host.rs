//! [`Host`]: one sandbox, the runners of this process, and the way from a flow to its run. It wires and decides
//! nothing.
//!
//! ```text
//! read_flow ─► check ─► (flow::plan) ─► start ─► FlowRun
//!                │                        │
//!             sandbox, files           one pool of threads for each choice of runner, made at its first use
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use taskhost_engine::{FlowRun, FlowRunOptions, runner_choices, start_flow_run};
use taskhost_flow::{Checked, Diagnostics, Flow, FlowFile, FlowSource, Given, Plan, RunnerChoice, RunnerKind};
use taskhost_model::seams::{Blobs, Catalog, CatalogError, Observer, Runner};
use taskhost_model::{Digest, FlowRunId, Value, limits};
use taskhost_sandbox::{Compiler, Inspection, Sandbox, SandboxOptions};
use taskhost_store::{ResultCache, RunRecord, Store, StoreError, StoreOptions};
use taskhost_telemetry::{Telemetry, Watch};

use crate::blobs::{self, HostBlobs};
use crate::builder::FlowBuilder;
use crate::caching;
use crate::call_settings::CallSettings;
use crate::component::Component;
use crate::error::{HostError, HostErrorKind, RunError};
use crate::files::{self, Files};
use crate::outputs::Outputs;
use crate::recording::{self, Stopping};
use crate::records::Records;
use crate::remote::{Remote, RemoteWorkers};
use crate::run::{IntoFlow, Launch};
use crate::runners::{PoolSize, Runners};
use crate::secrets::{SecretSources, Secrets, secrets_wanted};
use crate::single_call;

/// How a host is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostOptions {
    /// Where compiled components are kept, so that they load in milliseconds; none means `taskhost` in the user's
    /// cache folder (`$XDG_CACHE_HOME`, or `~/.cache`).
    pub cache_folder: Option<PathBuf>,
    /// Whether compiled components are kept on disk at all.
    pub use_cache: bool,
    /// Where lies what is private and outlives a cache, such as the key that shows which compiled components are ours; none
    /// means `$TASKHOST_DATA_FOLDER`, or `taskhost` in the user's data folder (`$XDG_DATA_HOME`, or `~/.local/share`).
    /// Without any, nothing is kept on disk.
    pub data_folder: Option<PathBuf>,
    /// A `taskhost` executable of this version: components are compiled in a child process of it, with limits on memory and
    /// time. None compiles in this process, where a component made to hurt the compiler takes all the memory and time it
    /// wants: name one if you do not trust the components' authors.
    pub compiler: Option<PathBuf>,
    /// Task runs in flight at once, waiting ones included.
    pub concurrency: usize,
    /// Threads that compute.
    pub workers: usize,
    /// Where the values of secrets come from that flows name.
    pub secrets: SecretSources,
    /// Whether flow runs are recorded, in the data folder: then they can be resumed, looked at later, and take results from the cache.
    pub keep_runs: bool,
    /// How long runs are kept after their end: older ones are deleted, with what only they needed, when runs are recorded again. None keeps
    /// them until somebody deletes them.
    pub keep_runs_for: Option<Duration>,
    /// URL of a store of artifacts (`s3://bucket/prefix`, `gs://…`, `az://…`, `file:///…`) where large results and blobs of recorded runs are
    /// kept, with copies in the data folder; none means `$TASKHOST_ARTIFACTS`, or without it the data folder alone.
    pub artifacts: Option<String>,
    /// Where the workers of the runner `nats` are; without it, that runner cannot be used.
    pub remote: Option<RemoteWorkers>,
    /// How long task runs wait for a worker that has their labels; none means 2 min.
    pub worker_wait: Option<Duration>,
    /// How long task runs that are under way wait for a NATS server that does not answer; none means 2 min.
    pub server_wait: Option<Duration>,
}

impl Default for HostOptions {
    fn default() -> HostOptions {
        HostOptions {
            cache_folder: None,
            use_cache: true,
            data_folder: None,
            compiler: None,
            concurrency: limits::CONCURRENCY_DEFAULT,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            secrets: SecretSources::default(),
            keep_runs: false,
            keep_runs_for: None,
            artifacts: None,
            remote: None,
            worker_wait: None,
            server_wait: None,
        }
    }
}

impl HostOptions {
    /// Where compiled components are kept with these options; none if they are not kept, or if this user has no cache
    /// folder.
    pub fn cache_folder_in_use(&self) -> Option<PathBuf> {
        if !self.use_cache {
            return None;
        }
        self.cache_folder.clone().or_else(|| files::user_folder("XDG_CACHE_HOME", ".cache"))
    }

    /// Where what is private lies with these options; none if this user has no data folder.
    pub fn data_folder_in_use(&self) -> Option<PathBuf> {
        let named = || std::env::var_os("TASKHOST_DATA_FOLDER").filter(|name| !name.is_empty()).map(PathBuf::from);
        self.data_folder.clone().or_else(named).or_else(|| files::user_folder("XDG_DATA_HOME", ".local/share"))
    }

    /// How the store of runs in that folder is opened with these options.
    pub fn store_options(&self) -> StoreOptions {
        let named = || std::env::var("TASKHOST_ARTIFACTS").ok().filter(|url| !url.is_empty());
        StoreOptions { artifacts: self.artifacts.clone().or_else(named), ..StoreOptions::default() }
    }
}

/// How a flow is run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunOptions {
    /// Where task runs happen if the flow leaves it open. `threads` by default.
    pub runner: RunnerChoice,
    /// Where they happen instead of in the flow's own `[runner]`; tasks and subflows with a runner of their own keep
    /// it.
    pub runner_override: Option<RunnerChoice>,
    /// Whether tasks with `cache` take results from the cache and put theirs into it. They do only if runs are recorded
    /// ([`HostOptions::keep_runs`]).
    pub use_results: bool,
    /// Tasks that are carried out even if a result is in the cache; it is replaced. By their names, those of subflows too, or by
    /// paths ([`TaskPattern`](taskhost_model::task_pattern::TaskPattern)); what names no task has no effect.
    pub refresh: Vec<String>,
    /// Words to find the flow run by, if it is recorded.
    pub labels: Vec<String>,
}

impl RunOptions {
    /// Where the tasks of a flow run that do not say it themselves.
    pub(crate) fn runner_of(&self, flow: &Flow) -> RunnerKind {
        self.runner_override.as_ref().or(flow.runner.as_ref()).unwrap_or(&self.runner).kind
    }
}

impl Default for RunOptions {
    fn default() -> RunOptions {
        let runner = RunnerChoice::from(RunnerKind::Threads);
        RunOptions { runner, runner_override: None, use_results: true, refresh: Vec::new(), labels: Vec::new() }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The sandbox may live on, in threads that have not noticed their end.
        self.blobs.close();
    }
}

/// Runs flows in this process. Cheap to clone; all clones share their sandbox and threads.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    sandbox: Arc<Sandbox>,
    runners: Runners,
    secrets: Arc<Secrets>,
    sources: SecretSources,
    /// Where runs are recorded; none if they are not.
    records: Option<Arc<Records>>,
    blobs: Arc<HostBlobs>,
    /// Who follows flow runs; none unless somebody asked for it, and then it costs nothing.
    telemetry: Option<Arc<Telemetry>>,
}

impl Host {
    /// Sets up the sandbox; threads are started when a flow needs them.
    pub fn new(options: HostOptions) -> Result<Host, HostError> {
        Host::with_telemetry(options, None)
    }

    /// The same, and its flow runs are followed by traces, metrics and logs.
    pub fn with_telemetry(options: HostOptions, telemetry: Option<Arc<Telemetry>>) -> Result<Host, HostError> {
        in_range("concurrency", options.concurrency, limits::CONCURRENCY_MAX)?;
        in_range("workers", options.workers, limits::CONCURRENCY_MAX)?;
        let secrets = Arc::new(Secrets::default());
        let records = options.keep_runs.then(|| Arc::new(Records::new(&options)));
        let blobs = Arc::new(HostBlobs::new(records.as_ref()));
        let sandbox = Sandbox::new(SandboxOptions {
            blobs: Some(blobs.clone()),
            cache_folder: options.cache_folder_in_use(),
            data_folder: options.data_folder_in_use(),
            compiler: options.compiler.map_or(Compiler::InProcess, |program| Compiler::Child { program }),
            instances: options.concurrency,
            vault: Some(secrets.clone()),
        })?;
        let size = PoolSize { workers: options.workers, concurrency: options.concurrency };
        let mut patience = taskhost_nats::HostOptions::default();
        patience.worker_wait = options.worker_wait.unwrap_or(patience.worker_wait);
        patience.server_wait = options.server_wait.unwrap_or(patience.server_wait);
        let remote = Remote::new(sandbox.clone(), blobs.clone(), options.remote, patience);
        let runners = Runners::new(sandbox.clone(), size, remote);
        Ok(Host(Arc::new(Inner { runners, sandbox, secrets, sources: options.secrets, records, blobs, telemetry })))
    }

    /// Reads a flow file.
    pub fn read_flow(&self, path: &Path) -> Result<Arc<FlowSource>, HostError> {
        let bytes = files::read(path, limits::FLOW_BYTES_MAX).map_err(|reason| {
            HostError::new(HostErrorKind::Usage, format!("flow `{}` {reason}", path.display()))
                .with_help("give the path of a flow file, such as `flow.toml`")
        })?;
        files::source(path, bytes).map_err(|mistakes| HostError::new(HostErrorKind::Rejected, mistakes.to_string()))
    }

    /// Checks a flow: its grammar, its names, its types against those of its components. Nothing of it runs.
    pub fn check(&self, source: &Arc<FlowSource>) -> Result<Checked, Diagnostics> {
        self.check_file(taskhost_flow::parse(source)?)
    }

    /// Checks a flow that was read, or made, elsewhere.
    pub fn check_file(&self, file: FlowFile) -> Result<Checked, Diagnostics> {
        taskhost_flow::check(file, &Files, &*self.0.sandbox)
    }

    /// Checks the flow of a recorded flow run as it was then, with the components that are there today.
    pub fn check_recorded(&self, record: &RunRecord) -> Result<Checked, RunError> {
        let Some(file) = record.files.iter().find(|file| file.path == record.file) else {
            let help = "its program knows the flow";
            let message = format!("flow run {} is of a flow without a file", record.id);
            return Err(HostError::new(HostErrorKind::Usage, message).with_help(help).into());
        };
        let source = Arc::new(FlowSource::new(&file.path, &*file.text));
        Ok(taskhost_flow::check(taskhost_flow::parse(&source)?, &files::Recorded(record), &*self.0.sandbox)?)
    }

    /// Checks a flow that was built in code. Each diagnostic names its line of Rust.
    pub fn check_built(&self, flow: &FlowBuilder) -> Result<Checked, Diagnostics> {
        flow.build().check(|file| self.check_file(file))
    }

    /// Everything about a component: its tasks with types and docs, what it imports, its size and digest.
    pub fn inspect(&self, component: &Path) -> Result<Inspection, CatalogError> {
        self.0.sandbox.inspect(component)
    }

    /// What a component is at the moment.
    pub(crate) fn digest(&self, component: &Path) -> Result<Digest, CatalogError> {
        self.0.sandbox.signature(component).map(|signature| signature.digest)
    }

    /// A component for flows built in code. It is compiled now, so that a file that is none is known early.
    pub fn component(&self, path: impl AsRef<Path>) -> Result<Component, HostError> {
        let component = Component::at(&path);
        let signature = self.0.sandbox.signature(component.path());
        let signature = signature.map_err(|error| HostError::component(path.as_ref(), error))?;
        Ok(component.with_signature(signature))
    }

    /// One function without a flow: a flow of one task, made in memory, whose parameters are those of the function
    /// and whose output is `result`. `given` names the arguments that will be given.
    pub fn check_call(
        &self,
        component: &Path,
        function: &str,
        given: &[&str],
        settings: &CallSettings,
    ) -> Result<Checked, RunError> {
        let signature = self.0.sandbox.signature(component).map_err(|error| HostError::component(component, error))?;
        let settings = settings.written();
        let flow = single_call::flow(component, &signature, function, given, &settings);
        match flow.and_then(|file| self.check_file(file)) {
            Ok(checked) => Ok(Checked { notes: settings.told(checked.notes), ..checked }),
            Err(mistakes) => Err(settings.told(mistakes).into()),
        }
    }

    /// The same with its arguments, ready to be started.
    pub fn plan_call(
        &self,
        component: &Path,
        function: &str,
        arguments: Vec<(String, Given)>,
        settings: &CallSettings,
    ) -> Result<Plan, RunError> {
        let given: Vec<&str> = arguments.iter().map(|(name, _)| &**name).collect();
        let checked = self.check_call(component, function, &given, settings)?;
        Ok(taskhost_flow::plan(&checked.flow, arguments)?)
    }

    /// Looks up the secrets that the tasks of a flow and of its subflows want; to be called before [`Host::start`], as [`Launch`] does.
    /// Every secret that cannot be had is told at once. A secret that the host knows already is not looked up again.
    /// Those of tasks that run on workers elsewhere are left to these.
    pub fn fetch_secrets(&self, flow: &Flow, options: &RunOptions) -> Result<(), HostError> {
        if self.0.runners.has_workers_of_its_own() {
            self.0.secrets.fetch_all(flow, &self.0.sources)?;
        } else {
            self.0.secrets.fetch(flow, options.runner_of(flow), &self.0.sources)?;
        }
        if tracing::enabled!(target: "taskhost::secrets", tracing::Level::INFO) {
            // Their names; the values are nobody's business.
            let names = secrets_wanted(flow).into_keys().collect::<Vec<_>>().join(" ");
            if !names.is_empty() {
                tracing::info!(target: "taskhost::secrets", flow = &*flow.name, names, "secrets are there");
            }
        }
        Ok(())
    }

    /// Ends the commands that [`Host::fetch_secrets`] waits for, with all that they started, and lets no other start: for a signal that
    /// ends the process.
    pub fn stop_fetching(&self) {
        self.0.secrets.stop();
    }

    /// Where flow runs are recorded; none unless they are ([`HostOptions::keep_runs`]).
    pub fn store(&self) -> Result<Option<Arc<Store>>, HostError> {
        self.0.records.as_ref().map(|records| records.store()).transpose()
    }

    /// Where blobs are kept: among the artifacts of recorded runs; for a host that records none, in a folder that goes with it.
    pub fn blobs(&self) -> Arc<dyn Blobs> {
        self.0.blobs.clone()
    }

    /// Keeps the content of a file as a blob: a value for a parameter of that type. Of any size; it is read in pieces.
    pub fn keep_file(&self, path: &Path) -> Result<Value, HostError> {
        blobs::keep(&*self.0.blobs, path).map(|blob| Value::Blob(blob.into()))
    }

    /// Starts a flow run and returns at once. If runs are recorded, it is.
    pub fn start(&self, plan: Plan, options: RunOptions, observer: Arc<dyn Observer>) -> Result<FlowRun, HostError> {
        self.ready(&plan, &options)?;
        blobs::keep_parameters(&*self.0.blobs, &plan)?;
        let (id, started) = new_flow_run_id();
        let following = FlowRunOptions::new(observer);
        let Some(store) = self.store()? else { return Ok(self.start_flow_run(&plan, id, options, following, None)) };
        let record = recording::record(id, started, &plan, options.labels.clone());
        let stopping = Stopping::new(&following.observer);
        let journal = store.create(record, stopping.on_request()).map_err(|error| not_recorded(&error))?;
        let run = self.start_flow_run(&plan, id, options, following.journal(journal), Some(store.cache()));
        stopping.of(run.stopper());
        if let Some(records) = &self.0.records {
            records.retain();
        }
        Ok(run)
    }

    /// Makes sure that all runners of a flow can be had, so that a mistake is told before anything runs.
    pub(crate) fn ready(&self, plan: &Plan, options: &RunOptions) -> Result<(), HostError> {
        let flow = plan.flow();
        let own = options.runner_of(flow);
        let others = runner_choices(flow).into_iter().flatten().filter(|choice| flow.runner.as_ref() != Some(choice));
        self.0.runners.ready(others.map(|choice| choice.kind).chain([own]))
    }

    /// Starts a flow run that is recorded by `following`'s journal, if at all.
    pub(crate) fn start_flow_run(
        &self,
        plan: &Plan,
        id: FlowRunId,
        options: RunOptions,
        following: FlowRunOptions,
        cache: Option<ResultCache>,
    ) -> FlowRun {
        let own = plan.flow().runner.clone();
        let host = self.clone();
        let (following, watch) = self.followed(plan, id, following);
        let runners_watch = watch.clone();
        let cache = cache.filter(|_| options.use_results && caching::is_wanted(plan.flow()));
        let runners = move |choice: Option<RunnerChoice>| -> Arc<dyn Runner> {
            let of_the_flow = choice.is_none() || choice == own;
            let replaced = options.runner_override.clone().filter(|_| of_the_flow);
            let runner = host.0.runners.runner(replaced.or(choice).unwrap_or_else(|| options.runner.clone()));
            let runner = match &cache {
                Some(cache) => caching::with_results(runner, cache, &options.refresh),
                None => runner,
            };
            match &runners_watch {
                Some(watch) => watch.runner(runner),
                None => runner,
            }
        };
        let run = start_flow_run(plan, id, Arc::new(runners), following);
        if let Some(watch) = watch {
            watch.caught_up();
        }
        run
    }

    /// With telemetry between a flow run and its observer, if there is any.
    fn followed(
        &self,
        plan: &Plan,
        id: FlowRunId,
        mut following: FlowRunOptions,
    ) -> (FlowRunOptions, Option<Arc<Watch>>) {
        let Some(telemetry) = &self.0.telemetry else { return (following, None) };
        let before = following.replay.as_ref().map(|replay| replay.elapsed());
        let watch = telemetry.follow(plan.flow(), id, before, Arc::clone(&following.observer));
        following.observer = watch.clone();
        (following, Some(watch))
    }

    /// A flow ready to be given its parameters and run: a [`FlowBuilder`], a path, or a checked flow.
    pub fn prepare(&self, flow: impl IntoFlow) -> Result<Launch, RunError> {
        Ok(Launch::new(self.clone(), flow.into_flow(self)?))
    }

    /// Runs a flow whose parameters all have defaults, and waits for its outputs. [`Host::prepare`] is for everything
    /// else.
    pub fn run(&self, flow: impl IntoFlow) -> Result<Outputs, RunError> {
        self.prepare(flow)?.run()
    }

    /// Ends the connection to workers elsewhere, and what was started for them on this machine. What still runs there is lost.
    pub fn disconnect(&self) {
        self.0.runners.disconnect();
    }

    /// What compiles components and runs guests, for those who need it directly, such as benchmarks.
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.0.sandbox
    }
}

fn in_range(what: &str, number: usize, max: usize) -> Result<(), HostError> {
    if (1..=max).contains(&number) {
        return Ok(());
    }
    let message = format!("{what} is {number}, which is not between 1 and {max}");
    Err(HostError::new(HostErrorKind::Usage, message))
}

/// A flow run cannot be recorded.
pub(crate) fn not_recorded(error: &StoreError) -> HostError {
    let out = "do without a record: `--no-journal`";
    let help = error.help().map_or(out.to_owned(), |help| format!("{help}; or {out}"));
    // What the user wrote is wrong, not what stores it.
    let kind =
        if matches!(error, StoreError::BadPlace { .. }) { HostErrorKind::Usage } else { HostErrorKind::Internal };
    HostError::new(kind, format!("the flow run cannot be recorded: {error}")).with_help(help)
}

/// Names a flow run by the time, which is given too, and some random bits, those of the standard library's hash keys.
pub(crate) fn new_flow_run_id() -> (FlowRunId, u64) {
    use std::hash::{BuildHasher, RandomState};
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let random = RandomState::new().hash_one(since_1970) as u32;
    let milliseconds = since_1970.as_millis() as u64;
    (FlowRunId::new(milliseconds, random), milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_room_for_one_task_run_is_refused() {
        for (options, word) in [
            (HostOptions { concurrency: 0, ..HostOptions::default() }, "concurrency is 0"),
            (HostOptions { workers: 0, ..HostOptions::default() }, "workers is 0"),
            (HostOptions { concurrency: 1 << 20, ..HostOptions::default() }, "not between 1 and 10000"),
        ] {
            let error = Host::new(options).err().expect("refused");
            assert!(error.message.contains(word), "{error}");
            assert_eq!(error.kind, HostErrorKind::Usage);
        }
    }

    #[test]
    fn the_cache_can_be_elsewhere_or_off() {
        let elsewhere = HostOptions { cache_folder: Some("/elsewhere".into()), ..HostOptions::default() };
        assert_eq!(elsewhere.cache_folder_in_use(), Some("/elsewhere".into()));
        assert_eq!(HostOptions { use_cache: false, ..elsewhere }.cache_folder_in_use(), None);
    }

    #[test]
    fn flow_runs_have_different_ids() {
        assert_ne!(new_flow_run_id(), new_flow_run_id());
    }
}
