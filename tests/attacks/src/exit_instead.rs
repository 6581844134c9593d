//! Exits as if all were well.
//! expect: called exit(0) instead of returning

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    std::process::exit(0)
}
