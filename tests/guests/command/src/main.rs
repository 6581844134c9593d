//! A command, not a component with tasks: shows what `taskhost call --command` gives it. `echo`, `env`, `cat`, `write`, `stdin`, `exit`,
//! `panic`, `spin`, `connect`, each with its own arguments.

use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[1..] {
        ["echo", ..] => println!("{}", words[2..].join("|")),
        ["name"] => println!("{}", words[0]),
        ["env", name] => println!("{}", std::env::var(name).unwrap_or_else(|_| "not set".to_owned())),
        ["cat", path] => match std::fs::read_to_string(path) {
            Ok(text) => print!("{text}"),
            Err(error) => return failed(&format!("{path}: {error}")),
        },
        ["write", path, text] => {
            if let Err(error) = std::fs::write(path, text) {
                return failed(&format!("{path}: {error}"));
            }
        }
        ["stdin"] => {
            let mut bytes = Vec::new();
            if std::io::stdin().read_to_end(&mut bytes).and_then(|_| std::io::stdout().write_all(&bytes)).is_err() {
                return failed("stdin cannot be read");
            }
        }
        ["panic"] => panic!("as asked"),
        ["spin"] => loop {
            std::hint::black_box(());
        },
        ["connect", address] => {
            if let Err(error) = std::net::TcpStream::connect(address) {
                return failed(&format!("{address}: {error}"));
            }
        }
        // The standard library ends a program with other codes as with 1.
        ["exit", "0"] => {}
        ["exit", _] => return ExitCode::FAILURE,
        _ => return failed("unknown words"),
    }
    ExitCode::SUCCESS
}

fn failed(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
