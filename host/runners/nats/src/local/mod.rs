//! A server and workers on this machine for one flow run: made for it, and gone with it, however it ends.
//!
//! ```text
//!   host ── stdin, stdout ── keeper ─┬─ nats-server   on loopback, with a password
//!                                    └─ worker …      started again if one is lost
//! ```
//!
//! The keeper is a process between: it sees its stdin end when the host ends, even by `kill -9`, and takes all down. It stands in a process
//! group of its own, so that Ctrl-C in a terminal reaches the host alone, which may want its workers to end what they have.

mod cluster;
mod keeper;
mod server;

pub use cluster::{LocalCluster, LocalOptions};
pub use keeper::{KeeperOptions, keep};
pub use server::{Server, find_server};
