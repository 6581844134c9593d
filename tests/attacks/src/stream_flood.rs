//! Writes zeroes by a host call that takes no bytes of the guest's.
//! limits.output = "64 KiB"
//! expect: wrote more than its 64 KiB of output

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let output = wasip2::cli::stdout::get_stdout();
    let mut written = 0_u64;
    while std::hint::black_box(true) {
        if output.blocking_write_zeroes_and_flush(4096).is_err() {
            return Ok(format!("closed after {written}"));
        }
        written += 4096;
    }
    Ok(written.to_string())
}
