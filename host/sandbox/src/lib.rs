//! How one task runs safely: a fresh WebAssembly instance for each task run, with nothing granted and every resource bounded.
//!
//! ```text
//! file ─ compile (cached by digest) ─► Loaded ─ Prepared::new ─► PreparedTask ─ start ─► Started
//!                                        │                        (one per task)   (one per task run)
//!                                        └─ inspect ─► ComponentSignature
//! ```
//!
//! The only crate that names wasmtime. It knows nothing of flows or of other tasks. [`Sandbox`] answers the flow check as a
//! [`Catalog`](taskhost_model::seams::Catalog) and runs guests as an [`Executor`](taskhost_model::seams::Executor).
//!
//! ```no_run
//! use taskhost_sandbox::{Sandbox, SandboxOptions};
//!
//! let sandbox = Sandbox::new(SandboxOptions { instances: 64, ..SandboxOptions::default() })?;
//! for task in sandbox.inspect("numbers.wasm".as_ref()).expect("a component").signature.tasks {
//!     println!("{}", task.function);
//! }
//! # Ok::<(), taskhost_sandbox::SandboxError>(())
//! ```
//!
//! Start reading at `sandbox.rs`, then `execute.rs`; the only unsafe code is in `convert/lift_lower.rs`, `execute.rs` (one
//! call) and `compile/` (three calls).

mod capability;
mod command;
mod compile;
mod convert;
mod docs;
mod engine_config;
mod error;
mod execute;
mod imports;
mod inspect;
mod last_words;
mod limiter;
mod outcome;
mod output;
mod sandbox;
mod state;
mod turn;

pub use command::{Command, CommandOutcome};
pub use compile::{CachedComponent, CompileCache, CompileLimits, Compiler, EngineKind, compile_stdin_to_stdout};
pub use docs::WIT_SECTION;
pub use error::SandboxError;
pub use sandbox::{Compiling, Inspection, Sandbox, SandboxOptions};
