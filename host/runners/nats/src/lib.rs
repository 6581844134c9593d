//! Task runs on other machines, over NATS JetStream: an existing engine for queues, redelivery, flow control and accounts.
//!
//! ```text
//!   host                      NATS account                        worker
//!   Workers ─ runner ───────► tasks     (work queue) ───────────► Worker ─► Runner of its own
//!          ◄───────────────── results   (work queue) ◄───────────
//!          ◄────────────────► artifacts (object store) ◄────────►
//! ```
//!
//! A host sends messages of one to some hundred task runs ([`Workers`]); a worker ([`Worker`]) carries them out and answers. At least once to
//! run, once to be counted. Components, large values and blobs go by digest through the object store. What a worker may do for
//! hosts is its own to decide.
//!
//! Start reading at [`names`], then `host/mod.rs` and `worker/mod.rs`.

mod connect;
mod error;
mod exchange;
mod hello;
mod host;
pub mod local;
pub mod names;
mod recent;
mod shared;
mod streams;
pub mod tenants;
mod trouble;
mod wire;
mod worker;

pub use connect::NatsSettings;
pub use error::NatsError;
pub use hello::WorkerHello;
pub use host::{HostOptions, HostSite, Workers};
pub use shared::SharedArtifacts;
pub use trouble::Trouble;
pub use worker::{Worker, WorkerOptions, WorkerSite, WorkerStatus};
