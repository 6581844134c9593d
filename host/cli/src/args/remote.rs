//! What has to do with workers on other machines.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use taskhost::nats::NatsSettings;
use taskhost::nats::local::LocalOptions;
use taskhost::{HostOptions, RemoteWorkers};
use taskhost_flow::RunnerKind;
use taskhost_model::Labels;

use super::units::{age, bytes};
use super::{HostArgs, SecretArgs};
use crate::error::CliError;

/// The way to a NATS account.
#[derive(Args, Debug)]
pub(crate) struct NatsArgs {
    /// NATS: nats://host:4222 or tls://host:4222, several of one cluster with commas
    #[arg(long, value_name = "URL", env = "TASKHOST_NATS", hide_env_values = true)]
    pub address: Option<String>,
    /// A file with an nkey seed, or a .creds file
    #[arg(long, value_name = "FILE", env = "TASKHOST_NATS_CREDENTIALS", hide_env = true)]
    pub credentials: Option<PathBuf>,
    /// Certificates that the NATS server's is checked against, beside the system's
    #[arg(long, value_name = "FILE", env = "TASKHOST_NATS_CA", hide_env = true)]
    pub tls_ca: Option<PathBuf>,
    /// A certificate of our own, for servers that ask for one
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl NatsArgs {
    /// An error for words on the command line that mean nothing without an address. Variables may be set for all commands.
    fn has_no_credentials(&self) -> Result<(), CliError> {
        let by_variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let credentials = self.credentials.is_some() && self.credentials != by_variable("TASKHOST_NATS_CREDENTIALS");
        let ca = self.tls_ca.is_some() && self.tls_ca != by_variable("TASKHOST_NATS_CA");
        let named = [("--credentials", credentials), ("--tls-ca", ca), ("--tls-cert", self.tls_cert.is_some())];
        match named.iter().find(|(_, is_named)| *is_named) {
            Some((name, _)) => Err(CliError::usage(
                format!("`{name}` is for a NATS server, and no address of one is given"),
                "add `--address nats://HOST:4222`",
            )),
            None => Ok(()),
        }
    }

    /// The settings for an address that is given.
    pub(crate) fn settings(&self) -> Option<NatsSettings> {
        let address = self.address.as_deref().filter(|address| !address.is_empty())?;
        let mut settings = NatsSettings::new(address);
        settings.credentials = self.credentials.clone().filter(|path| !path.as_os_str().is_empty());
        settings.tls_ca = self.tls_ca.clone().filter(|path| !path.as_os_str().is_empty());
        settings.tls_identity = self.tls_cert.clone().zip(self.tls_key.clone());
        Some(settings)
    }
}

/// Workers, for commands that send task runs to them.
#[derive(Args, Debug)]
#[command(next_help_heading = "Workers (--runner nats)")]
pub(crate) struct RemoteArgs {
    /// The account.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// On how many servers of a NATS cluster what is sent is kept [default: 1, or as the account has it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub replicas: Option<u8>,
    /// How long task runs wait for a worker that has their labels, such as 10min
    #[arg(long, value_name = "TIME", value_parser = age, default_value = "2min")]
    pub worker_wait: Duration,
    /// How long task runs that are under way wait for a NATS server that does not answer
    #[arg(long, value_name = "TIME", value_parser = age, default_value = "2min")]
    pub server_wait: Duration,
}

impl RemoteArgs {
    /// The option that only means something with workers, if one stands on the command line.
    pub(crate) fn named(&self) -> Option<&'static str> {
        let by_variable = std::env::var("TASKHOST_NATS").ok();
        if self.nats.address.is_some() && self.nats.address != by_variable {
            return Some("--address");
        }
        self.replicas.map(|_| "--replicas")
    }

