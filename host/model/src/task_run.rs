//! The narrow waist: [`TaskRunRequest`] goes to a runner, a [`TaskRunReport`] of [`TaskRunOutcome`]s comes back.
//!
//! A request covers one task run, or many of one mapped task: at 5-15 µs a task run, a message, a lock and an allocation for each
//! would cost as much as the run itself. Requests carry digests, never a component's bytes.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::digest::Digest;
use crate::event::Origin;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::powers::Refusal;
use crate::types::ValueType;
use crate::value::Value;

/// One execution of a flow. Sorts by time of creation; printed as 16 lower-case base-32 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct FlowRunId(u128);

impl FlowRunId {
    /// An id from milliseconds since 1970 and some random bits, so that ids of different processes do not meet.
    pub fn new(milliseconds: u64, random: u32) -> FlowRunId {
        FlowRunId((u128::from(milliseconds) << 32) | u128::from(random))
    }
}

/// Digits of a printed id: base 32 without letters that look like digits or like each other.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// From its 16 characters, as printed.
impl FromStr for FlowRunId {
    type Err = NoFlowRunId;

    fn from_str(text: &str) -> Result<FlowRunId, NoFlowRunId> {
        let digit = |byte| DIGITS.iter().position(|digit| *digit == byte).ok_or(NoFlowRunId);
        if text.len() != 16 {
            return Err(NoFlowRunId);
        }
        text.bytes().try_fold(0, |id, byte| Ok(id << 5 | digit(byte)? as u128)).map(FlowRunId)
    }
}

/// A text that is no id of a flow run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoFlowRunId;

impl fmt::Display for NoFlowRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an id of a flow run has 16 characters, digits and lower-case letters without `i`, `l`, `o` and `u`",
        )
    }
}

impl std::error::Error for NoFlowRunId {}

impl fmt::Display for FlowRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for at in (0..16).rev() {
            let digit = DIGITS[(self.0 >> (5 * at)) as usize & 31];
            write!(f, "{}", char::from(digit))?;
        }
        Ok(())
    }
}

/// A request within a flow run; its reports bear the same number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct RequestId(pub u64);

/// What all runs of a task have in common: decided once, when the flow is planned.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskCall {
    /// The component that exports the function.
    pub component: Digest,
    /// Short name of the component in its flow, for people.
    pub component_name: Arc<str>,
    /// The exported interface that holds the function; none for a plain exported function.
    pub interface: Option<Arc<str>>,
    /// The function to call.
    pub function: Arc<str>,
    /// Types of the function's parameters, in order.
    pub parameters: Vec<ValueType>,
    /// What the function returns, if anything.
    pub result: Option<ValueType>,
    /// The most that one attempt may use.
    pub limits: Limits,
    /// What it may touch.
    pub grants: Arc<Grants>,
    /// Fixed clocks and seeded random numbers, so that equal task runs give equal bytes.
    pub deterministic: bool,
    /// Whether the result of an equal task run is taken instead; none for never.
    pub cache: Option<Reuse>,
}

/// Which results of equal task runs are taken instead of carrying out another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reuse {
    /// However old.
    Always,
    /// Those that are no older.
    Within(Duration),
}

/// Task runs to carry out.
#[derive(Clone, Debug)]
pub struct TaskRunRequest {
    /// The flow run that asks.
    pub flow_run: FlowRunId,
    /// Names this request in its reports.
    pub id: RequestId,
    /// The task's path in the flow run, such as `months[3]/clean`, for people.
    pub task: Arc<str>,
    /// What to call, under which limits.
    pub call: Arc<TaskCall>,
    /// One for each parameter. Those at `mapped` hold a list of which each run takes its element.
    pub arguments: Arc<[Value]>,
    /// Positions of the mapped arguments; empty for a task without `map`.
    pub mapped: Arc<[usize]>,
    /// The index of the first element of the mapped lists: not 0 where a part of a request holds the elements of its own runs only.
    pub elements_from: u32,
    /// The runs asked for: positions in the mapped lists; `0..1` for a task without `map`.
    pub indexes: Range<u32>,
    /// 1 for the first try.
    pub attempt: u32,
}

impl TaskRunRequest {
    /// The argument at `position` of the run at `index`: of a mapped list its element. None if there is none.
    pub fn argument(&self, position: usize, index: u32) -> Option<Value> {
        let value = self.arguments.get(position)?;
        if !self.mapped.contains(&position) {
            return Some(value.clone());
        }
        let Value::List(list) = value else { return None };
        list.get(index.checked_sub(self.elements_from)? as usize)
    }
}

