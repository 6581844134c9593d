//! `taskhost new` and `taskhost build` without a sandbox, to try a language with: `new FOLDER LANGUAGE [WIT]`, `build FOLDER [--install]
//! [--anew]`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use std::path::Path;
use std::process::ExitCode;

use taskhost_authoring::build::{BuildOptions, build};
use taskhost_authoring::new::{New, create};
use taskhost_authoring::tools::{Site, System};
use taskhost_authoring::{Error, Progress, Project, languages};

struct Said;

impl Progress for Said {
    fn step(&self, doing: &str) {
        eprintln!("{doing}");
    }

    fn line(&self, line: &str) {
        eprintln!("  {line}");
    }

    fn warn(&self, text: &str) {
        eprintln!("{text}");
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<String, Error> {
    match arguments {
        ["new", folder, language, from @ ..] => {
            let language = languages::find(language)
                .ok_or_else(|| Error::usage("no such language", format!("there are {}", languages::listed())))?;
            let from = from.first().map(Path::new);
            let created = create(&New { folder: Path::new(folder), language, from })?;
            Ok(format!("{} files\n{}", created.files.len(), created.notes.join("\n")))
        }
        ["build", folder, options @ ..] => {
            let project = Project::find(Path::new(folder))?;
            let site = Site { project: &project, system: &System::of_process(), progress: &Said };
            let options = BuildOptions { install: options.contains(&"--install"), anew: options.contains(&"--anew") };
            Ok(format!("{:?}", build(&site, options)?))
        }
        _ => Err(Error::usage(
            "neither `new` nor `build`",
            "new FOLDER LANGUAGE [WIT], build FOLDER [--install] [--anew]",
        )),
    }
}
