//! `http`: requests, by method and URL.
//!
//! ```text
//! rule   = methods " " url
//! methods = METHOD *( "," METHOD ) | "*"
//! url    = ( "http" | "https" ) "://" host [ ":" port ] path
//! ```
//!
//! A `*` at the end of the path means anything below; in the middle, anything within one segment. The query is free.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::network::looks_numeric;
use super::{GRANT_BYTES_MAX, GrantError, HostPattern, matches_glob};

/// Which requests may be sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HttpRule {
    /// Upper case; empty for all.
    pub methods: Vec<Arc<str>>,
    /// Whether over TLS.
    pub is_https: bool,
    /// To whom.
    pub host: HostPattern,
    /// At which port.
    pub port: u16,
    /// Begins with `/`; may hold `*`.
    pub path: Arc<str>,
}

const HELP: &str =
    "a rule is a method and a URL, such as `GET https://api.example.com/v1/*` or `* https://*.example.com/*`";

impl HttpRule {
    /// Whether a request may be sent. `host` is lower case, an IPv6 address without brackets; `path` is without the query.
    pub fn allows(&self, method: &str, is_https: bool, host: &str, port: u16, path: &str) -> bool {
        let method_fits = self.methods.is_empty() || self.methods.iter().any(|own| **own == *method);
        method_fits && self.allows_server(is_https, host, port) && self.allows_path(path)
    }

    /// Whether it is about this server at all.
    pub fn allows_server(&self, is_https: bool, host: &str, port: u16) -> bool {
        let host_fits = match host.parse() {
            Ok(address) => self.host.contains(address),
            Err(_) => !looks_numeric(host) && self.host.is_name(host),
        };
        host_fits && self.is_https == is_https && self.port == port
    }

    fn allows_path(&self, path: &str) -> bool {
        &*self.path == "/*" || (UnsafePath::find(path).is_none() && matches_glob(&self.path, path))
    }
}

/// What makes a path mean different things to different servers, so that no pattern can judge it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnsafePath(pub &'static str);

impl UnsafePath {
    /// What is odd about a path, if anything.
    pub fn find(path: &str) -> Option<UnsafePath> {
        let lower = path.to_ascii_lowercase();
        let escapes: Vec<&str> = lower.split('%').skip(1).map(|rest| rest.get(..2).unwrap_or_default()).collect();
        // Beyond letters, digits and signs: controls, `;`, and bytes that are no ASCII, of which servers make what they like.
        let is_doubtful = |escape: &&str| match u8::from_str_radix(escape, 16) {
            Ok(byte) => byte < b' ' || byte == 0x7f || byte == b';',
            Err(_) => true,
        };
        let decoded: Vec<u8> = decoded(&lower);
        let up = |segment: &str| matches!(&*segment.replace("%2e", "."), "." | "..");
        let odd = [
            (lower.contains("%2f") || lower.contains("%5c"), "an encoded slash"),
            (lower.contains('\\'), "a backslash"),
            (lower.contains("%25"), "an encoded percent sign"),
            (lower.contains("//"), "an empty segment"),
            (escapes.iter().any(is_doubtful), "an escape that is no plain character"),
            (std::str::from_utf8(&decoded).is_err(), "escapes that are no UTF-8"),
            (lower.split(['/', ';']).any(up), "a `.` or `..` segment"),
            (
                lower.bytes().any(|byte| byte <= b' ' || byte == 0x7f) || lower.contains("%00"),
                "a space or control character",
            ),
        ];
        odd.into_iter().find(|(is_odd, _)| *is_odd).map(|(_, what)| UnsafePath(what))
    }
}

/// The bytes of a path, its escapes resolved.
fn decoded(path: &str) -> Vec<u8> {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    bytes
}

impl FromStr for HttpRule {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<HttpRule, GrantError> {
        let wrong = |why: &str| GrantError::new(format!("`{}` {why}", text.escape_debug()), HELP);
        if text.len() > GRANT_BYTES_MAX {
            return Err(GrantError::new("a rule of HTTP is too long", HELP));
        }
        let (methods, url) = text.split_once(' ').ok_or_else(|| wrong("has no method"))?;
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        let is_https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("is neither `http://` nor `https://`")),
        };
        let at = rest.find('/').ok_or_else(|| wrong("has no path; end it with `/*` for all paths"))?;
        let (authority, path) = rest.split_at(at);
        if path.contains(['?', '#']) {
            return Err(wrong("has a query or fragment; the query is always free"));
        }
        if let Some(odd) = UnsafePath::find(path) {
            return Err(wrong(&format!("has {} in its path", odd.0)));
        }
        let (host, port) = split_port(authority, is_https).ok_or_else(|| wrong("has no host or port that fits"))?;
        Ok(HttpRule {
            methods: methods_of(methods).ok_or_else(|| wrong("has no method that fits"))?,
            is_https,
            host: HostPattern::parse(host, false).map_err(|error| GrantError { help: HELP.to_owned(), ..error })?,
            port,
            path: path.into(),
        })
    }
}

