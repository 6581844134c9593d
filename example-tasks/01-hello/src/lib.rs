//! The smallest example: one task with one argument.

use exports::demo::hello::tasks::Guest;
use taskhost_task::info;

taskhost_task::world!({ world: "demo:hello/hello", path: ["../../wit", "wit"] });

struct Hello;

impl Guest for Hello {
    fn greet(name: String) -> String {
        info!("greeting {name}");
        format!("Hello, {name}!")
    }
}

export!(Hello);