    /// Where workers are: at the address, or on this machine, `workers` of them.
    pub(crate) fn options(
        &self,
        workers: Option<u32>,
        secrets: &SecretArgs,
        host: &HostArgs,
        options: HostOptions,
    ) -> Result<HostOptions, CliError> {
        let remote = match self.nats.settings() {
            Some(mut settings) => {
                settings.replicas = self.replicas.map(usize::from);
                RemoteWorkers::At(settings)
            }
            None => {
                self.nats.has_no_credentials()?;
                let workers = workers.map_or(options.workers, |workers| workers as usize);
                let program = crate::commands::this_program()?;
                RemoteWorkers::Local(LocalOptions::new(program, workers, arguments(secrets, host, options.concurrency)))
            }
        };
        let (worker_wait, server_wait) = (Some(self.worker_wait), Some(self.server_wait));
        Ok(HostOptions { remote: Some(remote), worker_wait, server_wait, ..options })
    }
}

/// What a worker on this machine is told, so that it is at home where the host is.
fn arguments(secrets: &SecretArgs, host: &HostArgs, concurrency: usize) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["--workers", "1", "--trust-hosts", "--all-labels", "--quiet", "--concurrency"].map(OsString::from).into();
    arguments.push(concurrency.to_string().into());
    for secret in &secrets.secrets {
        arguments.extend(["--secret".into(), OsString::from(secret)]);
    }
    if host.no_cache {
        arguments.push("--no-cache".into());
    }
    if let Some(folder) = &host.cache_folder {
        arguments.extend(["--cache-folder".into(), folder.into()]);
    }
    arguments
}

/// `--runner` of a command that runs flows.
#[derive(Clone, Copy, clap::ValueEnum, Debug)]
pub(crate) enum Runner {
    /// One after another, in a fixed order: for debugging.
    Sequential,
    /// Threads of this process.
    Threads,
    /// Workers on any machine, over NATS.
    Nats,
}

impl From<Runner> for RunnerKind {
    fn from(runner: Runner) -> RunnerKind {
        match runner {
            Runner::Sequential => RunnerKind::Sequential,
            Runner::Threads => RunnerKind::Threads,
            Runner::Nats => RunnerKind::Nats,
        }
    }
}

/// `taskhost worker`.
#[derive(Args, Debug)]
pub(crate) struct WorkerArgs {
    /// The account.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// Threads that compute [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,
    /// Most task runs at once, waiting ones included [default: 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=taskhost_model::limits::CONCURRENCY_MAX as i64))]
    pub concurrency: Option<u32>,
    /// What it has, such as gpu,eu: it takes task runs that want no more
    #[arg(long, value_name = "LABELS", default_value = "", hide_default_value = true)]
    pub labels: Labels,
    /// Take task runs whatever labels they want: for a host on this machine
    #[arg(long, hide = true, conflicts_with = "labels")]
    pub all_labels: bool,
    /// Memory that guests may need together, by their limits, such as 4GiB: so many run at once as fit
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub memory: Option<u64>,
    /// What task runs may touch here, as a key of a task's `allow`; may stand several times. A flow's folder `data` is the folder of that name here
    #[arg(long, value_name = "KEY=VALUE")]
    pub allow: Vec<String>,
    /// Where the folders of --allow are [default: the current folder]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Whose worker it is: what it keeps on disk is kept apart from that of other tenants
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Its name among workers [default: the machine's name and the process's number]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Answer HTTP at this address: /livez, /readyz, /metrics
    #[arg(long, value_name = "ADDRESS")]
    pub health: Option<SocketAddr>,
    /// How long what runs may take to its end after SIGTERM
    #[arg(long, value_name = "TIME", value_parser = age, default_value = "5min")]
    pub drain: Duration,
    /// Give task runs whatever their flow grants, in the same folders: for a host on this machine
    #[arg(long, conflicts_with_all = ["allow", "folder"])]
    pub trust_hosts: bool,
    /// End when stdin does
    #[arg(long, hide = true)]
    pub end_with_stdin: bool,
    /// Say nothing but warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Secrets.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
}

/// `taskhost __cluster`.
#[derive(Args, Debug)]
pub(crate) struct ClusterArgs {
    /// Worker processes
    #[arg(long)]
    pub workers: usize,
    /// Arguments for each worker
    #[arg(last = true)]
    pub arguments: Vec<OsString>,
}
