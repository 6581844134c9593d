//! [`Version`] and [`Pin`]: which versions of a tool are good.

use std::fmt;
use std::str::FromStr;

/// `1.95.0`; what follows the numbers (`-rc1`, `+build`) is of no matter here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(Vec<u64>);

/// Versions that are good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pin {
    /// `"1.2.3"`: this one.
    Exactly(Version),
    /// `">=1.2"`: this one and later ones.
    AtLeast(Version),
}

impl Version {
    /// The first version in what a tool says: `cargo 1.95.0 (f2d3ce0bd)`, `go version go1.26.1 linux/amd64`, `v24.1.0`. A number without a
    /// point is none: it may be part of a name.
    pub fn in_text(text: &str) -> Option<Version> {
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        text.split(|c: char| !is_part(c)).filter(|word| word.contains('.')).find_map(|word| word.parse().ok())
    }

    /// Without zeros at the end: `1.26` is `1.26.0`.
    fn significant(&self) -> &[u64] {
        let zeros = self.0.iter().rev().take_while(|part| **part == 0).count();
        &self.0[..self.0.len() - zeros]
    }
}

impl Pin {
    /// Whether a version is good.
    pub fn allows(&self, version: &Version) -> bool {
        match self {
            Pin::Exactly(wanted) => wanted.significant() == version.significant(),
            Pin::AtLeast(least) => version.significant() >= least.significant(),
        }
    }

    /// The version to get where one is got.
    pub fn version(&self) -> &Version {
        match self {
            Pin::Exactly(version) | Pin::AtLeast(version) => version,
        }
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Version, String> {
        let parts: Option<Vec<u64>> = text.split('.').map(number).collect();
        parts.map(Version).ok_or_else(|| "it wants numbers with points between them".to_owned())
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Pin, String> {
        match text.strip_prefix(">=") {
            Some(least) => least.trim().parse().map(Pin::AtLeast),
            None => text.parse().map(Pin::Exactly),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            write!(f, "{}{part}", if at > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pin::Exactly(version) => write!(f, "{version}"),
            Pin::AtLeast(version) => write!(f, "{version} or later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn a_version_is_found_in_what_tools_say() {
        let said = [
            ("cargo 1.95.0 (f2d3ce0bd 2026-03-21)", "1.95.0"),
            ("go version go1.26.1 linux/amd64", "1.26.1"),
            ("v24.1.0\n", "24.1.0"),
            ("Python 3.11.2", "3.11.2"),
            ("Debian clang version 19.1.7 (3~deb12u1)", "19.1.7"),
            ("python3: componentize-py 0.19.3", "0.19.3"),
        ];
        for (text, wanted) in said {
            assert_eq!(Version::in_text(text), Some(version(wanted)), "{text}");
        }
        assert_eq!(Version::in_text("python3 is here"), None);
    }

    #[test]
    fn a_pin_is_one_version_or_this_and_later_ones() {
        let allows = |pin: &str, given: &str| pin.parse::<Pin>().expect("a pin").allows(&version(given));
        assert!(allows("1.2.3", "1.2.3") && !allows("1.2.3", "1.2.4") && !allows("1.2", "1.2.1"));
        assert!(allows("1.26", "1.26.0"));
        assert!(allows(">=1.9", "1.10") && allows(">= 1.9", "2.0.0") && !allows(">=1.9", "1.8.99"));
        for bad in ["", "latest", "^1.2", ">1.2", "1.", "1..2", "1.x", "+1.2"] {
            assert!(bad.parse::<Pin>().is_err(), "{bad}");
        }
    }
}
