//! [`FlowBuilder`]: a flow in Rust code instead of a file.
//!
//! What is built goes the same way as what is written: it becomes a `FlowFile`, is checked by `flow::check`, and the
//! same mistakes give the same diagnostics. In place of file:line:column they name the line of Rust that said it.
//!
//! ```text
//! FlowBuilder ──draft──► build ──► FlowFile ──flow::check──► Flow
//!   handles, arguments     names, places
//! ```
//!
//! Start reading at [`FlowBuilder`]; [`handle`] is what it gives back, [`argument`] what it takes, `draft` what it
//! remembers.

use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use taskhost_flow::flow::RunnerChoice;
use taskhost_model::{Limit, Retry, Reuse};

pub mod argument;
mod build;
mod draft;
pub mod handle;
#[cfg(test)]
mod tests;

use argument::{IntoArgument, Reference, reference};
pub(crate) use build::Built;
use draft::{DraftComponent, DraftOutput, DraftParameter, DraftTask, SharedDraft};
use handle::{Action, ActionForm, ParameterHandle, TaskHandle};

use crate::component::Component;

/// Tells flows under construction apart, so that a handle of another flow is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FlowId(u64);

/// What a handle means in its flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Position {
    Parameter(usize),
    Task(usize),
}

/// A flow that is being built.
///
/// In the functional style, calls give handles, and handles are arguments of further calls:
///
/// ```
/// use taskhost::{Component, FlowBuilder};
///
/// let numbers = Component::at("numbers.wasm");
/// let flow = FlowBuilder::new("two-numbers");
/// let stop = flow.parameter("stop").default(5);
/// let draws = [(); 2].map(|()| flow.call(&numbers, "random-num").with("stop", &stop));
/// let sum = flow.call(&numbers, "sum").with("numbers", draws);
/// flow.output("total", &sum);
/// ```
///
/// In the imperative style, tasks have names, and everything is said about names, in any order:
///
/// ```
/// use taskhost::{FlowBuilder, reference};
///
/// let flow = FlowBuilder::new("two-numbers");
/// flow.component("numbers", "numbers.wasm");
/// flow.parameter("stop").default(5);
/// flow.add_task("sum", "numbers.sum");
/// for name in ["first", "second"] {
///     flow.add_task(name, "numbers.random-num");
///     flow.bind(name, "stop", reference("stop"));
/// }
/// flow.bind("sum", "numbers", [reference("first"), reference("second")]);
/// flow.set_order("first", "second");
/// flow.output("total", reference("sum"));
/// ```
///
/// No method fails: every mistake is told at once by the check, with its line of Rust.
#[derive(Debug)]
pub struct FlowBuilder {
    id: FlowId,
    draft: SharedDraft,
}

