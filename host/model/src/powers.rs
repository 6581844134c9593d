//! [`Powers`]: the most that a task can do, known before anything runs: what its component imports, met with what the flow grants.
//!
//! A guest has no way to the outside but its imports, so what it does not import it cannot do, whatever is granted; and what is
//! granted to no import is a mistake worth a warning.

use crate::grants::{Access, Grants};
use crate::signature::ImportedInterface;

/// A part of the outside world.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Area {
    /// Files and folders.
    Files,
    /// Sockets and names.
    Network,
    /// HTTP requests.
    Http,
    /// Environment variables and command line.
    Environment,
    /// Configuration and secrets.
    Config,
    /// Standard input.
    Stdin,
    /// Wall clock and timers.
    Clocks,
    /// Random numbers.
    Random,
    /// Standard output and error, which become its log.
    Output,
    /// Ending the task run.
    Exit,
    /// Log, progress, context.
    Taskhost,
    /// Streams and polling, without which nothing else could be said.
    Plumbing,
    /// An interface that the host does not know.
    Other,
}

impl Area {
    /// What an interface is for.
    pub fn of(interface: &str) -> Area {
        let name = interface.split('@').next().unwrap_or(interface);
        match name.split_once('/').unwrap_or((name, "")) {
            ("wasi:filesystem", _) => Area::Files,
            ("wasi:sockets", _) => Area::Network,
            ("wasi:http", _) => Area::Http,
            ("wasi:config", _) => Area::Config,
            ("wasi:clocks", _) => Area::Clocks,
            ("wasi:random", _) => Area::Random,
            ("wasi:io", _) => Area::Plumbing,
            ("wasi:cli", "environment") => Area::Environment,
            ("wasi:cli", "stdin" | "terminal-stdin") => Area::Stdin,
            ("wasi:cli", "exit") => Area::Exit,
            ("wasi:cli", "types" | "terminal-input" | "terminal-output") => Area::Plumbing,
            ("wasi:cli", _) => Area::Output,
            ("taskhost:task", _) => Area::Taskhost,
            _ => Area::Other,
        }
    }

    /// In plain words; none for what needs no words.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Area::Files => Some("files"),
            Area::Network => Some("network"),
            Area::Http => Some("HTTP"),
            Area::Environment => Some("environment"),
            Area::Config => Some("configuration and secrets"),
            Area::Stdin => Some("standard input"),
            Area::Clocks => Some("clocks"),
            Area::Random => Some("random numbers"),
            Area::Output => Some("output (its log)"),
            Area::Exit => Some("exit"),
            Area::Taskhost => Some("taskhost's log, progress and context"),
            Area::Plumbing => None,
            Area::Other => Some("others"),
        }
    }

    /// What a task without a grant for it cannot do; none for what every task may do.
    pub fn denial(self) -> Option<&'static str> {
        match self {
            Area::Files => Some("read or write files"),
            Area::Network => Some("use sockets"),
            Area::Http => Some("send HTTP requests"),
            Area::Environment => Some("see environment variables"),
            Area::Config => Some("see configuration or secrets"),
            _ => None,
        }
    }

    /// The keys of `allow` that grant something of it.
    pub fn keys(self) -> &'static str {
        match self {
            Area::Files => "`read` or `write`",
            Area::Network => "`network`",
            Area::Http => "`http`",
            Area::Environment => "`env`",
            Area::Config => "`config` or `secrets`",
            _ => "",
        }
    }

    /// Those that need a grant.
    pub const GRANTED: [Area; 5] = [Area::Files, Area::Network, Area::Http, Area::Environment, Area::Config];

    /// What some interfaces are for, each once, in the order of [`Area`].
    pub fn of_all(imports: &[ImportedInterface]) -> Vec<Area> {
        let mut areas: Vec<Area> = imports.iter().map(|interface| Area::of(&interface.name)).collect();
        areas.sort_unstable();
        areas.dedup();
        areas
    }
}

/// The most that a task can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Powers {
    /// What it can do, each a part of a sentence: "read `data`", "connect to `api.example.com:443`".
    pub can: Vec<String>,
    /// Areas that need a grant and have none that works: provably out of reach.
    pub cannot: Vec<Area>,
    /// Of those, the ones that the component imports all the same: linked to a refusal. `strict` rejects them.
    pub refused: Vec<Area>,
    /// Granted areas that the component does not import: the grant is without effect.
    pub useless: Vec<Area>,
}

