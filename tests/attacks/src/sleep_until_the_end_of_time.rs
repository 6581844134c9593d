//! Subscribes to moments and durations at the very end of the clock, where sums overflow.
//! timeout = "50 ms"
//! expect: did not end within its timeout of 50ms

use wasip2::clocks::monotonic_clock::{subscribe_duration, subscribe_instant};
use wasip2::io::poll::poll;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let pollables = [subscribe_duration(u64::MAX), subscribe_instant(u64::MAX), subscribe_duration(u64::MAX / 2)];
    Ok(format!("{:?}", poll(&pollables.each_ref())))
}
