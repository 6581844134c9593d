//! Spans as OTLP has them: the Protocol Buffers message `ExportTraceServiceRequest` of `opentelemetry/proto/collector/trace/v1`, version 1.
//!
//! Written by hand, since it is a page: numbers of fields stand beside what they are. A field that has its default is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::spans::{Attempts, Attribute, End, Failure, Single, Told, name_of};
use crate::trace::{SpanId, Trace};

/// `SPAN_KIND_INTERNAL`.
const KIND_INTERNAL: u64 = 1;
/// `STATUS_CODE_OK`.
const STATUS_OK: u64 = 1;
/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u64 = 2;

/// A message that holds all these spans.
pub(crate) fn request(resource: &BTreeMap<String, String>, told: &[Told]) -> Vec<u8> {
    let mut out = Vec::with_capacity(told.iter().map(Told::spans).sum::<usize>() * 512 + 512);
    message(&mut out, 1, |resource_spans| {
        message(resource_spans, 1, |out| {
            for (key, value) in resource {
                attribute(out, 1, key, &Attribute::Text(value.as_str().into()));
            }
        });
        message(resource_spans, 2, |scope_spans| {
            message(scope_spans, 1, |scope| {
                text(scope, 1, "taskhost");
                text(scope, 2, env!("CARGO_PKG_VERSION"));
            });
            for told in told {
                match told {
                    Told::Attempts(all) => attempts(scope_spans, all),
                    Told::Single(one) => single(scope_spans, one),
                }
            }
        });
    });
    out
}

/// What each span has.
struct Head<'a> {
    trace: &'a Trace,
    id: SpanId,
    parent: Option<SpanId>,
    name: &'a str,
    times: (Duration, Duration),
    end: &'a End,
}

fn span(out: &mut Vec<u8>, head: &Head<'_>, attributes: impl FnOnce(&mut Vec<u8>)) {
    message(out, 2, |out| {
        bytes(out, 1, &head.trace.id);
        bytes(out, 2, &head.id);
        if let Some(parent) = &head.parent {
            bytes(out, 4, parent);
        }
        text(out, 5, head.name);
        number(out, 6, KIND_INTERNAL);
        fixed(out, 7, head.trace.clock(head.times.0));
        fixed(out, 8, head.trace.clock(head.times.1));
        attribute(out, 9, "taskhost.run.id", &Attribute::Text(head.trace.run.as_str().into()));
        attribute(out, 9, "taskhost.flow", &Attribute::Text(head.trace.flow.clone()));
        attribute(out, 9, "taskhost.state", &Attribute::Text(head.end.name().into()));
        if let End::Failed(failure) = head.end
            && let Some(kind) = failure.kind
        {
            attribute(out, 9, "taskhost.failure.kind", &Attribute::Text(kind.into()));
        }
        attributes(out);
        message(out, 15, |status| match head.end {
            End::Succeeded => number(status, 3, STATUS_OK),
            End::Failed(failure) => {
                let Failure { text: why, .. } = &**failure;
                text(status, 2, why);
                number(status, 3, STATUS_ERROR);
            }
            End::Cancelled => {}
        });
    });
}

fn attempts(out: &mut Vec<u8>, attempts: &Attempts) {
    let Attempts { trace, task, call, .. } = attempts;
    let parent = Some(trace.around(task));
    let digest: Attribute = Attribute::Text(call.component.to_string().into());
    for (run, times) in attempts.runs.iter().zip(attempts.times()) {
        let head = Head { trace, id: trace.another(), parent, name: name_of(task), times, end: &run.end };
        span(out, &head, |out| {
            let usage = &run.usage;
            let mut add = |key: &str, value: Attribute| attribute(out, 9, key, &value);
            add("taskhost.task", Attribute::Text(task.clone()));
            if attempts.is_mapped {
                add("taskhost.task.index", Attribute::Whole(u64::from(run.index)));
            }
            add("taskhost.attempt", Attribute::Whole(u64::from(attempts.attempt)));
            add("taskhost.component", Attribute::Text(call.component_name.clone()));
            add("taskhost.component.digest", digest.clone());
            add("taskhost.function", Attribute::Text(call.function.clone()));
            add("taskhost.cached", Attribute::Is(attempts.is_cached));
            add("taskhost.usage.cpu_seconds", Attribute::Number(usage.cpu_time.as_secs_f64()));
            add("taskhost.usage.wall_seconds", Attribute::Number(usage.wall_time.as_secs_f64()));
            add("taskhost.usage.memory_peak_bytes", Attribute::Whole(usage.memory_bytes_peak));
            add("taskhost.usage.bytes_in", Attribute::Whole(usage.bytes_in));
            add("taskhost.usage.bytes_out", Attribute::Whole(usage.bytes_out));
            add("taskhost.usage.host_calls", Attribute::Whole(usage.host_calls));
        });
    }
}

