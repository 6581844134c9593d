//! Task runs on other machines, over NATS JetStream.

pub mod names;
