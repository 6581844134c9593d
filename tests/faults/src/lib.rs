//! What tests of faults start and break: NATS servers, workers, hosts, a network between them. All are real processes, and each is gone with
//! the value that holds it.
//!
//! ```text
//! Place (a folder) ─┬─ Server, Cluster    nats-server with file storage, killed and started again
//!                   ├─ Worker             taskhost worker: killed, stopped, drained; what it holds
//!                   ├─ Host               taskhost run, taskhost runs resume: killed, interrupted; how it ended
//!                   └─ Notes              how often each task run has begun, as its guest wrote it into a file
//! Account           streams, as an operator sees and makes them; workers of other versions
//! Link              a network that can be cut
//! ```
//!
//! A test waits for what it can see, with a deadline, and never for a fixed time.

mod account;
mod host;
mod link;
mod place;
mod process;
mod server;
mod wait;
mod worker;

pub use account::{Account, FakeWorker};
pub use host::{Ended, Host};
pub use link::Link;
pub use place::{Notes, Place, build_taskhost, component};
pub use process::{Spawned, marked_processes};
pub use server::{Cluster, Server};
pub use wait::{eventually, until};
pub use worker::Worker;
