//! `taskhost cache`: the compiled components kept on disk.

use serde_json::json;
use taskhost::HostOptions;
use taskhost::{CachedComponent, CompileCache};
use taskhost_model::task_run::Bytes;

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
        CacheCommand::List { json: false } => output::stdout(&list(&cache, &cache.list().map_err(failed)?))?,
        CacheCommand::List { json: true } => output::stdout(&list_json(&cache, &cache.list().map_err(failed)?))?,
        CacheCommand::Clear => {
            let cleared = cache.clear().map_err(|error| not_cleared(&cache, &error))?;
            output::stdout(&format!("deleted {} from {}\n", total(&cleared), cache.folder().display()))?;
        }
    }
    Ok(Exit::Fine)
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

fn list_json(cache: &CompileCache, found: &[CachedComponent]) -> String {
    let components: Vec<_> =
        found.iter().map(|component| json!({ "name": component.name, "size-bytes": component.size_bytes })).collect();
    format!("{:#}\n", json!({ "folder": cache.folder().display().to_string(), "components": components }))
}

/// `2 compiled components, 1.5 MiB`.
fn total(components: &[CachedComponent]) -> String {
    let bytes = components.iter().map(|component| component.size_bytes).sum();
    format!("{}, {}", render::count(components.len() as u64, "compiled component"), Bytes(bytes))
}
