//! Which interfaces this host has, and in which versions: what a component may import.

use taskhost_model::seams::CatalogError;
use taskhost_model::signature::ImportedInterface;

/// A package of interfaces, and how its versions are told.
struct Package {
    name: &'static str,
    /// A version that begins like this is linked: WASI's patch versions are compatible.
    versions: &'static [&'static str],
    has: &'static str,
}

const WASI: &[&str] = &["0.2.", "0.3.0"];

const PACKAGES: &[Package] = &[
    Package { name: "wasi:cli", versions: WASI, has: "0.2 and 0.3.0" },
    Package { name: "wasi:clocks", versions: WASI, has: "0.2 and 0.3.0" },
    Package { name: "wasi:filesystem", versions: WASI, has: "0.2 and 0.3.0" },
    Package { name: "wasi:http", versions: WASI, has: "0.2 and 0.3.0" },
    Package { name: "wasi:io", versions: &["0.2."], has: "0.2" },
    Package { name: "wasi:random", versions: WASI, has: "0.2 and 0.3.0" },
    Package { name: "wasi:sockets", versions: WASI, has: "0.2 and 0.3.0" },
    Package { name: "wasi:config", versions: &["0.2.0-rc.1"], has: "0.2.0-rc.1" },
    Package { name: "taskhost:task", versions: &["0.1."], has: "0.1.0" },
];

/// Interfaces named in a message; a component may import thousands.
const NAMED_MAX: usize = 5;

/// What a component asks for in vain, as far as names and versions tell; wasmtime says the rest.
pub(crate) fn check(imports: &[ImportedInterface]) -> Result<(), CatalogError> {
    let missing: Vec<String> = imports.iter().filter_map(|import| missing(&import.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let named = missing.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join("; ");
    let more = missing.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(error(format!("asks for something that this host does not have: {named}{more}")))
}

/// The same for what only linking shows: an interface with other functions or types.
pub(crate) fn unlinkable(error_of_linking: &wasmtime::Error) -> CatalogError {
    error(format!("asks for something that this host does not have: {error_of_linking:#}"))
}

fn error(message: String) -> CatalogError {
    let help = "taskhost offers WASI 0.2 and 0.3.0, `wasi:config/store@0.2.0-rc.1` and `taskhost:task@0.1.0`; build the component against these";
    CatalogError { message, help: Some(help.to_owned()) }
}

fn missing(name: &str) -> Option<String> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let package = path.split('/').next().unwrap_or(path);
    let shown: String = name.chars().take(200).collect();
    match PACKAGES.iter().find(|known| known.name == package) {
        None => Some(format!("`{shown}`")),
        Some(known) if known.versions.iter().any(|start| version.starts_with(start)) => None,
        Some(known) => Some(format!("`{shown}` (it has `{package}` {})", known.has)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str]) -> String {
        let imports: Vec<_> =
            names.iter().map(|&name| ImportedInterface { name: name.into(), functions: Vec::new() }).collect();
        check(&imports).map_or_else(|error| error.message, |()| "fine".to_owned())
    }

    #[test]
    fn versions_that_are_linked_are_fine() {
        assert_eq!(
            told(&[
                "wasi:cli/stdout@0.2.0",
                "wasi:cli/stdout@0.2.12",
                "wasi:clocks/types@0.3.0",
                "taskhost:task/log@0.1.0"
            ]),
            "fine"
        );
    }

    #[test]
    fn each_import_that_is_not_there_is_named() {
        let told = told(&[
            "wasi:cli/stdout@9.9.9",
            "acme:gpu/run@1.0.0",
            "taskhost:task/log@2.0.0",
            "wasi:io/poll@0.2.6",
            "loose",
        ]);
        for part in [
            "`wasi:cli/stdout@9.9.9` (it has `wasi:cli` 0.2 and 0.3.0)",
            "`acme:gpu/run@1.0.0`",
            "`taskhost:task/log@2.0.0`",
            "`loose`",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("poll"), "{told}");
    }
}