impl Powers {
    /// Of a component that imports these interfaces, with these grants.
    pub fn of(imports: &[ImportedInterface], grants: &Grants) -> Powers {
        let imported = Area::of_all(imports);
        let mut powers = Powers { can: Vec::new(), cannot: Vec::new(), refused: Vec::new(), useless: Vec::new() };
        for area in Area::GRANTED {
            let granted = granted(area, grants);
            match (imported.contains(&area), granted.is_empty()) {
                (true, false) => powers.can.extend(granted),
                (true, true) => powers.refused.push(area),
                (false, false) => powers.useless.push(area),
                (false, true) => {}
            }
            if !imported.contains(&area) || granted_is_empty(area, grants) {
                powers.cannot.push(area);
            }
        }
        powers
    }

    /// "cannot read or write files, use sockets, …"; none if nothing is out of reach.
    pub fn denials(&self) -> Option<String> {
        let words: Vec<&str> = self.cannot.iter().filter_map(|area| area.denial()).collect();
        (!words.is_empty()).then(|| format!("cannot {}", words.join(", ")))
    }
}

fn granted_is_empty(area: Area, grants: &Grants) -> bool {
    granted(area, grants).is_empty()
}

/// What is granted of an area.
fn granted(area: Area, grants: &Grants) -> Vec<String> {
    match area {
        Area::Files => {
            let verb = |access| if access == Access::Write { "read and write" } else { "read" };
            grants.folders.iter().map(|folder| format!("{} `{folder}`", verb(folder.access))).collect()
        }
        Area::Network => grants.network.iter().map(|rule| format!("connect to `{rule}`")).collect(),
        Area::Http => grants.http.iter().map(|rule| format!("send `{rule}`")).collect(),
        Area::Environment => grants.env.iter().map(|name| format!("see the variable `{name}`")).collect(),
        Area::Config => {
            let secrets = grants.secrets.iter().map(|name| format!("see the secret `{name}`"));
            secrets.chain(grants.config.keys().map(|key| format!("see the setting `{key}`"))).collect()
        }
        _ => Vec::new(),
    }
}

/// Something that a guest tried and that is not granted. The guest saw a permission error.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// What it tried, after "tried to": "open `/etc/passwd`".
    pub attempt: String,
    /// What the task's `allow` lacks: `read = ["/etc"]`. Empty if nothing grants it.
    pub grant: String,
}

/// Adds refusals that are not there yet, as long as there is room.
pub fn gather(refusals: &mut Vec<Refusal>, more: &[Refusal]) {
    for refusal in more {
        if refusals.len() < REFUSALS_MAX && !refusals.contains(refusal) {
            refusals.push(refusal.clone());
        }
    }
}

/// Different refusals that are kept of one task run; more would be the guest's to decide.
pub const REFUSALS_MAX: usize = 8;

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tried to {}", self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(names: &[&str]) -> Vec<ImportedInterface> {
        names.iter().map(|&name| ImportedInterface { name: name.into(), functions: Vec::new() }).collect()
    }

    #[test]
    fn a_component_without_imports_can_do_nothing_whatever_is_granted() {
        let grants = Grants { env: vec!["LANG".into()], ..Grants::default() };
        let powers = Powers::of(&[], &grants);
        assert!(powers.can.is_empty() && powers.refused.is_empty());
        assert_eq!(powers.cannot, Area::GRANTED);
        assert_eq!(powers.useless, [Area::Environment]);
    }

    #[test]
    fn what_is_imported_and_not_granted_is_refused() {
        let imports =
            imports(&["wasi:filesystem/types@0.2.6", "wasi:cli/environment@0.2.6", "wasi:clocks/wall-clock@0.2.6"]);
        let grants = Grants { env: vec!["LANG".into()], ..Grants::default() };
        let powers = Powers::of(&imports, &grants);
        assert_eq!(powers.can, ["see the variable `LANG`"]);
        assert_eq!(powers.refused, [Area::Files]);
        assert_eq!(
            powers.denials().as_deref(),
            Some("cannot read or write files, use sockets, send HTTP requests, see configuration or secrets")
        );
        assert!(powers.useless.is_empty());
    }
}
