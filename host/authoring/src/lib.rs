//! A task's project, from nothing to a tested component: what `taskhost new`, `build` and `test` do.
//!
//! ```text
//! template ──new──► project ──build──► components/NAME.wasm ──test──► results
//!                      │       ▲                               ▲
//!                taskhost.toml └ the language's own tools      └ tests.toml, and a sandbox that the caller brings
//! ```
//!
//! Nothing here compiles a language by itself: each file in [`languages`] calls that language's own tool, and what is missing between
//! them (bindings, a core module made into a component) comes from crates. The sandbox is the caller's too, so that this crate is
//! built and tested without one.
//!
//! Start reading at [`project`] (what a project is), then [`languages`] (how one is built), then [`tools`] (who does it).

pub mod build;
pub mod componentize;
pub mod error;
mod folder;
mod fresh;
mod from_wit;
pub mod languages;
pub mod new;
pub mod progress;
pub mod project;
pub mod template;
pub mod testing;
mod toml_file;
pub mod tools;
pub mod watch;
pub mod wit;

pub use error::{Error, ErrorKind, ToolFailure};
pub use languages::Language;
pub use progress::Progress;
pub use project::Project;
