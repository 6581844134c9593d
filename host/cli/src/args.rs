//! The command line: what may be written, and its help. Only commands that exist stand here.

pub(crate) mod authoring;
pub(crate) mod remote;
pub(crate) mod runs;
pub(crate) mod tenants;
pub(crate) mod units;

use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use taskhost_sandbox::{CompileLimits, EngineKind};

use authoring::{BuildArgs, NewArgs, TestArgs};
use remote::{ClusterArgs, RemoteArgs, Runner, WorkerArgs};
use runs::RunsArgs;
use tenants::NatsConfigArgs;

/// Run flows of sandboxed WebAssembly tasks.
#[derive(Parser, Debug)]
#[command(
    name = "taskhost",
    version,
    about,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 fine · 1 our bug or broken storage · 2 usage · 3 flow or component rejected · 4 the flow run failed \
                  · 130 interrupted"
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour; the default looks for a terminal and the variable NO_COLOR.
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", hide_possible_values = true)]
    pub color: Color,
}

/// An error with a tip that fits: `clap` proposes `--` before whatever begins with a dash, which would be an argument nobody takes.
pub(crate) fn with_our_tips(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg).cloned() else { return error };
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    error.remove(ContextKind::Suggested);
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let typed = std::env::args().find(|typed| *typed == word || typed.starts_with(&format!("{word}=")));
    let pair = typed.filter(|typed| typed.contains('='));
    let tip = match pair {
        Some(pair) if usage.contains("taskhost call") && pair.starts_with("--") => {
            format!("write an argument of the function as `{}`", pair.trim_start_matches('-'))
        }
        Some(pair) if usage.contains("taskhost run") && !pair.starts_with('-') => {
            format!("give a parameter as `-p {pair}`")
        }
        _ => return error,
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    error
}

/// When to use colour: auto, always, never.
#[derive(Clone, Copy, ValueEnum, Debug)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into a file or pipe.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Check a flow, then run it; its outputs go to stdout
    #[command(after_help = "Examples:
  taskhost run flow.toml
  taskhost run flow.toml -p stop=5 -p name=Ada
  taskhost run flow.toml -p csv=@weather.csv         the content of a file
  taskhost run flow.toml --params parameters.json --json
  taskhost run flow.toml --runner sequential --graph run.svg
  taskhost run flow.toml --runner nats --address nats://queue:4222    on workers; without --address some on this machine
  taskhost run flow.toml --label nightly             a word to find it by in `taskhost runs`
  taskhost run flow.toml --secret api-token=file:token.txt --output report > report.txt

Logs, metrics, traces: TASKHOST_LOG, TASKHOST_METRICS, OTEL_EXPORTER_OTLP_ENDPOINT (docs/observability.md)")]
    Run(RunArgs),
    /// Show every mistake of a flow, or what would run and what each task can do
    #[command(after_help = "Examples:
  taskhost check flow.toml
  taskhost check flow.toml --json                    everything as one JSON object")]
    Check(CheckArgs),
    /// Draw a flow
    #[command(after_help = "Examples:
  taskhost graph flow.toml -o flow.svg
  taskhost graph flow.toml -o flow.dot               for Graphviz; also .mmd for Mermaid
  taskhost graph flow.toml | dot -Tpng > flow.png    without -o: DOT to stdout

`taskhost run flow.toml --graph run.svg` draws a run, with the state and duration of each task.")]
    Graph(GraphArgs),
    /// Call one function of a component, without a flow
    #[command(after_help = "Examples:
  taskhost call numbers.wasm random-num stop=5
  taskhost call numbers.wasm sum 'numbers=[1, 2, 3]' --json
  taskhost call weather.wasm tasks.read csv=@weather.csv
  taskhost call report.wasm write --allow write=out --allow env=LANG --limit memory=1GiB --limit timeout=5s
  taskhost call tool.wasm --command --dir data::/data --env LANG=C -- --verbose /data/file")]
    Call(CallArgs),
    /// Show a component's tasks with their types and docs, and what it asks for
    #[command(after_help = "Examples:
  taskhost inspect numbers.wasm
  taskhost inspect numbers.wasm --verbose            with the names of all imported interfaces
  taskhost inspect numbers.wasm --json")]
    Inspect(InspectArgs),
    /// Make the project of a component: sources, WIT, tests, a flow
    #[command(after_help = "Examples:
  taskhost new word-count --lang c
  taskhost new word-count --lang rust --from word-count.wit     a WIT of your own")]
    New(NewArgs),
    /// Build a project's component, with the tools of its language
    #[command(after_help = "Examples:
  taskhost build                                     the project of this folder
  taskhost build word-count --install                gets tools that are missing first
  taskhost build --watch                             again whenever a source has changed")]
    Build(BuildArgs),
    /// Build a project's component and carry out its tests.toml in the sandbox
    #[command(after_help = "Examples:
  taskhost test
  taskhost test word-count --only empty              tests with this word in their names
  taskhost test --update                             what is returned is what is expected from now on
  taskhost test --watch                              again whenever a source or a test has changed

