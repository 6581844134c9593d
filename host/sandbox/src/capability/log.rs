//! `taskhost:task/log`: messages with a level, in the task's log beside what it prints.

use taskhost_model::event::{LogLevel, LogSource};
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::state::HostState;

/// `enum level` of the interface.
#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make these")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> LogLevel {
        match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        }
    }
}

pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    let mut interface = linker.instance("taskhost:task/log@0.1.0")?;
    interface.func_wrap("log", |mut store: StoreContextMut<'_, HostState>, (level, message): (Level, WasmStr)| {
        let output = store.data_mut().open_output().clone();
        let message = message.to_str(&store)?;
        // Counted before it is copied: the limit also bounds what one message makes us hold.
        output.charge(message.len())?;
        Ok(output.lines(LogSource::Log(level.into()), message.lines().map(str::to_owned))?)
    })?;
    interface.func_wrap("enabled", |_: StoreContextMut<'_, HostState>, (level,): (Level,)| {
        Ok((LogLevel::from(level) >= LogLevel::Debug,))
    })
}
