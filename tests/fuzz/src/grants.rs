//! The grants' grammar and their judgement, compared with another reading of the same URL: that of the `url` crate, which follows the
//! WHATWG standard as browsers do.

use std::path::{Component, Path};

use taskhost_model::grants::{Access, FolderGrant, HostPattern, HttpRule, NetworkRule};
use url::{Host, Url};

/// The target. The first line of an input is a grant; the second a URL, which an http rule may allow only if it leads to the rule's host.
pub fn grants(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (grant, target) = text.split_once('\n').unwrap_or((text, ""));
    folder(grant);
    if let Ok(rule) = grant.parse::<NetworkRule>() {
        assert_eq!(rule.to_string().parse().as_ref(), Ok(&rule), "a network rule prints as itself");
    }
    if let Ok(rule) = grant.parse::<HttpRule>() {
        assert_eq!(rule.to_string().parse().as_ref(), Ok(&rule), "an http rule prints as itself");
        allows_no_other_host(&rule, target);
    }
}

fn folder(text: &str) {
    let base = Path::new("/flows");
    let Ok(grant) = FolderGrant::new(text, base, Access::Read) else { return };
    let host_path = grant.host_path();
    assert!(grant.base.is_none() || host_path.starts_with(base), "{} is outside", host_path.display());
    assert!(!host_path.components().any(|part| part == Component::ParentDir), "{} goes up", host_path.display());
    assert_eq!(FolderGrant::new(&grant.to_string(), base, Access::Read), Ok(grant), "a folder prints as itself");
}

/// Whoever sends the request may take its URL as the standard has it, or its host as it is written.
fn allows_no_other_host(rule: &HttpRule, target: &str) {
    let Ok(url) = Url::parse(target) else { return };
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return };
    let is_https = match url.scheme() {
        "https" => true,
        "http" => false,
        // Others are never sent.
        _ => return,
    };
    let text = match &host {
        Host::Domain(name) => without_dot(name).to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    for host_given in [text, written_host(target)] {
        if rule.allows("GET", is_https, &host_given, port, url.path()) {
            assert_eq!((rule.is_https, rule.port), (is_https, port), "`{rule}` allows `{target}`");
            assert!(means(&rule.host, &host), "`{rule}` allows `{target}`, which leads to `{host}`");
        }
    }
}

/// The host as it is written, lower case, where it is written as an HTTP client takes it: printable, without spaces.
fn written_host(target: &str) -> String {
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://")).unwrap_or_default();
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return String::new();
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => host,
    };
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// A name may end with one dot.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn means(pattern: &HostPattern, host: &Host<&str>) -> bool {
    match (pattern, host) {
        (HostPattern::Name(own), Host::Domain(name)) => **own == *without_dot(name),
        (HostPattern::Below(own), Host::Domain(name)) => without_dot(name).ends_with(&format!(".{own}")),
        (HostPattern::Network { .. }, Host::Ipv4(address)) => pattern.contains((*address).into()),
        (HostPattern::Network { .. }, Host::Ipv6(address)) => pattern.contains((*address).into()),
        _ => false,
    }
}
