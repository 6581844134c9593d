//! From a component's bytes to compiled code: loaded if it was compiled before, else compiled here or in a child process.
//!
//! ```text
//! bytes ─► cache (files that we tagged) ─► Component
//!            │ not there                       ▲
//!            ├─ Compiler::InProcess ───────────┤
//!            └─ Compiler::Child: spawn ─► child (limits, then Cranelift) ─► compiled code
//! ```
//!
//! Compiling takes 50 ms to many seconds, loading compiled code a fraction of a millisecond. A component made to hurt the
//! compiler (gigabytes, minutes, a crash) hurts a child process only.

mod cache;
mod child;
mod key;
mod spawn;

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use taskhost_model::Digest;
use taskhost_model::seams::CatalogError;
use wasmtime::Engine;
use wasmtime::component::Component;

pub(crate) use cache::TrustedCache;
pub use cache::{CachedComponent, CompileCache};
pub use child::{CompileLimits, compile_stdin_to_stdout};

/// Where components are compiled.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum Compiler {
    /// In this process: for components whose authors are trusted, since a hostile one can take all memory and much time.
    #[default]
    InProcess,
    /// In a child process with limits of its own.
    Child {
        /// A `taskhost` executable of this version.
        program: PathBuf,
    },
}

/// For which of the two engines a component is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineKind {
    /// Components without async exports.
    General,
    /// Components with async exports.
    Concurrent,
}

impl EngineKind {
    /// As the child process is told.
    fn name(self) -> &'static str {
        match self {
            EngineKind::General => "general",
            EngineKind::Concurrent => "concurrent",
        }
    }
}

impl FromStr for EngineKind {
    type Err = String;

    fn from_str(name: &str) -> Result<EngineKind, String> {
        [EngineKind::General, EngineKind::Concurrent]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("there is no engine `{name}`"))
    }
}

/// Why there is no compiled code.
#[derive(Debug)]
pub(crate) enum CompileError {
    /// The component is not valid, for this engine at least.
    Invalid(String),
    /// Compiling did not get as far as to tell.
    Failed(CatalogError),
}

impl CompileError {
    fn invalid(error: &wasmtime::Error) -> CompileError {
        CompileError::Invalid(error.chain().last().map_or_else(|| error.to_string(), ToString::to_string))
    }

    fn failed(message: impl fmt::Display, help: &str) -> CompileError {
        CompileError::Failed(CatalogError { message: message.to_string(), help: Some(help.to_owned()) })
    }
}

impl From<CompileError> for CatalogError {
    fn from(error: CompileError) -> CatalogError {
        match error {
            CompileError::Failed(error) => error,
            CompileError::Invalid(cause) => CatalogError {
                message: format!("is not valid: {cause}"),
                help: Some("the file may be cut off or damaged; build it again".to_owned()),
            },
        }
    }
}

/// Compiles, or loads what was compiled before. `watch` is called if it has to compile; what it gives lives as long as that takes.
pub(crate) fn compile(
    compiler: &Compiler,
    cache: Option<&TrustedCache>,
    (engine, kind): (&Engine, EngineKind),
    digest: &Digest,
    bytes: &[u8],
    watch: &dyn Fn() -> Option<Box<dyn Any>>,
) -> Result<Component, CompileError> {
    let began = Instant::now();
    if let Some(component) = cache.and_then(|cache| cache.load(engine, digest)) {
        let milliseconds = began.elapsed().as_secs_f64() * 1e3;
        tracing::debug!(%digest, milliseconds, cached = true, "compiled code was loaded");
        return Ok(component);
    }
    let watched = watch();
    let (component, image) = match compiler {
        Compiler::InProcess => {
            let component = Component::from_binary(engine, bytes).map_err(|error| CompileError::invalid(&error))?;
            (component, None)
        }
        Compiler::Child { program } => {
            let image = spawn::compile(program, kind, bytes, spawn::WALL_TIME_MAX)?;
            (load_from_child(engine, program, &image)?, Some(image))
        }
    };
    if let Some(cache) = cache {
        // A cache that cannot be written is no reason to fail: the next start compiles again.
        let _ = match image {
            Some(image) => cache.keep(engine, digest, image),
            None => {
                component.serialize().map_err(std::io::Error::other).and_then(|image| cache.keep(engine, digest, image))
            }
        };
    }
    drop(watched);
    let milliseconds = began.elapsed().as_secs_f64() * 1e3;
    tracing::info!(%digest, milliseconds, cached = false, bytes = bytes.len(), "component was compiled");
    Ok(component)
}

/// Loads what our own child process has just compiled.
#[expect(unsafe_code, reason = "loading compiled code is unsafe; see the argument inside")]
fn load_from_child(engine: &Engine, program: &std::path::Path, image: &[u8]) -> Result<Component, CompileError> {
    // SAFETY: the bytes must be code that wasmtime made for this engine. They came over a pipe of ours from the program that
    // our caller chose as its compiler, which ended well after it compiled for an engine with the same settings. wasmtime
    // checks its version and settings once more. (That Cranelift itself compiles hostile input correctly is what all of the
    // sandbox rests on, wherever it runs.)
    unsafe { Component::deserialize(engine, image) }.map_err(|error| {
        CompileError::failed(
            format_args!("could not be compiled: `{}` is no `taskhost` of this version: {error:#}", program.display()),
            "name the `taskhost` executable of this version as the compiler",
        )
    })
}
