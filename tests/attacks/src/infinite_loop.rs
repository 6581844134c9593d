//! Computes for ever without calling the host.
//! limits.cpu = "50 ms"
//! expect: used up its 50ms of CPU time

use std::hint::black_box;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut n = 0_u64;
    while black_box(true) {
        n = black_box(n).wrapping_add(1);
    }
    Ok(n.to_string())
}
