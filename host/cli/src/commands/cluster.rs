//! `taskhost __cluster`: this process holds the server and the workers of one host on this machine. Users never see it.

use taskhost::nats::local::{KeeperOptions, keep};

use crate::args::remote::ClusterArgs;
use crate::commands::this_program;
use crate::error::{CliError, Exit};

pub(crate) fn run(args: ClusterArgs) -> Result<Exit, CliError> {
    keep(&KeeperOptions::new(this_program()?, args.workers, args.arguments)).map_err(taskhost::HostError::from)?;
    Ok(Exit::Fine)
}
