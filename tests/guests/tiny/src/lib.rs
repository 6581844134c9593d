//! A guest that asks for nothing: what a call costs at least.
//!
//! `wrapping_add` because a panic would bring in stderr, and with it most of WASI.

use exports::test::tiny::tasks::Guest;

taskhost_task::world!({ world: "test:tiny/tiny", path: ["../../../wit", "wit"] });

struct Tiny;

impl Guest for Tiny {
    fn add_one(value: u32) -> u32 {
        value.wrapping_add(1)
    }
}

export!(Tiny);
