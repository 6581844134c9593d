//! Is cancelled in the middle of a host call that waits.
//! cancel-at: here
//! expect: cancelled

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    println!("here");
    std::thread::sleep(std::time::Duration::from_secs(3600));
    Ok("slept".to_owned())
}
