//! [`CallSettings`]: what a call without a flow may use and touch, and what is wrong with that in the words of a command line.
//!
//! Settings are read as the task of a flow, by the same parser and the same check. What these say has the place of a TOML text that
//! nobody wrote; [`SettingsWritten::told`] moves it to the words that somebody did write, and speaks of these.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use taskhost_flow::keys::{self, Table};
use taskhost_flow::{Diagnostic, Diagnostics, FlowFile, FlowSource, Span, names};
use taskhost_model::Limits;

use crate::single_call::{COMPONENT, TASK, TASK_INSTEAD};

/// What a single call may use and touch, in the words of a flow's task. Folders are relative to the current one.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CallSettings {
    /// `timeout`, and keys of `limits`: `("memory", "1 GiB")`.
    pub limits: Vec<(String, String)>,
    /// Keys of `allow`, each as often as needed: `("read", "data")`; `("config", "key=value")`. An empty value adds nothing, but says that
    /// somebody thought of it, as an empty list does in a flow.
    pub allow: Vec<(String, String)>,
    /// `deterministic`
    pub is_deterministic: bool,
    /// `strict`
    pub is_strict: bool,
}

/// One setting: its word on the command line, and where its parts stand in the text of the task.
struct Setting<'s> {
    option: &'static str,
    key: &'s str,
    value: &'s str,
    /// Where the key and the value stand in [`SettingsWritten::line`].
    words: (Range<usize>, Range<usize>),
    /// The same in the text of the task. Several values of one key share the key.
    toml: (Range<usize>, Range<usize>),
}

/// Settings as a command line and as the task of a flow.
pub(crate) struct SettingsWritten<'s> {
    settings: Vec<Setting<'s>>,
    /// `--allow read=data --limit cpu=5s`: a source of diagnostics.
    line: Arc<FlowSource>,
    toml: String,
}

/// The path of both sources: it says where relative folders begin, in the current one, and where a mistake is.
const PATH: &str = "command line";

impl CallSettings {
    /// The limits that these settings set, and the others of `base`: for what is called without being a task.
    pub fn limits_over(&self, base: Limits) -> Result<Limits, Diagnostics> {
        let settings = self.written();
        let file = settings.parse().map_err(|mistakes| settings.told(mistakes))?;
        if !file.mistakes.is_empty() {
            return Err(settings.told(Diagnostics::new(file.mistakes)));
        }
        Ok(file.tasks.iter().fold(base, |base, task| task.limits.over(base)))
    }

    pub(crate) fn written(&self) -> SettingsWritten<'_> {
        let mut line = String::new();
        let allow = self.allow.iter().map(|pair| ("--allow", pair));
        let limits = self.limits.iter().map(|pair| ("--limit", pair));
        let mut settings: Vec<Setting> = Vec::new();
        for (option, (key, value)) in allow.chain(limits) {
            settings.push(Setting::new(option, key, value, &mut line));
        }
        for (option, is_set) in [("--deterministic", self.is_deterministic), ("--strict", self.is_strict)] {
            if is_set {
                settings.push(Setting::flag(option, &mut line));
            }
        }
        let toml = toml(&mut settings);
        SettingsWritten { settings, line: Arc::new(FlowSource::new(PATH, line)), toml }
    }
}

impl<'s> Setting<'s> {
    /// Adds the words to the line, as a shell would want them.
    fn new(option: &'static str, key: &'s str, value: &'s str, line: &mut String) -> Setting<'s> {
        let is_plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "/.:_-@%+,=".contains(c));
        let quote = if is_plain(key) && is_plain(value) { "" } else { "'" };
        let _ = write!(line, "{}{option} {quote}", if line.is_empty() { "" } else { " " });
        let start = line.len();
        let _ = write!(line, "{key}=");
        let middle = line.len();
        line.push_str(value);
        let end = line.len();
        line.push_str(quote);
        // Where there is no value, the whole word is meant.
        let value_words = if value.is_empty() { start..end } else { middle..end };
        Setting { option, key, value, words: (start..middle - 1, value_words), toml: Default::default() }
    }

