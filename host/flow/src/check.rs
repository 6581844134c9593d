//! From a [`FlowFile`] to a [`Flow`]: names are resolved, types agree, there is no cycle. All mistakes at once.
//!
//! One bad task neither hides the mistakes of others nor brings follow-up ones: what it gives has an unknown type (`None`),
//! with which everything agrees. What lies outside the file is asked for through [`Surroundings`] and
//! [`Catalog`], so that this stays without I/O. The steps for one file stand in `FileCheck::run`; each has a file in `check/`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_model::grants::{FolderGrant, Grants};
use taskhost_model::powers::Powers;
use taskhost_model::seams::{Catalog, CatalogError};
use taskhost_model::{ArtifactRef, ComponentSignature, ValueType};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::flow::{Flow, Source};
use crate::names::Suggestions;
use crate::source::{FlowSource, Span};
use crate::written::FlowFile;

mod allow;
mod assemble;
mod callee;
mod expression;
mod folders;
mod grants;
mod inherit;
mod links;
mod order;
mod outputs;
mod parameters;
mod reference;
pub(crate) mod repeats;
mod subflow;
mod tasks;

use callee::Callee;
use grants::TaskGrants;
use inherit::Unsaid;
use links::Link;

/// What lies beside a flow. Paths are already seen from where the flow's own path is seen.
pub trait Surroundings {
    /// The text of another flow. The message reads after "flow `x` …", such as "does not exist".
    fn subflow(&self, path: &Path) -> Result<Arc<FlowSource>, String>;

    /// The content of a `default-file`. The message reads after "file `x` …".
    fn default_file(&self, path: &Path) -> Result<Vec<u8>, String>;

    /// The name that the content of a `default-file` has as a blob; keeping it is for whoever runs the flow. The message reads after
    /// "file `x` …".
    fn blob(&self, _: &Path) -> Result<ArtifactRef, String> {
        Err("cannot be a blob here".to_owned())
    }

    /// What stands where a folder is granted; said to be one where nobody looks.
    fn folder(&self, _grant: &FolderGrant) -> FolderState {
        FolderState::There
    }
}

/// What stands where a folder is granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FolderState {
    /// A folder.
    There,
    /// Nothing: it may be made before a task needs it.
    Absent,
    /// What a run would refuse.
    Unusable {
        /// Reads after the folder's name, such as "is a symbolic link".
        reason: String,
        /// What to grant instead.
        help: String,
    },
}

/// A flow that may run.
#[derive(Debug)]
pub struct Checked {
    /// The flow.
    pub flow: Arc<Flow>,
    /// Warnings and notes.
    pub notes: Diagnostics,
}

/// Checks a flow, with its subflows.
pub fn check(file: FlowFile, surroundings: &dyn Surroundings, catalog: &dyn Catalog) -> Result<Checked, Diagnostics> {
    let mut session = Session {
        surroundings,
        catalog,
        signatures: HashMap::new(),
        subflows: HashMap::new(),
        stack: vec![subflow::normalise(file.source.path())],
        depth: 0,
        grants: HashSet::new(),
        diagnostics: Vec::new(),
        errors: 0,
        suggestions: Suggestions::new(),
    };
    let flow = session.file(&file);
    let diagnostics = Diagnostics::new(session.diagnostics);
    match flow {
        Some(flow) => Ok(Checked { flow: flow.flow, notes: diagnostics }),
        None => Err(diagnostics),
    }
}

/// What the check of a flow and its subflows share.
struct Session<'a> {
    surroundings: &'a dyn Surroundings,
    catalog: &'a dyn Catalog,
    signatures: HashMap<PathBuf, Result<Arc<ComponentSignature>, CatalogError>>,
    /// Each file is checked once; none if it has mistakes.
    subflows: HashMap<PathBuf, Option<CheckedFile>>,
    /// The files that are being checked, outermost first.
    stack: Vec<PathBuf>,
    /// Flows around the one that is being checked.
    depth: usize,
    /// Each different one once.
    grants: HashSet<Arc<Grants>>,
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    suggestions: Suggestions,
}

#[derive(Clone)]
struct CheckedFile {
    flow: Arc<Flow>,
    /// Levels of subflows below it.
    height: usize,
    /// Its tasks and those of its subflows, each as often as it is run; a map counts once.
    expanded: u64,
    /// What its tasks and those of its subflows leave unsaid.
    unsaid: Arc<Unsaid>,
}

impl Session<'_> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.diagnostics.push(diagnostic);
    }

    /// Checks one file; none if it has mistakes.
    fn file(&mut self, file: &FlowFile) -> Option<CheckedFile> {
        let errors_before = self.errors;
        file.mistakes.iter().for_each(|mistake| self.push(mistake.clone()));
        let check = FileCheck {
            errors_before,
            file,
            names: HashMap::new(),
            callees: Vec::new(),
            components_used: vec![false; file.components.len()],
            links: Vec::new(),
            parameters_used: vec![false; file.parameters.len()],
            unknown_names: false,
            unknown_components: false,
            grants: Vec::new(),
            powers: HashMap::new(),
            unsaid: Unsaid::default(),
            task_types: Vec::new(),
            parameter_types: Vec::new(),
            height: 0,
            expanded: file.tasks.len() as u64,
            session: self,
        };
        check.run()
    }
}

/// The check of one file.
struct FileCheck<'f, 's, 'a> {
    session: &'s mut Session<'a>,
    errors_before: usize,
    file: &'f FlowFile,
    names: HashMap<&'f str, Source>,
    /// What each task runs; none if that is a mistake.
    callees: Vec<Option<Callee>>,
    components_used: Vec<bool>,
    /// For each task, which others it names, and where.
    links: Vec<Vec<Link>>,
    parameters_used: Vec<bool>,
    /// A reference names what does not exist: perhaps it means a parameter that seems not to be used.
    unknown_names: bool,
    /// The same of calls and components.
    unknown_components: bool,
    /// What each task may touch.
    grants: Vec<TaskGrants>,
    /// What a task that calls this component with these grants can do: many tasks are alike.
    powers: HashMap<(usize, *const Grants), Arc<Powers>>,
    /// See [`CheckedFile::unsaid`].
    unsaid: Unsaid,
    task_types: Vec<Option<TaskTypes>>,
    parameter_types: Vec<Option<ValueType>>,
    height: usize,
    expanded: u64,
}

/// What a task gives.
#[derive(Clone)]
struct TaskTypes {
    /// What one task run gives when it succeeds.
    success: ValueType,
    /// What `${task}` gives.
    result: ValueType,
    /// `E` of a function that returns `result<T, E>`; the inner none is an `err` without a value.
    error: Option<Option<ValueType>>,
    mapped: bool,
}

impl FileCheck<'_, '_, '_> {
    fn run(mut self) -> Option<CheckedFile> {
        self.bind_names();
        self.find_callees();
        self.check_repeats();
        self.find_grants();
        self.find_links();
        self.find_task_types();
        self.find_parameter_types();
        let defaults = self.defaults();
        let tasks = self.task_inputs();
        let order = self.order(&tasks);
        let outputs = self.outputs(&order);
        self.warn_unused();
        if self.session.errors > self.errors_before {
            return None;
        }
        let failures_handled = order.failures_handled(&tasks);
        self.assemble(defaults, tasks, order, outputs, &failures_handled)
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.session.push(diagnostic);
    }

    /// Notes a mistake in this file; the help comes with [`FileCheck::push`].
    fn diagnostic(&self, code: &'static str, message: impl Into<String>, span: Option<Span>) -> Diagnostic {
        Diagnostic::error(code, message, &self.file.source, span)
    }
}
