//! Logs empty messages without end: lines that cost no bytes.
//! limits.log-lines = 100
//! limits.cpu = "2 s"
//! expect: wrote more than its 100 lines of output
//! needs: limits.log-lines

use taskhost_task::log::{Level, log};

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    while std::hint::black_box(true) {
        log(Level::Info, "\n");
    }
    Ok("logged".to_owned())
}
