//! Polls hundreds of pollables that are ready, over and over: each call is much work for the host.
//! limits.cpu = "50 ms"
//! expect: used up its 50ms of CPU time

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let pollables: Vec<_> = (0..500).map(|_| subscribe_duration(0)).collect();
    let all: Vec<_> = pollables.iter().collect();
    let mut ready = 0_usize;
    while std::hint::black_box(true) {
        ready = ready.wrapping_add(poll(&all).len());
    }
    Ok(ready.to_string())
}
