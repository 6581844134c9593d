//! Folders that go away, a sandbox that is a table, and projects.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use taskhost_authoring::Error;
use taskhost_authoring::testing::{TaskRun, TestHost};
use taskhost_flow::{Checked, Diagnostics, Flow, FlowFile, FlowSource, Surroundings, check};
use taskhost_model::seams::{Catalog, CatalogError};
use taskhost_model::{
    ArtifactRef, ComponentSignature, Digest, TaskFailure, TaskSignature, Usage, Value, ValueType, json,
};

/// A folder for one test, which goes away with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("taskhost-authoring-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Folder(fs::canonicalize(path).expect("it is there"))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn with(self, file: &str, text: &str) -> Folder {
        self.write(file, text);
        self
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An error's text, with this folder as `DIR`.
pub fn told<T>(folder: &Folder, result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("it is an error"),
        Err(error) => error.to_string().replace(&*folder.path().to_string_lossy(), "DIR"),
    }
}

/// A component with some functions, each of which does what `run` says.
pub struct Table {
    pub tasks: Vec<TaskSignature>,
    /// From a function and its arguments as JSON to its result as JSON, or a failure; and to the lines of its log.
    #[expect(clippy::type_complexity, reason = "said once")]
    pub run: Box<dyn Fn(&str, &[serde_json::Value]) -> (Result<serde_json::Value, TaskFailure>, Vec<String>)>,
    pub runs: RefCell<Vec<String>>,
}

/// A function, its parameters, and its result.
pub type Task<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<&'a str>);

impl Table {
    pub fn new(
        tasks: &[Task<'_>],
        run: impl Fn(&str, &[serde_json::Value]) -> (Result<serde_json::Value, TaskFailure>, Vec<String>) + 'static,
    ) -> Table {
        let ty = |text: &str| text.parse::<ValueType>().expect("a type");
        let task = |(function, parameters, result): &Task<'_>| TaskSignature {
            interface: Some("my:greeter/tasks@0.1.0".into()),
            function: (*function).into(),
            parameters: parameters.iter().map(|(name, text)| ((*name).into(), ty(text))).collect(),
            result: result.map(ty),
            docs: None,
        };
        Table { tasks: tasks.iter().map(task).collect(), run: Box::new(run), runs: RefCell::default() }
    }

    pub fn signature(&self) -> Arc<ComponentSignature> {
        Arc::new(ComponentSignature {
            digest: Digest::of(b"component"),
            size_bytes: 1,
            tasks: self.tasks.clone(),
            unusable: Vec::new(),
            imports: Vec::new(),
        })
    }
}

impl Catalog for Table {
    fn signature(&self, _: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
        Ok(Table::signature(self))
    }
}

/// The file system.
pub struct Files;

impl Surroundings for Files {
    fn subflow(&self, _: &Path) -> Result<Arc<FlowSource>, String> {
        Err("does not exist".to_owned())
    }

    fn default_file(&self, path: &Path) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|_| "does not exist".to_owned())
    }

    fn blob(&self, path: &Path) -> Result<ArtifactRef, String> {
        let bytes = fs::read(path).map_err(|_| "does not exist".to_owned())?;
        Ok(ArtifactRef { digest: Digest::of(&bytes).bytes(), length: bytes.len() as u64 })
    }
}

impl TestHost for Table {
    fn signature(&self, _: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
        Ok(Table::signature(self))
    }

    fn check(&self, flow: FlowFile) -> Result<Checked, Diagnostics> {
        check(flow, &Files, self)
    }

    fn run(&self, flow: &Arc<Flow>) -> Result<TaskRun, Error> {
        let task = &flow.tasks[0];
        let taskhost_flow::TaskKind::Call(call) = &task.kind else { panic!("a function") };
        let signature = self.tasks.iter().find(|task| task.function == call.function).expect("it was checked");
        let arguments: Vec<serde_json::Value> = task
            .inputs
            .iter()
            .zip(&signature.parameters)
            .map(|(input, (_, ty))| match input {
                taskhost_flow::Input::Literal(value) => json::to_value(value, ty),
                taskhost_flow::Input::Reference(reference) => match &reference.source {
                    taskhost_flow::flow::Source::Parameter(at) => {
                        let value = flow.parameters[*at].default.as_ref().expect("the content of a file");
                        json::to_value(value, ty)
                    }
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
            .collect();
        let shown: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        self.runs.borrow_mut().push(format!("{}({})", signature.function, shown.join(", ")));
        let (ending, log) = (self.run)(&signature.function, &arguments);
        let value = |json: serde_json::Value| -> Value {
            json::from_value(&json, &task.success_type).expect("a value of the type")
        };
        Ok(TaskRun { ending: ending.map(value), log, usage: Usage::default(), refusals: Vec::new() })
    }

    fn blob(&self, _: &ArtifactRef) -> Result<Vec<u8>, Error> {
        Ok(b"the bytes".to_vec())
    }
}