Exit code 4 if a test failed.")]
    Test(TestArgs),
    /// Look at flow runs that were recorded, go on with one that was interrupted, stop or delete some
    #[command(after_help = "Examples:
  taskhost runs                                      the newest first
  taskhost runs --state interrupted --since 7d
  taskhost runs show latest                          task by task; also by the first or last letters of an id
  taskhost runs logs latest --task clean --follow
  taskhost runs timeline latest -o timeline.svg
  taskhost runs resume latest                        what has succeeded is not run again
  taskhost runs delete --older-than 30d")]
    Runs(RunsArgs),
    /// Carry out task runs of flows on other machines, over NATS
    #[command(after_help = "Examples:
  taskhost worker --address nats://queue:4222
  taskhost worker --address tls://queue:4222 --credentials worker.nk --labels gpu,eu --memory 16GiB
  taskhost worker --allow read=data --allow network=db:5432 --secret api-token=file:token.txt --allow secrets=api-token

Nothing is granted to task runs unless it stands in --allow. SIGTERM: what runs goes on to its end, the rest is given back.
Variables: TASKHOST_NATS, TASKHOST_NATS_CREDENTIALS, TASKHOST_NATS_CA; TASKHOST_ARTIFACTS, a store that hosts reach, too (docs/workers.md)")]
    Worker(WorkerArgs),
    /// Write the configuration and the keys of a NATS server that several tenants share
    #[command(after_help = "Examples:
  taskhost nats-config --tenant red --tenant blue --output nats
  nats-server -c nats/nats.conf
  taskhost worker --address nats://127.0.0.1:4222 --credentials nats/red/worker.nk
  taskhost run flow.toml --runner nats --address nats://127.0.0.1:4222 --credentials nats/red/host.nk

Keys that are there stay: run it again, with all tenants and options, to add a tenant; to change a key, delete its file first. Then let the server read it again:
nats-server --signal reload")]
    NatsConfig(NatsConfigArgs),
    /// List or clear what is kept on disk: compiled components, results of tasks with `cache`
    #[command(after_help = "Examples:
  taskhost cache list
  taskhost cache clear")]
    Cache(CacheArgs),
    /// Print a script that completes taskhost's command line in a shell
    #[command(after_help = "Examples:
  taskhost completions bash > ~/.local/share/bash-completion/completions/taskhost
  taskhost completions zsh > ~/.zfunc/_taskhost
  taskhost completions fish > ~/.config/fish/completions/taskhost.fish")]
    Completions(CompletionsArgs),
    /// Print the JSON Schema of flow.toml, for editors
    #[command(after_help = "Examples:
  taskhost schema > flow.schema.json")]
    Schema,
    /// What the host starts itself as, to compile a component within limits: stdin to stdout
    #[command(name = "__compile", hide = true)]
    Compile(CompileArgs),
    /// What the host starts itself as, to hold the server and the workers of a flow run on this machine
    #[command(name = "__cluster", hide = true)]
    Cluster(ClusterArgs),
    /// Print the version
    Version,
}

/// Where compiled components are kept.
#[derive(Args, Debug)]
pub(crate) struct HostArgs {
    /// Compile components anew, carry out tasks with `cache` anew, and keep neither on disk
    #[arg(long)]
    pub no_cache: bool,
    /// Where compiled components are kept [default: $TASKHOST_CACHE_FOLDER, or the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    pub cache_folder: Option<PathBuf>,
}

/// Values of secrets.
#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    /// Where the value of a secret comes from: env:VARIABLE, file:PATH or command:LINE
    #[arg(long = "secret", value_name = "NAME=SOURCE")]
    pub secrets: Vec<String>,
}

