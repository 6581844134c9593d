//! Hostile guests: each other file here is an attack, with what it does, its limits and how it must end in the header.
//! `tests/attacks.rs` says what may stand there, and runs them.

use exports::test::attacks::tasks::Guest;

taskhost_task::world!({ world: "test:attacks/attacks", path: ["../../wit", "wit"] });

/// What is attacked.
struct Target {
    /// The flow's folder on the host.
    folder: String,
    /// Port of a server on the host's loopback, which nobody may reach.
    port: u16,
}

struct Attacks;

impl Guest for Attacks {
    fn attack(name: String, folder: String, port: u16) -> Result<String, String> {
        attack_named(&name, &Target { folder, port })
            .unwrap_or_else(|| Err(format!("no attack `{name}` in this component: run `cargo xtask guests`")))
    }
}

/// What became of several ways to get out: all of them must have been refused.
#[derive(Default)]
struct Ways {
    refused: u32,
    escaped: Vec<String>,
}

impl Ways {
    /// Remembers how a way ended.
    fn tried<T, E>(&mut self, way: impl std::fmt::Display, outcome: Result<T, E>) {
        match outcome {
            Ok(_) => self.escaped.push(way.to_string()),
            Err(_) => self.refused += 1,
        }
    }

    /// `ok` if no way led out.
    fn verdict(self) -> Result<String, String> {
        if self.escaped.is_empty() {
            Ok(format!("refused all {}", self.refused))
        } else {
            Err(format!("escaped by {}", self.escaped.join(", ")))
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/attacks.rs"));

export!(Attacks);
