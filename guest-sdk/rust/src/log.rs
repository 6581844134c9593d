//! Messages with a level: [`info!`](crate::info) and its sisters, over `taskhost:task/log`.
//!
//! Printing works too; a message has a level as well, by which its reader can choose.

pub use crate::bindings::taskhost::task::log::{Level, enabled, log};

/// Logs a message if somebody keeps messages of `level`; the macros call it.
pub fn write(level: Level, message: std::fmt::Arguments<'_>) {
    if !enabled(level) {
        return;
    }
    match message.as_str() {
        Some(text) => log(level, text),
        None => log(level, &message.to_string()),
    }
}

/// Logs something that went wrong, formatted as by [`format!`].
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Error, ::core::format_args!($($message)+)) };
}

/// Logs something to look at, formatted as by [`format!`].
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($message)+)) };
}

/// Logs what everybody may see, formatted as by [`format!`].
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Info, ::core::format_args!($($message)+)) };
}

/// Logs details for whoever looks for a mistake, formatted as by [`format!`].
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($message)+)) };
}

/// Logs details for the author, formatted as by [`format!`].
#[macro_export]
macro_rules! trace {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Trace, ::core::format_args!($($message)+)) };
}
