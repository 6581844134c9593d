//! From wasmtime's error to a [`TaskFailure`] with a message for its reader.
//!
//! A guest's own last words (a panic's message, a traceback) stand above wasmtime's: the wasm backtrace is for the component's
//! author and shown on request only.

use std::fmt;

use taskhost_model::{Ending, Limit, Limits, Refusal, TaskFailure, Value};
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::capability::Masks;
use crate::last_words;

/// Why the host ended a guest; travels as an error through wasmtime.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    Cancelled,
    Limit(Limit),
    /// What it makes holds a secret.
    Withheld(String),
    /// The host cannot do what it has to.
    Lost(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Cancelled => f.write_str("cancelled"),
            Stop::Limit(limit) => write!(f, "{limit}"),
            Stop::Withheld(why) | Stop::Lost(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Stop {}

/// The ending that an error of a call means. `stderr` is the last part of what the guest printed there.
pub(crate) fn ending_of(error: &wasmtime::Error, stderr: &str, limits: &Limits) -> Ending {
    if let Some(stop) = find::<Stop>(error) {
        return match stop {
            Stop::Cancelled => Ending::Cancelled,
            Stop::Limit(limit) => Ending::Failed(TaskFailure::LimitReached(*limit)),
            Stop::Withheld(why) => Ending::Failed(TaskFailure::Withheld(why.clone())),
            Stop::Lost(why) => Ending::Failed(TaskFailure::Lost(why.clone())),
        };
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Ending::Failed(TaskFailure::Exited(exit.0));
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::AllocationTooLarge) {
        return Ending::Failed(TaskFailure::LimitReached(Limit::Memory(limits.memory_bytes_max)));
    }
    if matches!(find::<ResourceTableError>(error), Some(ResourceTableError::Full)) {
        return Ending::Failed(TaskFailure::LimitReached(Limit::Handles(limits.handles_max)));
    }
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string).unwrap_or_default();
    let message = last_words::of(stderr).unwrap_or_else(|| match trap {
        Some(trap) => describe(*trap),
        None => root_of(error),
    });
    Ending::Failed(TaskFailure::Trapped { message, backtrace })
}

/// The ending, with no secret in it. A result that holds one is no result: it would be stored and shown.
pub(crate) fn without_secrets(ending: Ending, refusals: &mut [Refusal], masks: &Masks) -> Ending {
    for refusal in refusals.iter_mut().filter(|refusal| masks.resembles(&refusal.attempt)) {
        let verb = refusal.attempt.split('`').next().unwrap_or_default().trim_end();
        refusal.attempt = format!("{verb} what is not shown, since it looks like a secret of the task");
        if let Some((key, _)) = refusal.grant.split_once(" = ") {
            refusal.grant = format!("{key} = [\"…\"]");
        }
    }
    match ending {
        Ending::Returned(value) if masks.is_in(&value) => {
            let what = if matches!(value, Value::Result(Err(_))) { "error" } else { "result" };
            Ending::Failed(TaskFailure::Withheld(format!("its {what} holds the value of a secret")))
        }
        Ending::Failed(TaskFailure::Trapped { message, backtrace }) => {
            Ending::Failed(TaskFailure::Trapped { message: masks.masked(message), backtrace: masks.masked(backtrace) })
        }
        ending => ending,
    }
}

/// The first error of the chain that is an `E`; an I/O error of a stream hides ours one level deeper.
fn find<E: std::error::Error + Send + Sync + 'static>(error: &wasmtime::Error) -> Option<&E> {
    error.downcast_ref::<E>().or_else(|| error.chain().find_map(|cause| cause.downcast_ref::<E>()))
}

fn root_of(error: &wasmtime::Error) -> String {
    error.chain().last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn describe(trap: Trap) -> String {
    match trap {
        Trap::UnreachableCodeReached => {
            "stopped itself without a message (wasm `unreachable`: an abort or a failed assertion)".to_owned()
        }
        Trap::StackOverflow => "ran out of stack: its recursion is too deep".to_owned(),
        Trap::MemoryOutOfBounds => "read or wrote outside its memory: a bug in the component".to_owned(),
        Trap::IntegerDivisionByZero => "divided by zero".to_owned(),
        trap => {
            let text = trap.to_string();
            text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
        }
    }
}
