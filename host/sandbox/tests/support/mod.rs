//! Calls one function of a test guest in a real sandbox, on this thread.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use taskhost_model::event::LogSource;
use taskhost_model::seams::{Catalog, Executor, Reports, RunScope, Started};
use taskhost_model::{
    Attachment, Ending, FlowRunId, Grants, Limits, RequestId, TaskCall, TaskFailure, TaskRunOutcome, TaskRunReport,
    TaskRunRequest, TaskSignature, Value,
};
use taskhost_sandbox::{Sandbox, SandboxOptions};

/// A test guest's component.
pub(crate) fn guest(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
    let path = root.join(name).join("components").join(format!("{name}.wasm"));
    assert!(path.exists(), "{} is missing: run `cargo xtask guests` first", path.display());
    path
}

/// Keeps what guests say.
#[derive(Default)]
pub(crate) struct Log(pub(crate) Mutex<Vec<Attachment>>);

impl Log {
    pub(crate) fn lines(&self, wanted: impl Fn(LogSource) -> bool) -> Vec<String> {
        let said = self.0.lock().expect("not poisoned");
        said.iter()
            .filter_map(|attachment| match attachment {
                Attachment::Log { source, line } if wanted(*source) => Some(line.clone()),
                _ => None,
            })
            .collect()
    }
}

impl Reports for Log {
    fn ended(&self, _: TaskRunReport) {}

    fn attach(&self, _: &Arc<str>, _: u32, attachment: Attachment) {
        self.0.lock().expect("not poisoned").push(attachment);
    }
}

/// A sandbox and a component in it.
pub(crate) struct Guest {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) tasks: Vec<TaskSignature>,
    pub(crate) digest: taskhost_model::Digest,
    pub(crate) log: Arc<Log>,
    pub(crate) limits: Limits,
    pub(crate) grants: Grants,
    pub(crate) deterministic: bool,
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl Guest {
    pub(crate) fn new(name: &str) -> Guest {
        Guest::with_options(name, SandboxOptions { instances: 64, ..SandboxOptions::default() })
    }

    pub(crate) fn with_options(name: &str, options: SandboxOptions) -> Guest {
        let sandbox = Sandbox::new(options).expect("a sandbox");
        let signature = sandbox.signature(&guest(name)).expect("a component");
        let tasks = signature.tasks.clone();
        let (log, cancelled) = (Arc::default(), Arc::default());
        Guest {
            sandbox,
            tasks,
            digest: signature.digest,
            log,
            limits: Limits::DEFAULT,
            grants: Grants::default(),
            deterministic: false,
            cancelled,
        }
    }

    pub(crate) fn request(&self, function: &str, arguments: Vec<Value>) -> Arc<TaskRunRequest> {
        let task = self.tasks.iter().find(|task| &*task.function == function).expect("the guest has the function");
        let call = TaskCall {
            component: self.digest,
            component_name: "guest".into(),
            interface: task.interface.clone(),
            function: function.into(),
            parameters: task.parameters.iter().map(|(_, ty)| ty.clone()).collect(),
            result: task.result.clone(),
            limits: self.limits,
            grants: Arc::new(self.grants.clone()),
            deterministic: self.deterministic,
            cache: None,
        };
        Arc::new(TaskRunRequest {
            flow_run: FlowRunId::new(1, 1),
            id: RequestId(0),
            task: "test".into(),
            call: Arc::new(call),
            arguments: arguments.into(),
            mapped: [].into(),
            elements_from: 0,
            indexes: 0..1,
            attempt: 1,
        })
    }

    pub(crate) fn start(&self, request: &Arc<TaskRunRequest>) -> Started {
        let reports: Arc<dyn Reports> = self.log.clone();
        let scope = RunScope { cancelled: Arc::clone(&self.cancelled), reports };
        match self.sandbox.prepare(&request.call) {
            Ok(task) => task.start(request, 0, &scope),
            Err(failure) => panic!("not prepared: {failure}"),
        }
    }

    pub(crate) fn run(&self, function: &str, arguments: Vec<Value>) -> TaskRunOutcome {
        let _guard = self.sandbox.enter_thread();
        match self.start(&self.request(function, arguments)) {
            Started::Ended(outcome) => outcome,
            Started::Waiting(future) => block_on(future),
        }
    }

    /// The value that the function returns.
    pub(crate) fn call(&self, function: &str, arguments: Vec<Value>) -> Value {
        match self.run(function, arguments).ending {
            Ending::Returned(value) => value,
            other => panic!("`{function}` ended with {other:?}"),
        }
    }

    /// How the function fails.
    pub(crate) fn failure(&self, function: &str, arguments: Vec<Value>) -> TaskFailure {
        match self.run(function, arguments).ending {
            Ending::Failed(failure) => failure,
            other => panic!("`{function}` ended with {other:?}"),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
