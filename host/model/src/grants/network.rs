//! `network`: sockets, by name or address, and port.
//!
//! ```text
//! rule  = [ "tcp://" | "udp://" ] host ":" ports
//! host  = name | "*." name | IPv4 [ "/" bits ] | "[" IPv6 [ "/" bits ] "]"
//! ports = number [ "-" number ] | "*"
//! ```

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use super::address::{Reach, reach};
use super::{GRANT_BYTES_MAX, GrantError};

/// A kind of socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// Connections; meant when a rule says nothing.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Which hosts a rule means.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum HostPattern {
    /// One name, lower case, without a dot at the end.
    Name(Arc<str>),
    /// Every name below this one, but not itself.
    Below(Arc<str>),
    /// Addresses that share the first bits.
    Network {
        /// The address; further bits are zero.
        address: IpAddr,
        /// How many bits are shared.
        bits: u8,
    },
}

/// What sockets may reach.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NetworkRule {
    /// Which kind of socket.
    pub transport: Transport,
    /// Whom.
    pub host: HostPattern,
    /// First and last port.
    pub ports: (u16, u16),
}

const HELP: &str = "a rule is `host:port`, such as `api.example.com:443`, `*.example.com:443`, `10.0.0.0/8:5432`, `[fd00::/8]:80` or \
                    `udp://1.1.1.1:53`";

impl NetworkRule {
    /// Whether a socket may reach `address`. `names` are those under which this task run found the address by looking them up.
    ///
    /// A rule with a name never opens an address inside: whoever answers for the name could else send the guest there (DNS rebinding).
    pub fn allows<'n>(
        &self,
        transport: Transport,
        address: IpAddr,
        port: u16,
        mut names: impl Iterator<Item = &'n str>,
    ) -> bool {
        let port_fits = (self.ports.0..=self.ports.1).contains(&port);
        port_fits
            && self.transport == transport
            && match &self.host {
                HostPattern::Network { .. } => self.host.contains(address),
                by_name => by_name.opens(address) && names.any(|name| by_name.is_name(name)),
            }
    }
}

impl HostPattern {
    /// One address.
    pub fn of(address: IpAddr) -> HostPattern {
        HostPattern::Network { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether `name` (lower case, no dot at the end) is one of its names.
    pub fn is_name(&self, name: &str) -> bool {
        match self {
            HostPattern::Name(own) => **own == *name,
            HostPattern::Below(parent) => name
                .strip_suffix(&**parent)
                .and_then(|head| head.strip_suffix('.'))
                .is_some_and(|head| !head.is_empty()),
            HostPattern::Network { .. } => false,
        }
    }

    /// Whether `address` is one of its addresses. An IPv4 address inside an IPv6 one is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let HostPattern::Network { address: own, bits } = self else { return false };
        match (own, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(address)) => {
                same_bits(u128::from(own.to_bits()) << 96, u128::from(address.to_bits()) << 96, *bits)
            }
            (IpAddr::V6(own), IpAddr::V6(address)) => same_bits(own.to_bits(), address.to_bits(), *bits),
            _ => false,
        }
    }

    /// Whether an address that was found by one of its names may be used: not an inside one, unless the name itself says so.
    pub fn opens(&self, address: IpAddr) -> bool {
        match self {
            HostPattern::Name(name) if is_localhost(name) => address.to_canonical().is_loopback(),
            HostPattern::Name(_) | HostPattern::Below(_) => reach(address) == Reach::Public,
            HostPattern::Network { .. } => self.contains(address),
        }
    }

