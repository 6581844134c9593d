//! `taskhost worker`: carries out task runs for hosts on other machines, until it is told to end.

mod health;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use taskhost::nats::Trouble;
use taskhost::{Ceiling, HostError, HostOptions, TaskWorker, WorkerSettings};

use crate::args::remote::WorkerArgs;
use crate::commands;
use crate::error::{CliError, Exit};
use crate::output::{self, STRONG, WARN, styled, visible};

/// What it hears while it works.
enum Told {
    /// It is connected and takes task runs, or never will.
    Started(Result<TaskWorker, HostError>),
    /// To end: SIGTERM, or Ctrl-C.
    Signal,
    /// To end: whoever started it is gone.
    Stdin,
}

/// Task runs at once by default: fewer than in a host, so that an idle worker is small.
const CONCURRENCY: usize = 256;

/// How often it is looked whether the server lets it work.
const LOOK: Duration = Duration::from_secs(1);

/// A NATS server that has not answered after this is said to be waited for.
const SAY_AFTER: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &WorkerArgs) -> Result<Exit, CliError> {
    let (tell, told) = mpsc::channel();
    let signals = tell.clone();
    ctrlc::set_handler(move || drop(signals.send(Told::Signal)))
        .map_err(|error| CliError::internal(format!("could not listen to Ctrl-C: {error}")))?;
    if args.end_with_stdin {
        let tell = tell.clone();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut std::io::sink());
            let _ = tell.send(Told::Stdin);
        });
    }
    let settings = settings(args)?;
    let shown = settings.nats.shown();
    let name = settings.name.clone();
    let say = |text: &str| {
        if !args.quiet {
            output::stderr(text);
        }
    };
    let trouble = Arc::<Trouble>::default();
    let seen = health::Seen::new(&trouble);
    let health = args.health.map(|address| health::serve(address, &seen, &name)).transpose()?;
    let at = health.map(|address| format!(", health at http://{address}")).unwrap_or_default();
    // Not here: a server may be long in coming, and the worker is to be ended meanwhile.
    let own = Arc::clone(&trouble);
    std::thread::spawn(move || drop(tell.send(Told::Started(TaskWorker::start_and_tell(settings, own)))));
    let mut first = told.recv_timeout(SAY_AFTER).ok();
    if first.is_none() {
        let why = trouble.now().map(|why| format!(": {}", visible(&why))).unwrap_or_default();
        say(&format!("worker {} waits for NATS at {shown}{why}{at}\n", styled(STRONG, visible(&name))));
        first = told.recv().ok();
    }
    let worker = match first {
        Some(Told::Started(worker)) => Arc::new(worker?),
        Some(Told::Signal) => return Ok(Exit::Interrupted),
        Some(Told::Stdin) | None => return Ok(Exit::Fine),
    };
    seen.set(&worker);
    let labels = if args.labels.is_empty() { String::new() } else { format!(", labels {}", args.labels) };
    say(&format!("worker {} takes task runs from {shown}{labels}{at}\n", styled(STRONG, visible(&name))));
    match told_of_end(&worker, &told) {
        Ok(Told::Signal) => drain(args, &worker, &told, &say),
        Ok(Told::Stdin | Told::Started(_)) | Err(_) => Ok(Exit::Fine),
    }
}

/// Waits to be told to end. Meanwhile it says if the server does not let it work.
fn told_of_end(worker: &TaskWorker, told: &mpsc::Receiver<Told>) -> Result<Told, mpsc::RecvError> {
    loop {
        match told.recv_timeout(LOOK) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(mpsc::RecvError),
            Ok(end) => return Ok(end),
        }
        if let Some(words) = worker.trouble() {
            output::stderr(&format!("{} it takes nothing: {}\n", styled(WARN, "warning:"), visible(&words)));
            return told.recv();
        }
    }
}

