//! `taskhost cache`: the compiled components kept on disk, and the results of tasks with `cache`.

use std::time::Duration;

use serde_json::json;
use taskhost::HostOptions;
use taskhost::{CachedComponent, CompileCache};
use taskhost_model::task_run::Bytes;
use taskhost_store::{CacheSize, Collected, Store};

use crate::args::{CacheArgs, CacheCommand};
use crate::error::{CliError, Exit, reason};
use crate::output;
use crate::render;

pub(crate) fn run(args: &CacheArgs) -> Result<Exit, CliError> {
    let options =
        HostOptions { cache_folder: super::cache_folder(args.cache_folder.as_deref()), ..HostOptions::default() };
    let folder = options.cache_folder_in_use().ok_or_else(|| {
        CliError::usage(
            "this user has no cache folder",
            "name one with `--cache-folder`, or set HOME or XDG_CACHE_HOME",
        )
    })?;
    let cache = CompileCache::new(folder);
    let failed = |error| CliError::reading(cache.folder(), &error);
    match args.command {
        CacheCommand::List { json: false } => {
            output::stdout(&list(&cache, &cache.list().map_err(failed)?))?;
            if let Some(words) = results_in_words(&results()?) {
                output::stdout(&format!("{words}\n"))?;
            }
        }
        CacheCommand::List { json: true } => {
            output::stdout(&list_json(&cache, &cache.list().map_err(failed)?, results()?))?;
        }
        CacheCommand::Clear => {
            let cleared = cache.clear().map_err(|error| not_cleared(&cache, &error))?;
            output::stdout(&format!("deleted {} from {}\n", total(&cleared), cache.folder().display()))?;
            let store = match is_recorded() {
                true => Some(super::runs::open_for_writing()?),
                false => None,
            };
            let (results, values) = store.as_ref().map_or(Ok(Default::default()), clear_results)?;
            if let Some(words) = results_in_words(&results) {
                output::stdout(&format!("deleted {words}\n"))?;
            }
            if values.files > 0 {
                let words = render::count(values.files, "stored value");
                output::stdout(&format!("deleted {words} that no flow run needs, {}\n", Bytes(values.bytes)))?;
            }
            store.as_ref().map_or(Ok(()), super::runs::collect_elsewhere)?;
        }
    }
    Ok(Exit::Fine)
}

/// How young a stored value is not looked at: who put it may be about to write the row that refers to it.
const YOUNG: Duration = Duration::from_secs(15 * 60);

/// Whether anything was ever recorded.
fn is_recorded() -> bool {
    HostOptions::default().data_folder_in_use().is_some_and(|folder| folder.join("runs").exists())
}

/// The results that are kept.
fn results() -> Result<CacheSize, CliError> {
    match is_recorded() {
        true => Ok(Store::open_for_reading(&super::runs::data_folder()?)?.cache().size()?),
        false => Ok(CacheSize::default()),
    }
}

fn clear_results(store: &Store) -> Result<(CacheSize, Collected), CliError> {
    Ok((store.cache().clear()?, store.collect_artifacts(YOUNG)?))
}

/// `3 task results, 1.5 MiB`; none if there are none.
fn results_in_words(results: &CacheSize) -> Option<String> {
    let words = || format!("{}, {}", render::count(results.entries, "task result"), Bytes(results.bytes));
    (results.entries > 0).then(words)
}

fn not_cleared(cache: &CompileCache, error: &std::io::Error) -> CliError {
    let left = cache.list().map_or(String::new(), |left| format!("; {} left", total(&left)));
    CliError::Message {
        exit: Exit::Internal,
        message: format!("could not delete everything in `{}`: {}{left}", cache.folder().display(), reason(error)),
        help: Some("check that the folder and what is in it belong to you, or delete the folder yourself".to_owned()),
    }
}

fn list(cache: &CompileCache, found: &[CachedComponent]) -> String {
    let lines =
        found.iter().map(|component| format!("{:>10}  {}\n", Bytes(component.size_bytes).to_string(), component.name));
    format!("{}{} in {}\n", lines.collect::<String>(), total(found), cache.folder().display())
}

fn list_json(cache: &CompileCache, found: &[CachedComponent], results: CacheSize) -> String {
    let components: Vec<_> =
        found.iter().map(|component| json!({ "name": component.name, "size-bytes": component.size_bytes })).collect();
    let results = json!({ "entries": results.entries, "size-bytes": results.bytes });
    let folder = cache.folder().display().to_string();
    format!("{:#}\n", json!({ "folder": folder, "components": components, "results": results }))
}

/// `2 compiled components, 1.5 MiB`.
fn total(components: &[CachedComponent]) -> String {
    let bytes = components.iter().map(|component| component.size_bytes).sum();
    format!("{}, {}", render::count(components.len() as u64, "compiled component"), Bytes(bytes))
}
