//! How to get a tool on this system, in one line.

use super::Site;

/// Package managers of systems, by the program that they are.
const MANAGERS: [(&str, &str); 6] = [
    ("apt-get", "sudo apt-get install"),
    ("dnf", "sudo dnf install"),
    ("pacman", "sudo pacman -S"),
    ("apk", "sudo apk add"),
    ("brew", "brew install"),
    ("winget", "winget install"),
];

/// The line for the package manager that this system has: `packages` names the package for each one that has it, by the program that it is.
pub fn from_system(site: &Site<'_>, packages: &[(&str, &str)], otherwise: &str) -> String {
    let line = MANAGERS.iter().find_map(|(manager, line)| {
        let (_, package) = packages.iter().find(|(name, _)| name == manager)?;
        site.system.program(manager).map(|_| format!("get it with `{line} {package}`"))
    });
    line.unwrap_or_else(|| otherwise.to_owned())
}

/// For what `taskhost build --install` gets by itself.
pub fn by_install(_site: &Site<'_>) -> String {
    "get it with `taskhost build --install`".to_owned()
}
