//! Reads and parses a flow file, before there is a host: what stands in it says how much room the host needs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use taskhost_flow::written::Action;
use taskhost_flow::{FlowFile, FlowSource};
use taskhost_model::limits::{CONCURRENCY_DEFAULT, FLOW_BYTES_MAX};
use taskhost_model::task_run::Bytes;

use crate::error::CliError;
use crate::file;

/// The flow as written.
pub(crate) fn flow_file(path: &Path) -> Result<FlowFile, CliError> {
    let metadata = fs::metadata(path).map_err(|error| CliError::reading(path, &error))?;
    let refused = |what: &str, help: &str| CliError::usage(format!("`{}` {what}", path.display()), help);
    if metadata.is_dir() {
        return Err(refused("is a folder", "give the path of a flow file inside it, such as `flow.toml`"));
    }
    // A pipe could keep us waiting for ever, a device has no end.
    if !metadata.is_file() {
        return Err(refused("is not a regular file", "give the path of a flow file, such as `flow.toml`"));
    }
    if metadata.len() > FLOW_BYTES_MAX {
        let what = format!("has {}, a flow has at most {}", Bytes(metadata.len()), Bytes(FLOW_BYTES_MAX));
        return Err(refused(&what, "let a task read large data, or split the flow into subflows"));
    }
    // Once more at most that much: it may have grown meanwhile.
    let bytes = file::read(path, FLOW_BYTES_MAX)?;
    let source = Arc::new(FlowSource::from_bytes(path, bytes)?);
    Ok(taskhost_flow::parse(&source)?)
}

/// Most task runs that can be in flight at once, where that shows before the check: room for guests that never come is the larger part of the
/// start of a small flow.
pub(crate) fn concurrency_needed(file: &FlowFile) -> usize {
    let is_single =
        |task: &taskhost_flow::written::TaskWritten| task.map.is_empty() && matches!(task.action, Action::Call(_));
    match file.tasks.iter().all(is_single) {
        true => file.tasks.len().clamp(1, CONCURRENCY_DEFAULT),
        false => CONCURRENCY_DEFAULT,
    }
}
