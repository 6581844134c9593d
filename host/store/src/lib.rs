//! What taskhost remembers: the journal of every flow run, its results, its log, and results that may be used again.
//!
//! ```text
//!  append ─► queue ─► writer thread ─► runs/journal.sqlite   one row per run and commit, with summaries beside it
//!                          │
//!                          └─► artifacts/ab/<digest>          values of 4 KiB and more, and blobs, each once
//!                                          │
//!                                          └─► s3://… and the like, if there is a place elsewhere
//! ```
//!
//! A [`Store`] is a folder. Several processes use the same one at once: SQLite orders their commits, and a lock file says which process
//! carries a flow run out ([`RunState::Interrupted`] is one that nobody does). [`RunJournal`] takes events without holding anybody up: they are
//! written in groups, every few milliseconds. What events *mean* is not known here, beyond the sums that listings show.
//!
//! Start reading at [`Store`], then `writer/mod.rs`.

mod artifacts;
mod blobs;
mod cache;
mod database;
mod delete;
mod elsewhere;
mod error;
mod journal;
mod owner;
mod queue;
mod reading;
mod record;
mod shared;
mod store;
mod summary;
mod writer;

pub use artifacts::{ArtifactSizes, Artifacts};
pub use blobs::TemporaryBlobs;
pub use cache::{CacheEntry, CacheSize, ResultCache};
pub use delete::{Collected, Retention};
pub use error::StoreError;
pub use journal::{LOG_BYTES_MAX, LOG_LINES_MAX, RunJournal};
pub use reading::{Events, LogLine, LogLines, RunFilter, RunState, RunSummary};
pub use record::{RecordedComponent, RecordedFile, RecordedParameter, RunRecord};
pub use shared::SharedArtifacts;
pub use store::{Store, StoreOptions};
pub use taskhost_model::fold::{FailedRun, LastProgress, TaskReport};
