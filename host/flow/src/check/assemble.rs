//! The last step: a [`Flow`] from what was found, and warnings about what has no effect.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use taskhost_model::grants::Grants;
use taskhost_model::{Limits, TaskCall, Value, ValueType};

use super::callee::Callee;
use super::expression::empty_text;
use super::grants::TaskGrants;
use super::order::Order;
use super::tasks::TaskInputs;
use super::{CheckedFile, FileCheck, repeats};
use crate::diagnostic::{Diagnostic, Severity};
use crate::flow::{ComponentUse, Flow, OnFailure, Output, Parameter, Source, Task, TaskKind};
use crate::names::to_kebab;
use crate::written::{Action, ParameterWritten, TaskWritten, Text};

/// Calls that differ in nothing are one: by component, function and grants (which are shared, so that their place tells them apart),
/// and then by limits.
type Calls = HashMap<(usize, usize, *const Grants), Vec<Arc<TaskCall>>>;

impl FileCheck<'_, '_, '_> {
    /// What has no effect, unless a mistake may be the reason.
    pub(super) fn warn_unused(&mut self) {
        let file = self.file;
        let is_strange = !file.unreadable.is_empty();
        let is_invalid = file.tasks.iter().any(|task| task.action == Action::Invalid);
        let unread = is_strange || is_invalid || file.tasks.iter().any(|task| task.lacks(&["with"]));
        let bad_reference = |mistake: &Diagnostic| mistake.code == "bad-reference";
        if !unread && !self.unknown_names && !file.mistakes.iter().any(bad_reference) {
            for (parameter, used) in file.parameters.iter().zip(self.parameters_used.clone()) {
                if !used && parameter.ty.is_some() {
                    self.warn_unused_parameter(parameter);
                }
            }
        }
        if !is_strange && !is_invalid && !self.unknown_components {
            for (component, used) in file.components.iter().zip(self.components_used.clone()) {
                if !used {
                    let message = format!("component `{}` is not used", component.name.value);
                    self.warn("unused-component", message, component.name.span);
                }
            }
        }
        if file.tasks.is_empty() && self.session.errors == self.errors_before {
            let message = "the flow has no tasks, so a run of it does nothing";
            let warning = Diagnostic::new(Severity::Warning, "no-tasks", message, &file.source, None);
            self.push(warning.with_help("add one: `[tasks.name]` with `call = \"component.function\"`"));
        }
    }

    fn warn_unused_parameter(&mut self, parameter: &ParameterWritten) {
        let name = &parameter.name.value;
        let is_optional = matches!(&parameter.ty, Some(ty) if matches!(ty.value, ValueType::Option(_)));
        let message = match parameter.default.is_some() || parameter.default_file.is_some() || is_optional {
            true => format!("parameter `{name}` is not used"),
            false => format!("parameter `{name}` is not used, but each run must be given it: it has no default"),
        };
        self.warn("unused-parameter", message, parameter.name.span);
    }

    fn warn(&mut self, code: &'static str, message: String, span: Option<crate::Span>) {
        let warning = Diagnostic::new(Severity::Warning, code, message, &self.file.source, span);
        self.push(warning.with_help("remove it"));
    }

    /// None only if a mistake was told.
    pub(super) fn assemble(
        mut self,
        defaults: Vec<Option<Value>>,
        tasks: Vec<Option<TaskInputs>>,
        order: Order,
        outputs: Vec<Option<Output>>,
        failures_handled: &[bool],
    ) -> Option<CheckedFile> {
        let file = self.file;
        let types = self.parameter_types.iter().cloned().collect::<Option<Vec<_>>>()?;
        let parameters = file.parameters.iter().zip(types).zip(defaults).map(|((written, ty), default)| Parameter {
            name: written.name.value.clone(),
            default_file: written.default_file.as_ref().map(|path| file.source.beside(Path::new(&*path.value))),
            ty,
            default,
            description: written.description.clone().unwrap_or_else(empty_text),
        });
        let unsaid = Arc::new(std::mem::take(&mut self.unsaid));
        let flow = Flow {
            name: self.flow_name(),
            path: file.source.path().into(),
            description: file.description.clone().unwrap_or_else(empty_text),
            parameters: parameters.collect(),
            tasks: self.tasks(tasks, order, failures_handled)?,
            outputs: outputs.into_iter().collect::<Option<Vec<_>>>()?,
            runner: file.runner.clone(),
            components: self.components(),
            source: Some(Arc::clone(&file.source)),
            tag_limits: file.tag_limits.iter().map(|(tag, count)| (tag.value.clone(), *count)).collect(),
        };
        self.warn_tag_limits(&flow);
        Some(CheckedFile { flow: Arc::new(flow), height: self.height, expanded: self.expanded, unsaid })
    }

    fn flow_name(&self) -> Arc<str> {
        if let Some(name) = &self.file.name {
            return name.value.clone();
        }
        let stem = self.file.source.path().file_stem().map(|stem| stem.to_string_lossy());
        stem.and_then(|stem| to_kebab(&stem)).map_or_else(|| Arc::from("flow"), Arc::from)
    }

    fn components(&self) -> Vec<ComponentUse> {
        let used = self.file.components.iter().zip(&self.components_used).filter(|(_, used)| **used);
        used.filter_map(|(component, _)| {
            let path = self.file.source.beside(&component.path.value);
            let signature = self.session.signatures.get(&path)?.as_ref().ok()?.clone();
            Some(ComponentUse { name: component.name.value.clone(), path, signature })
        })
        .collect()
    }

    fn tasks(&self, inputs: Vec<Option<TaskInputs>>, order: Order, failures_handled: &[bool]) -> Option<Vec<Task>> {
        let mut calls = Calls::new();
        let mut tasks = Vec::with_capacity(inputs.len());
        for (at, (inputs, needs)) in inputs.into_iter().zip(order.needs).enumerate() {
            let inputs = inputs?;
            let written = &self.file.tasks[at];
            let types = self.task_types[at].clone()?;
            let callee = self.callees[at].as_ref()?;
            let parameters = callee.parameters();
            let mapped_names = inputs.mapped.iter().map(|at| Arc::clone(parameters[*at].name)).collect();
            let kind = self.kind(at, callee, &mut calls);
            tasks.push(Task {
                name: written.name.value.clone(),
                description: written.description.clone().unwrap_or_else(empty_text),
                retry: repeats::retry(&self.file.default_retry, written, &kind),
                priority: written.priority.as_ref().map_or(0, |priority| priority.value),
                tags: repeats::tags(&written.tags),
                strict: matches!(kind, TaskKind::Call(_)) && self.strict(written).is_some(),
                kind,
                inputs: inputs.inputs,
                mapped: inputs.mapped.into(),
                mapped_names,
                when: inputs.when,
                after: self.after(written),
                needs,
                on_failure: written.on_failure.as_ref().map_or(OnFailure::Stop, |choice| choice.value),
                runner: written.runner.clone(),
                success_type: types.success,
                result_type: types.result,
                failure_handled: failures_handled[at],
            });
        }
        Some(tasks)
    }

    fn after(&self, written: &TaskWritten) -> Vec<usize> {
        let position = |name: &Text| match self.names.get(&*name.value) {
            Some(&Source::Task(at)) => Some(at),
            _ => None,
        };
        let mut after: Vec<usize> = written.after.iter().filter_map(position).collect();
        after.sort_unstable();
        after.dedup();
        after
    }

    fn kind(&self, at: usize, callee: &Callee, calls: &mut Calls) -> TaskKind {
        match callee {
            Callee::Subflow { flow, .. } => TaskKind::Subflow(flow.clone()),
            Callee::Function { component, signature, task } => {
                let limits = self.file.tasks[at].limits.over(self.file.defaults.over(Limits::DEFAULT));
                let TaskGrants { grants, deterministic } = self.grants[at].clone();
                let cache = self.reuse(&self.file.tasks[at]);
                let known = calls.entry((*component, *task, Arc::as_ptr(&grants))).or_default();
                let is_same = |call: &&Arc<TaskCall>| {
                    call.limits == limits && call.deterministic == deterministic && call.cache == cache
                };
                if let Some(call) = known.iter().find(is_same) {
                    return TaskKind::Call(call.clone());
                }
                let function = &signature.tasks[*task];
                let call = Arc::new(TaskCall {
                    component: signature.digest,
                    component_name: self.file.components[*component].name.value.clone(),
                    interface: function.interface.clone(),
                    function: function.function.clone(),
                    parameters: function.parameters.iter().map(|(_, ty)| ty.clone()).collect(),
                    result: function.result.clone(),
                    limits,
                    grants,
                    deterministic,
                    cache,
                });
                known.push(call.clone());
                TaskKind::Call(call)
            }
        }
    }
}
