//! Logs for operators: events of `tracing` of our own crates, as lines of text or JSON.
//!
//! Only ours, whatever the level: other crates put headers and bytes of requests into their events, and secrets are in these.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::settings::SettingError;

/// What targets of our own crates begin with.
const OURS: &str = "taskhost";

/// Which events are told, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogSettings {
    /// For targets that no rule is about.
    level: LevelFilter,
    /// By what targets begin with; the longest is asked first.
    rules: Vec<(String, LevelFilter)>,
    format: LogFormat,
}

/// What a line looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// `2026-11-22T10:00:00.000000Z  WARN taskhost::run: task run failed task="clean"`
    Text,
    /// A JSON object.
    Json,
}

/// Where lines go; each has its line end.
pub type Sink = Arc<dyn Fn(&str) + Send + Sync>;

const HELP: &str = "write a level (error, warn, info, debug, trace), or rules as in `warn,taskhost_sandbox=debug`";

impl LogSettings {
    /// From variables, by name: `TASKHOST_LOG` and `TASKHOST_LOG_FORMAT`. None without the first.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<LogSettings>, SettingError> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let Some(text) = variable("TASKHOST_LOG") else { return Ok(None) };
        let format = match variable("TASKHOST_LOG_FORMAT").as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                let message = format!("TASKHOST_LOG_FORMAT is `{other}`, which is no format");
                return Err(SettingError::new(message, "write `text` or `json`"));
            }
        };
        let mut settings = LogSettings { level: LevelFilter::OFF, rules: Vec::new(), format };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (target, level) = part.split_once('=').map_or((None, part), |(target, level)| (Some(target), level));
            // `tracing` takes an empty text for a level.
            let level = Some(level.trim()).filter(|level| !level.is_empty()).and_then(|level| level.parse().ok());
            let level = level
                .ok_or_else(|| SettingError::new(format!("TASKHOST_LOG has `{part}`, which names no level"), HELP))?;
            match target.map(str::trim) {
                None => settings.level = level,
                Some(target) if target.starts_with(OURS) => settings.rules.push((target.to_owned(), level)),
                Some(target) => {
                    let message = format!("TASKHOST_LOG names `{target}`, which is no part of taskhost");
                    return Err(SettingError::new(message, HELP));
                }
            }
        }
        settings.rules.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Ok(Some(settings))
    }

    fn level_of(&self, target: &str) -> LevelFilter {
        if !is_ours(target) {
            return LevelFilter::OFF;
        }
        let rule = self.rules.iter().find(|(start, _)| target.starts_with(start.as_str()));
        rule.map_or(self.level, |(_, level)| *level)
    }

    fn level_max(&self) -> LevelFilter {
        self.rules.iter().map(|(_, level)| *level).fold(self.level, LevelFilter::max)
    }
}

/// `taskhost`, `taskhost::run`, `taskhost_sandbox::compile`; not `taskhostile`.
fn is_ours(target: &str) -> bool {
    target.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '_']))
}

/// From here on, events of the whole process become lines. Only the first call does something.
pub fn install_logs(settings: LogSettings, sink: Sink) {
    let _ = tracing::subscriber::set_global_default(LogSubscriber { settings, sink });
}

struct LogSubscriber {
    settings: LogSettings,
    sink: Sink,
}

impl Subscriber for LogSubscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What only asks is no event and no span.
        !metadata.is_span() && *metadata.level() <= self.settings.level_of(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.settings.level_max())
    }

    fn event(&self, event: &Event<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (self.sink)(&line(self.settings.format, now, event));
    }

    // None of our crates has spans of `tracing`, and those of others are not enabled.
    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

fn line(format: LogFormat, now: Duration, event: &Event<'_>) -> String {
    let mut fields = Fields { format, message: String::new(), rest: String::new() };
    event.record(&mut fields);
    let (level, target, time) = (event.metadata().level(), event.metadata().target(), timestamp(now));
    let Fields { message, rest, .. } = fields;
    match format {
        LogFormat::Text => format!("{time} {level:>5} {target}: {message}{rest}\n"),
        LogFormat::Json => {
            let level = match *level {
                Level::ERROR => "error",
                Level::WARN => "warn",
                Level::INFO => "info",
                Level::DEBUG => "debug",
                Level::TRACE => "trace",
            };
            let (target, message) = (json(target), json(&message));
            format!("{{\"time\":\"{time}\",\"level\":\"{level}\",\"target\":{target},\"message\":{message}{rest}}}\n")
        }
    }
}

