//! `cargo xtask …`: the project's chores, in Rust so that they run wherever the project builds.
//!
//! One file for each chore; [`workspace`] knows the crates, [`command`] starts programs. Each failure ends with what to do next.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

mod bench;
mod check;
mod command;
mod demo;
mod fuzz;
mod guests;
mod links;
mod manifests;
mod sanitize;
mod servers;
mod simulate;
mod soak;
mod target;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use command::Failure;

const HELP: &str = "\
The project's chores.

Usage: cargo xtask <chore> [arguments]

  guests    build the example tasks and the test guests for wasm32-wasip2
  demo      run the example flows, from 01-hello on
  test      build the guests and run all tests; arguments go to `cargo test`. With --languages: tasks in all languages,
            with their toolchains, which pip and npm get
  check     formatting, lints, documentation, tidy, manifests: what CI runs besides test and demo
  bench     compare with bare wasmtime; arguments go to the benchmark
  fuzz      all fuzz targets for 10 minutes: [--minutes N] [--only TARGET] [--input FILE]
  soak      ten million task runs in one process, which must not grow: [--runs N]
  simulate  a million random flows against the scheduler, crashed and resumed: [--seeds N]
  sanitize  the sandbox's tests and the fuzz targets under the address sanitizer
  tidy      dependency arrows, `//!` in every file, links, file sizes
  manifests the files of deploy/kubernetes against the schemas of Kubernetes and KEDA
  help      this text

Each chore installs or builds what it needs first.";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = arguments.collect();
    match run(&chore, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &str, rest: &[String]) -> Result<(), Failure> {
    let takes_arguments = matches!(chore, "test" | "bench" | "fuzz" | "soak" | "simulate" | "sanitize");
    if let (false, Some(surplus)) = (takes_arguments, rest.first()) {
        return Err(Failure::new(
            format!("`{chore}` takes no argument, but `{surplus}` was given"),
            "cargo xtask help",
        ));
    }
    match chore {
        "guests" => guests::run(),
        "demo" => demo::run(),
        "test" => test::run(rest),
        "check" => check::run(),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "soak" => soak::run(rest),
        "simulate" => simulate::run(rest),
        "sanitize" => sanitize::run(rest),
        "tidy" => tidy::run(),
        "manifests" => manifests::run(),
        "help" | "-h" | "--help" => {
            println!("{HELP}");
            Ok(())
        }
        unknown => Err(Failure::new(format!("there is no chore `{unknown}`"), "cargo xtask help")),
    }
}
