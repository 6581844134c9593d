//! A task that is running: which of its runs are asked for, and what they gave so far.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use taskhost_flow::flow::{OnFailure, Task, TaskKind};
use taskhost_model::{Ending, ListBuilder, TaskFailure, Value, ValueType, json};

use super::instance::{Arguments, Done, FailedTask, InstanceId, message};
use super::lane::{REQUEST_RUNS_MAX, Ready};

/// Most paths of failed tasks that a subflow hands to its parent. More can only fail in many levels of subflows at once; those that are left
/// out are not taken back when the flow run is resumed, but the next time.
const FAILED_INSIDE_MAX: usize = 10_000;

/// A task whose arguments are complete and whose runs are not over.
pub(super) struct Active {
    pub(super) path: Arc<str>,
    pub(super) arguments: Arc<[Value]>,
    /// Task runs in all.
    pub(super) runs: u32,
    /// The first index that was not asked for yet.
    pub(super) next: u32,
    /// Task runs that were asked for and are not over, with those that are to be tried again.
    pub(super) running: u32,
    /// Of these, how many wait for their next attempt.
    pub(super) waiting: u32,
    /// Of these, those whose next attempt may start: index and attempt.
    pub(super) retries: VecDeque<(u32, u32)>,
    /// Its place among tasks that are ready.
    pub(super) priority: i32,
    pub(super) turn: u64,
    /// Whether it stands in a lane, or is parked at a tag.
    pub(super) queued: bool,
    /// The limited tags that its runs count for.
    pub(super) tags: Arc<[u32]>,
    /// Task runs that ended with a value or a failure.
    ended: u32,
    /// No further run is to start.
    pub(super) stopped: bool,
    gather: Gather,
    /// Of those without a value, the one with the lowest index: which one came first is chance.
    failure: Option<(u32, RunFailure)>,
    /// For a subflow: what failed in it.
    failed_inside: Vec<Arc<str>>,
}

/// What the runs gave.
enum Gather {
    One(Option<Value>),
    List(ListBuilder),
    /// For `on-failure = "collect"`: elements are `result`s, whose `ok` may be without a value.
    Collect {
        builder: ListBuilder,
        bare: bool,
    },
}

/// A task run without a value.
pub(super) struct RunFailure {
    pub(super) failure: TaskFailure,
    /// What a consumer of the whole `result` gets, if its type can tell this failure.
    pub(super) whole: Option<Value>,
}

/// How a run ended, as the scheduler sees it.
pub(super) enum RunEnd {
    Value(Value),
    Failure(RunFailure),
    /// It was never carried out.
    Withdrawn,
}

impl Active {
    pub(super) fn new(task: &Task, path: Arc<str>, arguments: Arguments, tags: Arc<[u32]>) -> Active {
        Active {
            path,
            arguments: arguments.values,
            runs: arguments.runs,
            next: 0,
            running: 0,
            waiting: 0,
            retries: VecDeque::new(),
            priority: 0,
            turn: 0,
            queued: false,
            tags,
            ended: 0,
            stopped: false,
            gather: Gather::new(task, arguments.runs),
            failure: None,
            failed_inside: Vec::new(),
        }
    }

    /// Takes note of a run's end; gives its failure, if it is one.
    pub(super) fn run_ended(&mut self, task: &Task, index: u32, end: RunEnd) -> Option<TaskFailure> {
        self.running -= 1;
        match end {
            RunEnd::Withdrawn => return None,
            RunEnd::Value(value) => self.gather.put(index, Ok(value)),
            RunEnd::Failure(run) => {
                self.ended += 1;
                let failure = run.failure.clone();
                if matches!(self.gather, Gather::Collect { .. }) {
                    self.gather.put(index, Err(message(&failure)));
                } else {
                    self.stopped |= task.on_failure == OnFailure::Stop;
                    if self.failure.as_ref().is_none_or(|(known, _)| index < *known) {
                        self.failure = Some((index, run));
                    }
                }
                return Some(failure);
            }
        }
        self.ended += 1;
        None
    }

    /// Whether runs are left that may start.
    pub(super) fn has_more(&self) -> bool {
        !self.stopped && (self.next < self.runs || !self.retries.is_empty())
    }

    /// The next runs to ask for, and which attempt of them it is. `room` says how many of so many may start now; none if it says 0.
    pub(super) fn ask(&mut self, room: impl FnOnce(u32) -> u32) -> Option<(Range<u32>, u32)> {
        let Some(&(first, attempt)) = self.retries.front() else {
            let count = room(self.runs - self.next);
            let first = self.next;
            self.next += count;
            self.running += count;
            return (count > 0).then_some((first..first + count, 1));
        };
        let stretch = self.retries.iter().zip(first..).take(REQUEST_RUNS_MAX as usize);
        let stretch = stretch.take_while(|(retry, index)| **retry == (*index, attempt)).count();
        let count = room(stretch as u32);
        self.retries.drain(..count as usize);
        (count > 0).then_some((first..first + count, attempt))
    }

    /// Gives up the runs that were to be tried again.
    pub(super) fn drop_retries(&mut self) {
        self.running -= self.waiting + self.retries.len() as u32;
        self.waiting = 0;
        self.retries.clear();
    }