/// Gathers the fields of an event.
struct Fields {
    format: LogFormat,
    message: String,
    rest: String,
}

impl Fields {
    /// What needs no quotes.
    fn plain(&mut self, field: &Field, value: impl std::fmt::Display) {
        let _ = match self.format {
            LogFormat::Text => write!(self.rest, " {}={value}", field.name()),
            LogFormat::Json => write!(self.rest, ",{}:{value}", json(field.name())),
        };
    }

    fn text(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
            return;
        }
        match self.format {
            LogFormat::Text => self.plain(field, format_args!("{value:?}")),
            LogFormat::Json => self.plain(field, json(value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        if value.is_finite() { self.plain(field, value) } else { self.text(field, &value.to_string()) }
    }
}

/// A string of JSON. What commands a terminal, or hides, is escaped too.
fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if character.is_control()
                || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') =>
            {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// `2026-11-22T10:00:00.000000Z`, of a time since 1970.
fn timestamp(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days of eras of 400 years that begin in March, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", since_1970.subsec_micros())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn settings(log: &str, format: &str) -> Result<Option<LogSettings>, SettingError> {
        LogSettings::from_variables(|name| match name {
            "TASKHOST_LOG" => Some(log.to_owned()),
            _ => Some(format.to_owned()),
        })
    }

    fn lines(log: &str, format: &str, work: impl FnOnce()) -> Vec<String> {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&told);
        let sink: Sink = Arc::new(move |line: &str| kept.lock().expect("a lock").push(line.to_owned()));
        let settings = settings(log, format).expect("settings").expect("logs");
        tracing::subscriber::with_default(LogSubscriber { settings, sink }, work);
        let told = told.lock().expect("a lock").clone();
        // Without the time.
        told.into_iter().map(|line| line.split_once('Z').map_or(String::new(), |(_, rest)| rest.to_owned())).collect()
    }

    #[test]
    fn a_rule_for_a_target_wins_over_the_level_and_others_than_ours_are_never_told() {
        let told = lines("warn,taskhost_sandbox=debug,taskhost_sandbox::compile=off", "text", || {
            tracing::info!(target: "taskhost::run", "not this");
            tracing::warn!(target: "taskhost::run", "one");
            tracing::debug!(target: "taskhost_sandbox::execute", "two");
            tracing::error!(target: "taskhost_sandbox::compile", "nor this");
            tracing::error!(target: "hyper::proto", "authorization: secret");
            tracing::error!(target: "taskhostile", "authorization: secret");
            assert!(tracing::enabled!(target: "taskhost::run", tracing::Level::WARN));
            assert!(!tracing::enabled!(target: "taskhost::run", tracing::Level::INFO));
        });
        assert_eq!(told, ["  WARN taskhost::run: one\n", " DEBUG taskhost_sandbox::execute: two\n"]);
    }

    #[test]
    fn lines_of_json_are_objects_whatever_is_in_them() {
        let told = lines("info", "json", || {
            tracing::warn!(target: "taskhost::run", task = "a\"b\n\u{202e}", index = 3, share = 0.5, nan = f64::NAN, "failed {}", 1);
        });
        let rest = "\",\"level\":\"warn\",\"target\":\"taskhost::run\",\"message\":\"failed 1\"\
                    ,\"task\":\"a\\\"b\\n\\u202e\",\"index\":3,\"share\":0.5,\"nan\":\"NaN\"}\n";
        assert_eq!(told, [rest]);
    }

    #[test]
    fn a_text_of_a_guest_cannot_begin_a_line() {
        let told = lines("info", "text", || {
            tracing::warn!(target: "taskhost::run", reason = %"x\n2026 INFO\u{1b}[1m", "failed");
        });
        assert_eq!(told, ["  WARN taskhost::run: failed reason=\"x\\n2026 INFO\\u{1b}[1m\"\n"]);
    }

    #[test]
    fn levels_and_formats_that_are_none_are_told() {
        assert_eq!(LogSettings::from_variables(|_| None), Ok(None));
        for (log, format) in [("loud", "text"), ("info,hyper=trace", "text"), ("taskhost=", "text"), ("info", "xml")] {
            assert!(settings(log, format).is_err(), "{log} {format}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(timestamp(Duration::from_secs(seconds)), text);
        }
    }
}