    /// Reads a host as it stands in a rule or URL; IPv6 in brackets.
    pub(super) fn parse(text: &str, may_be_network: bool) -> Result<HostPattern, GrantError> {
        let wrong = |why: &str| GrantError::new(format!("`{text}` {why}"), HELP);
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let (literal, bits) = match inner.unwrap_or(text).split_once('/') {
            Some((literal, bits)) => (literal, Some(bits)),
            None => (inner.unwrap_or(text), None),
        };
        match literal.parse::<IpAddr>() {
            Ok(address) if address.is_ipv6() != inner.is_some() => {
                Err(wrong("is no host: IPv6 addresses stand in brackets"))
            }
            Ok(_) if bits.is_some() && !may_be_network => Err(wrong("is a range of addresses; name one host")),
            Ok(address) => {
                HostPattern::network(address, bits).ok_or_else(|| wrong("has no length that fits the address"))
            }
            Err(_) if bits.is_some() || inner.is_some() => Err(wrong("is no address")),
            Err(_) => HostPattern::name(text),
        }
    }

    fn network(address: IpAddr, bits: Option<&str>) -> Option<HostPattern> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok().filter(|bits| *bits <= most)?
            }
            Some(_) => return None,
        };
        let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        // A range written in the mapped form would never match: addresses are compared in their own form.
        (!mapped).then_some(HostPattern::Network { address, bits })
    }

    fn name(text: &str) -> Result<HostPattern, GrantError> {
        let wrong = |why: &str| GrantError::new(format!("`{}` {why}", text.escape_debug()), HELP);
        let lower = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let (name, below) = match lower.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (&*lower, false),
        };
        let label = |label: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len()) && label.bytes().all(plain)
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(wrong("is no host name"));
        }
        if looks_numeric(name) {
            return Err(wrong("looks like a number and is no address; write it as four decimal numbers"));
        }
        if below && !name.contains('.') {
            return Err(wrong("would mean every name of a top-level domain"));
        }
        Ok(if below { HostPattern::Below(name.into()) } else { HostPattern::Name(name.into()) })
    }
}

/// Whether resolvers take a name for an address in decimal, octal or hexadecimal form: by its last label, as in the WHATWG URL standard.
pub(super) fn looks_numeric(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names that mean this machine by definition (RFC 6761).
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn same_bits(a: u128, b: u128, bits: u8) -> bool {
    bits == 0 || (a ^ b) >> (128 - u32::from(bits)) == 0
}

impl FromStr for NetworkRule {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<NetworkRule, GrantError> {
        let wrong = |why: &str| GrantError::new(format!("`{}` {why}", text.escape_debug()), HELP);
        if text.len() > GRANT_BYTES_MAX {
            return Err(GrantError::new("a rule of the network is too long", HELP));
        }
        let (transport, rest) = match text.split_once("://") {
            None => (Transport::Tcp, text),
            Some(("tcp", rest)) => (Transport::Tcp, rest),
            Some(("udp", rest)) => (Transport::Udp, rest),
            Some(("http" | "https", _)) => {
                return Err(GrantError::new(
                    format!("`{text}` is a URL"),
                    "put it under `http`, such as `http = [\"GET https://api.example.com/*\"]`",
                ));
            }
            Some(_) => return Err(wrong("is neither `tcp://` nor `udp://`")),
        };
        let (host, ports) = rest.rsplit_once(':').ok_or_else(|| wrong("has no port"))?;
        if host.is_empty() || ports.contains(']') {
            return Err(wrong("has no port"));
        }
        Ok(NetworkRule {
            transport,
            host: HostPattern::parse(host, true)?,
            ports: ports_of(ports).ok_or_else(|| wrong("has no port that fits"))?,
        })
    }
}

fn ports_of(text: &str) -> Option<(u16, u16)> {
    let port = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok())?.filter(|port| *port > 0)
    };
    if text == "*" {
        return Some((1, u16::MAX));
    }
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    (first <= last).then_some((first, last))
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Name(name) => f.write_str(name),
            HostPattern::Below(name) => write!(f, "*.{name}"),
            HostPattern::Network { address, bits } => {
                let (most, open, close) = if address.is_ipv4() { (32, "", "") } else { (128, "[", "]") };
                let length = if *bits == most { String::new() } else { format!("/{bits}") };
                write!(f, "{open}{address}{length}{close}")
            }
        }
    }
}

