//! [`Flow`]: a flow whose names are resolved and whose types agree. Holding one *means* that it was checked.
//!
//! Only [`check`](crate::check()) makes one. Positions (`usize`) point into the vectors of the same flow.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::source::FlowSource;
use taskhost_model::{ComponentSignature, Labels, Retry, TaskCall, Value, ValueType};

/// A checked flow.
#[derive(Debug)]
#[non_exhaustive]
pub struct Flow {
    /// Kebab-case.
    pub name: Arc<str>,
    /// The file that it was read from; for a flow made in code, where it would lie.
    pub path: Arc<Path>,
    /// What it is for; may be empty.
    pub description: Arc<str>,
    /// In the order of the file.
    pub parameters: Vec<Parameter>,
    /// In the order of the file, which is also the order of `sequential` among tasks that are ready.
    pub tasks: Vec<Task>,
    /// In the order of the file.
    pub outputs: Vec<Output>,
    /// The flow's own choice; none if it leaves it to its caller.
    pub runner: Option<RunnerChoice>,
    /// Components in use, by their short names.
    pub components: Vec<ComponentUse>,
    /// How many task runs with a tag may run at one time in a run of this flow, subflows included. Those of a subflow do not count.
    pub tag_limits: Vec<(Arc<str>, u32)>,
    /// What it was made of.
    pub source: Option<Arc<FlowSource>>,
}

/// A declared input of a flow.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// Kebab-case.
    pub name: Arc<str>,
    /// As declared, or as it follows from the tasks that it feeds.
    pub ty: ValueType,
    /// The value when none is given; without it the parameter must be given.
    pub default: Option<Value>,
    /// The file whose content is the default. If that is a blob, it is to be kept before the flow runs.
    pub default_file: Option<PathBuf>,
    /// What it means; may be empty.
    pub description: Arc<str>,
}

/// A component that a flow uses.
#[derive(Debug)]
#[non_exhaustive]
pub struct ComponentUse {
    /// Its short name in the flow.
    pub name: Arc<str>,
    /// Its file.
    pub path: PathBuf,
    /// What it offers and asks for.
    pub signature: Arc<ComponentSignature>,
}

/// A node of a flow.
#[derive(Debug)]
#[non_exhaustive]
pub struct Task {
    /// Kebab-case; unique among tasks and parameters.
    pub name: Arc<str>,
    /// What it is for; may be empty.
    pub description: Arc<str>,
    /// What it does.
    pub kind: TaskKind,
    /// One for each parameter of the function or subflow, in its order. For a mapped one the input gives the whole list.
    pub inputs: Vec<Input>,
    /// Positions of the mapped inputs; empty without `map`.
    pub mapped: Arc<[usize]>,
    /// Names of the mapped inputs, in the same order, for messages.
    pub mapped_names: Arc<[Arc<str>]>,
    /// `when`: false skips the task.
    pub when: Option<Input>,
    /// `after`: tasks that must have succeeded, without passing a value.
    pub after: Vec<usize>,
    /// Every task that has to be over before this one: those of its inputs, `when` and `after`. Sorted, each once.
    pub needs: Vec<usize>,
    /// What a failed task run does to a mapped task.
    pub on_failure: OnFailure,
    /// How often, and when, a failed attempt of a task run is repeated; never for a subflow, whose tasks say it themselves.
    pub retry: Retry,
    /// Of tasks that are ready, higher ones start first. That of a subflow task is added to those of the tasks inside.
    pub priority: i32,
    /// What its task runs are counted as. Those of a subflow task hold for the tasks inside as well. Sorted, each once.
    pub tags: Arc<[Arc<str>]>,
    /// Whether its component was rejected if it imported more than the task is allowed; never for a subflow, whose file says it itself.
    pub strict: bool,
    /// Where it runs, if that differs from the flow.
    pub runner: Option<RunnerChoice>,
    /// The type of one task run's value when it succeeds: `T` of `result<T, E>`.
    pub success_type: ValueType,
    /// The type that `${task}` has: `success_type`, or a list of it (or of `result<T, string>`) for a mapped task.
    pub result_type: ValueType,
    /// Whether a consumer takes the whole `result`, so that a failure of this task does not fail the flow.
    pub failure_handled: bool,
}

impl Task {
    /// Whether the task has `map`.
    pub fn is_mapped(&self) -> bool {
        !self.mapped.is_empty()
    }
}

/// What a task does.
#[derive(Debug)]
pub enum TaskKind {
    /// Calls a function of a component.
    Call(Arc<TaskCall>),
    /// Runs another flow; its outputs are the result, a record.
    Subflow(Arc<Flow>),
}

/// What a failed task run does to a mapped task.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum OnFailure {
    /// No further task run is started, and the task fails.
    #[default]
    Stop,
    /// The result is a `list<result<T, string>>`.
    Collect,
}

/// A declared output.
#[derive(Debug)]
#[non_exhaustive]
pub struct Output {
    /// Kebab-case.
    pub name: Arc<str>,
    /// Where the value comes from.
    pub input: Input,
    /// Its type.
    pub ty: ValueType,
}

