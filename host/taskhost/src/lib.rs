//! Flows of sandboxed WebAssembly tasks, from Rust: build a flow in code or read it from a file, run it, follow its
//! events, and get its outputs as Rust values.
//!
//! ```text
//! flow.toml ──────┐
//!                 ├─► Host::prepare ─► Launch ─► Run ─► Outputs
//! FlowBuilder ────┘    (type check)   (parameters) │
//!                                                  └─► Events
//! ```
//!
//! Three random numbers below `stop`, drawn at the same time, and their sum:
//!
//! ```
//! use taskhost::{FlowBuilder, Host};
//!
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
//! let host = Host::new(Default::default())?;
//! let numbers = host.component("example-tasks/02-parallel-execution/components/numbers.wasm")?;
//!
//! let flow = FlowBuilder::new("parallel-execution");
//! let stop = flow.parameter("stop").default(5);
//! let draws = [(); 3].map(|()| flow.call(&numbers, "random-num").with("stop", &stop));
//! let sum = flow.call(&numbers, "sum").with("numbers", draws);
//! flow.output("total", &sum);
//!
//! let total: u64 = host.run(&flow)?.output("total")?;
//! assert!(total <= 3 * 4);
//!
//! // Again with another parameter, following what happens.
//! let run = host.prepare(&flow)?.give("stop", 1).start()?;
//! for happening in run.events() {
//!     println!("{happening:?}");
//! }
//! assert_eq!(run.wait()?.output::<u64>("total")?, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A flow in code goes the same way as one in a file: both are checked against the components' own types before
//! anything runs, and every mistake is told at once, with file:line:column of the TOML or of the Rust.
//!
//! Start reading at [`FlowBuilder`] and [`Host`]. What a flow means is in [`flow`], how it is run in [`engine`],
//! values and limits are in [`model`].

mod blobs;
pub mod builder;
mod caching;
mod call_settings;
mod ceiling;
mod component;
mod difference;
mod error;
mod events;
mod files;
mod host;
mod kept;
mod kept_components;
mod memory;
mod outputs;
mod recording;
mod records;
mod remote;
mod resume;
mod retention;
mod run;
mod runners;
mod secret_command;
mod secrets;
mod shared;
mod single_call;
mod typed;
mod worker;

pub use taskhost_engine as engine;
pub use taskhost_flow as flow;
pub use taskhost_model as model;
pub use taskhost_nats as nats;
pub use taskhost_sandbox::{CachedComponent, Command, CommandOutcome, CompileCache, Inspection, Sandbox, WIT_SECTION};
pub use taskhost_store as store;
pub use taskhost_telemetry as telemetry;

pub use builder::FlowBuilder;
pub use builder::argument::{Argument, IntoArgument, Record, Reference, record, reference, text, value};
pub use builder::handle::{Action, ParameterHandle, TaskHandle};
pub use call_settings::CallSettings;
pub use ceiling::Ceiling;
pub use component::Component;
pub use error::{HostError, HostErrorKind, Mistake, RunError};
pub use events::{ATTACHMENTS_MAX, Events, Happening};
pub use host::{Host, HostOptions, RunOptions};
pub use outputs::{OutputError, Outputs};
pub use remote::RemoteWorkers;
pub use resume::Resume;
pub use run::{IntoFlow, Launch, Run};
pub use secrets::{FileNeed, SecretSource, SecretSources, Secrets, secrets_wanted};
pub use typed::{FromValue, IntoValue, TypeMismatch, TypedValue};
pub use worker::{TaskWorker, WorkerSettings};
