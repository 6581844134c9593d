//! Write a taskhost task in Rust.
//!
//! ```text
//!  wit/world.wit ── world! ──► trait Guest ── impl, export! ──► component ──► flow.toml
//! ```
//!
//! A task is a function of a WIT interface. The WIT comes first, in `wit/world.wit`:
//!
//! ```wit
//! package demo:numbers@0.1.0;
//!
//! interface tasks {
//!   /// The sum of `numbers`.
//!   sum: func(numbers: list<u32>) -> result<u64, string>;
//! }
//!
//! world numbers {
//!   include taskhost:task/imports@0.1.0;
//!   export tasks;
//! }
//! ```
//!
//! and `src/lib.rs` fills it in:
//!
//! ```ignore
//! use exports::demo::numbers::tasks::Guest;
//! use taskhost_task::info;
//!
//! taskhost_task::world!({ world: "numbers" });
//!
//! struct Numbers;
//!
//! impl Guest for Numbers {
//!     fn sum(numbers: Vec<u32>) -> Result<u64, String> {
//!         info!("adding {} numbers", numbers.len());
//!         Ok(numbers.into_iter().map(u64::from).sum())
//!     }
//! }
//!
//! export!(Numbers);
//! ```
//!
//! with `crate-type = ["cdylib"]` in `Cargo.toml`, built by `cargo build --target wasm32-wasip2 --release`.
//! What is printed becomes the task's log; an `Err` or a panic fails the task run and nothing else.
//!
//! There is nothing hidden: [`world!`] is [`wit_bindgen::generate!`] with this crate's `log`, `progress`, `context`
//! and `blobs` put in. Start reading there; [`mod@log`] has the macros behind `info!`, [`mod@blob`] reads and writes bulk data, and
//! `testing` is a fake host for `cargo test`.

#[cfg(not(target_arch = "wasm32"))]
#[path = "native.rs"]
pub mod bindings;
pub mod blob;
pub mod log;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod world;

/// The bindings of `taskhost:task`, as [`wit_bindgen::generate!`] makes them.
#[cfg(target_arch = "wasm32")]
#[allow(missing_docs, reason = "generated; the documentation is in task.wit")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "imports",
        generate_all,
    });
}

pub use bindings::taskhost::task::blobs::{Blob, BlobWriter};
pub use bindings::taskhost::task::context::Context;
pub use blob::BlobReader;
#[doc(hidden)]
pub use wit_bindgen;

/// Tell the host that `done` of `total` units are done; a `total` of 0 means that it is not known.
pub fn progress(done: u32, total: u32, message: &str) {
    bindings::taskhost::task::progress::report(done, total, message);
}

/// Which task run this is.
pub fn context() -> Context {
    bindings::taskhost::task::context::get()
}
