//! Spends all of its time in quick host calls.
//! limits.cpu = "50 ms"
//! expect: used up its 50ms of CPU time

use wasip2::clocks::monotonic_clock::now;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut sum = 0_u64;
    while std::hint::black_box(true) {
        sum = sum.wrapping_add(now());
    }
    Ok(sum.to_string())
}
