//! From the text of a flow file to a [`Plan`], without I/O, clock or threads.
//!
//! ```text
//! text ──parse──► FlowFile ──check(Catalog)──► Flow ──plan(parameters)──► Plan
//!                    └────────── Diagnostics: all mistakes at once, each with its place ──┘
//! ```
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use taskhost_flow::{FlowSource, Surroundings, check, parse};
//! use taskhost_model::{ComponentSignature, seams::{Catalog, CatalogError}};
//!
//! struct Nothing;
//! impl Catalog for Nothing {
//!     fn signature(&self, _: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
//!         Err(CatalogError { message: "does not exist".into(), help: None })
//!     }
//! }
//! impl Surroundings for Nothing {
//!     fn subflow(&self, _: &Path) -> Result<Arc<FlowSource>, String> {
//!         Err("does not exist".into())
//!     }
//!     fn default_file(&self, _: &Path) -> Result<Vec<u8>, String> {
//!         Err("does not exist".into())
//!     }
//! }
//!
//! let source = Arc::new(FlowSource::new("flow.toml", "[tasks.a]\ncall = \"numbers.sum\""));
//! let mistakes = parse(&source).and_then(|file| check(file, &Nothing, &Nothing)).unwrap_err();
//! assert!(mistakes.to_string().starts_with("flow.toml:2:8: error[unknown-component]: no component named `numbers`"));
//! ```
//!
//! Start reading at [`flow`] (what comes out), then [`written`] (what goes in), then [`mod@check`] (what lies between).
//! A key of the format stands in [`keys`].

pub mod check;
pub mod diagnostic;
pub mod flow;
pub mod keys;
pub mod names;
pub mod parse;
pub mod plan;
pub mod schema;
pub mod source;
pub mod written;

pub use check::{Checked, FolderState, Surroundings, check};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use flow::{Flow, Input, OnFailure, RunnerChoice, RunnerKind, Task, TaskKind};
pub use parse::parse;
pub use plan::{Given, ParameterError, Plan, PlanError, plan};
pub use schema::json_schema;
pub use source::{FlowSource, LineColumn, Span};
pub use written::{Action, Expression, ExpressionKind, FlowFile};
