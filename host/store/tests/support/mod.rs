//! What the tests of the store share: folders that go away, events that tell where they stand, and this very test program as another process.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use taskhost_model::event::Timed;
use taskhost_model::{FlowRunEnding, FlowRunId, List, Origin, RunEvent, TaskState, Usage, Value, ValueType};
use taskhost_store::{RunRecord, Store};

/// A folder of its own for each test.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("taskhost-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Scratch(folder)
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.0).expect("a store")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("runs/journal.sqlite")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn id(number: u32) -> FlowRunId {
    FlowRunId::new(1_790_000_000_000 + u64::from(number), number)
}

pub(crate) fn record(number: u32, flow: &str) -> RunRecord {
    RunRecord { flow: flow.into(), ..RunRecord::empty(id(number), 1_790_000_000_000 + u64::from(number)) }
}

pub(crate) fn started(task: &str, runs: u32) -> RunEvent {
    RunEvent::TaskStarted { task: task.into(), runs }
}

pub(crate) fn task_over(task: &str, state: TaskState) -> RunEvent {
    RunEvent::TaskEnded { task: task.into(), state }
}

pub(crate) fn ended(task: &Arc<str>, first: u32, results: Vec<Value>) -> RunEvent {
    RunEvent::TaskRunsEnded {
        task: Arc::clone(task),
        first,
        count: results.len() as u32,
        usage: Usage { host_calls: 1, ..Usage::default() },
        failures: vec![],
        refusals: vec![],
        results: results.into_iter().map(Some).collect(),
        origin: Origin::Run,
    }
}

pub(crate) fn succeeded() -> RunEvent {
    RunEvent::FlowRunEnded(FlowRunEnding::Succeeded(vec![Some(Value::U32(7)), None]))
}

pub(crate) fn at(milliseconds: u64, event: RunEvent) -> Timed<RunEvent> {
    Timed { at: Duration::from_millis(milliseconds), event }
}

/// A `list<u32>` of so many numbers, which begin with `first`.
pub(crate) fn numbers(first: u32, count: u32) -> Value {
    Value::List(List::from_values(&ValueType::U32, (first..first + count).map(Value::U32)))
}

pub(crate) fn events(store: &Store, id: FlowRunId) -> Vec<Timed<RunEvent>> {
    store.events(id).expect("a run").collect::<Result<_, _>>().expect("readable")
}

/// Waits for something that another thread or process does; panics if it does not happen.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

const FOLDER: &str = "TASKHOST_STORE_TEST_FOLDER";

/// Runs the test `role` of this program in another process, which finds `folder` by [`role_folder`].
pub(crate) fn other_process(role: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args([role, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("another process")
}

/// The folder to work in, if this process plays a role for another one.
pub(crate) fn role_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}
