//! A guest whose tasks are async functions of WASI 0.3.

use std::future::poll_fn;
use std::task::Poll;

use exports::test::async_tasks::tasks::{Guest, Many};

taskhost_task::world!({ world: "test:async-tasks/async-tasks", path: ["../../../wit", "wit"] });

struct Async;

impl Guest for Async {
    async fn slow_double(n: u32) -> u32 {
        give_way().await;
        n * 2
    }

    fn same(n: u32) -> u32 {
        n
    }

    fn pair(n: u32, text: String) -> (u32, String) {
        (n, text)
    }

    async fn slow_pair(n: u32, text: String) -> (u32, String) {
        give_way().await;
        (n, text)
    }

    fn same_many(value: Many) -> Many {
        value
    }

    async fn slow_many(value: Many) -> Many {
        give_way().await;
        value
    }

    async fn slow_fail(message: String) -> Result<u32, String> {
        give_way().await;
        Err(message)
    }

    async fn slow_bytes(value: Vec<u8>) -> Vec<u8> {
        give_way().await;
        value
    }
}

/// Lets the host do something else once.
async fn give_way() {
    let mut gave_way = false;
    poll_fn(|context| {
        if gave_way {
            return Poll::Ready(());
        }
        gave_way = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

export!(Async);
