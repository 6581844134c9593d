//! Sleeps for moments, without end: it never computes for long and never waits for long.
//! timeout = "50 ms"
//! expect: did not end within its timeout of 50ms

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    while std::hint::black_box(true) {
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    Ok("slept".to_owned())
}
