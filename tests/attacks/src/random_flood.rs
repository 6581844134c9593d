//! Asks for 2^64-1 random bytes in one host call.
//! expect: requested len

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    Ok(wasip2::random::random::get_random_bytes(u64::MAX).len().to_string())
}
