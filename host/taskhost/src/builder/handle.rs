//! [`TaskHandle`] and [`ParameterHandle`]: what a [`FlowBuilder`] gives back for what was added, to be set up further
//! and to be used as a value. Cheap to clone; all clones mean the same task.

use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use taskhost_flow::{OnFailure, RunnerChoice};
use taskhost_model::powers::Area;
use taskhost_model::{Limit, Retry, Reuse, ValueType};

use super::argument::{IntoArgument, Reference};
use super::draft::{Draft, DraftParameter, DraftTask, Grant, Mistake, SharedDraft, Type};
use super::{FlowBuilder, FlowId, Position};
use crate::component::Component;
use crate::typed::IntoValue;

/// A task of a flow that is being built, and the value that it returns.
#[derive(Clone, Debug)]
pub struct TaskHandle {
    pub(super) draft: SharedDraft,
    pub(super) flow: FlowId,
    pub(super) at: usize,
}

impl TaskHandle {
    fn change(self, change: impl FnOnce(&mut DraftTask)) -> TaskHandle {
        self.draft.with(|draft| change(&mut draft.tasks[self.at]));
        self
    }

    pub(super) fn reference(&self) -> Reference {
        Reference::handle(self.flow, Position::Task(self.at))
    }

    /// Its name in the flow; without it the name is made from the function's.
    #[track_caller]
    pub fn named(self, name: &str) -> TaskHandle {
        let place = Location::caller();
        self.change(|task| {
            task.name = Some(name.into());
            task.place = place;
        })
    }

    /// The argument for a parameter of the function.
    #[track_caller]
    pub fn with(self, parameter: &str, argument: impl IntoArgument) -> TaskHandle {
        let (place, argument) = (Location::caller(), argument.into_argument());
        self.draft.with(|draft| draft.bind(self.at, parameter, argument, place));
        self
    }

    /// An argument to map over: a list, of which each task run gets one element. Several are zipped. The task's
    /// result is then a list.
    #[track_caller]
    pub fn with_each(self, parameter: &str, list: impl IntoArgument) -> TaskHandle {
        self.with(parameter, list).map([parameter])
    }

    /// Names of arguments to map over.
    #[track_caller]
    pub fn map<'a>(self, parameters: impl IntoIterator<Item = &'a str>) -> TaskHandle {
        let place = Location::caller();
        self.change(|task| task.map.extend(parameters.into_iter().map(|name| (name.into(), place))))
    }

    /// Starts only after `other` has succeeded.
    #[track_caller]
    pub fn after(self, other: &TaskHandle) -> TaskHandle {
        let place = Location::caller();
        let other = other.reference();
        self.change(|task| task.after.push((other, place)))
    }

    /// A `bool`: false skips the task.
    #[track_caller]
    pub fn when(self, condition: impl IntoArgument) -> TaskHandle {
        let (place, condition) = (Location::caller(), condition.into_argument());
        self.change(|task| task.when = Some((condition, place)))
    }

    /// For a mapped task: whether the first failure stops it, or all failures become part of its result.
    #[track_caller]
    pub fn on_failure(self, choice: OnFailure) -> TaskHandle {
        let place = Location::caller();
        self.change(|task| task.on_failure = Some((choice, place)))
    }

    /// The longest that one attempt may take, queueing left out.
    #[track_caller]
    pub fn timeout(self, longest: Duration) -> TaskHandle {
        self.limit(Limit::Timeout(longest))
    }

    /// A limit for each task run.
    #[track_caller]
    pub fn limit(self, limit: Limit) -> TaskHandle {
        let place = Location::caller();
        self.change(|task| task.limits.push((limit, place)))
    }

    /// How often, and when, a failed attempt is repeated.
    #[track_caller]
    pub fn retry(self, retry: Retry) -> TaskHandle {
        let place = Location::caller();
        self.change(|task| task.retry = Some((retry, place)))
    }

    /// Takes the result of an equal task run instead, if there is one; none for never.
    #[track_caller]
    pub fn cache(self, reuse: impl Into<Option<Reuse>>) -> TaskHandle {
        let (place, reuse) = (Location::caller(), reuse.into());
        self.change(|task| task.cache = Some((reuse, place)))
    }

    /// Of tasks that are ready, higher ones start first; 0 without this.
    #[track_caller]
    pub fn priority(self, priority: i32) -> TaskHandle {
        let place = Location::caller();
        self.change(|task| task.priority = Some((priority, place)))
    }

    /// A name for [`FlowBuilder::limit_tag`].
    #[track_caller]
    pub fn tag(self, tag: &str) -> TaskHandle {
        let place = Location::caller();
        self.change(|task| task.tags.push((tag.into(), place)))
    }

    /// A folder that it may read, relative to the flow's folder, or absolute.
    #[track_caller]
    pub fn allow_read(self, folder: &str) -> TaskHandle {
        self.grant(Grant::Read(folder.into()), Location::caller())
    }

    /// A folder that it may read and write.
    #[track_caller]
    pub fn allow_write(self, folder: &str) -> TaskHandle {
        self.grant(Grant::Write(folder.into()), Location::caller())
    }

    /// Whom it may reach by sockets, such as `api.example.com:443`.
    #[track_caller]
    pub fn allow_network(self, rule: &str) -> TaskHandle {
        self.grant(Grant::Network(rule.into()), Location::caller())
    }

    /// Requests that it may send, such as `GET https://api.example.com/v1/*`.
    #[track_caller]
    pub fn allow_http(self, rule: &str) -> TaskHandle {
        self.grant(Grant::Http(rule.into()), Location::caller())
    }

    /// A variable of this process that it may see.
    #[track_caller]
    pub fn allow_env(self, name: &str) -> TaskHandle {
        self.grant(Grant::Env(name.into()), Location::caller())
    }

    /// A secret that it may see; its value comes from [`HostOptions::secrets`](crate::HostOptions::secrets).
    #[track_caller]
    pub fn allow_secret(self, name: &str) -> TaskHandle {
        self.grant(Grant::Secret(name.into()), Location::caller())
    }

    /// A setting that it may see.
    #[track_caller]
    pub fn allow_config(self, key: &str, value: &str) -> TaskHandle {
        self.grant(Grant::Config(key.into(), value.into()), Location::caller())
    }

    /// That it does without a part of the outside, although its component imports it: [`TaskHandle::strict`] is content with that.
    #[track_caller]
    pub fn without(self, area: Area) -> TaskHandle {
        self.grant(Grant::Nothing(area), Location::caller())
    }

    /// Fixed clocks and seeded random numbers, so that equal task runs give equal bytes.
    #[track_caller]
    pub fn deterministic(self) -> TaskHandle {
        self.grant(Grant::Deterministic, Location::caller())
    }

    /// The flow is rejected if its component imports what it is not allowed, unless it is said that the task does [without](TaskHandle::without).
    #[track_caller]
    pub fn strict(self) -> TaskHandle {
        self.grant(Grant::Strict, Location::caller())
    }

    fn grant(self, grant: Grant, place: &'static Location<'static>) -> TaskHandle {
        self.change(|task| task.grants.push((grant, place)))
    }

    /// A runner that differs from the flow's.
    pub fn runner(self, runner: impl Into<RunnerChoice>) -> TaskHandle {
        let runner = runner.into();
        self.change(|task| task.runner = Some(runner))
    }

    /// What the task is for.
    pub fn describe(self, description: &str) -> TaskHandle {
        self.change(|task| task.description = Some(description.into()))
    }

    /// A field of its result.
    pub fn field(&self, name: &str) -> Reference {
        self.reference().field(name)
    }

    /// An element of its result.
    pub fn index(&self, index: usize) -> Reference {
        self.reference().index(index)
    }
}

