//! A fake host, so that `cargo test` runs a task's functions as an ordinary program.
//!
//! ```ignore
//! #[test]
//! fn the_sum_is_logged() {
//!     let host = taskhost_task::testing::host();
//!     assert_eq!(Numbers::sum(vec![1, 2]), Ok(3));
//!     assert!(host.has_logged("adding 2 numbers"));
//! }
//! ```
//!
//! Log, progress, context and blobs are answered in memory. WASI needs no fake: outside a component, files, time and random numbers are
//! those of the system. A thread has the host that it made last, and without one it has a host that nobody looks at.

use std::cell::RefCell;
use std::rc::Rc;

use crate::log::Level;
use crate::{Blob, Context};

thread_local! {
    static CURRENT: RefCell<Rc<RefCell<State>>> = RefCell::default();
}

/// What a task did with its host.
pub(crate) struct State {
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) least_level: Level,
    pub(crate) progress: Vec<Progress>,
    pub(crate) context: Context,
}

impl Default for State {
    fn default() -> State {
        let context = Context {
            flow_run: "test-flow-run".to_owned(),
            task: "test".to_owned(),
            task_run: "test-task-run".to_owned(),
            attempt: 1,
            mapped: false,
            map_index: 0,
            seconds_left: 60.0,
        };
        State { log: Vec::new(), least_level: Level::Trace, progress: Vec::new(), context }
    }
}

pub(crate) fn with_current<T>(look: impl FnOnce(&mut State) -> T) -> T {
    CURRENT.with(|current| look(&mut current.borrow().borrow_mut()))
}

/// How far a task said that it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Units that are done.
    pub done: u32,
    /// All units; 0 if that is not known.
    pub total: u32,
    /// What is going on.
    pub message: String,
}

/// The host of a test.
pub struct Host {
    state: Rc<RefCell<State>>,
}

/// A new host for this thread: nothing was logged yet, and every level is kept.
pub fn host() -> Host {
    let state = Rc::default();
    CURRENT.with(|current| *current.borrow_mut() = Rc::clone(&state));
    Host { state }
}

impl Host {
    /// Every message that was logged, with its level.
    pub fn log(&self) -> Vec<(Level, String)> {
        self.state.borrow().log.clone()
    }

    /// Whether a message with this text in it was logged.
    pub fn has_logged(&self, text: &str) -> bool {
        self.state.borrow().log.iter().any(|(_, message)| message.contains(text))
    }

    /// Nobody keeps messages below this level.
    pub fn keep_from(&self, level: Level) {
        self.state.borrow_mut().least_level = level;
    }

    /// Everything that was said of the task's progress.
    pub fn progress(&self) -> Vec<Progress> {
        self.state.borrow().progress.clone()
    }

    /// What [`context`](crate::context()) gives from here on.
    pub fn set_context(&self, change: impl FnOnce(&mut Context)) {
        change(&mut self.state.borrow_mut().context);
    }
}

/// A blob with these bytes, as an argument of a task.
pub fn blob(bytes: impl AsRef<[u8]>) -> Blob {
    Blob::of(bytes.as_ref())
}

/// The bytes of a blob that a task returned.
pub fn bytes(blob: &Blob) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut blob.reader(), &mut bytes).expect("memory can be read");
    bytes
}