fn single(out: &mut Vec<u8>, single: &Single) {
    let Single { trace, id, parent, name, began, ended, end, attributes } = single;
    let head = Head { trace, id: *id, parent: *parent, name, times: (*began.min(ended), *ended), end };
    span(out, &head, |out| attributes.iter().for_each(|(key, value)| attribute(out, 9, key, value)));
}

/// A `KeyValue`.
fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: &Attribute) {
    message(out, field, |out| {
        text(out, 1, key);
        // In an `AnyValue` also what is empty or zero is written: it says which case it is.
        message(out, 2, |out| match value {
            Attribute::Text(value) => bytes(out, 1, value.as_bytes()),
            Attribute::Is(value) => number(out, 2, u64::from(*value)),
            Attribute::Whole(value) => number(out, 3, (*value).min(i64::MAX as u64)),
            Attribute::Number(value) => fixed(out, 4, value.to_bits()),
        });
    });
}

const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const LENGTH: u32 = 2;

fn tag(out: &mut Vec<u8>, field: u32, kind: u32) {
    varint(out, u64::from(field << 3 | kind));
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, VARINT);
    varint(out, value);
}

fn fixed(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, FIXED_64);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    tag(out, field, LENGTH);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn text(out: &mut Vec<u8>, field: u32, value: &str) {
    if !value.is_empty() {
        bytes(out, field, value.as_bytes());
    }
}

/// A message within one. Its length is known afterwards, and put in front of it.
fn message(out: &mut Vec<u8>, field: u32, content: impl FnOnce(&mut Vec<u8>)) {
    tag(out, field, LENGTH);
    let start = out.len();
    content(out);
    let mut length = Vec::with_capacity(10);
    varint(&mut length, (out.len() - start) as u64);
    out.splice(start..start, length);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use taskhost_model::{FlowRunId, TaskFailure};

    use super::*;

    #[test]
    fn numbers_and_messages_are_written_as_protocol_buffers_have_them() {
        let mut out = Vec::new();
        number(&mut out, 1, 150);
        assert_eq!(out, [0x08, 0x96, 0x01]);
        out.clear();
        message(&mut out, 3, |out| number(out, 1, 150));
        assert_eq!(out, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        out.clear();
        message(&mut out, 2, |out| bytes(out, 1, &[7; 300]));
        assert_eq!(out[..6], [0x12, 0xaf, 0x02, 0x0a, 0xac, 0x02]);
        assert_eq!(out.len(), 306);
    }

    #[test]
    fn a_failure_is_told_once_as_the_status_of_its_span() {
        let trace = Trace::new(&"f".into(), FlowRunId::new(1, 1), Duration::ZERO, None);
        let failure = Failure::of(&TaskFailure::Returned("no column `t`".into()));
        let one = Single {
            id: trace.root,
            parent: None,
            name: Arc::from("f"),
            began: Duration::from_secs(1),
            ended: Duration::from_secs(2),
            end: End::Failed(Box::new(failure)),
            attributes: Vec::new(),
            trace,
        };
        let out = request(&BTreeMap::new(), &[Told::Single(Box::new(one))]);
        let text = String::from_utf8_lossy(&out);
        assert_eq!(text.matches("returned an error: no column `t`").count(), 1);
        // `message`, then `code`, at the end of the span.
        assert_eq!(out[out.len() - 2..], [3 << 3, 2]);
    }
}
