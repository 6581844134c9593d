//! `taskhost schema`: the JSON Schema of flow files.

use crate::error::{CliError, Exit};
use crate::output;

pub(crate) fn run() -> Result<Exit, CliError> {
    output::stdout(&format!("{:#}\n", taskhost_flow::json_schema()))?;
    Ok(Exit::Fine)
}
