//! [`FlowFile`]: a flow as it is written, before its names mean anything.
//!
//! [`parse`](crate::parse()) makes one from text, with the place of every string; code may make one too, without places and with
//! literals that already are values ([`ExpressionKind::Given`]). [`check`](crate::check()) takes both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::{Limits, Reuse, Value, ValueType};

use crate::diagnostic::Diagnostic;
use crate::flow::{OnFailure, RunnerChoice};
use crate::source::{FlowSource, Span};

/// Something with its place in the flow file; without one if it was made in code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    /// The thing.
    pub value: T,
    /// Its place.
    pub span: Option<Span>,
}

/// A name or another short text.
pub type Text = Spanned<Arc<str>>;

impl<T> Spanned<T> {
    /// Without a place.
    pub fn new(value: impl Into<T>) -> Spanned<T> {
        Spanned { value: value.into(), span: None }
    }

    /// With its place.
    pub fn at(value: impl Into<T>, span: Span) -> Spanned<T> {
        Spanned { value: value.into(), span: Some(span) }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Spanned::new(text)
    }
}

/// A flow as written.
#[derive(Clone, PartialEq, Debug)]
pub struct FlowFile {
    /// Where it was read from; other files are looked up beside it.
    pub source: Arc<FlowSource>,
    /// `name`; the file's name if left out.
    pub name: Option<Text>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `[parameters.…]`
    pub parameters: Vec<ParameterWritten>,
    /// `[components]`
    pub components: Vec<ComponentWritten>,
    /// `[tasks.…]`
    pub tasks: Vec<TaskWritten>,
    /// `[defaults]`
    pub defaults: LimitsWritten,
    /// `allow`, `strict` and `deterministic` of `[defaults]`
    pub default_grants: GrantsWritten,
    /// `retry` of `[defaults]`
    pub default_retry: RetryWritten,
    /// `cache` of `[defaults]`
    pub default_cache: Option<CacheWritten>,
    /// `[limits.tags]`
    pub tag_limits: Vec<(Text, u32)>,
    /// `strict`, for all tasks that do not say it themselves
    pub strict: Option<Spanned<bool>>,
    /// `[runner]`
    pub runner: Option<RunnerChoice>,
    /// `[outputs]`
    pub outputs: Vec<(Text, Expression)>,
    /// What could not be read. [`check`](crate::check()) tells it together with its own findings.
    pub mistakes: Vec<Diagnostic>,
    /// Names of which nothing is known but that they stand there: parameters and components that could not be read, and whatever
    /// stands under a key like no other.
    pub unreadable: Vec<Arc<str>>,
}

