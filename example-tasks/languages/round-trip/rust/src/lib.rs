//! The value in Rust, and the comparison at the end.

use exports::demo::round_trip::tasks::Everything;
use exports::demo::round_trip::{comparison, tasks};

taskhost_task::world!({ world: "comparing" });

struct Comparing;

impl tasks::Guest for Comparing {
    fn pass(value: Everything) -> Everything {
        let Everything { text, words, .. } = &value;
        taskhost_task::info!("{text} in Rust, {} words", words.len());
        value
    }

    fn add_one(value: u32) -> u32 {
        value.wrapping_add(1)
    }
}

/// Names of the fields that differ. They are compared by what `{:?}` writes: so -0.0 is not 0.0, and "not a number" is itself.
macro_rules! different {
    ($left:ident, $right:ident: $($field:ident)*) => {{
        // All of them, or this does not compile.
        let Everything { $($field: _),* } = &$left;
        let fields = [$((stringify!($field), format!("{:?}", $left.$field), format!("{:?}", $right.$field))),*];
        fields.into_iter().filter(|(_, left, right)| left != right).map(|(name, _, _)| name.replace('_', "-")).collect()
    }};
}

impl comparison::Guest for Comparing {
    fn differences(left: Everything, right: Everything) -> Vec<String> {
        different!(left, right: yes i8 i16 i32 i64 n8 n16 n32 n64 x32 x64 letter text bytes words no_words table pair place places
            shapes colour rights known unknown perhaps perhaps_not good bad done)
    }
}

export!(Comparing);
