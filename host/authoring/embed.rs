//! Templates and SDKs, as bytes in the program.

fn main() {}