/// A parameter of a flow that is being built, and its value.
#[derive(Clone, Debug)]
pub struct ParameterHandle {
    pub(super) draft: SharedDraft,
    pub(super) flow: FlowId,
    pub(super) at: usize,
}

impl ParameterHandle {
    fn change(self, change: impl FnOnce(&mut DraftParameter)) -> ParameterHandle {
        self.draft.with(|draft: &mut Draft| change(&mut draft.parameters[self.at]));
        self
    }

    pub(super) fn reference(&self) -> Reference {
        Reference::handle(self.flow, Position::Parameter(self.at))
    }

    /// Its type; without one it follows from the tasks that the parameter feeds.
    #[track_caller]
    pub fn of_type<T: IntoValue>(self) -> ParameterHandle {
        let place = Location::caller();
        self.change(|parameter| parameter.ty = Some((Type::Known(T::value_type()), place)))
    }

    /// Its type in WIT's notation, such as `list<record { name: string }>`.
    #[track_caller]
    pub fn of_wit_type(self, ty: &str) -> ParameterHandle {
        let place = Location::caller();
        let ty = match ty.parse::<ValueType>() {
            Ok(known) => Type::Known(known),
            Err(error) => Type::Unreadable(Mistake::new("bad-type", format!("`{ty}` is not a type: {error}"))),
        };
        self.change(|parameter| parameter.ty = Some((ty, place)))
    }

    /// The value when none is given; without it the parameter must be given.
    #[track_caller]
    pub fn default(self, value: impl IntoArgument) -> ParameterHandle {
        let (place, value) = (Location::caller(), value.into_argument());
        self.change(|parameter| parameter.default = Some((value, place)))
    }

    /// What it means.
    pub fn describe(self, description: &str) -> ParameterHandle {
        self.change(|parameter| parameter.description = Some(description.into()))
    }

    /// A field of its value.
    pub fn field(&self, name: &str) -> Reference {
        self.reference().field(name)
    }

    /// An element of its value.
    pub fn index(&self, index: usize) -> Reference {
        self.reference().index(index)
    }
}

/// What a task does: calls a function, or runs another flow.
#[derive(Debug)]
pub struct Action(pub(super) ActionForm);

#[derive(Debug)]
pub(super) enum ActionForm {
    /// As in a flow file: `component.function`.
    Call(Arc<str>),
    Function(Component, Arc<str>),
    File(Arc<str>),
    Built(Box<super::build::Built>),
}

impl Action {
    /// A function of a component.
    pub fn call(component: &Component, function: &str) -> Action {
        Action(ActionForm::Function(component.clone(), function.into()))
    }

    /// Another flow's file; its outputs are the result, a record.
    pub fn flow_file(path: impl AsRef<Path>) -> Action {
        Action(ActionForm::File(path.as_ref().to_string_lossy().into()))
    }

    /// Another flow built in code, as it is at this moment; its outputs are the result, a record.
    pub fn flow(flow: &FlowBuilder) -> Action {
        Action(ActionForm::Built(Box::new(flow.build())))
    }
}

/// `component.function`, as `call` of a flow file.
impl From<&str> for Action {
    fn from(call: &str) -> Action {
        Action(ActionForm::Call(call.into()))
    }
}

impl From<&FlowBuilder> for Action {
    fn from(flow: &FlowBuilder) -> Action {
        Action::flow(flow)
    }
}
