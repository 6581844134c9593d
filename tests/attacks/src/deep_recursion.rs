//! Calls itself until the stack ends.
//! expect: stack

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    Ok(deeper(0).to_string())
}

#[expect(unconditional_recursion, reason = "that is the attack")]
fn deeper(depth: u32) -> u32 {
    std::hint::black_box(deeper(std::hint::black_box(depth).wrapping_add(1))).wrapping_add(1)
}