/// How much is said on stderr.
#[derive(Args, Debug)]
pub(crate) struct VoiceArgs {
    /// Say nothing but outputs, warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Say more: what each task used, and the wasm backtrace of a trap
    #[arg(long, short, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// `taskhost run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The flow to run
    #[arg(value_name = "FLOW")]
    pub flow: PathBuf,
    /// A parameter: JSON by its type, a string as it is, or @FILE for a file's content (@@ for a text that begins with @)
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Parameters as a JSON object in a file, or - for stdin; -p wins over it
    #[arg(long, value_name = "FILE")]
    pub params: Option<PathBuf>,
    /// Where task runs happen, instead of where the flow says: sequential, threads, nats
    #[arg(long, value_name = "RUNNER", hide_possible_values = true)]
    pub runner: Option<Runner>,
    /// Threads that compute, or worker processes of `nats` on this machine [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,
    /// Most task runs in flight, waiting ones included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=taskhost_model::limits::CONCURRENCY_MAX as i64))]
    pub concurrency: Option<u32>,
    /// Print one JSON object: outputs, state, tasks, usage
    #[arg(long)]
    pub json: bool,
    /// Print nothing but this output: a string or bytes as they are, anything else as JSON
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    pub output: Option<String>,
    /// After the run, draw it into this file (.svg, .dot or .mmd)
    #[arg(long, value_name = "FILE")]
    pub graph: Option<PathBuf>,
    /// Do not record the run: it cannot be resumed, nor looked at later, and no result is taken from the cache
    #[arg(long)]
    pub no_journal: bool,
    /// A word to find the recorded run by; may stand several times
    #[arg(long = "label", value_name = "WORD", conflicts_with = "no_journal")]
    pub labels: Vec<String>,
    /// Carry this task out even if its result is in the cache; may stand several times
    #[arg(long, value_name = "TASK", conflicts_with_all = ["no_journal", "no_cache"])]
    pub refresh: Vec<String>,
    /// Secrets.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// How much is said.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
    /// Workers.
    #[command(flatten)]
    pub remote: RemoteArgs,
}

/// `taskhost check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The flow to check
    #[arg(value_name = "FLOW")]
    pub flow: PathBuf,
    /// Print one JSON object: mistakes, and the flow with what each task can do
    #[arg(long)]
    pub json: bool,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
}

/// `taskhost graph`.
#[derive(Args, Debug)]
pub(crate) struct GraphArgs {
    /// The flow to draw
    #[arg(value_name = "FLOW", required_unless_present = "run")]
    pub flow: Option<PathBuf>,
    /// With the state and duration of each task in a recorded run: its id, its beginning or end, or `latest`; then FLOW may be left out
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// The file to write; its ending decides: .svg, .dot, .mmd [default: DOT to stdout]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
}

/// `taskhost call`.
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    /// The component
    #[arg(value_name = "COMPONENT")]
    pub component: PathBuf,
    /// The function, or interface.function where the name is not unique
    #[arg(value_name = "FUNCTION", required_unless_present = "command")]
    pub function: Option<String>,
    /// Arguments: JSON by their types, strings as they are, or @FILE for a file's content
    #[arg(value_name = "NAME=VALUE")]
    pub arguments: Vec<String>,
    /// Run a component that exports `wasi:cli/run` as a command; what follows `--` are its arguments
    #[arg(long, conflicts_with_all = ["json", "allow", "deterministic", "strict", "secrets"])]
    pub command: bool,
    /// With --command: a folder that it may read and write, and where it sees it
    #[arg(long, value_name = "HOST::GUEST", requires = "command")]
    pub dir: Vec<String>,
    /// With --command: a variable that it sees
    #[arg(long, value_name = "NAME=VALUE", requires = "command")]
    pub env: Vec<String>,
    /// With --command: it may use the network (sockets, names, HTTP) as this process may
    #[arg(long, requires = "command")]
    pub network: bool,
    /// Print one JSON object: result, state, usage
    #[arg(long)]
    pub json: bool,
    /// What it may touch, as a key of a task's `allow`; may stand several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub allow: Vec<String>,
    /// A limit, as a key of a task's `limits`, or `timeout`
    #[arg(long, value_name = "KEY=VALUE")]
    pub limit: Vec<String>,
    /// Fixed clocks and seeded random numbers
    #[arg(long)]
    pub deterministic: bool,
    /// Reject a component that imports what is not allowed
    #[arg(long)]
    pub strict: bool,
    /// Secrets.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// How much is said.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
}

/// `taskhost inspect`.
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// The component
    #[arg(value_name = "COMPONENT")]
    pub component: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Name all imported interfaces and functions
    #[arg(long, short)]
    pub verbose: bool,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
}

/// `taskhost cache`.
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub(crate) struct CacheArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: CacheCommand,
    /// Where compiled components are kept [default: $TASKHOST_CACHE_FOLDER, or the user's cache folder]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub cache_folder: Option<PathBuf>,
}

/// What to do with the cache.
#[derive(Subcommand, Debug)]
pub(crate) enum CacheCommand {
    /// Show what is kept, and how large it is
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Delete everything that is kept; components are compiled again, and tasks carried out, when needed
    Clear,
}

/// `taskhost __compile`.
#[derive(Args, Debug)]
pub(crate) struct CompileArgs {
    /// For which engine: general, concurrent
    #[arg(value_name = "ENGINE")]
    pub engine: EngineKind,
    /// Address space in bytes
    #[arg(long, value_name = "BYTES", default_value_t = CompileLimits::DEFAULT.memory_bytes_max)]
    pub memory: u64,
    /// Processor time in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = CompileLimits::DEFAULT.cpu_seconds_max)]
    pub cpu: u64,
}

/// `taskhost completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
