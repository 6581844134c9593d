//! Compiling a large component takes seconds, once: who waits for it is told.

use std::any::Any;
use std::path::Path;

use indicatif::ProgressBar;
use taskhost::Host;
use taskhost_model::task_run::Bytes;

use crate::commands::authoring;
use crate::observe;
use crate::output::{self, visible};
use crate::progress::Voice;

/// A smaller component is compiled before anybody wonders, in bytes.
const LARGE_BYTES: u64 = 1 << 20;

/// Tells on stderr what `host` compiles from now on: on a terminal as long as it takes, else as a line.
pub(crate) fn tell(host: &Host, voice: Voice) {
    if voice == Voice::Quiet {
        return;
    }
    host.sandbox().watch_compiling(|compiling| -> Box<dyn Any> {
        if compiling.size_bytes < LARGE_BYTES {
            return Box::new(());
        }
        let path = compiling.path.unwrap_or(Path::new("a component")).display().to_string();
        let text = format!("compiling {} ({}), once", visible(&path), Bytes(compiling.size_bytes));
        if output::stderr_is_terminal() && !observe::has_logs() {
            let bar = authoring::bar();
            bar.set_message(text);
            return Box::new(Shown(bar));
        }
        output::stderr(&format!("{text}\n"));
        Box::new(())
    });
}

/// A line at the bottom of a terminal, until it is dropped.
struct Shown(ProgressBar);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
