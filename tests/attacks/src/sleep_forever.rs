//! Sleeps for an hour.
//! timeout = "50 ms"
//! expect: did not end within its timeout of 50ms

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    std::thread::sleep(std::time::Duration::from_secs(3600));
    Ok("slept".to_owned())
}