impl FlowFile {
    /// A flow without tasks. A flow built in code gives a source with an empty text, whose path only says where other files are.
    pub fn new(source: Arc<FlowSource>) -> FlowFile {
        FlowFile {
            source,
            name: None,
            description: None,
            parameters: Vec::new(),
            components: Vec::new(),
            tasks: Vec::new(),
            defaults: LimitsWritten::default(),
            default_grants: GrantsWritten::default(),
            default_retry: RetryWritten::default(),
            default_cache: None,
            tag_limits: Vec::new(),
            strict: None,
            runner: None,
            outputs: Vec::new(),
            mistakes: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

/// `[parameters.name]`
#[derive(Clone, PartialEq, Debug)]
pub struct ParameterWritten {
    /// Its name.
    pub name: Text,
    /// `type`
    pub ty: Option<Spanned<ValueType>>,
    /// `default`
    pub default: Option<Expression>,
    /// `default-file`, relative to the flow
    pub default_file: Option<Text>,
    /// `description`
    pub description: Option<Arc<str>>,
}

impl ParameterWritten {
    /// A parameter whose type follows from its uses.
    pub fn new(name: impl Into<Text>) -> ParameterWritten {
        ParameterWritten { name: name.into(), ty: None, default: None, default_file: None, description: None }
    }
}

/// An entry of `[components]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ComponentWritten {
    /// Its short name in the flow.
    pub name: Text,
    /// Its file, relative to the flow.
    pub path: Spanned<PathBuf>,
}

/// `[tasks.name]`
#[derive(Clone, PartialEq, Debug)]
pub struct TaskWritten {
    /// Its name.
    pub name: Text,
    /// `call` or `flow`
    pub action: Action,
    /// `with`: arguments by name
    pub with: Vec<(Text, Expression)>,
    /// `map`
    pub map: Vec<Text>,
    /// `after`
    pub after: Vec<Text>,
    /// `when`
    pub when: Option<Expression>,
    /// `limits` and `timeout`
    pub limits: LimitsWritten,
    /// `allow`, `strict` and `deterministic`
    pub grants: GrantsWritten,
    /// `runner`
    pub runner: Option<RunnerChoice>,
    /// `on-failure`
    pub on_failure: Option<Spanned<OnFailure>>,
    /// `retry`
    pub retry: RetryWritten,
    /// `cache`
    pub cache: Option<CacheWritten>,
    /// `priority`
    pub priority: Option<Spanned<i32>>,
    /// `tags`
    pub tags: Vec<Text>,
    /// `description`
    pub description: Option<Arc<str>>,
    /// Keys that are given and could not be read: nothing follows from their absence.
    pub unread: Vec<Arc<str>>,
}

impl TaskWritten {
    /// A task without arguments.
    pub fn new(name: impl Into<Text>, action: Action) -> TaskWritten {
        TaskWritten {
            name: name.into(),
            action,
            with: Vec::new(),
            map: Vec::new(),
            after: Vec::new(),
            when: None,
            limits: LimitsWritten::default(),
            grants: GrantsWritten::default(),
            runner: None,
            on_failure: None,
            retry: RetryWritten::default(),
            cache: None,
            priority: None,
            tags: Vec::new(),
            description: None,
            unread: Vec::new(),
        }
    }
}

impl TaskWritten {
    /// Whether one of these keys is given and could not be read.
    pub(crate) fn lacks(&self, keys: &[&str]) -> bool {
        self.unread.iter().any(|key| keys.contains(&&**key))
    }
}

/// What a task does.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// `call`: `component.function` or `component.interface.function`.
    Call(Text),
    /// `flow`: another flow file, relative to this one.
    Flow(Text),
    /// Another flow that was built in code.
    Inline(Box<FlowFile>),
    /// What could not be read; its mistake is already noted.
    Invalid,
}

/// `timeout` and `limits`; what is left out stays as it is elsewhere.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LimitsWritten {
    /// `limits.memory`, in bytes
    pub memory: Option<u64>,
    /// `limits.cpu`
    pub cpu: Option<Duration>,
    /// `limits.output`, in bytes
    pub output: Option<u64>,
    /// `limits.result`, in bytes
    pub result: Option<u64>,
    /// `limits.blobs`, in bytes
    pub blobs: Option<u64>,
    /// `limits.log-lines`
    pub log_lines: Option<u32>,
    /// `limits.files`
    pub files: Option<u32>,
    /// `limits.sockets`
    pub sockets: Option<u32>,
    /// `limits.handles`
    pub handles: Option<u32>,
    /// `timeout`
    pub timeout: Option<Duration>,
    /// Where the first of them stands.
    pub span: Option<Span>,
}

impl LimitsWritten {
    /// These limits where they are written, else those of `base`.
    pub fn over(&self, base: Limits) -> Limits {
        Limits {
            memory_bytes_max: self.memory.unwrap_or(base.memory_bytes_max),
            cpu_time_max: self.cpu.unwrap_or(base.cpu_time_max),
            wall_time_max: self.timeout.unwrap_or(base.wall_time_max),
            output_bytes_max: self.output.unwrap_or(base.output_bytes_max),
            result_bytes_max: self.result.unwrap_or(base.result_bytes_max),
            blob_bytes_max: self.blobs.unwrap_or(base.blob_bytes_max),
            log_lines_max: self.log_lines.unwrap_or(base.log_lines_max),
            files_max: self.files.unwrap_or(base.files_max),
            sockets_max: self.sockets.unwrap_or(base.sockets_max),
            handles_max: self.handles.unwrap_or(base.handles_max),
        }
    }
}

/// `retry`; what is left out stays as it is elsewhere.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct RetryWritten {
    /// `retry.attempts`, or `retry` itself
    pub attempts: Option<u32>,
    /// `retry.delay`
    pub delay: Option<Duration>,
    /// `retry.backoff`
    pub backoff: Option<f64>,
    /// `retry.max-delay`
    pub delay_max: Option<Duration>,
    /// `retry.jitter`
    pub jitter: Option<bool>,
    /// Where `retry` stands; none if it is not given at all.
    pub given: Option<Spanned<()>>,
}