/// How some task runs of a request ended. A runner sends one or several for each request, until each index has an outcome.
#[derive(Clone, Debug)]
pub struct TaskRunReport {
    /// The request's flow run.
    pub flow_run: FlowRunId,
    /// The request that this answers.
    pub request: RequestId,
    /// The index of the first outcome; the others follow it.
    pub first: u32,
    /// One for each task run, in order.
    pub outcomes: Vec<TaskRunOutcome>,
    /// Where they come from.
    pub origin: Origin,
}

/// How a task run ended, and what it used.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskRunOutcome {
    /// How it ended.
    pub ending: Ending,
    /// What it used.
    pub usage: Usage,
    /// What it tried and was not granted; few and different ones.
    pub refusals: Refusals,
}

impl TaskRunOutcome {
    /// Of a task run that never reached a sandbox.
    pub fn without_usage(ending: Ending) -> TaskRunOutcome {
        TaskRunOutcome { ending, usage: Usage::default(), refusals: Refusals::default() }
    }
}

/// Refusals of a task run: one word for the many that have none.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Refusals(Option<Box<[Refusal]>>);

impl Refusals {
    /// None if there are none.
    pub fn new(refusals: Vec<Refusal>) -> Refusals {
        Refusals((!refusals.is_empty()).then(|| refusals.into_boxed_slice()))
    }

    /// The refusals, in the order of the attempts.
    pub fn as_slice(&self) -> &[Refusal] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// How a task run ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Ending {
    /// The function returned; an `err` of its own is for the scheduler to interpret. The empty tuple if it returns nothing.
    Returned(Value),
    /// There is no value.
    Failed(TaskFailure),
    /// It was stopped because its flow run was.
    Cancelled,
}

/// Why a task run produced no value. Each variant names who can fix it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskFailure {
    /// The task itself returned `err`: its author decides what it means. The text is the error: a string as it is, anything else as JSON.
    Returned(String),
    /// The guest hit a wasm trap or threw: a bug in the component. `message` is its own last word where it left one (a panic's
    /// message, a traceback), `backtrace` where in the component it happened.
    Trapped {
        /// For the reader of the report.
        message: String,
        /// For the component's author; may be empty.
        backtrace: String,
    },
    /// The guest called `exit` instead of returning. WASI 0.2 tells only 0 (success) from 1 (failure).
    Exited(i32),
    /// The sandbox stopped the guest: raise the limit, or fix the task.
    LimitReached(Limit),
    /// The runner lost sight of the task run; trying again is its plan's choice.
    Lost(String),
    /// The component or function cannot be used here: the component's author, or whoever chose the component.
    Unusable(String),
    /// What the flow grants cannot be given (a folder that is not there, a secret that nobody knows): whoever runs the flow.
    Ungrantable(String),
    /// The arguments do not fit (mapped lists of unequal length, an index past the end): the flow's author.
    BadArguments(String),
    /// What the task returned is kept back, since it holds the value of a secret: the component's author.
    Withheld(String),
}

impl TaskFailure {
    /// The kind, for programs: kebab-case and stable.
    pub fn kind(&self) -> &'static str {
        match self {
            TaskFailure::Returned(_) => "returned",
            TaskFailure::Trapped { .. } => "trapped",
            TaskFailure::Exited(_) => "exited",
            TaskFailure::LimitReached(_) => "limit-reached",
            TaskFailure::Lost(_) => "lost",
            TaskFailure::Ungrantable(_) => "ungrantable",
            TaskFailure::Unusable(_) => "unusable",
            TaskFailure::BadArguments(_) => "bad-arguments",
            TaskFailure::Withheld(_) => "withheld",
        }
    }
}

/// A limit that a task run met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// `limits.memory`, in bytes.
    Memory(u64),
    /// `limits.cpu`.
    Cpu(Duration),
    /// `timeout`.
    Timeout(Duration),
    /// `limits.output`, in bytes.
    Output(u64),
    /// `limits.result`, in bytes.
    Result(u64),
    /// `limits.blobs`, in bytes.
    Blobs(u64),
    /// `limits.log-lines`.
    LogLines(u32),
    /// `limits.files`.
    Files(u32),
    /// `limits.sockets`.
    Sockets(u32),
    /// `limits.handles`.
    Handles(u32),
}

