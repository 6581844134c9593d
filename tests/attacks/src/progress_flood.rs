//! Reports progress without end, with long messages.
//! limits.cpu = "100 ms"
//! expect: used up its 100ms of CPU time

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let message = "x".repeat(1 << 20);
    while std::hint::black_box(true) {
        taskhost_task::progress(1, 2, &message);
    }
    Ok("reported".to_owned())
}
