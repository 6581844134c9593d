//! A usual small task in Rust: std with all that it imports, but nothing printed and nothing waited for.

use exports::test::plain::tasks::Guest;

taskhost_task::world!({ world: "test:plain/plain", path: ["../../../wit", "wit"] });

struct Plain;

impl Guest for Plain {
    fn add_one(value: u32) -> Result<u32, String> {
        value.checked_add(1).ok_or_else(|| format!("{value} + 1 does not fit"))
    }
}

export!(Plain);