impl FlowBuilder {
    /// A flow without tasks; its name is kebab-case.
    pub fn new(name: &str) -> FlowBuilder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        FlowBuilder { id: FlowId(NEXT.fetch_add(1, Ordering::Relaxed)), draft: SharedDraft::new(name) }
    }

    /// What the flow is for.
    pub fn describe(&self, description: &str) -> &FlowBuilder {
        self.draft.with(|draft| draft.description = Some(description.into()));
        self
    }

    /// The folder that paths of components and flows are relative to; the current one without this.
    pub fn folder(&self, folder: impl Into<PathBuf>) -> &FlowBuilder {
        let folder = folder.into();
        self.draft.with(|draft| draft.folder = folder);
        self
    }

    /// The default runner of the flow.
    pub fn runner(&self, runner: impl Into<RunnerChoice>) -> &FlowBuilder {
        let runner = runner.into();
        self.draft.with(|draft| draft.runner = Some(runner));
        self
    }

    /// A limit for each run of every task that has none of its own.
    #[track_caller]
    pub fn default_limit(&self, limit: Limit) -> &FlowBuilder {
        let place = Location::caller();
        self.draft.with(|draft| draft.limits.push((limit, place)));
        self
    }

    /// How often, and when, a failed attempt is repeated of every task that does not say it itself.
    #[track_caller]
    pub fn default_retry(&self, retry: Retry) -> &FlowBuilder {
        let place = Location::caller();
        self.draft.with(|draft| draft.retry = Some((retry, place)));
        self
    }

    /// Which results of equal task runs are taken by every task that does not say it itself; none for no result.
    #[track_caller]
    pub fn default_cache(&self, reuse: impl Into<Option<Reuse>>) -> &FlowBuilder {
        let (place, reuse) = (Location::caller(), reuse.into());
        self.draft.with(|draft| draft.cache = Some((reuse, place)));
        self
    }

    /// At most `count` task runs with this tag run at one time.
    #[track_caller]
    pub fn limit_tag(&self, tag: &str, count: u32) -> &FlowBuilder {
        let place = Location::caller();
        self.draft.with(|draft| draft.tag_limits.push((tag.into(), count, place)));
        self
    }

    /// Declares a component under a short name; `path` is relative to the flow's folder. Components of
    /// [`FlowBuilder::call`] are declared by themselves.
    #[track_caller]
    pub fn component(&self, name: &str, path: impl AsRef<Path>) -> &FlowBuilder {
        let place = Location::caller();
        let component = DraftComponent { name: name.into(), path: path.as_ref().into(), place };
        self.draft.with(|draft| draft.components.push(component));
        self
    }

    /// Declares a parameter.
    #[track_caller]
    pub fn parameter(&self, name: &str) -> ParameterHandle {
        let parameter = DraftParameter::new(name, Location::caller());
        let at = self.draft.with(|draft| {
            draft.parameters.push(parameter);
            draft.parameters.len() - 1
        });
        ParameterHandle { draft: self.draft.clone(), flow: self.id, at }
    }

    /// Adds a task that calls a function of a component; `interface.function` where the name is not unique. The
    /// handle is the value that it returns.
    #[track_caller]
    pub fn call(&self, component: &Component, function: &str) -> TaskHandle {
        self.add(None, Action::call(component, function), Location::caller())
    }

    /// Adds a task that runs another flow; its outputs are fields of the handle's value.
    #[track_caller]
    pub fn subflow(&self, flow: impl Into<Action>) -> TaskHandle {
        self.add(None, flow.into(), Location::caller())
    }

    /// Adds a task with a name. The action is `"component.function"`, [`Action::call`], [`Action::flow_file`] or
    /// [`Action::flow`].
    #[track_caller]
    pub fn add_task(&self, name: &str, action: impl Into<Action>) -> TaskHandle {
        self.add(Some(name), action.into(), Location::caller())
    }

    fn add(&self, name: Option<&str>, action: Action, place: &'static Location<'static>) -> TaskHandle {
        let at = self.draft.with(|draft| {
            if let ActionForm::Function(component, _) = &action.0 {
                draft.use_component(component, place);
            }
            draft.tasks.push(DraftTask::new(name, action, place));
            draft.tasks.len() - 1
        });
        TaskHandle { draft: self.draft.clone(), flow: self.id, at }
    }

    /// The task that was added with this name.
    pub fn task(&self, name: &str) -> Option<TaskHandle> {
        let at = self.draft.with(|draft| draft.task_named(name))?;
        Some(TaskHandle { draft: self.draft.clone(), flow: self.id, at })
    }

    /// Gives a task an argument, by names; the task may be added later.
    #[track_caller]
    pub fn bind(&self, task: &str, parameter: &str, argument: impl IntoArgument) -> &FlowBuilder {
        let (place, argument) = (Location::caller(), argument.into_argument());
        self.draft.with(|draft| draft.bindings.push((task.into(), parameter.into(), argument, place)));
        self
    }

    /// `second` starts only after `first` has succeeded, by names; both may be added later.
    #[track_caller]
    pub fn set_order(&self, first: &str, second: &str) -> &FlowBuilder {
        let place = Location::caller();
        let first: Reference = reference(first);
        self.draft.with(|draft| draft.orders.push((first, second.into(), place)));
        self
    }

    /// Declares an output.
    #[track_caller]
    pub fn output(&self, name: &str, value: impl IntoArgument) -> &FlowBuilder {
        let output = DraftOutput { name: name.into(), value: value.into_argument(), place: Location::caller() };
        self.draft.with(|draft| draft.outputs.push(output));
        self
    }

    pub(crate) fn build(&self) -> Built {
        self.draft.with(|draft| build::build(draft, self.id))
    }
}
