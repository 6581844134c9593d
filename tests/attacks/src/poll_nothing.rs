//! Polls an empty list, which the host must not wait for.
//! expect: /empty|poll list/

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    Ok(wasip2::io::poll::poll(&[]).len().to_string())
}