    fn flag(option: &'static str, line: &mut String) -> Setting<'s> {
        let _ = write!(line, "{}{option}", if line.is_empty() { "" } else { " " });
        let words = line.len() - option.len()..line.len();
        let key = option.trim_start_matches('-');
        Setting { option, key, value: "true", words: (words.clone(), words), toml: Default::default() }
    }
}

/// As a task of a flow. Keys of the task itself stand first, then its tables.
fn toml(settings: &mut [Setting<'_>]) -> String {
    let mut out = format!("[tasks.call]\ncall = \"{COMPONENT}.function\"\n");
    let is_of_task = |setting: &Setting<'_>| {
        setting.option != "--allow" && (setting.option != "--limit" || setting.key == "timeout")
    };
    let is_of_limits = |setting: &Setting<'_>| setting.option == "--limit" && setting.key != "timeout";
    scalars(settings.iter_mut().filter(|setting| is_of_task(setting)), &mut out);
    if settings.iter().any(is_of_limits) {
        out.push_str("[tasks.call.limits]\n");
        scalars(settings.iter_mut().filter(|setting| is_of_limits(setting)), &mut out);
    }
    let keys: Vec<&str> =
        settings.iter().filter(|setting| setting.option == "--allow").map(|setting| setting.key).collect();
    if !keys.is_empty() {
        out.push_str("[tasks.call.allow]\n");
    }
    let mut seen = HashSet::new();
    for key in keys.into_iter().filter(|key| *key != "config" && seen.insert(*key)) {
        list(settings.iter_mut().filter(|setting| setting.option == "--allow" && setting.key == key), key, &mut out);
    }
    let is_config = |setting: &Setting<'_>| setting.option == "--allow" && setting.key == "config";
    if settings.iter().any(is_config) {
        out.push_str("[tasks.call.allow.config]\n");
        config(settings.iter_mut().filter(|setting| is_config(setting)), &mut out);
    }
    out
}

fn scalars<'a, 's: 'a>(settings: impl Iterator<Item = &'a mut Setting<'s>>, out: &mut String) {
    for setting in settings {
        let key = written(out, &bare_or_quoted(setting.key));
        out.push_str(" = ");
        setting.toml = (key, written(out, &scalar(setting.value)));
        out.push('\n');
    }
}

fn list<'a, 's: 'a>(settings: impl Iterator<Item = &'a mut Setting<'s>>, key: &str, out: &mut String) {
    let key = written(out, &bare_or_quoted(key));
    out.push_str(" = [");
    for setting in settings {
        setting.toml.0 = key.clone();
        if !setting.value.is_empty() {
            setting.toml.1 = written(out, &quoted(setting.value));
            out.push_str(", ");
        }
    }
    out.push_str("]\n");
}

fn config<'a, 's: 'a>(settings: impl Iterator<Item = &'a mut Setting<'s>>, out: &mut String) {
    for setting in settings {
        // Without a `=` it is told elsewhere; with nothing at all it says that there are no settings.
        let Some((name, value)) = setting.value.split_once('=') else { continue };
        let start = written(out, &bare_or_quoted(name)).start;
        out.push_str(" = ");
        setting.toml.1 = start..written(out, &quoted(value)).end;
        out.push('\n');
    }
}

/// Adds a part, and gives its place.
fn written(out: &mut String, part: &str) -> Range<usize> {
    let start = out.len();
    out.push_str(part);
    start..out.len()
}

/// A number or truth as it is, anything else as a text.
fn scalar(value: &str) -> String {
    let is_number = value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    if is_number || value == "true" { value.to_owned() } else { quoted(value) }
}

fn bare_or_quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { key.to_owned() } else { quoted(key) }
}

/// A TOML string: JSON's, but that TOML wants one more character escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

