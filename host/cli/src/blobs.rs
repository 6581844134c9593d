//! Blobs on stdout: their bytes for a file or another program, their name for people.

use std::io::{ErrorKind, IsTerminal, Write};

use taskhost::Host;
use taskhost_model::ArtifactRef;
use taskhost_model::seams::BlobError;
use taskhost_model::task_run::Bytes;

use crate::error::CliError;
use crate::output;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 << 10;

/// Writes the bytes of a blob to stdout; on a terminal it says what there is.
pub(crate) fn print(host: &Host, blob: &ArtifactRef) -> Result<(), CliError> {
    if std::io::stdout().is_terminal() {
        return output::stdout(&format!("({} of a blob; send stdout to a file to have them)\n", Bytes(blob.length)));
    }
    let reader = host.blobs().open(blob).map_err(failed)?;
    let (mut piece, mut at, mut out) = (vec![0; PIECE_BYTES], 0, std::io::stdout().lock());
    while at < blob.length {
        let length = reader.read_at(at, &mut piece).map_err(failed)?;
        match out.write_all(&piece[..length]) {
            // Whoever reads has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(CliError::internal(format!("could not write to stdout: {error}"))),
            Ok(()) => at += length as u64,
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CliError::internal(format!("could not write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

fn failed(error: BlobError) -> CliError {
    let message = format!("the blob cannot be read: {}", error.message);
    CliError::by_storage(CliError::internal(match error.help {
        Some(help) => format!("{message}; {help}"),
        None => message,
    }))
}
