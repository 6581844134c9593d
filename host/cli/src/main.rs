//! `taskhost`, the command. This file picks the allocator and the exit code; what is said and done is in `commands`.
//!
//! ```text
//! args ─► commands/* ─► taskhost::Host ─► report
//!            │               │
//!         render/*, graph/*  └─ progress (observer), execute (Ctrl-C)
//! ```
//!
//! Only this crate prints, and no decision about flows is taken in it.

mod args;
mod arguments;
mod blobs;
mod commands;
mod error;
mod execute;
mod file;
mod graph;
mod interrupt;
mod observe;
mod output;
mod progress;
mod render;
mod tasks;

use std::process::ExitCode;

use taskhost_store::TemporaryBlobs;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Prints help and usage errors itself, with exit code 0 and 2.
    let cli = args::Cli::try_parse().unwrap_or_else(|error| args::with_our_tips(error).exit());
    match cli.color {
        args::Color::Auto => {}
        args::Color::Always => anstream::ColorChoice::AlwaysAnsi.write_global(),
        args::Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let exit = commands::run(cli).unwrap_or_else(error::CliError::report);
    TemporaryBlobs::close_all();
    ExitCode::from(exit as u8)
}
