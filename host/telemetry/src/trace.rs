//! Names of traces and spans, and what one flow run's spans have in common.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use taskhost_model::FlowRunId;

/// 16 bytes, not all zero.
pub(crate) type TraceId = [u8; 16];

/// 8 bytes, not all zero.
pub(crate) type SpanId = [u8; 8];

/// The span that a flow run is part of, as a caller tells it in `TRACEPARENT`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parent {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) is_sampled: bool,
}

impl Parent {
    /// From the W3C's form, `00-<trace>-<span>-<flags>`; none for anything else: then a trace begins.
    pub(crate) fn parse(text: &str) -> Option<Parent> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_whole = version != "00" || parts.next().is_none();
        let ([version], [flags]) = (bytes::<1>(version)?, bytes::<1>(flags)?);
        let (trace, span) = (bytes::<16>(trace)?, bytes::<8>(span)?);
        let is_one = is_whole && version != 0xff && trace != [0; 16] && span != [0; 8];
        is_one.then_some(Parent { trace, span, is_sampled: flags & 1 == 1 })
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut out = [0; N];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(out)
}

/// The trace of a flow run without a caller's: the same each time that the flow run goes on.
fn trace_of(id: FlowRunId) -> TraceId {
    let hash = blake3::derive_key("taskhost 2026-11 trace of a flow run", id.to_string().as_bytes());
    let mut trace = [0; 16];
    trace.copy_from_slice(&hash[..16]);
    trace
}

/// What the spans of one flow run have in common.
#[derive(Debug)]
pub(crate) struct Trace {
    /// The flow's name.
    pub(crate) flow: Arc<str>,
    /// The flow run's id.
    pub(crate) run: String,
    pub(crate) id: TraceId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) root: SpanId,
    /// When the flow run began by the clock, in nanoseconds since 1970: times of events are added to it.
    zero: u64,
    seed: u64,
    next: AtomicU64,
}

impl Trace {
    /// Of a flow run that begins now, or goes on after an earlier part of it took `before`.
    pub(crate) fn new(flow: &Arc<str>, id: FlowRunId, before: Duration, parent: Option<&Parent>) -> Arc<Trace> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Different in each process: an earlier part of the flow run has spans in the same trace.
        let seed = RandomState::new().hash_one(now);
        Arc::new(Trace {
            flow: Arc::clone(flow),
            run: id.to_string(),
            id: parent.map_or_else(|| trace_of(id), |parent| parent.trace),
            parent: parent.map(|parent| parent.span),
            root: span(mix(seed)),
            zero: nanoseconds(now.saturating_sub(before)),
            seed,
            next: AtomicU64::new(1),
        })
    }

    /// For a span that nobody needs to know before it is over.
    pub(crate) fn another(&self) -> SpanId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        span(mix(self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }

    /// The span of a subflow's run, by its path, such as `months[3]`: those inside know it before it is over.
    pub(crate) fn of_path(&self, path: &str) -> SpanId {
        let hash = path
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        span(mix(hash ^ self.seed.rotate_left(32)))
    }

    /// The span that something at `path` is part of.
    pub(crate) fn around(&self, path: &str) -> SpanId {
        path.rsplit_once('/').map_or(self.root, |(around, _)| self.of_path(around))
    }

    /// Nanoseconds since 1970, of a time since the flow run's start.
    pub(crate) fn clock(&self, at: Duration) -> u64 {
        self.zero.saturating_add(nanoseconds(at))
    }

    /// The trace's name, for people.
    pub(crate) fn hex(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn span(number: u64) -> SpanId {
    number.max(1).to_be_bytes()
}

/// The end of SplitMix64: each number gives another one.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_parent_is_read_as_the_w3c_writes_it() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = Parent::parse(text).expect("a parent");
        assert_eq!((parent.trace[0], parent.span[7], parent.is_sampled), (0x4b, 0xb7, true));
        assert!(Parent::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more").is_some());
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-é4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Parent::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_flow_run_that_goes_on_has_the_same_trace_and_other_spans() {
        let id = FlowRunId::new(77, 7);
        let [first, second] = [(); 2].map(|()| Trace::new(&"f".into(), id, Duration::ZERO, None));
        assert_eq!(first.id, second.id);
        assert_ne!(first.root, second.root);
        assert_ne!(first.of_path("a"), second.of_path("a"));
        assert_ne!(first.id, Trace::new(&"f".into(), FlowRunId::new(77, 8), Duration::ZERO, None).id);
    }

    #[test]
    fn spans_of_a_flow_run_are_told_apart() {
        let trace = Trace::new(&"f".into(), FlowRunId::new(1, 1), Duration::ZERO, None);
        let mut seen: HashSet<SpanId> = (0..10_000).map(|_| trace.another()).collect();
        seen.extend((0..10_000).map(|index| trace.of_path(&format!("months[{index}]"))));
        seen.insert(trace.root);
        assert_eq!(seen.len(), 20_001);
        assert_eq!(trace.around("months[3]/clean"), trace.of_path("months[3]"));
        assert_eq!(trace.around("clean"), trace.root);
    }
}
