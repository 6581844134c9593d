//! Ctrl-C and SIGTERM, and what another process asks for with `taskhost runs cancel`. Before a flow run has started they end the process; then the first lets what runs come to its end, the second stops
//! it, and the third ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use taskhost::Host;
use taskhost_engine::FlowRun;

use crate::error::{CliError, Exit};
use crate::output::{STRONG, styled};
use crate::progress::Progress;

static STATE: Mutex<State> = Mutex::new(State::Nothing);

/// For what [`work`] does.
static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// What there is to stop.
enum State {
    Nothing,
    /// Something that asks by itself whether it is to stop.
    Working,
    /// Secrets are being looked up, perhaps by commands that would outlive us.
    Fetching(Host),
    /// A flow run is being started: it is stopped as soon as it is known.
    Starting {
        asked: bool,
    },
    Running(Arc<FlowRun>, Arc<Progress>),
    /// Nothing new starts.
    Draining(Arc<FlowRun>, Arc<Progress>),
    Stopping,
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on, signals end the process with the exit code for it.
pub(crate) fn listen() -> Result<(), CliError> {
    ctrlc::set_handler(on_signal).map_err(|error| CliError::internal(format!("could not listen to Ctrl-C: {error}")))
}

/// Does what asks by [`is_asked`] whether it is to stop, and tidies up then; the second signal ends the process.
pub(crate) fn work<T>(work: impl FnOnce() -> Result<T, CliError>) -> Result<T, CliError> {
    listen()?;
    *state() = State::Working;
    let done = work();
    forget();
    done
}

/// Whether what [`work`] does is to stop.
pub(crate) fn is_asked() -> bool {
    IS_ASKED.load(Ordering::Relaxed)
}

/// Meanwhile, a signal ends the commands that secrets come from, and then the process.
pub(crate) fn while_fetching<T>(host: &Host, fetch: impl FnOnce() -> T) -> T {
    *state() = State::Fetching(host.clone());
    let fetched = fetch();
    let mut after = state();
    while matches!(*after, State::Stopping) {
        // What was fetched is of no use any more, nor is why it could not be. The process is about to end.
        drop(after);
        std::thread::park();
        after = state();
    }
    *after = State::Nothing;
    fetched
}

/// From here on, a signal stops the flow run that `start` gives.
pub(crate) fn watch(
    start: impl FnOnce() -> Result<Arc<FlowRun>, CliError>,
    progress: &Arc<Progress>,
) -> Result<Arc<FlowRun>, CliError> {
    *state() = State::Starting { asked: false };
    let run = start()?;
    let before = std::mem::replace(&mut *state(), State::Running(Arc::clone(&run), Arc::clone(progress)));
    if matches!(before, State::Starting { asked: true }) {
        on_signal();
    }
    Ok(run)
}

/// The flow run is over and told: from here on, a signal ends the process.
pub(crate) fn forget() {
    *state() = State::Nothing;
}

fn on_signal() {
    let mut state = state();
    match std::mem::replace(&mut *state, State::Stopping) {
        State::Working => IS_ASKED.store(true, Ordering::Relaxed),
        State::Starting { asked: false } => *state = State::Starting { asked: true },
        State::Running(run, progress) => {
            *state = State::Draining(Arc::clone(&run), Arc::clone(&progress));
            drop(state);
            say_draining(&progress, "interrupted:");
            run.drain();
        }
        State::Draining(run, progress) => {
            drop(state);
            say_stopping(&progress, "interrupted:", " (once more: exit at once)");
            run.cancel();
        }
        State::Fetching(host) => {
            drop(state);
            host.stop_fetching();
            std::process::exit(Exit::Interrupted as i32);
        }
        State::Nothing | State::Starting { asked: true } | State::Stopping => {
            std::process::exit(Exit::Interrupted as i32);
        }
    }
}

/// Another process asks to stop the flow run, which it does by itself: it is said, and the next signal goes on from there.
pub(crate) fn asked_by_command(times: u32) {
    const WHO: &str = "asked to stop by `taskhost runs cancel`:";
    let mut state = state();
    match (std::mem::replace(&mut *state, State::Stopping), times) {
        (State::Running(run, progress), 0 | 1) => {
            *state = State::Draining(run, Arc::clone(&progress));
            drop(state);
            say_draining(&progress, WHO);
        }
        (State::Running(_, progress) | State::Draining(_, progress), 2..) => {
            drop(state);
            say_stopping(&progress, WHO, "");
        }
        (other, _) => *state = other,
    }
}

fn say_draining(progress: &Progress, who: &str) {
    let what = match progress.in_work() {
        0 => "nothing new starts".to_owned(),
        running => format!("nothing new starts; waiting for what runs of {}", crate::render::count(running, "task")),
    };
    progress.say(&format!("{} {what} (once more: stop)\n", styled(STRONG, who)));
}

fn say_stopping(progress: &Progress, who: &str, further: &str) {
    let (ended, all) = progress.counts();
    let what = match all.saturating_sub(ended) {
        0 => "stopping".to_owned(),
        _ => format!("{ended} of {} had ended; stopping the others", crate::render::count(all, "task run")),
    };
    progress.say(&format!("{} {what}{further}\n", styled(STRONG, who)));
}