    /// As it stands among tasks that are ready.
    pub(super) fn ready(&self, instance: InstanceId, task: usize) -> Ready {
        Ready { priority: self.priority, turn: self.turn, instance, task }
    }

    /// Whether the task is over.
    pub(super) fn is_over(&self) -> bool {
        self.running == 0 && !self.has_more()
    }

    /// Whether the first failure is here; in words.
    pub(super) fn failure_text(&self) -> Option<String> {
        self.failure.as_ref().map(|(_, run)| run.failure.to_string())
    }

    pub(super) fn add_failed_inside(&mut self, paths: Vec<Arc<str>>) {
        if matches!(self.gather, Gather::Collect { .. }) {
            // A result, and nobody's failure.
            return;
        }
        let room = FAILED_INSIDE_MAX.saturating_sub(self.failed_inside.len());
        self.failed_inside.extend(paths.into_iter().take(room));
    }

    /// How the task ended.
    pub(super) fn finish(self) -> Done {
        match self.failure {
            Some((_, run)) => Done::Failed(FailedTask { whole: run.whole, counted: false, inside: self.failed_inside }),
            None if self.ended < self.runs => Done::Cancelled,
            None => Done::Succeeded(Some(self.gather.finish())),
        }
    }
}

impl Gather {
    fn new(task: &Task, runs: u32) -> Gather {
        let element = match &task.result_type {
            ValueType::List(element) if task.is_mapped() => element,
            _ => return Gather::One(None),
        };
        let builder = ListBuilder::new(element, runs as usize);
        match (task.on_failure, &**element) {
            (OnFailure::Collect, ValueType::Result { ok, .. }) => Gather::Collect { builder, bare: ok.is_none() },
            _ => Gather::List(builder),
        }
    }

    fn put(&mut self, index: u32, value: Result<Value, String>) {
        match (self, value) {
            (Gather::One(place), Ok(value)) => *place = Some(value),
            (Gather::List(builder), Ok(value)) => builder.set(index as usize, value),
            (Gather::Collect { builder, bare }, Ok(value)) => {
                builder.set(index as usize, Value::ok((!*bare).then_some(value)));
            }
            (Gather::Collect { builder, .. }, Err(text)) => {
                builder.set(index as usize, Value::err(Some(Value::string(text))));
            }
            (Gather::One(_) | Gather::List(_), Err(_)) => {}
        }
    }

    fn finish(self) -> Value {
        match self {
            Gather::One(value) => value.unwrap_or_else(|| Value::tuple([])),
            Gather::List(builder) | Gather::Collect { builder, .. } => Value::List(builder.finish()),
        }
    }
}

/// Reads the ending of a call: an `err` of the function itself is a failure too. `withdrawn` says whether we asked for it to be stopped.
pub(super) fn interpret(task: &Task, ending: Ending, withdrawn: bool) -> RunEnd {
    let TaskKind::Call(call) = &task.kind else { return RunEnd::Withdrawn };
    let failure = match (ending, &call.result) {
        (Ending::Returned(Value::Result(Ok(value))), Some(ValueType::Result { .. })) => {
            return RunEnd::Value(value.map_or_else(|| Value::tuple([]), Arc::unwrap_or_clone));
        }
        (Ending::Returned(Value::Result(Err(error))), Some(ValueType::Result { err, .. })) => {
            let text = match (&error, err) {
                (Some(error), Some(ty)) => cut(json::to_text(error, ty)),
                _ => "`err` without a value".to_owned(),
            };
            let whole = Some(Value::Result(Err(error)));
            return RunEnd::Failure(RunFailure { failure: TaskFailure::Returned(text), whole });
        }
        (Ending::Returned(_), Some(ValueType::Result { .. })) => {
            TaskFailure::Unusable("it returned something other than its `result`".to_owned())
        }
        (Ending::Returned(value), _) => return RunEnd::Value(value),
        (Ending::Failed(failure), _) => failure,
        (Ending::Cancelled, _) if withdrawn => return RunEnd::Withdrawn,
        (Ending::Cancelled, _) => TaskFailure::Lost("its runner gave it up".to_owned()),
    };
    RunEnd::Failure(told(task, failure))
}

/// Bytes of an error's text that are told; its consumer gets all of it.
const ERROR_BYTES_MAX: usize = 64 << 10;

fn cut(mut text: String) -> String {
    if text.len() > ERROR_BYTES_MAX {
        let all = text.len();
        text.truncate(text.floor_char_boundary(ERROR_BYTES_MAX));
        text.push_str(&format!("… ({all} bytes)"));
    }
    text
}

/// A failure that is not the function's own `err`, as its type can tell it: a text where `err` is a `string`.
pub(super) fn told(task: &Task, failure: TaskFailure) -> RunFailure {
    let text = || Value::err(Some(Value::string(message(&failure))));
    let whole = match &task.kind {
        TaskKind::Subflow(_) => Some(text()),
        TaskKind::Call(call) => match &call.result {
            Some(ValueType::Result { err: None, .. }) => Some(Value::err(None)),
            Some(ValueType::Result { err: Some(err), .. }) => (**err == ValueType::String).then(text),
            _ => Some(text()),
        },
    };
    RunFailure { failure, whole }
}
