//! What a guest tried and was not granted, with what would allow it.

use taskhost_model::Refusal;

use crate::output::visible_line;

/// Where the grant would stand.
pub(crate) enum Place<'a> {
    /// In a flow: the task's name, and the file if it is not the one that was run.
    Flow(&'a str, Option<&'a str>),
    /// On the command line of `taskhost call`.
    CommandLine,
    /// The same with `--command`, which has words of its own.
    Command,
    /// In a test of `tests.toml`.
    Test,
}

/// Most characters of what a guest says that it tried: the rest would be the guest's to write.
const ATTEMPT_MAX: usize = 200;

/// What no grant allows, but the whole network does.
const NETWORK_ONLY: [&str; 2] = ["bind a socket", "listen for connections"];

/// `it tried to open `/etc/passwd`; to allow it have …`, one line whatever the guest wrote.
pub(crate) fn help(who: &str, refusal: &Refusal, place: &Place) -> String {
    format!("{who} {}{}", attempt(refusal), way_out(refusal, place))
}

/// What to do so that it may, if anything.
pub(crate) fn way_out(refusal: &Refusal, place: &Place) -> String {
    match refusal.grant.is_empty() {
        // Where the network is open nothing of it is refused.
        true if matches!(place, Place::Command) => {
            match NETWORK_ONLY.iter().any(|verb| refusal.attempt.starts_with(verb)) {
                true => "; to allow it have `--network`".to_owned(),
                false => String::new(),
            }
        }
        true => "; nothing more in `allow` would help".to_owned(),
        false => format!("; to allow it have {}", grant(refusal, place)),
    }
}

/// `tried to open `/etc/passwd``.
pub(crate) fn attempt(refusal: &Refusal) -> String {
    super::shortened(&visible_line(&refusal.to_string()), ATTEMPT_MAX)
}

/// What to add, and where.
fn grant(refusal: &Refusal, place: &Place) -> String {
    let grant = super::shortened(&visible_line(&refusal.grant), ATTEMPT_MAX);
    match place {
        Place::Flow(task, None) => format!("`{grant}` under `[tasks.{task}.allow]`"),
        Place::Flow(task, Some(file)) => format!("`{grant}` under `[tasks.{task}.allow]` in {file}"),
        Place::Test => format!("`{grant}` under `allow` of the test"),
        Place::CommandLine => match word(&refusal.grant) {
            Some(word) => format!("`--allow {}`", super::shortened(&visible_line(&word), ATTEMPT_MAX)),
            None => format!("`{grant}` under `allow` of a task in a flow"),
        },
        Place::Command => match word(&refusal.grant).as_deref().map(option) {
            Some(option) => format!("`{}`", super::shortened(&visible_line(&option), ATTEMPT_MAX)),
            None => "another folder as `--dir`".to_owned(),
        },
    }
}

/// The option that gives a command what `word` gives a task: it gets a whole folder, and the network or none.
fn option(word: &str) -> String {
    let (quote, plain) = word.strip_prefix('\'').map_or(("", word), |word| ("'", word.trim_end_matches('\'')));
    match plain.split_once('=') {
        Some(("read" | "write", folder)) => format!("--dir {quote}{folder}{quote}"),
        _ => "--network".to_owned(),
    }
}

/// `read = ["/etc"]` as `read=/etc`; none if it is something else, or if a shell would read it as something else.
fn word(grant: &str) -> Option<String> {
    let (key, value) = grant.split_once(" = ")?;
    let value = value.strip_prefix("[\"")?.strip_suffix("\"]")?;
    let is_plain = !value.contains(['"', '\'', '\\']);
    let needs_quotes = value.contains(|c: char| !(c.is_alphanumeric() || "/.:_-@%+,=".contains(c)));
    is_plain.then(|| if needs_quotes { format!("'{key}={value}'") } else { format!("{key}={value}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(attempt: &str, grant: &str) -> Refusal {
        Refusal { attempt: attempt.into(), grant: grant.into() }
    }

    #[test]
    fn a_refusal_names_the_grant_that_is_missing_and_where_it_goes() {
        let refusal = refusal("open `/etc/passwd`", "read = [\"/etc\"]");
        assert_eq!(
            help("it", &refusal, &Place::Flow("report", None)),
            "it tried to open `/etc/passwd`; to allow it have `read = [\"/etc\"]` under `[tasks.report.allow]`"
        );
        assert_eq!(
            help("it", &refusal, &Place::CommandLine),
            "it tried to open `/etc/passwd`; to allow it have `--allow read=/etc`"
        );
    }

    #[test]
    fn a_command_is_told_the_option_that_it_lacks() {
        let told = |grant: &str| way_out(&refusal("try", grant), &Place::Command);
        assert_eq!(told("network = [\"[::1]:80\"]"), "; to allow it have `--network`");
        assert_eq!(told("http = [\"GET https://example.com/*\"]"), "; to allow it have `--network`");
        assert_eq!(told("write = [\"/a b\"]"), "; to allow it have `--dir '/a b'`");
        assert_eq!(told(""), "");
        let listens = refusal("listen for connections", "");
        assert_eq!(way_out(&listens, &Place::Command), "; to allow it have `--network`");
    }

    #[test]
    fn a_rule_with_spaces_is_quoted_on_a_command_line() {
        let refusal = refusal("send `GET …`", "http = [\"GET https://example.com/*\"]");
        assert_eq!(grant(&refusal, &Place::CommandLine), "`--allow 'http=GET https://example.com/*'`");
    }

    #[test]
    fn what_a_guest_wrote_stays_one_line_and_commands_no_terminal() {
        let refusal = refusal("open `a\nerror: \u{1b}[2J`", "read = [\"a\n\"]");
        let text = help("it", &refusal, &Place::Flow("report", Some("the subflow's file")));
        assert!(!text.contains(['\n', '\u{1b}']), "{text}");
        assert!(text.ends_with("under `[tasks.report.allow]` in the subflow's file"), "{text}");
    }
}
