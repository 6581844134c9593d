//! [`Grants::beyond`]: what of some grants goes beyond others, such as those that a worker gives.
//!
//! Judged on the safe side: a rule counts as covered only if one rule of the other side plainly covers all that it means.

use super::{Access, FolderGrant, Grants, HostPattern, HttpRule, NetworkRule};

impl Grants {
    /// What `wanted` grants and these do not, as a flow would write it: `read = "data"`, `network = "db:5432"`. Settings (`config`) are left
    /// out: they are the flow's own words, and open nothing.
    pub fn beyond(&self, wanted: &Grants) -> Vec<String> {
        let mut beyond = Vec::new();
        let mut add = |key: &str, grant: &dyn std::fmt::Display| beyond.push(format!("{key} = \"{grant}\""));
        for folder in &wanted.folders {
            if self.folder_for(folder).is_none() {
                add(if folder.access == Access::Write { "write" } else { "read" }, folder);
            }
        }
        for rule in wanted.network.iter().filter(|rule| !self.network.iter().any(|own| own.covers(rule))) {
            add("network", rule);
        }
        for rule in wanted.http.iter().filter(|rule| !self.http.iter().any(|own| own.covers(rule))) {
            add("http", rule);
        }
        for name in wanted.env.iter().filter(|name| !self.env.contains(name)) {
            add("env", name);
        }
        for name in wanted.secrets.iter().filter(|name| !self.secrets.contains(name)) {
            add("secrets", name);
        }
        beyond
    }

    /// The folder of these in which `wanted` lies, if one may be used as much as it wants.
    pub fn folder_for(&self, wanted: &FolderGrant) -> Option<&FolderGrant> {
        self.folders.iter().find(|own| {
            let mut steps = wanted.steps();
            let is_inside = own.steps().all(|step| steps.next() == Some(step));
            is_inside && own.base.is_some() == wanted.base.is_some() && own.access >= wanted.access
        })
    }
}

impl HostPattern {
    fn covers(&self, other: &HostPattern) -> bool {
        match (self, other) {
            (HostPattern::Below(domain), HostPattern::Below(other)) => {
                domain == other || HostPattern::Below(domain.clone()).is_name(other)
            }
            (HostPattern::Network { bits, .. }, HostPattern::Network { address, bits: others }) => {
                bits <= others && self.contains(*address)
            }
            (own, HostPattern::Name(name)) => own.is_name(name),
            _ => false,
        }
    }
}

impl NetworkRule {
    fn covers(&self, other: &NetworkRule) -> bool {
        self.transport == other.transport
            && self.host.covers(&other.host)
            && self.ports.0 <= other.ports.0
            && other.ports.1 <= self.ports.1
    }
}

impl HttpRule {
    fn covers(&self, other: &HttpRule) -> bool {
        let methods = self.methods.is_empty()
            || !other.methods.is_empty() && other.methods.iter().all(|method| self.methods.contains(method));
        let path = self.path == other.path
            || self.path.strip_suffix('*').is_some_and(|start| !start.contains('*') && other.path.starts_with(start));
        methods && path && self.is_https == other.is_https && self.port == other.port && self.host.covers(&other.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(read: &[&str], write: &[&str], network: &[&str], http: &[&str]) -> Grants {
        let folder = |access| move |text: &&str| FolderGrant::new(text, "/base".as_ref(), access).expect("a folder");
        let mut folders: Vec<_> = read.iter().map(folder(Access::Read)).collect();
        folders.extend(write.iter().map(folder(Access::Write)));
        Grants {
            folders,
            network: network.iter().map(|rule| rule.parse().expect("a rule")).collect(),
            http: http.iter().map(|rule| rule.parse().expect("a rule")).collect(),
            ..Grants::default()
        }
    }

    #[test]
    fn what_lies_inside_is_covered_and_nothing_else() {
        let own = grants(
            &["data", "/srv"],
            &["out"],
            &["*.example.com:443", "10.0.0.0/8:5000-6000", "db:5432"],
            &["GET https://api.example.com/v1/*", "* http://*.inside.net/*"],
        );
        let covered = grants(
            &["data/in", "data", "/srv/a", "out/x"],
            &["out/y"],
            &["a.example.com:443", "10.1.0.0/16:5432", "10.2.3.4:5000", "db:5432"],
            &["GET https://api.example.com/v1/users/*", "POST http://a.inside.net/x"],
        );
        assert_eq!(own.beyond(&covered), [""; 0]);
        let wanted = grants(
            &["database", "/data", "srv"],
            &["data"],
            &["example.com:443", "a.example.com:80", "10.0.0.0/7:5432", "10.1.1.1:4999", "udp://db:5432"],
            &["* https://api.example.com/v1/*", "GET https://api.example.com/v2/*", "GET http://api.example.com/v1/*"],
        );
        assert_eq!(own.beyond(&wanted).len(), 4 + 5 + 3, "{:?}", own.beyond(&wanted));
    }

    #[test]
    fn nothing_goes_beyond_what_was_granted_itself() {
        let all = grants(&["a"], &["b"], &["*.x.com:1"], &["* https://*.x.com/*"]);
        assert_eq!(all.beyond(&all), [""; 0]);
        assert_eq!(Grants::default().beyond(&all).len(), 4);
    }
}
