//! `taskhost runs`: what is known of recorded flow runs; one file for each thing to do with them.

mod follow;
mod list;
mod logs;
mod resume;
mod show;
mod timeline;

use std::path::PathBuf;
use std::time::Duration;

use taskhost::HostOptions;
use taskhost_model::FlowRunId;
use taskhost_store::{RunFilter, RunState, RunSummary, Store, StoreError};

use crate::args::runs::{RunsArgs, RunsCommand};
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::output::{self, visible};
use crate::render;

pub(crate) fn run(args: RunsArgs) -> Result<Exit, CliError> {
    match args.command.unwrap_or(RunsCommand::List(args.list)) {
        RunsCommand::List(args) => list::run(&args),
        RunsCommand::Show(args) => show::run(&args),
        RunsCommand::Logs(args) => logs::run(&args),
        RunsCommand::Timeline(args) => timeline::run(&args),
        RunsCommand::Cancel { run } => cancel(&run),
        RunsCommand::Resume(args) => interrupt::listen().and_then(|()| resume::run(&args)),
        RunsCommand::Delete(args) => delete(&args.runs, args.older_than),
    }
}

/// Where runs are recorded.
pub(crate) fn data_folder() -> Result<PathBuf, CliError> {
    HostOptions::default().data_folder_in_use().ok_or_else(|| {
        CliError::usage(
            "this user has no data folder, so no run was recorded",
            "set TASKHOST_DATA_FOLDER, HOME or XDG_DATA_HOME",
        )
    })
}

/// The store, to look into. None if nothing was ever recorded.
fn open() -> Result<Option<Store>, CliError> {
    match Store::open_for_reading_with(&data_folder()?, &HostOptions::default().store_options()) {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::NoRuns(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The store, to change something in it.
pub(crate) fn open_for_writing() -> Result<Store, CliError> {
    Ok(Store::open_with(&data_folder()?, &HostOptions::default().store_options())?)
}

/// The store and a run in it: by its id, its beginning or end, or `latest`.
pub(crate) fn find(word: &str) -> Result<(Store, FlowRunId), CliError> {
    let store = open()?.ok_or_else(|| nothing(word))?;
    let id = find_in(&store, word)?;
    Ok((store, id))
}

/// A run by its id, its beginning or end, or `latest`.
pub(crate) fn find_in(store: &Store, word: &str) -> Result<FlowRunId, CliError> {
    if word == "latest" {
        let newest = store.runs(&RunFilter { limit: Some(1), ..RunFilter::default() })?;
        return newest.first().map(|run| run.id).ok_or_else(|| nothing(word));
    }
    Ok(store.find(word)?)
}

fn nothing(word: &str) -> CliError {
    CliError::usage(format!("no flow run `{}` is recorded", visible(word)), "`taskhost runs` lists those that are")
}

fn cancel(word: &str) -> Result<Exit, CliError> {
    let (reader, id) = find(word)?;
    let run = reader.run(id)?;
    if run.state != RunState::Running {
        let help = match run.state {
            RunState::Interrupted => format!("its process has died; `taskhost runs resume {id}` goes on with it"),
            _ => "only a run that is running can be cancelled".to_owned(),
        };
        return Err(CliError::usage(format!("flow run {id} is not running: it is {}", run.state), help));
    }
    let what = match open_for_writing()?.request_cancel(id)? {
        0 | 1 => {
            "is asked to stop: nothing new starts, and what runs comes to its end (once more: that is stopped, too)"
        }
        _ => "is asked once more to stop: what runs is stopped, too",
    };
    output::stderr(&format!("flow run {id} {what}; `taskhost runs show {id}` tells when it has\n"));
    Ok(Exit::Fine)
}

fn delete(words: &[String], older_than: Option<Duration>) -> Result<Exit, CliError> {
    if words.is_empty() && older_than.is_none() {
        return Err(CliError::usage("nothing says which runs to delete", "name some, or give `--older-than 30d`"));
    }
    let Some(reader) = open()? else { return Err(nothing(words.first().map_or("latest", String::as_str))) };
    let mut ids = words.iter().map(|word| find_in(&reader, word)).collect::<Result<Vec<_>, _>>()?;
    if let Some(age) = older_than {
        let before = now().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        // What was interrupted has not ended, and can go on.
        let old = |run: &RunSummary| {
            let has_ended = !matches!(run.state, RunState::Running | RunState::Interrupted);
            has_ended && run.ended.is_some_and(|ended| ended < before)
        };
        ids.extend(reader.runs(&RunFilter::default())?.iter().filter(|run| old(run)).map(|run| run.id));
    }
    ids.sort_unstable();
    ids.dedup();
    let store = open_for_writing()?;
    store.delete(&ids)?;
    let freed = store.collect_artifacts(Duration::ZERO)?;
    let freed = match freed.bytes {
        0 => String::new(),
        bytes => format!(", and {} of their results", taskhost_model::task_run::Bytes(bytes)),
    };
    output::stdout(&format!("deleted {}{freed}\n", render::count(ids.len() as u64, "flow run")))?;
    collect_elsewhere(&store)?;
    Ok(Exit::Fine)
}

/// Deletes from the store of artifacts elsewhere, if there is one, what nothing needs any more.
pub(crate) fn collect_elsewhere(store: &Store) -> Result<(), CliError> {
    match store.collect_elsewhere()? {
        0 => Ok(()),
        deleted => output::stdout(&format!("deleted {} elsewhere\n", render::count(deleted, "stored value"))),
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A moment for people, in their time zone: `2026-11-21 19:31:05`.
fn moment(milliseconds: u64) -> String {
    let moment = i64::try_from(milliseconds).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    moment.map_or_else(String::new, |at| {
        at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    })
}

/// A moment for programs: `2026-11-21T18:31:05.123Z`.
fn timestamp(milliseconds: u64) -> Option<String> {
    let moment = i64::try_from(milliseconds).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    moment.map(|at| at.to_string())
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> CliError {
        let exit = match &error {
            StoreError::UnknownRun(_)
            | StoreError::SeveralRuns { .. }
            | StoreError::Running(_)
            | StoreError::NotRunning(_)
            | StoreError::BadPlace { .. }
            | StoreError::Succeeded(_) => Exit::Usage,
            _ => Exit::Internal,
        };
        let help = match &error {
            StoreError::UnknownRun(_) => Some("`taskhost runs` lists those that are recorded".to_owned()),
            error => error.help(),
        };
        CliError::Message { exit, message: error.to_string(), help }
    }
}
