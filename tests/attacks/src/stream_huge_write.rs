//! Hands the host 2^64-1 zeroes and 64 MiB of bytes at once, past what the stream allowed.
//! expect: /output|permit|write|hostcall|fuel/

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let output = wasip2::cli::stdout::get_stdout();
    let zeroes = output.write_zeroes(u64::MAX).is_ok();
    let bytes = output.write(&vec![b'x'; 64 << 20]).is_ok();
    Ok(format!("zeroes {zeroes}, bytes {bytes}"))
}
