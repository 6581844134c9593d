//! Polls one pollable a million times in one host call.
//! limits.cpu = "100 ms"
//! expect: /handle limit|used up its 100ms of CPU time/

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let pollable = subscribe_duration(0);
    let all = vec![&pollable; 1 << 20];
    let mut ready = 0_usize;
    while std::hint::black_box(true) {
        ready = ready.wrapping_add(poll(&all).len());
    }
    Ok(ready.to_string())
}
