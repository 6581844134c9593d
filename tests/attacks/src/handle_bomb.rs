//! Takes timers and never gives one back.
//! expect: held more than its 1024 handles
//! needs: limits.handles

use wasip2::clocks::monotonic_clock::subscribe_duration;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut pollables = Vec::new();
    while std::hint::black_box(true) {
        pollables.push(subscribe_duration(3_600_000_000_000));
    }
    Ok(pollables.len().to_string())
}