impl fmt::Display for NetworkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.transport == Transport::Udp {
            f.write_str("udp://")?;
        }
        write!(f, "{}:", self.host)?;
        match self.ports {
            (1, u16::MAX) => f.write_str("*"),
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}-{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> NetworkRule {
        text.parse().expect(text)
    }

    fn tcp(rule_text: &str, address: &str, port: u16, names: &[&str]) -> bool {
        rule(rule_text).allows(Transport::Tcp, address.parse().expect(address), port, names.iter().copied())
    }

    #[test]
    fn a_name_opens_what_it_was_resolved_to_and_nothing_inside() {
        assert!(tcp("api.example.com:443", "1.1.1.1", 443, &["api.example.com"]));
        assert!(!tcp("api.example.com:443", "1.1.1.1", 80, &["api.example.com"]));
        assert!(!tcp("api.example.com:443", "1.1.1.1", 443, &[]));
        assert!(!tcp("api.example.com:443", "127.0.0.1", 443, &["api.example.com"]));
        assert!(!tcp("api.example.com:443", "::ffff:10.0.0.1", 443, &["api.example.com"]));
        assert!(tcp("*.example.com:443", "1.1.1.1", 443, &["api.example.com"]));
        assert!(!tcp("*.example.com:443", "1.1.1.1", 443, &["example.com", "evilexample.com"]));
    }

    #[test]
    fn inside_addresses_are_reached_only_when_they_are_named() {
        assert!(tcp("127.0.0.1:8080", "127.0.0.1", 8080, &[]));
        assert!(tcp("127.0.0.1:8080", "::ffff:127.0.0.1", 8080, &[]));
        assert!(tcp("localhost:8080", "127.0.0.1", 8080, &["localhost"]));
        assert!(!tcp("localhost:8080", "10.0.0.1", 8080, &["localhost"]));
        assert!(tcp("10.0.0.0/8:5432", "10.200.1.1", 5432, &[]));
        assert!(!tcp("10.0.0.0/8:5432", "11.0.0.1", 5432, &[]));
        assert!(tcp("[fd00::/8]:*", "fd12::1", 9, &[]));
    }

    #[test]
    fn udp_is_granted_by_name() {
        let dns = rule("udp://1.1.1.1:53");
        assert!(dns.allows(Transport::Udp, "1.1.1.1".parse().expect("address"), 53, std::iter::empty()));
        assert!(!dns.allows(Transport::Tcp, "1.1.1.1".parse().expect("address"), 53, std::iter::empty()));
    }

    #[test]
    fn rules_print_as_they_are_written() {
        for text in [
            "api.example.com:443",
            "*.example.com:80-81",
            "10.0.0.0/8:5432",
            "[fd00::/8]:*",
            "udp://1.1.1.1:53",
            "[::1]:80",
        ] {
            assert_eq!(rule(text).to_string(), text);
        }
    }

    #[test]
    fn odd_hosts_and_ports_are_refused() {
        for text in [
            "",
            ":",
            "example.com",
            "example.com:",
            "example.com:0",
            "example.com:65536",
            "example.com:2-1",
            "example.com:+80",
            "*:80",
            "*.com:80",
            "a b:80",
            "2130706433:80",
            "0x7f.1:80",
            "0177.0.0.1:80",
            "127.1:80",
            "fe80::1:80",
            "[::1]",
            "[::1",
            "10.0.0.0/33:80",
            "10.0.0.0/:80",
            "10.0.0.0/+8:80",
            "[::ffff:10.0.0.0/104]:80",
            "ftp://a:80",
            "http://a:80",
            "exa\u{e4}mple.com:80",
            "a..b:80",
        ] {
            assert!(text.parse::<NetworkRule>().is_err(), "{text:?}");
        }
    }
}
