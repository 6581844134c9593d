//! [`Draft`]: what a builder remembers until the flow is built. Each thing keeps the line of Rust that said it.

use std::panic::Location;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use taskhost_flow::OnFailure;
use taskhost_flow::flow::RunnerChoice;
use taskhost_model::powers::Area;
use taskhost_model::{Limit, Retry, Reuse, ValueType};

use super::argument::{Argument, Reference};
use super::handle::{Action, ActionForm};
use crate::component::Component;

/// A line of Rust.
pub(super) type Place = &'static Location<'static>;

/// A draft that its builder and all handles share.
#[derive(Clone, Debug)]
pub(super) struct SharedDraft(Arc<Mutex<Draft>>);

impl SharedDraft {
    pub(super) fn new(name: &str) -> SharedDraft {
        SharedDraft(Arc::new(Mutex::new(Draft { name: name.into(), ..Draft::default() })))
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Draft) -> T) -> T {
        // A draft is never left half-changed, so one that a panic passed through is still good.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Everything said so far.
#[derive(Default, Debug)]
pub(super) struct Draft {
    pub(super) name: Arc<str>,
    pub(super) description: Option<Arc<str>>,
    pub(super) folder: PathBuf,
    pub(super) runner: Option<RunnerChoice>,
    pub(super) limits: Vec<(Limit, Place)>,
    pub(super) retry: Option<(Retry, Place)>,
    pub(super) cache: Option<(Option<Reuse>, Place)>,
    pub(super) tag_limits: Vec<(Arc<str>, u32, Place)>,
    pub(super) components: Vec<DraftComponent>,
    pub(super) parameters: Vec<DraftParameter>,
    pub(super) tasks: Vec<DraftTask>,
    /// Arguments by names: task, parameter.
    pub(super) bindings: Vec<(Arc<str>, Arc<str>, Argument, Place)>,
    /// First task, name of the second.
    pub(super) orders: Vec<(Reference, Arc<str>, Place)>,
    pub(super) outputs: Vec<DraftOutput>,
}

impl Draft {
    pub(super) fn bind(&mut self, task: usize, parameter: &str, argument: Argument, place: Place) {
        self.tasks[task].with.push((parameter.into(), argument, place));
    }

    pub(super) fn task_named(&self, name: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.name.as_deref() == Some(name))
    }

    /// Declares a component at its first use. Another file of the same name gets a number.
    pub(super) fn use_component(&mut self, component: &Component, place: Place) {
        if self.component_named(component).is_some() {
            return;
        }
        let taken = |name: &str| self.components.iter().any(|known| &*known.name == name);
        let mut name = component.name.clone();
        for number in 2.. {
            if !taken(&name) {
                break;
            }
            name = format!("{}-{number}", component.name).into();
        }
        self.components.push(DraftComponent { name, path: component.path.clone(), place });
    }

    /// The short name of a component that is declared.
    pub(super) fn component_named(&self, component: &Component) -> Option<&Arc<str>> {
        self.components.iter().find(|known| known.path == component.path).map(|known| &known.name)
    }
}

#[derive(Debug)]
pub(super) struct DraftComponent {
    pub(super) name: Arc<str>,
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct DraftOutput {
    pub(super) name: Arc<str>,
    pub(super) value: Argument,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct DraftParameter {
    pub(super) name: Arc<str>,
    pub(super) place: Place,
    pub(super) ty: Option<(Type, Place)>,
    pub(super) default: Option<(Argument, Place)>,
    pub(super) description: Option<Arc<str>>,
}

#[derive(Debug)]
pub(super) enum Type {
    Known(ValueType),
    Unreadable(Mistake),
}

impl DraftParameter {
    pub(super) fn new(name: &str, place: Place) -> DraftParameter {
        DraftParameter { name: name.into(), place, ty: None, default: None, description: None }
    }
}

#[derive(Debug)]
pub(super) struct DraftTask {
    /// None until the flow is built if it was not named.
    pub(super) name: Option<Arc<str>>,
    pub(super) action: ActionForm,
    pub(super) place: Place,
    pub(super) with: Vec<(Arc<str>, Argument, Place)>,
    pub(super) map: Vec<(Arc<str>, Place)>,
    pub(super) after: Vec<(Reference, Place)>,
    pub(super) when: Option<(Argument, Place)>,
    pub(super) on_failure: Option<(OnFailure, Place)>,
    pub(super) limits: Vec<(Limit, Place)>,
    pub(super) grants: Vec<(Grant, Place)>,
    pub(super) retry: Option<(Retry, Place)>,
    pub(super) cache: Option<(Option<Reuse>, Place)>,
    pub(super) priority: Option<(i32, Place)>,
    pub(super) tags: Vec<(Arc<str>, Place)>,
    pub(super) runner: Option<RunnerChoice>,
    pub(super) description: Option<Arc<str>>,
}

impl DraftTask {
    pub(super) fn new(name: Option<&str>, action: Action, place: Place) -> DraftTask {
        DraftTask {
            name: name.map(Arc::from),
            action: action.0,
            place,
            with: Vec::new(),
            map: Vec::new(),
            after: Vec::new(),
            when: None,
            on_failure: None,
            limits: Vec::new(),
            grants: Vec::new(),
            retry: None,
            cache: None,
            priority: None,
            tags: Vec::new(),
            runner: None,
            description: None,
        }
    }
}

/// What a task may touch, and how.
#[derive(Clone, Debug)]
pub(super) enum Grant {
    Read(Arc<str>),
    Write(Arc<str>),
    Network(Arc<str>),
    Http(Arc<str>),
    Env(Arc<str>),
    Secret(Arc<str>),
    Config(Arc<str>, Arc<str>),
    Nothing(Area),
    Deterministic,
    Strict,
}

/// A mistake that only code can make.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Mistake {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Mistake {
        Mistake { code, message: message.into(), help: None }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Mistake {
        self.help = Some(help.into());
        self
    }
}
