//! [`KEYS`]: every key of a flow file, once. The parser finds unknown keys and those of later versions here, and
//! [`schema`](crate::schema) makes the JSON Schema for editors of it.
//!
//! A new key: a line here, its reading in [`parse`](mod@crate::parse), its meaning in [`check`](mod@crate::check).

/// The tables of a flow file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// The file itself.
    Flow,
    /// `[parameters.name]`
    Parameter,
    /// A component that is not just a path.
    Component,
    /// `[tasks.name]`
    Task,
    /// `[defaults]`
    Defaults,
    /// `limits` of a task or of `[defaults]`
    Limits,
    /// `allow` of a task or of `[defaults]`
    Allow,
    /// `[runner]`, or `runner` of a task
    Runner,
    /// `retry` of a task or of `[defaults]`
    Retry,
    /// `[limits]` of the flow itself
    FlowLimits,
}

impl Table {
    /// As messages name it.
    pub fn title(self) -> &'static str {
        match self {
            Table::Flow => "a flow",
            Table::Parameter => "a parameter",
            Table::Component => "a component",
            Table::Task => "a task",
            Table::Defaults => "`defaults`",
            Table::Limits => "`limits`",
            Table::Allow => "`allow`",
            Table::Runner => "`runner`",
            Table::Retry => "`retry`",
            Table::FlowLimits => "`limits` of a flow",
        }
    }
}

/// What stands behind a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A kebab-case name.
    Name,
    /// A WIT type.
    Type,
    /// A file, relative to the flow.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number, at least 1.
    Count,
    /// A whole number from one to another, both included.
    Integer(i32, i32),
    /// A number from 1 to 100.
    Factor,
    /// Counts by free names.
    CountsByName,
    /// Bytes: `"64 MiB"` or a number.
    Size,
    /// A time: `"1.5s"`.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A name, or an array of names.
    Names,
    /// An array of texts.
    Texts,
    /// A table of texts by free names.
    TextsByName,
    /// A value: a literal, or text with `${…}`.
    Expression,
    /// A table of values by free names.
    Expressions,
    /// One table with known keys.
    Table(Table),
    /// Tables with known keys, by free names.
    Tables(Table),
    /// A path, or a table with known keys, by free names.
    Components,
    /// A runner's name, or a table with known keys.
    Runner,
    /// A number of attempts, or a table with known keys.
    Retry,
    /// `true`, `false` or a time.
    Cache,
}

/// A key of the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Where it may stand.
    pub table: Table,
    /// Its name.
    pub name: &'static str,
    /// What stands behind it.
    pub kind: Kind,
    /// For editors.
    pub docs: &'static str,
    /// Whether this version knows what to do with it; if not, it is rejected by name.
    pub available: bool,
}

const fn key(table: Table, name: &'static str, kind: Kind, docs: &'static str) -> Key {
    Key { table, name, kind, docs, available: true }
}

/// A key that is designed, but not implemented in this version.
const fn later(table: Table, name: &'static str, kind: Kind, docs: &'static str) -> Key {
    Key { table, name, kind, docs, available: false }
}

/// The names of the runners, with those of later versions.
pub const RUNNERS_LATER: &[&str] = &["dask", "ray"];

const RUNNER_NAMES: &[&str] = &["sequential", "threads", "nats"];

const STRICT: &str = "Reject a component that imports more than it is allowed, instead of refusing it when it runs.";

const DETERMINISTIC: &str = "Fixed clocks and seeded random numbers, so that equal task runs give equal bytes.";

const RETRY: &str = "How often, and when, a failed attempt is repeated: a table, or the number of attempts.";

const CACHE: &str = "Reuse the result of an equal task run: `true`, or how old it may be.";

