//! What a task runs: a function of a component, or a subflow.

use std::collections::HashMap;
use std::sync::Arc;

use taskhost_model::powers::Area;
use taskhost_model::{ComponentSignature, TaskSignature, Value, ValueType};

use super::FileCheck;
use super::inherit::Unsaid;
use crate::flow::Flow;
use crate::names::listed;
use crate::written::{Action, Text};

/// What a task runs.
#[derive(Clone)]
pub(super) enum Callee {
    /// A function.
    Function {
        /// Position of the component in the file.
        component: usize,
        signature: Arc<ComponentSignature>,
        /// Position of the function in the signature.
        task: usize,
    },
    /// A flow.
    Subflow {
        flow: Arc<Flow>,
        /// What its tasks leave unsaid; see [`CheckedFile::unsaid`](super::CheckedFile).
        unsaid: Arc<Unsaid>,
    },
}

/// A parameter of what a task runs.
pub(super) struct CalleeParameter<'c> {
    pub(super) name: &'c Arc<str>,
    pub(super) ty: &'c ValueType,
    pub(super) default: Option<&'c Value>,
}

impl Callee {
    pub(super) fn parameters(&self) -> Vec<CalleeParameter<'_>> {
        match self {
            Callee::Function { signature, task, .. } => signature.tasks[*task]
                .parameters
                .iter()
                .map(|(name, ty)| CalleeParameter { name, ty, default: None })
                .collect(),
            Callee::Subflow { flow, .. } => flow
                .parameters
                .iter()
                .map(|p| CalleeParameter { name: &p.name, ty: &p.ty, default: p.default.as_ref() })
                .collect(),
        }
    }

    pub(super) fn success_type(&self) -> ValueType {
        match self {
            Callee::Function { signature, task, .. } => signature.tasks[*task].success_type(),
            Callee::Subflow { flow, .. } => {
                ValueType::record(flow.outputs.iter().map(|output| (&*output.name, output.ty.clone())))
            }
        }
    }

    pub(super) fn unsaid(&self) -> &[Area] {
        match self {
            Callee::Function { .. } => &[],
            Callee::Subflow { unsaid, .. } => &unsaid.areas,
        }
    }

    /// `E` of a function that returns `result<T, E>`.
    pub(super) fn error_type(&self) -> Option<Option<ValueType>> {
        let Callee::Function { signature, task, .. } = self else { return None };
        match &signature.tasks[*task].result {
            Some(ValueType::Result { err, .. }) => Some(err.as_deref().cloned()),
            _ => None,
        }
    }
}