/// Where an argument comes from. Evaluated when every task that it names is over.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// Written in the flow.
    Literal(Value),
    /// `${name}`, perhaps with fields and indexes.
    Reference(Reference),
    /// A string with references inside: the parts are put together as text.
    Text(Vec<TextPart>),
    /// A list that has references among its elements.
    List {
        /// Type of the elements.
        element: ValueType,
        /// The elements.
        items: Vec<Input>,
    },
    /// A record that has references among its fields, in the order of the type.
    Record(Vec<Input>),
    /// A tuple that has references among its items.
    Tuple(Vec<Input>),
    /// `some` of something that has references in it.
    Some(Box<Input>),
}

/// A part of a text.
#[derive(Clone, PartialEq, Debug)]
pub enum TextPart {
    /// As written.
    Literal(Arc<str>),
    /// A value put in as text: a string as it is, anything else as JSON. `from` is the type of the value that the reference gives.
    Reference(Reference, ValueType),
}

/// A use of a parameter's value or a task's result.
#[derive(Clone, PartialEq, Debug)]
pub struct Reference {
    /// Whose value.
    pub source: Source,
    /// Fields and indexes, outermost first.
    pub path: Vec<Step>,
    /// How the value is fitted to the wanted type; none if the types are equal.
    pub conversion: Option<Conversion>,
    /// The consumer wants the whole `result<T, E>` and runs also when the task failed.
    pub whole_result: bool,
    /// The consumer wants an `option`: it is none when the task was skipped. Without this the consumer is skipped too.
    pub none_if_skipped: bool,
}

/// Whose value a reference means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A parameter of the flow, by position.
    Parameter(usize),
    /// A task of the flow, by position.
    Task(usize),
}

/// A step into a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A record's field, or a tuple's item, by position.
    Item(usize),
    /// A list's element; past the end the task fails.
    Index(usize),
}

/// A lossless conversion: `T` to `option<T>`, a narrow integer to a wide one, a record with fields left out
/// (`taskhost_model::assign`).
#[derive(Clone, PartialEq, Debug)]
pub struct Conversion {
    /// What is there.
    pub from: ValueType,
    /// What is wanted.
    pub to: ValueType,
}

/// Where task runs happen, and how many at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RunnerChoice {
    /// Which runner.
    pub kind: RunnerKind,
    /// Threads that compute; the runner's default if none.
    pub workers: Option<u32>,
    /// Task runs in flight, waiting ones included; the runner's default if none.
    pub concurrency: Option<u32>,
    /// What a worker needs to have; none for a runner without workers.
    pub labels: Labels,
}

/// The runners of this version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RunnerKind {
    /// One after another, in a fixed order.
    Sequential,
    /// Threads of this process.
    Threads,
    /// Workers on any machine, over NATS.
    Nats,
}

impl RunnerKind {
    /// All of them, with their names in flows and on the command line.
    pub const ALL: [(RunnerKind, &'static str); 3] =
        [(RunnerKind::Sequential, "sequential"), (RunnerKind::Threads, "threads"), (RunnerKind::Nats, "nats")];

    /// The name in flows and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            RunnerKind::Sequential => "sequential",
            RunnerKind::Threads => "threads",
            RunnerKind::Nats => "nats",
        }
    }
}

/// A runner as it is by default.
impl From<RunnerKind> for RunnerChoice {
    fn from(kind: RunnerKind) -> RunnerChoice {
        RunnerChoice { kind, workers: None, concurrency: None, labels: Labels::default() }
    }
}

/// Makers for tests of other crates: a flow proper is only made by the check.
#[cfg(feature = "testing")]
mod testing {
    use super::*;

    impl Flow {
        /// A flow without anything in it.
        pub fn unchecked(name: &str) -> Flow {
            Flow {
                name: name.into(),
                path: Path::new("flow.toml").into(),
                description: "".into(),
                parameters: Vec::new(),
                tasks: Vec::new(),
                outputs: Vec::new(),
                runner: None,
                components: Vec::new(),
                tag_limits: Vec::new(),
                source: None,
            }
        }
    }

    impl Task {
        /// A task without inputs, whose runs give a `ty`.
        pub fn unchecked(name: &str, kind: TaskKind, ty: ValueType) -> Task {
            Task {
                name: name.into(),
                description: "".into(),
                kind,
                inputs: Vec::new(),
                mapped: Arc::new([]),
                mapped_names: Arc::new([]),
                when: None,
                after: Vec::new(),
                needs: Vec::new(),
                on_failure: OnFailure::Stop,
                retry: Retry::NEVER,
                priority: 0,
                tags: Arc::new([]),
                strict: false,
                runner: None,
                success_type: ty.clone(),
                result_type: ty,
                failure_handled: false,
            }
        }
    }

    impl Output {
        /// An output of a flow.
        pub fn unchecked(name: &str, input: Input, ty: ValueType) -> Output {
            Output { name: name.into(), input, ty }
        }
    }
}
