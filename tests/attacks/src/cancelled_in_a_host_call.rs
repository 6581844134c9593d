//! Is cancelled while it fetches random numbers by the megabyte, most likely inside a host call.
//! cancel-at: here
//! expect: cancelled

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    println!("here");
    let mut sum = 0;
    while std::hint::black_box(true) {
        sum += wasip2::random::random::get_random_bytes(4 << 20).len() % 7;
    }
    Ok(sum.to_string())
}
