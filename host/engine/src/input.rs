//! Evaluates a task's inputs when every task that they name is over.

use taskhost_flow::flow::{Flow, Input, Reference, Source, Step, TextPart};
use taskhost_model::task_run::Bytes;
use taskhost_model::{Limits, List, Value, assign, json};

/// Longest text that references are put into, in bytes. A text of texts of texts grows without any guest: a hundred of a hundred of a
/// hundred would be our memory, and no task's limit.
const TEXT_BYTES_MAX: u64 = Limits::DEFAULT.result_bytes_max;

/// What is known of a source of values.
pub(crate) enum Known<'a> {
    /// Its value.
    Value(&'a Value),
    /// It failed; what a consumer of the whole `result` gets, if its type can tell the failure.
    Failed(Option<Value>),
    /// It was skipped.
    Skipped,
    /// It was not run because the task at this position failed.
    NotRun(usize),
}

/// Where inputs find values: an instance of a flow.
pub(crate) trait Values {
    /// The flow whose tasks and parameters are meant.
    fn flow(&self) -> &Flow;
    /// The value of a parameter, by position.
    fn parameter(&self, at: usize) -> &Value;
    /// What is known of a task that is over, by position.
    fn task(&self, at: usize) -> Known<'_>;
    /// The whole `result` of a task that succeeded with `value`.
    fn whole_success(&self, at: usize, value: &Value) -> Value;
}

/// Why an input has no value. Sorted by what wins when a task's inputs disagree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Blocked {
    /// The values do not fit.
    BadArguments(String),
    /// A task that it needs was skipped.
    Skipped,
    /// The task at this position failed.
    NotRun(usize),
}

/// The value of an input.
pub(crate) fn evaluate(input: &Input, values: &impl Values) -> Result<Value, Blocked> {
    match input {
        Input::Literal(value) => Ok(value.clone()),
        Input::Reference(reference) => resolve(reference, values),
        Input::Text(parts) => text(parts, values),
        Input::List { element, items } => Ok(Value::List(List::from_values(element, evaluate_all(items, values)?))),
        Input::Record(fields) => Ok(Value::record(evaluate_all(fields, values)?)),
        Input::Tuple(items) => Ok(Value::tuple(evaluate_all(items, values)?)),
        Input::Some(inner) => Ok(Value::some(evaluate(inner, values)?)),
    }
}

/// The values of several inputs; if some have none, the reason that wins.
pub(crate) fn evaluate_all(inputs: &[Input], values: &impl Values) -> Result<Vec<Value>, Blocked> {
    let mut found = Vec::with_capacity(inputs.len());
    let mut blocked: Option<Blocked> = None;
    for input in inputs {
        match evaluate(input, values) {
            Ok(value) => found.push(value),
            Err(reason) => blocked = blocked.max(Some(reason)),
        }
    }
    blocked.map_or(Ok(found), Err)
}

fn text(parts: &[TextPart], values: &impl Values) -> Result<Value, Blocked> {
    let mut text = String::new();
    let mut blocked: Option<Blocked> = None;
    for part in parts {
        if text.len() as u64 > TEXT_BYTES_MAX {
            return Err(too_long());
        }
        match part {
            TextPart::Literal(literal) => text.push_str(literal),
            TextPart::Reference(reference, from) => match resolve(reference, values) {
                Ok(value) => text.push_str(&json::to_text(&value, from)),
                Err(reason) => blocked = blocked.max(Some(reason)),
            },
        }
    }
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(too_long());
    }
    blocked.map_or_else(|| Ok(Value::string(text)), Err)
}

fn too_long() -> Blocked {
    Blocked::BadArguments(format!("a text with references in it is longer than {}", Bytes(TEXT_BYTES_MAX)))
}

fn resolve(reference: &Reference, values: &impl Values) -> Result<Value, Blocked> {
    let value = match reference.source {
        Source::Parameter(at) => walk(values.parameter(at), reference, values)?,
        Source::Task(at) => match values.task(at) {
            Known::Value(value) if reference.whole_result => values.whole_success(at, value),
            Known::Value(value) => walk(value, reference, values)?,
            Known::Failed(Some(whole)) if reference.whole_result => whole,
            Known::Failed(_) => return Err(Blocked::NotRun(at)),
            Known::Skipped if reference.none_if_skipped => return Ok(Value::NONE),
            Known::Skipped => return Err(Blocked::Skipped),
            Known::NotRun(cause) => return Err(Blocked::NotRun(cause)),
        },
    };
    Ok(match &reference.conversion {
        None => value,
        Some(conversion) => assign::convert(&value, &conversion.from, &conversion.to),
    })
}

fn walk(value: &Value, reference: &Reference, values: &impl Values) -> Result<Value, Blocked> {
    let Some((first, rest)) = reference.path.split_first() else { return Ok(value.clone()) };
    let mut value = step(value, *first, reference, values)?;
    for next in rest {
        value = step(&value, *next, reference, values)?;
    }
    Ok(value)
}

fn step(value: &Value, step: Step, reference: &Reference, values: &impl Values) -> Result<Value, Blocked> {
    let name = || match reference.source {
        Source::Parameter(at) => values.flow().parameters.get(at).map_or("", |parameter| &parameter.name),
        Source::Task(at) => values.flow().tasks.get(at).map_or("", |task| &task.name),
    };
    match (step, value) {
        (Step::Item(at), Value::Record(items) | Value::Tuple(items)) if at < items.len() => Ok(items[at].clone()),
        (Step::Index(at), Value::List(list)) => list.get(at).ok_or_else(|| {
            let length = list.len();
            Blocked::BadArguments(format!("`{}` has no element {at}: its list has {length}", name()))
        }),
        _ => Err(Blocked::BadArguments(format!("`{}` has no such part", name()))),
    }
}
