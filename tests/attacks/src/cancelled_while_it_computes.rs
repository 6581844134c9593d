//! Is cancelled while it computes.
//! cancel-at: here
//! expect: cancelled

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    println!("here");
    let mut n = 0_u64;
    while std::hint::black_box(true) {
        n = std::hint::black_box(n).wrapping_add(1);
    }
    Ok(n.to_string())
}
