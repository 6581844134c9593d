//! The nouns of taskhost and the seams between its crates.
//!
//! ```text
//!  flow.toml ─► flow::Flow ─► Plan ─► scheduler ─► TaskRunRequest ═══► Runner
//!                                        ▲                               │
//!                                        └──────── TaskRunReport ◄═══════┘
//! ```
//!
//! Everything that crosses a seam is defined here: [`Value`] and [`ValueType`] (data between tasks),
//! [`TaskRunRequest`] and [`TaskRunOutcome`] (the narrow waist), [`RunEvent`] (what happened), and the
//! traits in [`seams`]. No I/O, no async runtime, no wasmtime, no TOML.
//!
//! ```
//! use taskhost_model::{json, Value, ValueType};
//!
//! let numbers: ValueType = "list<u32>".parse()?;
//! let value = json::from_str("[1, 2, 3]", &numbers)?;
//! assert_eq!(json::to_string(&value, &numbers), "[1,2,3]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Start reading at [`seams`], then [`task_run`], then [`value`].

#[cfg(feature = "arbitrary")]
pub mod arbitrary;
pub mod artifact;
pub mod assign;
pub mod codec;
pub mod digest;
pub mod event;
pub mod fold;
pub mod grants;
pub mod json;
pub mod labels;
pub mod layout;
pub mod limits;
pub mod list;
pub mod powers;
pub mod retry;
pub mod seams;
pub mod signature;
pub mod task_pattern;
pub mod task_run;
pub mod types;
pub mod value;

pub use artifact::ArtifactRef;
pub use digest::Digest;
pub use event::{Attachment, FlowRunEnding, LogSource, Origin, RunEvent, TaskState};
pub use grants::Grants;
pub use labels::Labels;
pub use limits::Limits;
pub use list::{List, ListBuilder};
pub use powers::{Area, Powers, Refusal};
pub use retry::Retry;
pub use signature::{ComponentSignature, TaskSignature};
pub use task_run::{
    Ending, FlowRunId, Limit, Refusals, RequestId, Reuse, TaskCall, TaskFailure, TaskRunOutcome, TaskRunReport,
    TaskRunRequest, Usage,
};
pub use types::{Case, Field, ValueType};
pub use value::Value;
