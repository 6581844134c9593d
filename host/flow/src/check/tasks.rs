//! One task: its arguments, `map`, `when`, `on-failure`, and what it gives.

use std::collections::{HashMap, HashSet};

use taskhost_model::{Value, ValueType};

use super::callee::{Callee, CalleeParameter};
use super::reference::Who;
use super::{FileCheck, TaskTypes};
use crate::flow::{Input, OnFailure};
use crate::written::{Action, Expression, LimitsWritten, TaskWritten, Text};

/// A task whose arguments fit.
pub(super) struct TaskInputs {
    pub(super) inputs: Vec<Input>,
    pub(super) mapped: Vec<usize>,
    pub(super) when: Option<Input>,
}

impl FileCheck<'_, '_, '_> {
    pub(super) fn find_task_types(&mut self) {
        let types = |(task, callee): (&TaskWritten, &Option<Callee>)| {
            let callee = callee.as_ref()?;
            if task.lacks(&["map", "on-failure"]) {
                return None;
            }
            let success = callee.success_type();
            let mapped = !task.map.is_empty();
            let collected = task.on_failure.as_ref().is_some_and(|choice| choice.value == OnFailure::Collect);
            let result = match (mapped, collected) {
                (false, _) => success.clone(),
                (true, false) => ValueType::list(success.clone()),
                (true, true) => ValueType::list(ValueType::result(Some(success.clone()), Some(ValueType::String))),
            };
            Some(TaskTypes { success, result, error: callee.error_type(), mapped })
        };
        self.task_types = self.file.tasks.iter().zip(&self.callees).map(types).collect();
    }

    /// The arguments of every task; none where something does not fit.
    pub(super) fn task_inputs(&mut self) -> Vec<Option<TaskInputs>> {
        let file = self.file;
        let callees = std::mem::take(&mut self.callees);
        let tasks =
            file.tasks.iter().zip(&callees).map(|(task, callee)| self.inputs_of(task, callee.as_ref())).collect();
        self.callees = callees;
        tasks
    }

    fn inputs_of(&mut self, task: &TaskWritten, callee: Option<&Callee>) -> Option<TaskInputs> {
        let when =
            task.when.as_ref().map(|when| self.fit(when, &ValueType::Bool, Who::When { task: &task.name.value }));
        if task.action == Action::Invalid {
            return None;
        }
        self.check_on_failure(task);
        self.check_limits(task);
        let callee = callee?;
        if task.lacks(&["map"]) {
            return None;
        }
        let parameters = callee.parameters();
        // Parameters that a misspelt argument probably means: they are not told to be missing as well.
        let mut meant = HashSet::new();
        let given = self.given(task, &parameters, &mut meant);
        let mapped = self.mapped(task, &parameters, &given, &mut meant);
        let mut missing: Vec<&CalleeParameter<'_>> = Vec::new();
        let mut inputs = Some(Vec::with_capacity(parameters.len()));
        for (at, parameter) in parameters.iter().enumerate() {
            let input = match given.get(&**parameter.name) {
                Some(expression) => self.argument(task, parameter, mapped.contains(&at), expression),
                None => {
                    let input = left_out(parameter);
                    missing.extend(input.is_none().then_some(parameter));
                    input
                }
            };
            match (inputs.as_mut(), input) {
                (Some(inputs), Some(input)) => inputs.push(input),
                _ => inputs = None,
            }
        }
        missing.retain(|parameter| !meant.contains(&**parameter.name));
        if !task.lacks(&["with"]) {
            self.tell_missing(task, &missing);
        }
        let inputs = inputs?;
        self.check_lengths(task, &mapped, &inputs);
        Some(TaskInputs { inputs, mapped, when: when.map_or(Some(None), |when| when.map(Some))? })
    }

    fn argument(
        &mut self,
        task: &TaskWritten,
        parameter: &CalleeParameter<'_>,
        mapped: bool,
        expression: &Expression,
    ) -> Option<Input> {
        let who = Who::Argument { task: &task.name.value, parameter: parameter.name, mapped };
        match mapped {
            true => self.fit(expression, &ValueType::list(parameter.ty.clone()), who),
            false => self.fit(expression, parameter.ty, who),
        }
    }

    /// The arguments by name; surplus ones and repeated ones are mistakes.
    fn given<'t, 'c>(
        &mut self,
        task: &'t TaskWritten,
        parameters: &[CalleeParameter<'c>],
        meant: &mut HashSet<&'c str>,
    ) -> HashMap<&'t str, &'t Expression> {
        let mut given = HashMap::with_capacity(task.with.len());
        for (name, expression) in &task.with {
            if given.insert(&*name.value, expression).is_some() {
                let message = format!("argument `{}` of task `{}` is given twice", name.value, task.name.value);
                self.push(self.diagnostic("duplicate-argument", message, name.span));
            }
            self.known_parameter(task, name, parameters, meant);
        }
        given
    }

    fn known_parameter<'c>(
        &mut self,
        task: &TaskWritten,
        name: &Text,
        parameters: &[CalleeParameter<'c>],
        meant: &mut HashSet<&'c str>,
    ) -> Option<usize> {
        let found = parameters.iter().position(|parameter| *parameter.name == name.value);
        if found.is_none() {
            let names = parameters.iter().map(|parameter| &**parameter.name);
            meant.extend(self.session.suggestions.nearest(&name.value, names.clone()));
            let help = self.session.suggestions.help(&name.value, names);
            let message = format!("`{}` has no parameter `{}`", runs(task), name.value);
            let help = help.unwrap_or_else(|| "it has no parameters".to_owned());
            self.push(self.diagnostic("unknown-argument", message, name.span).with_help(help));
        }
        found
    }

    fn tell_missing(&mut self, task: &TaskWritten, missing: &[&CalleeParameter<'_>]) {
        if missing.is_empty() {
            return;
        }
        let list: Vec<String> = missing.iter().map(|p| format!("`{}: {}`", p.name, p.ty)).collect();
        let word = if missing.len() == 1 { "argument" } else { "arguments" };
        let message = format!("task `{}` lacks the {word} {} of `{}`", task.name.value, list.join(", "), runs(task));
        let keys: Vec<String> = missing.iter().map(|parameter| format!("`with.{} = …`", parameter.name)).collect();
        let help = format!("add {}", keys.join(" and "));
        self.push(self.diagnostic("missing-argument", message, task.name.span).with_help(help));
    }

    /// Positions of the mapped arguments.
    fn mapped<'c>(
        &mut self,
        task: &TaskWritten,
        parameters: &[CalleeParameter<'c>],
        given: &HashMap<&str, &Expression>,
        meant: &mut HashSet<&'c str>,
    ) -> Vec<usize> {
        let mut mapped = Vec::new();
        for name in &task.map {
            let Some(at) = self.known_parameter(task, name, parameters, meant) else { continue };
            if !given.contains_key(&*name.value) {
                if task.lacks(&["with"]) {
                    continue;
                }
                let message =
                    format!("task `{}` maps over `{1}`, but gives no argument `{1}`", task.name.value, name.value);
                let help = format!("add `with.{} = …` with a list", name.value);
                self.push(self.diagnostic("bad-map", message, name.span).with_help(help));
            } else if mapped.contains(&at) {
                let message = format!("`map` of task `{}` names `{}` twice", task.name.value, name.value);
                self.push(self.diagnostic("bad-map", message, name.span));
            } else {
                mapped.push(at);
            }
        }
        mapped
    }

    /// Lists that are zipped and whose lengths stand in the flow have to be of equal length.
    fn check_lengths(&mut self, task: &TaskWritten, mapped: &[usize], inputs: &[Input]) {
        let length = |at: &usize| match &inputs[*at] {
            Input::Literal(Value::List(list)) => Some(list.len()),
            Input::List { items, .. } => Some(items.len()),
            _ => None,
        };
        let mut lengths = mapped.iter().zip(&task.map).filter_map(|(at, name)| Some((length(at)?, name)));
        let Some((first, first_name)) = lengths.next() else { return };
        if let Some((other, name)) = lengths.find(|(other, _)| *other != first) {
            let message = format!(
                "task `{}` maps over lists of unequal length: `{}` has {first} elements, `{}` has {other}",
                task.name.value, first_name.value, name.value
            );
            self.push(self.diagnostic("bad-map", message, name.span));
        }
    }

    fn check_on_failure(&mut self, task: &TaskWritten) {
        if let Some(choice) = &task.on_failure
            && task.map.is_empty()
            && !task.lacks(&["map"])
        {
            let message = format!("`on-failure` of task `{}` goes only with `map`", task.name.value);
            let help = "to handle the failure of a single task, let a task take its `result<T, E>`";
            self.push(self.diagnostic("bad-on-failure", message, choice.span).with_help(help));
        }
    }

    /// A subflow's tasks have the limits of their own file.
    fn check_limits(&mut self, task: &TaskWritten) {
        let limits = &task.limits;
        let any = LimitsWritten { span: None, ..limits.clone() } != LimitsWritten::default();
        if any && !matches!(task.action, Action::Call(_)) {
            let message = format!(
                "task `{}` runs a flow, for which `limits` and `timeout` are not available in this version",
                task.name.value
            );
            let help = "put them into the `[defaults]` of that flow";
            self.push(self.diagnostic("unavailable-key", message, limits.span).with_help(help));
        }
    }
}

/// What an argument is that is not given; none if it has to be.
fn left_out(parameter: &CalleeParameter<'_>) -> Option<Input> {
    let none = || matches!(parameter.ty, ValueType::Option(_)).then_some(Value::NONE);
    parameter.default.cloned().or_else(none).map(Input::Literal)
}

/// What the task runs, as written.
fn runs(task: &TaskWritten) -> &str {
    match &task.action {
        Action::Call(text) | Action::Flow(text) => &text.value,
        Action::Invalid => "what it runs",
        Action::Inline(flow) => flow.name.as_ref().map_or("the subflow", |name| &name.value),
    }
}
