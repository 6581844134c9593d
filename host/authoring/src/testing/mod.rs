//! `taskhost test`: calls of the component with what is expected of them, as `tests.toml` says.
//!
//! ```toml
//! [[tests]]
//! name = "somebody is greeted by name"
//! call = "greet"
//! with.person = { name = "Ada", age = 36 }
//! returns = { text = "Hello, Ada, 36 years old!", letters = 25 }
//! log = ["greeting Ada"]
//!
//! [[tests]]
//! name = "a person without a name is an error"
//! call = "greet"
//! with.person = { name = " " }
//! fails = "a person needs a name"
//! ```
//!
//! ```text
//! text ──parse──► TestsFile ──check──► Tests ──run──► TestReport, one by one ──update──► the text with what was returned
//!                     └── mistakes, all at once, before anything runs ──┘
//! ```
//!
//! A test is a task of a flow with nothing around it: it is checked as one, by the flow's own check, and run as one. The sandbox is a
//! [`TestHost`], which the caller brings.

mod check;
mod difference;
mod parse;
mod run;
mod toml_text;
mod update;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taskhost_flow::written::{Expression, TaskWritten, Text};
use taskhost_flow::{Checked, Diagnostic, Diagnostics, Flow, FlowFile, FlowSource, Span};
use taskhost_model::seams::CatalogError;
use taskhost_model::{ArtifactRef, ComponentSignature, Refusal, TaskFailure, Usage, Value, ValueType};

use crate::error::Error;
use crate::project::Project;
use crate::toml_file;

pub use difference::Difference;
pub use update::Updated;

/// The file that holds a project's tests.
pub const FILE: &str = "tests.toml";

/// What tests need of a sandbox.
pub trait TestHost {
    /// What a component offers.
    fn signature(&self, component: &Path) -> Result<Arc<ComponentSignature>, CatalogError>;

    /// Checks a flow of one task, with the folders and files that it names.
    fn check(&self, flow: FlowFile) -> Result<Checked, Diagnostics>;

    /// Runs it once, as it would run in a flow.
    fn run(&self, flow: &Arc<Flow>) -> Result<TaskRun, Error>;

    /// The bytes of a blob that a task run gave.
    fn blob(&self, blob: &ArtifactRef) -> Result<Vec<u8>, Error>;
}

/// A task run that is over.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskRun {
    /// What it returned, an `ok` unpacked, or why it did not.
    pub ending: Result<Value, TaskFailure>,
    /// The lines of its log.
    pub log: Vec<String>,
    /// What it used.
    pub usage: Usage,
    /// What it tried and was not granted.
    pub refusals: Vec<Refusal>,
}

/// `tests.toml` as it is written.
pub struct TestsFile {
    source: Arc<FlowSource>,
    /// Those whose shape is right.
    tests: Vec<TestWritten>,
    mistakes: Vec<Diagnostic>,
}

/// `[[tests]]`
struct TestWritten {
    name: Text,
    /// Keys of a task: `call`, `with`, `allow`, `limits` …
    task: TaskWritten,
    /// `with-json`: arguments as JSON text.
    with_json: Vec<(Text, Text)>,
    /// `with-file`: arguments that are the content of files.
    with_file: Vec<(Text, Text)>,
    expected: ExpectedWritten,
    place: Place,
    log: Vec<Text>,
}

/// Where what is expected stands, or would be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// From the key to the end of the value.
    At(Span),
    /// Nothing stands there: on a line of its own below this byte.
    Below(usize),
    /// The same in a test that is an inline table: after this byte.
    After(usize),
    /// Over several lines, or in a table of its own: only its author can change it.
    Scattered,
}

/// What is expected of the result.
enum ExpectedWritten {
    /// That there is one.
    Success,
    /// `returns`
    Value(Expression),
    /// `returns-json`
    Json(Text),
    /// `returns-file`
    File(Text),
    /// `fails`
    Failure(Text),
}

/// Tests that may run.
pub struct Tests {
    source: Arc<FlowSource>,
    tests: Vec<Test>,
    /// What the author should know of them.
    pub warnings: Diagnostics,
}

/// A test that fits the component.
struct Test {
    name: Arc<str>,
    line: usize,
    flow: Arc<Flow>,
    ty: ValueType,
    expected: Expected,
    place: Place,
    log: Vec<Arc<str>>,
}

/// What is expected of the result.
enum Expected {
    Success,
    Value(Value),
    Json(Value),
    File(Value, PathBuf),
    Failure(Arc<str>),
}

/// Which tests are run, and how.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TestOptions {
    /// Only those with this text in their names.
    pub only: Option<String>,
    /// Take what is returned for what is expected, and write it down.
    pub update: bool,
}

/// How a test went.
#[derive(Clone, PartialEq, Debug)]
pub struct TestReport {
    /// Its name.
    pub name: Arc<str>,
    /// The line of `tests.toml` on which it begins.
    pub line: usize,
    /// What was not as expected; nothing if it passed.
    pub mismatches: Vec<Mismatch>,
    /// Whether what is expected was changed to what was returned.
    pub is_updated: bool,
    /// The lines of the log.
    pub log: Vec<String>,
    /// What it used.
    pub usage: Usage,
    /// What it tried and was not granted.
    pub refusals: Vec<Refusal>,
}

impl TestReport {
    /// Whether all was as expected.
    pub fn has_passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// Something that was not as expected.
#[derive(Clone, PartialEq, Debug)]
pub enum Mismatch {
    /// It returned something else.
    Value {
        /// What was expected, as JSON.
        expected: String,
        /// What it returned, as JSON.
        returned: String,
        /// Where they differ; the first few places.
        differences: Vec<Difference>,
    },
    /// It returned, but was to fail.
    Returned {
        /// With this in its message.
        expected: Arc<str>,
        /// What it returned, as JSON.
        returned: String,
    },
    /// It failed, but was to return.
    Failed(TaskFailure),
    /// It failed as it was to, but with another message.
    Message {
        /// What was to be in it.
        expected: Arc<str>,
        /// How it failed.
        failure: TaskFailure,
    },
    /// No line of the log has this in it.
    Log(Arc<str>),
}

/// How all tests went that were run.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Summary {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that did not.
    pub failed: usize,
    /// Tests that were left out by their names.
    pub left_out: usize,
    /// What was written down instead of what was expected.
    pub updated: Updated,
    /// From start to end.
    pub took: Duration,
}

impl TestsFile {
    /// The tests of a project; none if it has no `tests.toml`.
    pub fn read(project: &Project) -> Result<Option<TestsFile>, Error> {
        // Beside taskhost.toml, and seen from where that is seen.
        let path = project.source.beside(Path::new(FILE));
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(TestsFile::parse(&toml_file::read(&path)?)?))
    }
}