impl SettingsWritten<'_> {
    /// A flow with one task, which has these settings.
    pub(crate) fn parse(&self) -> Result<FlowFile, Diagnostics> {
        let own: Vec<Diagnostic> = self.settings.iter().enumerate().filter_map(|(at, _)| self.mistake(at)).collect();
        if !own.is_empty() {
            return Err(Diagnostics::new(own));
        }
        taskhost_flow::parse(&Arc::new(FlowSource::new(PATH, self.toml.clone())))
    }

    /// What TOML would tell in a way that makes no sense here.
    fn mistake(&self, at: usize) -> Option<Diagnostic> {
        let Setting { option, key, value, words, .. } = &self.settings[at];
        let name = match (*option, *key, value.split_once('=')) {
            ("--allow", "config", Some((name, _))) => Some(name),
            ("--allow", "config", None) if !value.is_empty() => {
                let message = format!("`--allow config`: `{value}` is no `key=value`");
                let mistake = Diagnostic::error("bad-grant", message, &self.line, Some(words.1.clone().into()));
                return Some(mistake.with_help("write it as in `--allow config=city=Oslo`"));
            }
            ("--limit", key, _) => Some(key),
            _ => None,
        }?;
        let is_same = |other: &&Setting<'_>| {
            let other_name =
                if *option == "--limit" { Some(other.key) } else { other.value.split_once('=').map(|pair| pair.0) };
            other.option == *option && (*option == "--limit" || other.key == *key) && other_name == Some(name)
        };
        let first = self.settings[..at].iter().find(is_same)?;
        let message = match *option {
            "--limit" => format!("`--limit {key}` is given twice"),
            _ => format!("the setting `{name}` is given twice"),
        };
        let mistake =
            Diagnostic::error("duplicate-key", message, &self.line, Some((words.0.start..words.1.end).into()));
        Some(mistake.with_help("keep one of them").with_related(Some(first.words.1.clone().into()), "the first"))
    }

    /// Diagnostics of the flow, at the words of the command line and in terms of these.
    pub(crate) fn told(&self, diagnostics: Diagnostics) -> Diagnostics {
        Diagnostics::new(diagnostics.into_iter().map(|diagnostic| self.told_one(diagnostic)).collect())
    }

    fn told_one(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if Arc::ptr_eq(&diagnostic.source, &self.line) {
            return diagnostic;
        }
        let setting = diagnostic.span.and_then(|span| self.place(span)).map(|(setting, _)| setting);
        diagnostic.related = diagnostic
            .related
            .into_iter()
            .filter_map(|(span, label)| Some((self.place(span)?.1, said(&label))))
            .collect();
        diagnostic.span = diagnostic.span.and_then(|span| self.place(span)).map(|(_, span)| span);
        if diagnostic.span.is_none() && !diagnostic.related.is_empty() {
            diagnostic.span = Some(diagnostic.related.remove(0).0);
        }
        diagnostic.source = Arc::clone(&self.line);
        diagnostic.message = said(&diagnostic.message);
        diagnostic.help = diagnostic.help.map(|help| said(&help));
        if let Some(setting) = setting.filter(|setting| setting.option == "--limit") {
            of_limit(&mut diagnostic, setting.key);
        }
        diagnostic
    }

    /// The setting that a place in the text of the task belongs to, and its own place.
    fn place(&self, span: Span) -> Option<(&Setting<'_>, Span)> {
        let holds = |range: &Range<usize>| !range.is_empty() && range.start <= span.start && span.end <= range.end;
        self.settings.iter().find_map(|setting| match setting {
            _ if holds(&setting.toml.1) => Some((setting, setting.words.1.clone().into())),
            _ if holds(&setting.toml.0) => Some((setting, setting.words.0.clone().into())),
            _ => None,
        })
    }
}

/// Sizes and durations need no quotes there, and `timeout` is one of the limits.
fn of_limit(diagnostic: &mut Diagnostic, key: &str) {
    let limits = || keys::keys_of(Table::Limits).map(|key| key.name).chain(["timeout"]);
    let unquoted = |text: &str| text.replace("`\"", "`").replace("\"`", "`");
    diagnostic.message =
        unquoted(&diagnostic.message).replace(&format!("`{key}` wants"), &format!("`--limit {key}` wants"));
    if diagnostic.code == "wrong-shape" {
        // On a command line all is text.
        let end = diagnostic.message.find(", not a").unwrap_or(diagnostic.message.len());
        diagnostic.message.truncate(end);
    }
    diagnostic.help = match diagnostic.code {
        "unknown-key" => match names::nearest(key, limits()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => Some(format!("there are `{}`", limits().collect::<Vec<_>>().join("`, `"))),
        },
        _ => {
            let as_option = |help: &str| help.replace(&format!("`{key} = \""), &format!("`--limit {key}="));
            diagnostic.help.as_deref().map(|help| unquoted(&as_option(help)))
        }
    };
}

