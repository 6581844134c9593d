//! What waits to be sent: task runs as their runner reported them, and spans of flow runs and subflows.
//!
//! The threads that run tasks only put it into a [queue](crate::queue); names, times and bytes are made of it by the thread that sends.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::{TaskCall, TaskFailure, Usage};

use crate::trace::{SpanId, Trace};

/// Bytes of a failure's text that are told: a trace is no archive of tracebacks.
const TEXT_BYTES_MAX: usize = 1 << 10;

/// Something to send.
#[derive(Debug)]
pub(crate) enum Told {
    Attempts(Box<Attempts>),
    Single(Box<Single>),
}

/// Attempts of a task's runs that were reported together. Each is a span.
#[derive(Debug)]
pub(crate) struct Attempts {
    pub(crate) trace: Arc<Trace>,
    /// Path in the flow run.
    pub(crate) task: Arc<str>,
    pub(crate) call: Arc<TaskCall>,
    /// 1 for the first try.
    pub(crate) attempt: u32,
    pub(crate) is_mapped: bool,
    pub(crate) is_cached: bool,
    /// When they were handed to their runner: none began before.
    pub(crate) asked: Duration,
    /// When their runner told of them.
    pub(crate) ended: Duration,
    pub(crate) runs: Vec<Run>,
}

/// One attempt.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) index: u32,
    pub(crate) usage: Usage,
    pub(crate) end: End,
}

/// How something ended.
#[derive(Debug)]
pub(crate) enum End {
    Succeeded,
    Failed(Box<Failure>),
    Cancelled,
}

/// Why something failed: what reports say of it, cut short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// A word for programs; none for flow runs.
    pub(crate) kind: Option<&'static str>,
    pub(crate) text: String,
}

/// A span of its own.
#[derive(Debug)]
pub(crate) struct Single {
    pub(crate) trace: Arc<Trace>,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: Arc<str>,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) end: End,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

/// The value of a span's attribute.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    Text(Arc<str>),
    Whole(u64),
    Number(f64),
    Is(bool),
}

impl Told {
    /// How many spans it makes.
    pub(crate) fn spans(&self) -> usize {
        match self {
            Told::Attempts(attempts) => attempts.runs.len(),
            Told::Single(_) => 1,
        }
    }
}

impl Attempts {
    /// When each began and ended. Runners tell what each took, not when it was: those that fit behind each other ran so, on one thread; else
    /// they ran side by side.
    pub(crate) fn times(&self) -> Vec<(Duration, Duration)> {
        let took: Duration = self.runs.iter().map(|run| run.usage.wall_time).sum();
        let is_one_by_one = took <= self.ended.saturating_sub(self.asked);
        let mut next_end = self.ended;
        let mut times: Vec<_> = self
            .runs
            .iter()
            .rev()
            .map(|run| {
                let end = if is_one_by_one { next_end } else { self.ended };
                next_end = end.saturating_sub(run.usage.wall_time).max(self.asked).min(end);
                (next_end, end)
            })
            .collect();
        times.reverse();
        times
    }
}

impl End {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            End::Succeeded => "succeeded",
            End::Failed(_) => "failed",
            End::Cancelled => "cancelled",
        }
    }
}

impl Failure {
    pub(crate) fn of(failure: &TaskFailure) -> Failure {
        Failure { kind: Some(failure.kind()), text: cut(failure.to_string()) }
    }

    pub(crate) fn text(text: String) -> Failure {
        Failure { kind: None, text: cut(text) }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
    text
}

/// `clean`, of `months[3]/clean`.
pub(crate) fn name_of(task: &str) -> &str {
    task.rsplit('/').next().unwrap_or(task)
}

#[cfg(test)]
mod tests {
    use taskhost_model::FlowRunId;

    use super::*;

    fn attempts(asked: u64, ended: u64, took: &[u64]) -> Vec<(u64, u64)> {
        let run = |ms: &u64| Run {
            index: 0,
            usage: Usage { wall_time: Duration::from_millis(*ms), ..Usage::default() },
            end: End::Succeeded,
        };
        let attempts = Attempts {
            trace: Trace::new(&"f".into(), FlowRunId::new(1, 1), Duration::ZERO, None),
            task: "t".into(),
            call: Arc::new(crate::testing::call()),
            attempt: 1,
            is_mapped: true,
            is_cached: false,
            asked: Duration::from_millis(asked),
            ended: Duration::from_millis(ended),
            runs: took.iter().map(run).collect(),
        };
        let ms = |time: Duration| time.as_millis() as u64;
        attempts.times().into_iter().map(|(began, ended)| (ms(began), ms(ended))).collect()
    }

    #[test]
    fn task_runs_that_are_reported_together_ran_one_after_another_if_that_fits() {
        assert_eq!(attempts(10, 100, &[10, 20, 30]), [(40, 50), (50, 70), (70, 100)]);
        assert_eq!(attempts(10, 100, &[90]), [(10, 100)]);
    }

    #[test]
    fn task_runs_that_do_not_fit_behind_each_other_ran_side_by_side_and_none_before_it_was_asked_for() {
        assert_eq!(attempts(10, 100, &[80, 20, 500]), [(20, 100), (80, 100), (10, 100)]);
    }

    #[test]
    fn a_long_failure_is_cut_between_characters() {
        let failure = Failure::of(&TaskFailure::Returned("ä".repeat(4 << 10)));
        assert!(failure.text.len() <= TEXT_BYTES_MAX + "…".len() && failure.text.ends_with("ä…"), "{}", failure.text);
    }
}
