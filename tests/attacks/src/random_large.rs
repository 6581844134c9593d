//! Asks for many megabytes of random numbers in each host call, over and over.
//! limits.cpu = "100 ms"
//! expect: used up its 100ms of CPU time

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut sum = 0;
    while std::hint::black_box(true) {
        sum += wasip2::random::random::get_random_bytes(8 << 20).len() % 7;
    }
    Ok(sum.to_string())
}
