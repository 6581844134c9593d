//! What a component asks for, in plain words, and what this version grants of it.

use taskhost_model::signature::ImportedInterface;

/// A kind of things that a component may ask for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Want {
    /// Files and folders.
    Files,
    /// Sockets and names.
    Network,
    /// HTTP requests.
    Http,
    /// Environment variables and command line.
    Environment,
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

impl Want {
    /// What an interface is for.
    pub(crate) fn of(interface: &str) -> Want {
        let name = interface.split('@').next().unwrap_or(interface);
        match name.split_once('/').unwrap_or((name, "")) {
            ("wasi:filesystem", _) => Want::Files,
            ("wasi:sockets", _) => Want::Network,
            ("wasi:http", _) => Want::Http,
            ("wasi:clocks", _) => Want::Clocks,
            ("wasi:random", _) => Want::Random,
            ("wasi:io", _) => Want::Plumbing,
            ("wasi:cli", "environment") => Want::Environment,
            ("wasi:cli", "stdin" | "terminal-stdin") => Want::Stdin,
            ("wasi:cli", "exit") => Want::Exit,
            ("wasi:cli", "types" | "terminal-input" | "terminal-output") => Want::Plumbing,
            ("wasi:cli", _) => Want::Output,
            ("taskhost:task", _) => Want::Taskhost,
            _ => Want::Other,
        }
    }

    /// In plain words; none for what needs no words.
    pub(crate) fn words(self) -> Option<&'static str> {
        match self {
            Want::Files => Some("files"),
            Want::Network => Some("network"),
            Want::Http => Some("HTTP"),
            Want::Environment => Some("environment"),
            Want::Stdin => Some("standard input"),
            Want::Clocks => Some("clocks"),
            Want::Random => Some("random numbers"),
            Want::Output => Some("output (its log)"),
            Want::Exit => Some("exit"),
            Want::Taskhost => Some("taskhost's log, progress and context"),
            Want::Plumbing => None,
            Want::Other => Some("others"),
        }
    }

    /// Whether it is linked to a refusal, because nothing grants it.
    pub(crate) fn is_refused(self) -> bool {
        matches!(self, Want::Files | Want::Network | Want::Http | Want::Environment | Want::Stdin)
    }
}

/// What some interfaces are for, each once, in the order of [`Want`].
pub(crate) fn wants(imports: &[ImportedInterface]) -> Vec<Want> {
    let mut wants: Vec<Want> = imports.iter().map(|interface| Want::of(&interface.name)).collect();
    wants.sort_unstable();
    wants.dedup();
    wants
}

/// `files, environment, clocks`; none if there is nothing to name.
pub(crate) fn in_words(wants: impl IntoIterator<Item = Want>) -> Option<String> {
    let words: Vec<&str> = wants.into_iter().filter_map(Want::words).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(names: &[&str]) -> Vec<ImportedInterface> {
        names.iter().map(|&name| ImportedInterface { name: name.into(), functions: Vec::new() }).collect()
    }

    #[test]
    fn imports_read_as_plain_words() {
        let imports = imports(&[
            "wasi:io/streams@0.2.6",
            "wasi:cli/environment@0.2.6",
            "wasi:cli/stderr@0.2.6",
            "wasi:filesystem/types@0.2.6",
            "wasi:filesystem/preopens@0.2.6",
        ]);
        assert_eq!(in_words(wants(&imports)).as_deref(), Some("files, environment, output (its log)"));
        assert_eq!(
            in_words(wants(&imports).into_iter().filter(|want| want.is_refused())).as_deref(),
            Some("files, environment")
        );
        assert_eq!(in_words([]), None);
    }
}