fn split_port(authority: &str, is_https: bool) -> Option<(&str, u16)> {
    let standard = if is_https { 443 } else { 80 };
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[after_host..].rfind(':') {
        Some(at) => (&authority[..after_host + at], &authority[after_host + at + 1..]),
        None => return (!authority.is_empty()).then_some((authority, standard)),
    };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { port.parse().ok().filter(|port| *port > 0)? } else { return None };
    (!host.is_empty()).then_some((host, port))
}

fn methods_of(text: &str) -> Option<Vec<Arc<str>>> {
    if text == "*" {
        return Some(Vec::new());
    }
    let method =
        |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase())).then(|| Arc::from(text));
    text.split(',').map(method).collect()
}

impl fmt::Display for HttpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods = if self.methods.is_empty() { "*".to_owned() } else { self.methods.join(",") };
        let (scheme, standard) = if self.is_https { ("https", 443) } else { ("http", 80) };
        write!(f, "{methods} {scheme}://{}", self.host)?;
        if self.port != standard {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rule: &str, method: &str, host: &str, path: &str) -> bool {
        rule.parse::<HttpRule>().expect(rule).allows(method, true, host, 443, path)
    }

    #[test]
    fn a_rule_means_its_method_host_and_path() {
        let rule = "GET https://api.example.com/v1/*";
        assert!(allows(rule, "GET", "api.example.com", "/v1/users/7"));
        assert!(!allows(rule, "POST", "api.example.com", "/v1/users/7"));
        assert!(!allows(rule, "GET", "api.example.com", "/v2/users"));
        assert!(!allows(rule, "GET", "api.example.com.evil.org", "/v1/"));
        assert!(allows("GET,HEAD https://*.example.com/*", "HEAD", "a.b.example.com", "/x"));
        assert!(!allows("* https://*.example.com/*", "GET", "example.com", "/x"));
        assert!(allows("* https://a.org/users/*/name", "GET", "a.org", "/users/7/name"));
        assert!(!allows("* https://a.org/users/*/name", "GET", "a.org", "/users/7/8/name"));
    }

    #[test]
    fn the_scheme_and_port_are_part_of_a_rule() {
        let rule: HttpRule = "GET http://127.0.0.1:8080/*".parse().expect("a rule");
        assert!(rule.allows("GET", false, "127.0.0.1", 8080, "/"));
        assert!(!rule.allows("GET", true, "127.0.0.1", 8080, "/"));
        assert!(!rule.allows("GET", false, "127.0.0.1", 80, "/"));
        assert!(!rule.allows("GET", false, "2130706433", 8080, "/"));
        assert!(!rule.allows("GET", false, "localhost", 8080, "/"));
    }

    #[test]
    fn a_path_that_servers_read_differently_fits_no_pattern() {
        for path in [
            "/v1/../admin",
            "/v1/%2e%2E/admin",
            "/v1/..;/admin",
            "/v1/%2f..%2fadmin",
            "/v1/..%3bx/admin",
            "/v1/%c0%ae%c0%ae/admin",
            "/v1/%u002e%u002e/admin",
            "/v1/.%09./admin",
            "/v1/%",
            "/v1/..%5cadmin",
            "/v1\\..\\admin",
            "/v1//admin",
            "/v1/%252e%252e/admin",
            "/v1/a b",
        ] {
            assert!(!allows("GET https://a.org/v1/*", "GET", "a.org", path), "{path}");
        }
        assert!(allows("GET https://a.org/*", "GET", "a.org", "/v1/../admin"));
    }

    #[test]
    fn rules_print_as_they_are_written() {
        for text in
            ["GET https://api.example.com/v1/*", "GET,POST http://[::1]:8080/a/*/b", "* https://*.example.com/*"]
        {
            assert_eq!(text.parse::<HttpRule>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn odd_rules_are_refused() {
        for text in [
            "",
            "GET",
            "https://a.org/",
            "get https://a.org/",
            "GET ftp://a.org/",
            "GET https://a.org",
            "GET https:///x",
            "GET https://a.org:0/",
            "GET https://a.org:x/",
            "GET https://*/",
            "GET https://a.org/x?y",
            "GET https://a.org/../x",
            ", https://a.org/",
            "GET https://user@a.org/",
            "GET https://0x7f000001/",
            "GET https://[::1/",
            "GET  https://a.org/",
        ] {
            assert!(text.parse::<HttpRule>().is_err(), "{text:?}");
        }
    }
}