/// Ends what runs, gives the rest back; at once if it is told so once more.
fn drain(
    args: &WorkerArgs,
    worker: &TaskWorker,
    told: &mpsc::Receiver<Told>,
    say: &dyn Fn(&str),
) -> Result<Exit, CliError> {
    worker.drain();
    let runs = worker.status().runs as u64;
    if runs > 0 {
        let count = crate::render::count(runs, "task run");
        say(&format!(
            "{} what was not begun of {count} is given back, what runs goes on to its end (once more: exit at once)\n",
            styled(STRONG, "ending:")
        ));
    }
    let mut left = args.drain;
    let step = Duration::from_millis(50);
    while !worker.wait_drained(step.min(left)) {
        left = left.saturating_sub(step);
        if left.is_zero() {
            let runs = crate::render::count(worker.status().runs as u64, "task run");
            let warning = styled(WARN, "warning:");
            output::stderr(&format!("{warning} {runs} had not ended after {:?}; other workers get them\n", args.drain));
            return Ok(Exit::Fine);
        }
        match told.try_recv() {
            Ok(_) => return Ok(Exit::Interrupted),
            Err(_) => continue,
        }
    }
    Ok(Exit::Fine)
}

fn settings(args: &WorkerArgs) -> Result<WorkerSettings, CliError> {
    let nats = args.nats.settings().ok_or_else(|| {
        CliError::usage(
            "a worker needs the address of a NATS server",
            "give it as `--address nats://host:4222`, or in the variable TASKHOST_NATS",
        )
    })?;
    let default = HostOptions::default();
    let host = commands::host_options(
        &args.host,
        HostOptions {
            workers: args.workers.map_or(default.workers, |workers| workers as usize),
            concurrency: args.concurrency.map_or(CONCURRENCY, |concurrency| concurrency as usize),
            secrets: args.secrets.sources()?,
            ..default
        },
    )?;
    let name = match &args.name {
        Some(name) => name_of_worker(name)?,
        None => format!("{}-{}", machine(), std::process::id()),
    };
    let mut settings = WorkerSettings::new(nats, name, tenant(args, host)?);
    settings.labels = args.labels.clone();
    settings.takes_all_labels = args.all_labels;
    settings.memory_bytes_max = args.memory;
    settings.ceiling = ceiling(args)?;
    Ok(settings)
}

/// What is kept on disk for one tenant is not found by others: not even whether a component was here.
fn tenant(args: &WorkerArgs, host: HostOptions) -> Result<HostOptions, CliError> {
    let Some(tenant) = &args.tenant else { return Ok(host) };
    let is_word = !tenant.is_empty()
        && tenant.len() <= 64
        && tenant.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_word {
        let help = "a tenant is a word of lower-case letters, digits and `-`";
        return Err(CliError::usage(format!("`{}` is no tenant", visible(tenant)), help));
    }
    let folder = host.cache_folder_in_use().map(|folder| folder.join("tenants").join(tenant));
    Ok(HostOptions { cache_folder: folder, ..host })
}

fn ceiling(args: &WorkerArgs) -> Result<Ceiling, CliError> {
    if args.trust_hosts {
        return Ok(Ceiling::Everything);
    }
    let pairs = args.allow.iter().map(|word| {
        let (key, value) = word.split_once('=').ok_or_else(|| {
            CliError::usage(format!("`--allow {}` is no KEY=VALUE", visible(word)), "write it as `--allow read=data`")
        })?;
        Ok((key.to_owned(), value.to_owned()))
    });
    let pairs = pairs.collect::<Result<Vec<_>, CliError>>()?;
    let base = std::path::absolute(args.folder.as_deref().unwrap_or(&PathBuf::from(".")))
        .map_err(|error| CliError::internal(format!("there is no current folder: {error}")))?;
    Ok(Ceiling::grants(pairs, &base)?)
}

fn name_of_worker(name: &str) -> Result<String, CliError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(fits) {
        let help = "a worker's name has letters, digits, `-`, `_` and `.`";
        return Err(CliError::usage(format!("`{}` is no name of a worker", visible(name)), help));
    }
    Ok(name.to_owned())
}

/// The machine's name, as far as it is one that may stand in names.
fn machine() -> String {
    let named = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let named = named.unwrap_or_default();
    let fits = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
    let name: String = named.trim().chars().filter(fits).take(64).collect();
    if name.is_empty() { "worker".to_owned() } else { name }
}
