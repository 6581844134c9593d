//! `taskhost completions`: a script for a shell.

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs};
use crate::error::{CliError, Exit};
use crate::output;

pub(crate) fn run(args: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "taskhost", &mut script);
    output::stdout(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
