//! Prints nothing but line ends: each is a line for whoever reads the log.
//! limits.log-lines = 100
//! limits.cpu = "2 s"
//! expect: wrote more than its 100 lines of output
//! needs: limits.log-lines

use std::io::Write;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let lines = vec![b'\n'; 4096];
    while std::hint::black_box(true) {
        std::io::stdout().write_all(&lines).map_err(|error| error.to_string())?;
    }
    Ok("printed".to_owned())
}