/// Phrases about a flow, and what they are without one; `TASK` is its one task.
const PHRASES: &[(&str, &str)] = &[
    ("`limits` has no key", "`--limit` has no key"),
    ("`allow` has no key", "`--allow` has no key"),
    ("TASK is `deterministic`", "the call is `--deterministic`"),
    (", or `deterministic`", ", or `--deterministic`"),
    (", but TASK is not allowed", ", but is not allowed"),
    (" of TASK looks", " looks"),
    (" and a secret of TASK", " and a secret"),
    ("TASK", "the call"),
    ("component `component`", "the component"),
    ("`strict` is on", "`--strict` is on"),
    ("leaves the flow's folder", "leaves the current folder"),
    ("folders below the flow can", "folders below the current one can"),
    ("name a folder below the flow", "name a folder below the current one"),
    ("put it under `http`, such as `http = [\"", "put it under `http`, such as `--allow 'http="),
    ("that of a folder below the flow", "that of a folder below the current one"),
    ("put it under `secrets`, as `", "put it under `--allow secrets`, as `"),
    ("as the one who runs the flow knows it", "as it is given"),
    ("before the flow runs", "before the call"),
    ("if the task does without", "if it does without"),
    ("those of whoever runs the flow", "those of whoever calls"),
];

/// A text about a flow in the words of a command line.
fn said(text: &str) -> String {
    let mut text = text.to_owned();
    let task = if text.contains(&format!("task `{TASK_INSTEAD}`")) { TASK_INSTEAD } else { TASK };
    let task = format!("task `{task}`");
    for key in keys::keys_of(Table::Allow).map(|key| key.name) {
        for (of_flow, of_call) in [
            (format!("`{key}` of {task}"), format!("`--allow {key}`")),
            (format!("`{key}` lets"), format!("`--allow {key}` lets")),
            (format!("remove `{key}`"), format!("remove `--allow {key}`")),
            (format!("allow it by `{key}`"), format!("allow it by `--allow {key}=…`")),
            (format!("…` or `{key}`"), format!("…` or `--allow {key}=…`")),
            (format!("`{key} = []`"), format!("`--allow {key}=`")),
        ] {
            text = text.replace(&of_flow, &of_call);
        }
    }
    for (of_flow, of_call) in PHRASES {
        text = text.replace(&of_flow.replace("TASK", &task), of_call);
    }
    match text.contains("--allow 'http=") {
        true => text.replace("\"]`", "'`"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn limits_stand_over_others_and_their_mistakes_are_told() {
        let limits = |pairs: &[(&str, &str)]| {
            let limits = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            CallSettings { limits, ..CallSettings::default() }.limits_over(Limits::DEFAULT)
        };
        let set = limits(&[("memory", "1MiB"), ("timeout", "5s")]).expect("limits");
        assert_eq!(set.memory_bytes_max, 1 << 20);
        assert_eq!(set.wall_time_max.as_secs(), 5);
        assert_eq!(set.files_max, Limits::DEFAULT.files_max);
        let mistakes = limits(&[("cpu", "soon"), ("foo", "3")]).expect_err("mistakes");
        assert_eq!(mistakes.iter().count(), 2, "{mistakes:?}");
    }

    #[test]
    fn settings_read_as_a_task_of_a_flow() {
        let settings = CallSettings {
            limits: pairs(&[("memory", "1GiB"), ("timeout", "5s"), ("files", "3")]),
            allow: pairs(&[("read", "a"), ("network", "b:1"), ("read", "\"\n"), ("config", "k=v=w"), ("env", "")]),
            is_deterministic: true,
            is_strict: false,
        };
        assert_eq!(
            settings.written().toml,
            "[tasks.call]\ncall = \"component.function\"\ntimeout = \"5s\"\ndeterministic = true\n\
             [tasks.call.limits]\nmemory = \"1GiB\"\nfiles = 3\n\
             [tasks.call.allow]\nread = [\"a\", \"\\\"\\n\", ]\nnetwork = [\"b:1\", ]\nenv = []\n\
             [tasks.call.allow.config]\nk = \"v=w\"\n"
        );
    }

    #[test]
    fn no_word_of_the_command_line_can_say_more_than_its_key() {
        for odd in ["a]\n[tasks.other]", "\u{7f}\u{1b}", "\\", "=", ""] {
            let settings = CallSettings {
                allow: vec![(odd.to_owned(), odd.to_owned()), ("config".to_owned(), format!("{odd}={odd}"))],
                limits: vec![(odd.to_owned(), odd.to_owned())],
                ..CallSettings::default()
            };
            let written = settings.written();
            let tables = toml::de::DeTable::parse(&written.toml).expect("TOML").get_ref().len();
            assert_eq!(tables, 1, "{}", written.toml);
        }
    }

    /// Each mistake of some settings, with the words that it underlines.
    fn mistakes(settings: &CallSettings) -> Vec<String> {
        let written = settings.written();
        let mistakes = match written.parse() {
            Ok(file) => written.told(Diagnostics::new(file.mistakes)),
            Err(mistakes) => written.told(mistakes),
        };
        let shown = |mistake: &Diagnostic| {
            let words = mistake.span.map_or("", |span| &mistake.source.text()[span.range()]);
            format!("{} | {words} | {}", mistake.message, mistake.help.as_deref().unwrap_or_default())
        };
        mistakes.iter().map(shown).collect()
    }

    #[test]
    fn a_mistake_is_told_at_the_words_that_somebody_wrote() {
        let settings = CallSettings {
            limits: pairs(&[("memory", "1 KIB"), ("timeuot", "5s"), ("files", "many"), ("cpu", "5")]),
            allow: pairs(&[("read", "data"), ("raed", "x y")]),
            ..CallSettings::default()
        };
        let size = "a size is `64 MiB`, `1.5 GB`, `512 KiB` or a number of bytes";
        assert_eq!(
            mistakes(&settings),
            [
                "`--allow` has no key `raed` | raed | did you mean `read`?".to_owned(),
                format!("`KIB` is no unit of this | 1 KIB | {size}"),
                "`--limit` has no key `timeuot` | timeuot | did you mean `timeout`?".to_owned(),
                "`--limit files` wants an integer | many | ".to_owned(),
                "`--limit cpu` wants a duration such as `1.5s` | 5 | write `--limit cpu=5s` if seconds are meant"
                    .to_owned(),
            ]
        );
    }

    #[test]
    fn what_is_given_twice_and_a_setting_without_a_value_are_told() {
        let settings = CallSettings {
            limits: pairs(&[("cpu", "1s"), ("cpu", "2s")]),
            allow: pairs(&[("config", "a=1"), ("config", "Oslo"), ("config", "a=2"), ("config", "b=1")]),
            ..CallSettings::default()
        };
        assert_eq!(
            mistakes(&settings),
            [
                "`--allow config`: `Oslo` is no `key=value` | Oslo | write it as in `--allow config=city=Oslo`",
                "the setting `a` is given twice | config=a=2 | keep one of them",
                "`--limit cpu` is given twice | cpu=2s | keep one of them",
            ]
        );
    }

    #[test]
    fn a_flow_is_not_spoken_of() {
        for (of_flow, of_call) in [
            (
                "`read` of task `call`: `../x` leaves the flow's folder by `..`",
                "`--allow read`: `../x` leaves the current folder by `..`",
            ),
            ("remove `network`, or `deterministic`", "remove `--allow network`, or `--deterministic`"),
            (
                "allow it by `read` or `write`, or write `read = []` if the task does without",
                "allow it by `--allow read=…` or `--allow write=…`, or write `--allow read=` if it does without",
            ),
            (
                "put it under `http`, such as `http = [\"GET https://a.example/*\"]`",
                "put it under `http`, such as `--allow 'http=GET https://a.example/*'`",
            ),
            (
                "`data` of task `the-call` looks the same to the task as `/data`",
                "`data` looks the same to the task as `/data`",
            ),
        ] {
            assert_eq!(said(of_flow), of_call);
        }
    }
}
