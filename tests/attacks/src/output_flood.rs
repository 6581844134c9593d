//! Prints without end, to both streams.
//! limits.output = "10 KiB"
//! expect: wrote more than its 10 KiB of output

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    while std::hint::black_box(true) {
        println!("0123456789");
        eprintln!("0123456789");
    }
    Ok("printed".to_owned())
}
