//! What the tests of several files need.

use std::sync::Arc;
use std::time::Duration;

use taskhost_model::{Digest, FlowRunId, Grants, Limits, TaskCall, Usage};

use crate::spans::{Attempts, End, Run, Told};
use crate::trace::Trace;

/// A call of nothing in particular.
pub(crate) fn call() -> TaskCall {
    TaskCall {
        component: Digest::of(b""),
        component_name: "c".into(),
        interface: None,
        function: "f".into(),
        parameters: Vec::new(),
        result: None,
        limits: Limits::DEFAULT,
        grants: Arc::new(Grants::default()),
        deterministic: false,
        cache: None,
    }
}

/// So many spans of task runs.
pub(crate) fn spans(count: usize) -> Told {
    let run = || Run { index: 0, usage: Usage::default(), end: End::Succeeded };
    Told::Attempts(Box::new(Attempts {
        trace: Trace::new(&"f".into(), FlowRunId::new(1, 1), Duration::ZERO, None),
        task: "t".into(),
        call: Arc::new(call()),
        attempt: 1,
        is_mapped: true,
        is_cached: false,
        asked: Duration::ZERO,
        ended: Duration::ZERO,
        runs: (0..count).map(|_| run()).collect(),
    }))
}
