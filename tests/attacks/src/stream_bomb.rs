//! Takes standard streams and their pollables and never gives one back.
//! expect: held more than its 1024 handles
//! needs: limits.handles

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut streams = Vec::new();
    while std::hint::black_box(true) {
        let (output, input) = (wasip2::cli::stdout::get_stdout(), wasip2::cli::stdin::get_stdin());
        streams.push((output.subscribe(), input.subscribe()));
        std::mem::forget((output, input));
    }
    Ok(streams.len().to_string())
}