/// Every key of a flow file.
pub const KEYS: &[Key] = &[
    key(Table::Flow, "name", Kind::Name, "What the flow is called; the file's name if left out."),
    key(Table::Flow, "description", Kind::Text, "What the flow is for."),
    key(Table::Flow, "parameters", Kind::Tables(Table::Parameter), "Values that a run of the flow is given."),
    key(Table::Flow, "components", Kind::Components, "What the flow runs, by short names."),
    key(Table::Flow, "tasks", Kind::Tables(Table::Task), "What is to be done."),
    key(Table::Flow, "defaults", Kind::Table(Table::Defaults), "Settings for all tasks that do not have their own."),
    key(Table::Flow, "runner", Kind::Runner, "Where task runs happen."),
    key(Table::Flow, "outputs", Kind::Expressions, "What a run of the flow gives."),
    key(Table::Flow, "strict", Kind::Bool, STRICT),
    key(Table::Flow, "limits", Kind::Table(Table::FlowLimits), "How much a run of the flow does at one time."),
    key(Table::Parameter, "type", Kind::Type, "A WIT type; if left out it follows from the tasks that it feeds."),
    key(
        Table::Parameter,
        "default",
        Kind::Expression,
        "The value when none is given. Without it the parameter must be given.",
    ),
    key(
        Table::Parameter,
        "default-file",
        Kind::Path,
        "A file whose content is the default, as `string` or `list<u8>`.",
    ),
    key(Table::Parameter, "description", Kind::Text, "What the parameter means."),
    key(Table::Component, "path", Kind::Path, "The component's file, relative to the flow."),
    later(Table::Component, "package", Kind::Text, "The component's name in a registry."),
    later(Table::Component, "version", Kind::Text, "Which versions of the package may be used."),
    key(
        Table::Task,
        "call",
        Kind::Text,
        "The function to run: `component.function`, or `component.interface.function`.",
    ),
    key(Table::Task, "flow", Kind::Path, "Another flow file to run; its outputs are the result, a record."),
    key(Table::Task, "with", Kind::Expressions, "An argument for each parameter of the function."),
    key(
        Table::Task,
        "map",
        Kind::Names,
        "Arguments to map over: each is given a list, and the function gets its elements.",
    ),
    key(Table::Task, "after", Kind::Names, "Tasks that must have succeeded before, without passing a value."),
    key(Table::Task, "when", Kind::Expression, "A `bool`: false skips the task."),
    key(Table::Task, "timeout", Kind::Duration, "The longest that one attempt may take, queueing left out."),
    key(Table::Task, "limits", Kind::Table(Table::Limits), "The most that one task run may use."),
    key(Table::Task, "runner", Kind::Runner, "A runner that differs from the flow's."),
    key(
        Table::Task,
        "on-failure",
        Kind::Choice(&["stop", "collect"]),
        "For a `map`: `collect` gives a `list<result<T, string>>` instead of stopping at the first failure.",
    ),
    key(Table::Task, "description", Kind::Text, "What the task is for."),
    key(Table::Task, "retry", Kind::Retry, RETRY),
    key(Table::Task, "cache", Kind::Cache, CACHE),
    key(Table::Task, "priority", Kind::Integer(-1000, 1000), "Of tasks that are ready, higher ones start first."),
    key(Table::Task, "tags", Kind::Names, "Names for `[limits.tags]`, which says how many may run at one time."),
    key(Table::Task, "allow", Kind::Table(Table::Allow), "What the task may touch; nothing if left out."),
    key(Table::Task, "strict", Kind::Bool, STRICT),
    key(Table::Task, "deterministic", Kind::Bool, DETERMINISTIC),
    key(Table::Defaults, "timeout", Kind::Duration, "The longest that one attempt may take, queueing left out."),
    key(Table::Defaults, "limits", Kind::Table(Table::Limits), "The most that one task run may use."),
    key(Table::Defaults, "retry", Kind::Retry, RETRY),
    key(Table::Defaults, "cache", Kind::Cache, CACHE),
    key(Table::Defaults, "allow", Kind::Table(Table::Allow), "What tasks may touch that do not say it themselves."),
    key(Table::Defaults, "strict", Kind::Bool, STRICT),
    key(Table::Defaults, "deterministic", Kind::Bool, DETERMINISTIC),
    key(Table::Limits, "memory", Kind::Size, "All memories and tables of the component together."),
    key(Table::Limits, "cpu", Kind::Duration, "Time computing, not waiting."),
    key(Table::Limits, "output", Kind::Size, "What the task prints and logs."),
    key(Table::Limits, "result", Kind::Size, "The result, as it lies in memory."),
    key(Table::Limits, "blobs", Kind::Size, "What the task adds to blobs."),
    key(Table::Limits, "log-lines", Kind::Count, "Lines that the task prints and logs."),
    key(Table::Limits, "files", Kind::Count, "Files, folders and blobs open at one time."),
    key(Table::Limits, "sockets", Kind::Count, "Sockets and HTTP requests open at one time."),
    key(Table::Limits, "handles", Kind::Count, "Handles of all kinds held at one time."),
    key(Table::Allow, "read", Kind::Texts, "Folders that may be read: below the flow, or by their absolute path."),
    key(Table::Allow, "write", Kind::Texts, "Folders that may be read and changed; made when the task runs."),
    key(Table::Allow, "network", Kind::Texts, "Sockets, such as `api.example.com:443` or `10.0.0.0/8:5432`."),
    key(Table::Allow, "http", Kind::Texts, "Requests, such as `GET https://api.example.com/v1/*`."),
    key(Table::Allow, "env", Kind::Texts, "Environment variables, by name."),
    key(Table::Allow, "secrets", Kind::Texts, "Secrets, by name; their values come from whoever runs the flow."),
    key(Table::Allow, "config", Kind::TextsByName, "Settings for the component, by `wasi:config`."),
    key(Table::Runner, "kind", Kind::Choice(RUNNER_NAMES), "Which runner."),
    key(Table::Runner, "workers", Kind::Count, "Threads that compute."),
    key(Table::Runner, "concurrency", Kind::Count, "Task runs in flight, waiting ones included."),
    key(Table::Runner, "labels", Kind::Names, "What a worker needs to have, for `nats`."),
    key(Table::Retry, "attempts", Kind::Integer(1, 1000), "Attempts in all, the first included."),
    key(Table::Retry, "delay", Kind::Duration, "From the end of the first attempt to the start of the second."),
    key(Table::Retry, "backoff", Kind::Factor, "What each further delay is multiplied by."),
    key(Table::Retry, "max-delay", Kind::Duration, "No delay is longer."),
    key(Table::Retry, "jitter", Kind::Bool, "Draw each delay between half of its length and all of it."),
    key(Table::FlowLimits, "tags", Kind::CountsByName, "Task runs with this tag at one time."),
];

/// The keys of a table.
pub fn keys_of(table: Table) -> impl Iterator<Item = &'static Key> + Clone {
    KEYS.iter().filter(move |key| key.table == table)
}

/// A key by its name.
pub fn find(table: Table, name: &str) -> Option<&'static Key> {
    keys_of(table).find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::RunnerKind;

    #[test]
    fn no_key_is_defined_twice_and_each_is_documented() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(!KEYS[..at].iter().any(|other| (other.table, other.name) == (key.table, key.name)), "{}", key.name);
            assert!(key.docs.ends_with('.'), "{}", key.name);
        }
    }

    #[test]
    fn runners_of_the_format_are_those_that_exist() {
        assert_eq!(RUNNER_NAMES, RunnerKind::ALL.map(|(_, name)| name));
    }
}