/// `cache`: which results are reused; none for `false`.
pub type CacheWritten = Spanned<Option<Reuse>>;

/// `allow`, `strict` and `deterministic`; what is left out stays as it is elsewhere. An empty list takes a default away.
///
/// ```
/// use taskhost_flow::written::GrantsWritten;
///
/// let grants = GrantsWritten { read: Some(vec!["data".into()]), ..GrantsWritten::default() };
/// assert!(!grants.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct GrantsWritten {
    /// `allow.read`: folders
    pub read: Option<Vec<Text>>,
    /// `allow.write`: folders
    pub write: Option<Vec<Text>>,
    /// `allow.network`: rules
    pub network: Option<Vec<Text>>,
    /// `allow.http`: rules
    pub http: Option<Vec<Text>>,
    /// `allow.env`: names of variables
    pub env: Option<Vec<Text>>,
    /// `allow.secrets`: names
    pub secrets: Option<Vec<Text>>,
    /// `allow.config`: keys and values
    pub config: Option<Vec<(Text, Text)>>,
    /// `strict`
    pub strict: Option<Spanned<bool>>,
    /// `deterministic`
    pub deterministic: Option<Spanned<bool>>,
    /// Where `allow` stands.
    pub span: Option<Span>,
}

impl GrantsWritten {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        !self.has_allow() && self.strict.is_none() && self.deterministic.is_none()
    }

    /// Whether `allow` says something.
    pub fn has_allow(&self) -> bool {
        let lists = [&self.read, &self.write, &self.network, &self.http, &self.env, &self.secrets];
        lists.into_iter().any(Option::is_some) || self.config.is_some()
    }
}

/// What stands where a value is wanted.
#[derive(Clone, PartialEq, Debug)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Its place.
    pub span: Option<Span>,
}

impl Expression {
    /// Without a place.
    pub fn new(kind: ExpressionKind) -> Expression {
        Expression { kind, span: None }
    }

    /// A value of a known type.
    pub fn given(value: Value, ty: ValueType) -> Expression {
        Expression::new(ExpressionKind::Given(value, ty))
    }

    /// `${name}`
    pub fn reference(name: impl Into<Arc<str>>) -> Expression {
        Expression::new(ExpressionKind::Reference(ReferenceWritten { name: name.into(), path: Vec::new(), span: None }))
    }
}

/// The forms of an [`Expression`].
#[derive(Clone, PartialEq, Debug)]
pub enum ExpressionKind {
    /// A string without references; `$${` is already `${`.
    Text(Arc<str>),
    /// A string with references inside.
    Parts(Vec<PartWritten>),
    /// A string that is exactly one reference.
    Reference(ReferenceWritten),
    /// A whole number: more than 64 bits are wanted by no type.
    Integer(i128),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`
    Bool(bool),
    /// A date or time, as written. No WIT type wants one: it is an error with a way out.
    Datetime(Arc<str>),
    /// `[…]`
    Array(Vec<Expression>),
    /// `{…}`
    Table(Vec<(Text, Expression)>),
    /// A value of a known type, from code.
    Given(Value, ValueType),
    /// What could not be read; its mistake is already reported.
    Invalid,
}

/// A part of a string with references.
#[derive(Clone, PartialEq, Debug)]
pub enum PartWritten {
    /// As it is.
    Text(Arc<str>),
    /// Put in as text.
    Reference(ReferenceWritten),
}

/// `${name.field[0]}`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReferenceWritten {
    /// A parameter or task.
    pub name: Arc<str>,
    /// Fields and indexes, outermost first.
    pub path: Vec<StepWritten>,
    /// From `${` to `}`.
    pub span: Option<Span>,
}

/// A step into a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepWritten {
    /// `.field`
    Field(Arc<str>),
    /// `[index]`
    Index(usize),
}

/// As in a flow: `${name.field[0]}`.
impl std::fmt::Display for ReferenceWritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "${{{}", self.name)?;
        for step in &self.path {
            match step {
                StepWritten::Field(name) => write!(f, ".{name}")?,
                StepWritten::Index(index) => write!(f, "[{index}]")?,
            }
        }
        f.write_str("}")
    }
}
