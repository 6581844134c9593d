//! Takes memory and fills it, without end.
//! limits.memory = "64 MiB"
//! expect: needed more than its 64 MiB of memory

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut chunks = Vec::new();
    while std::hint::black_box(true) {
        chunks.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
    Ok(chunks.len().to_string())
}