impl FileCheck<'_, '_, '_> {
    pub(super) fn find_callees(&mut self) {
        let file = self.file;
        for task in &file.tasks {
            let callee = match &task.action {
                Action::Call(call) => self.function(call),
                Action::Flow(path) => self.subflow(path),
                Action::Invalid => None,
                Action::Inline(flow) => self.inline_subflow(flow, task.name.span),
            };
            self.callees.push(callee);
        }
    }

    fn function(&mut self, call: &Text) -> Option<Callee> {
        let text = &*call.value;
        let Some((component_name, rest)) = text.split_once('.').filter(|(_, rest)| !rest.is_empty()) else {
            self.unknown_components = true;
            let message = format!("`{text}` does not name a function of a component");
            let help = format!("write `{}`", self.call_meant(text.trim_matches('.')));
            self.push(self.diagnostic("bad-call", message, call.span).with_help(help));
            return None;
        };
        let component = self.component(component_name, call)?;
        let signature = self.signature(component)?;
        let (interface, function) = match rest.rsplit_once('.') {
            Some((interface, function)) => (Some(interface), function),
            None => (None, rest),
        };
        let task = self.function_of(component_name, &signature, interface, function, call)?;
        Some(Callee::Function { component, signature, task })
    }

    fn call_meant(&self, text: &str) -> String {
        let mut names = self.file.components.iter().map(|component| &*component.name.value);
        match (names.clone().any(|name| name == text), names.next()) {
            (true, _) => format!("{text}.function"),
            (false, first) => {
                let function = if text.is_empty() { "function" } else { text };
                format!("{}.{function}", first.unwrap_or("component"))
            }
        }
    }

    fn component(&mut self, name: &str, call: &Text) -> Option<usize> {
        let components = &self.file.components;
        let found = components.iter().position(|component| &*component.name.value == name);
        match found {
            Some(at) => self.components_used[at] = true,
            None if self.file.unreadable.iter().any(|known| **known == *name) => {}
            None => {
                self.unknown_components = true;
                let names = components.iter().map(|component| &*component.name.value);
                let help = self.session.suggestions.help(name, names).unwrap_or_else(|| {
                    format!("name its file under `[components]`: `{name} = \"components/{name}.wasm\"`")
                });
                let message = format!("no component named `{name}`");
                self.push(self.diagnostic("unknown-component", message, call.span).with_help(help));
            }
        }
        found
    }

    /// What a component offers. A component that cannot be used is told once, where its file is named.
    fn signature(&mut self, component: usize) -> Option<Arc<ComponentSignature>> {
        let written = &self.file.components[component];
        if self.file.unreadable.contains(&written.name.value) {
            return None;
        }
        let path = self.file.source.beside(&written.path.value);
        if let Some(known) = self.session.signatures.get(&path) {
            return known.as_ref().ok().cloned();
        }
        let answer = self.session.catalog.signature(&path);
        if let Err(error) = &answer {
            let message = format!("component `{}` {}", written.name.value, error.message);
            let diagnostic = self.diagnostic("unusable-component", message, written.path.span);
            self.push(diagnostic.with_help_if(error.help.clone()));
        }
        self.session.signatures.insert(path, answer.clone());
        answer.ok()
    }

    fn function_of(
        &mut self,
        component: &str,
        signature: &ComponentSignature,
        interface: Option<&str>,
        function: &str,
        call: &Text,
    ) -> Option<usize> {
        let matches = |task: &TaskSignature| {
            &*task.function == function && interface.is_none_or(|wanted| in_interface(task, wanted))
        };
        let found: Vec<usize> = (0..signature.tasks.len()).filter(|&at| matches(&signature.tasks[at])).collect();
        if let [only] = found[..] {
            return Some(only);
        }
        let diagnostic = if found.is_empty() {
            self.unknown_function(component, signature, interface, function, call)
        } else {
            let names: Vec<String> =
                found.iter().map(|&at| call_name(component, signature, &signature.tasks[at])).collect();
            let message = format!("component `{component}` has {} functions named `{function}`", found.len());
            let list = listed(names.iter().map(String::as_str));
            self.diagnostic("ambiguous-function", message, call.span)
                .with_help_if(list.map(|list| format!("say which one: {list}")))
        };
        self.push(diagnostic);
        None
    }

    fn unknown_function(
        &mut self,
        component: &str,
        signature: &ComponentSignature,
        interface: Option<&str>,
        function: &str,
        call: &Text,
    ) -> crate::Diagnostic {
        let is_meant = |name: &str| match name.rsplit_once('.') {
            Some((whole, own)) => {
                own == function && interface.is_none_or(|wanted| whole == wanted || short(whole) == wanted)
            }
            None => name == function && interface.is_none(),
        };
        if let Some((_, reason)) = signature.unusable.iter().find(|(name, _)| is_meant(name)) {
            let message = format!("`{function}` of component `{component}` cannot be a task: {reason}");
            return self.diagnostic("unusable-function", message, call.span);
        }
        let named = |task: &&TaskSignature| interface.is_none_or(|wanted| in_interface(task, wanted));
        let functions: Vec<&str> = signature.tasks.iter().filter(named).map(|task| &*task.function).collect();
        let in_call = distinct_names(signature);
        let (message, unknown, mut known) = match interface {
            Some(wanted) if functions.is_empty() => (
                format!("component `{component}` has no interface `{wanted}`"),
                wanted,
                signature.tasks.iter().filter_map(TaskSignature::interface_short).collect(),
            ),
            Some(wanted) => (
                format!("interface `{wanted}` of component `{component}` has no function `{function}`"),
                function,
                functions,
            ),
            None => (
                format!("component `{component}` has no function `{function}`"),
                function,
                in_call.iter().map(|name| &**name).collect(),
            ),
        };
        known.dedup();
        let help = self.session.suggestions.help(unknown, known.iter().copied());
        self.diagnostic("unknown-function", message, call.span)
            .with_help(help.unwrap_or_else(|| "it has no function that can be a task".to_owned()))
    }
}

/// The functions as they stand after `component.` in a `call`: with their interface where the name alone is not enough.
fn distinct_names(signature: &ComponentSignature) -> Vec<String> {
    let mut count: HashMap<&str, usize> = HashMap::new();
    signature.tasks.iter().for_each(|task| *count.entry(&*task.function).or_default() += 1);
    let name = |task: &TaskSignature| match count[&*task.function] {
        1 => task.function.to_string(),
        _ => function_name(signature, task),
    };
    signature.tasks.iter().map(name).collect()
}

/// An interface's own name without package and version.
fn short(interface: &str) -> &str {
    let name = interface.split_once('@').map_or(interface, |(name, _)| name);
    name.rsplit_once('/').map_or(name, |(_, name)| name)
}

fn in_interface(task: &TaskSignature, interface: &str) -> bool {
    task.interface.as_deref() == Some(interface) || task.interface_short() == Some(interface)
}

/// The shortest `call` that means this function alone.
fn call_name(component: &str, signature: &ComponentSignature, task: &TaskSignature) -> String {
    format!("{component}.{}", function_name(signature, task))
}

/// The shortest name with which only this function is meant, though another may have the same.
fn function_name(signature: &ComponentSignature, task: &TaskSignature) -> String {
    let Some(short) = task.interface_short() else { return task.function.to_string() };
    let same = |other: &&TaskSignature| other.function == task.function && other.interface_short() == Some(short);
    let interface = match signature.tasks.iter().filter(same).count() {
        1 => short,
        _ => task.interface.as_deref().unwrap_or(short),
    };
    format!("{interface}.{}", task.function)
}
