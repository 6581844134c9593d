//! Is cancelled in the middle of a poll of hundreds of timers.
//! cancel-at: here
//! expect: cancelled

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let pollables: Vec<_> = (0..500).map(|_| subscribe_duration(3_600_000_000_000)).collect();
    println!("here");
    Ok(format!("{:?}", poll(&pollables.iter().collect::<Vec<_>>())))
}