impl Limit {
    /// The key of a flow that sets it.
    pub fn key(&self) -> &'static str {
        match self {
            Limit::Memory(_) => "limits.memory",
            Limit::Cpu(_) => "limits.cpu",
            Limit::Timeout(_) => "timeout",
            Limit::Output(_) => "limits.output",
            Limit::Result(_) => "limits.result",
            Limit::Blobs(_) => "limits.blobs",
            Limit::LogLines(_) => "limits.log-lines",
            Limit::Files(_) => "limits.files",
            Limit::Sockets(_) => "limits.sockets",
            Limit::Handles(_) => "limits.handles",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Memory(bytes) => write!(f, "needed more than its {} of memory", Bytes(*bytes)),
            Limit::Cpu(time) => write!(f, "used up its {time:?} of CPU time"),
            Limit::Timeout(time) => write!(f, "did not end within its timeout of {time:?}"),
            Limit::Output(bytes) => write!(f, "wrote more than its {} of output", Bytes(*bytes)),
            Limit::Result(bytes) => write!(f, "returned more than its {} of result", Bytes(*bytes)),
            Limit::Blobs(bytes) => write!(f, "wrote more than its {} of blobs", Bytes(*bytes)),
            Limit::LogLines(lines) => write!(f, "wrote more than its {lines} lines of output"),
            Limit::Files(count) => write!(f, "had more than its {count} files open"),
            Limit::Sockets(count) => write!(f, "had more than its {count} sockets open"),
            Limit::Handles(count) => write!(f, "held more than its {count} handles"),
        }
    }
}

/// A number of bytes for people: `64 MiB`, `1.5 KiB`, `17 B`.
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.into_iter().find(|(shift, _)| self.0 >= 1 << shift) {
            None => write!(f, "{} B", self.0),
            Some((shift, unit)) => {
                let tenths = (u128::from(self.0) * 10) >> shift;
                if tenths.is_multiple_of(10) {
                    write!(f, "{} {unit}", tenths / 10)
                } else {
                    write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
                }
            }
        }
    }
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskFailure::Returned(error) => write!(f, "returned an error: {error}"),
            TaskFailure::Trapped { message, .. } => f.write_str(message),
            TaskFailure::Exited(code) => write!(f, "called exit({code}) instead of returning"),
            TaskFailure::LimitReached(limit) => write!(f, "{limit} (`{}`)", limit.key()),
            TaskFailure::Lost(reason) => write!(f, "was lost: {reason}"),
            TaskFailure::Unusable(reason) => write!(f, "cannot run: {reason}"),
            TaskFailure::Ungrantable(reason) => write!(f, "cannot be given what it is allowed: {reason}"),
            TaskFailure::BadArguments(reason) => write!(f, "got arguments that do not fit: {reason}"),
            TaskFailure::Withheld(reason) => write!(f, "returned what is not handed on: {reason}"),
        }
    }
}

/// What one task run used, or several together.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// From start to end, waiting included.
    pub wall_time: Duration,
    /// Time computing.
    pub cpu_time: Duration,
    /// Most bytes of linear memories and tables at one time.
    pub memory_bytes_peak: u64,
    /// Bytes of stdout, stderr and log messages.
    pub output_bytes: u64,
    /// Bytes that went into the sandbox: arguments as they lie in memory, and what it read from files and the network.
    pub bytes_in: u64,
    /// Bytes that came out of it: the result as it lies in memory, output, and what it wrote to files and the network.
    pub bytes_out: u64,
    /// Calls of the guest into the host.
    pub host_calls: u64,
}

impl Usage {
    /// Adds another task run's usage: times and output add up, the memory peak is the larger.
    pub fn add(&mut self, other: &Usage) {
        self.wall_time += other.wall_time;
        self.cpu_time += other.cpu_time;
        self.memory_bytes_peak = self.memory_bytes_peak.max(other.memory_bytes_peak);
        self.output_bytes += other.output_bytes;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.host_calls += other.host_calls;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flow_run_ids_sort_by_time_and_print_with_sixteen_characters() {
        let earlier = FlowRunId::new(1_000, u32::MAX);
        let later = FlowRunId::new(1_001, 0);
        assert!(earlier < later);
        assert!(earlier.to_string() < later.to_string());
        assert_eq!(later.to_string().len(), 16);
    }

    #[test]
    fn a_flow_run_id_is_read_back_from_its_characters() {
        for id in [FlowRunId::new(0, 0), FlowRunId::new(1_790_000_000_000, 77), FlowRunId::new((1 << 48) - 1, u32::MAX)]
        {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for text in ["", "0", "000000000000000l", "000000000000000A", "00000000000000000", "ßßßßßßßß"] {
            assert_eq!(text.parse::<FlowRunId>(), Err(NoFlowRunId), "{text}");
        }
    }

    #[test]
    fn byte_counts_read_well() {
        for (bytes, text) in [(17, "17 B"), (1536, "1.5 KiB"), (64 << 20, "64 MiB"), (u64::MAX, "17179869183.9 GiB")] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
