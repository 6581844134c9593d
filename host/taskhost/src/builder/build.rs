//! From a draft to a [`FlowFile`]: names are given, handles become references by name.
//!
//! A flow in code has no text, so a place is a number: the span `n..n+1` of a source of blanks stands for the `n`-th
//! line of Rust that was remembered. [`Built::explain`] turns them back after the check.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use taskhost_flow::source::{FlowSource, Span};
use taskhost_flow::written::{
    Action as Written, ComponentWritten, Expression, ExpressionKind, FlowFile, GrantsWritten, LimitsWritten,
    ParameterWritten, PartWritten, ReferenceWritten, RetryWritten, Spanned, TaskWritten, Text,
};
use taskhost_flow::{Checked, Diagnostic, Diagnostics};
use taskhost_model::powers::Area;
use taskhost_model::{Limit, Retry};

use super::argument::{Argument, Form, Reference, Target};
use super::draft::{Draft, DraftParameter, DraftTask, Grant, Mistake, Place, Type};
use super::handle::ActionForm;
use super::{FlowId, Position};

/// A flow file made in code, with the lines of Rust that its spans stand for.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(super) file: FlowFile,
    /// What no flow file could say.
    mistakes: Vec<Diagnostic>,
    /// Of this flow and of those inside.
    places: Vec<(Arc<FlowSource>, Vec<Place>)>,
}

impl Built {
    /// Checks it; all mistakes at once, each with its line of Rust.
    pub(crate) fn check(
        mut self,
        check: impl FnOnce(FlowFile) -> Result<Checked, Diagnostics>,
    ) -> Result<Checked, Diagnostics> {
        let file = std::mem::replace(&mut self.file, FlowFile::new(Arc::new(FlowSource::new("", ""))));
        let mut mistakes = std::mem::take(&mut self.mistakes);
        match check(file) {
            Ok(checked) if mistakes.is_empty() => Ok(Checked { notes: self.explain(checked.notes), ..checked }),
            Ok(_) => Err(self.explain(Diagnostics::new(mistakes))),
            Err(diagnostics) => {
                mistakes.extend(diagnostics);
                Err(self.explain(Diagnostics::new(mistakes)))
            }
        }
    }

    /// Puts lines of Rust in place of numbers.
    fn explain(&self, diagnostics: Diagnostics) -> Diagnostics {
        let mut sources = Sources::default();
        Diagnostics::new(diagnostics.into_iter().map(|diagnostic| self.explain_one(diagnostic, &mut sources)).collect())
    }

    fn explain_one(&self, mut diagnostic: Diagnostic, sources: &mut Sources) -> Diagnostic {
        let Some((_, places)) = self.places.iter().find(|(source, _)| Arc::ptr_eq(source, &diagnostic.source)) else {
            return diagnostic;
        };
        let place = |span: Span| places.get(span.start).map(ToString::to_string);
        let related: Vec<String> = std::mem::take(&mut diagnostic.related)
            .into_iter()
            .filter_map(|(span, label)| Some(format!("{label} ({})", place(span)?)))
            .collect();
        if !related.is_empty() {
            let help = diagnostic.help.take().into_iter().chain(related);
            diagnostic.help = Some(help.collect::<Vec<_>>().join("; "));
        }
        let path = match diagnostic.span.take().and_then(place) {
            Some(line) => line,
            None => diagnostic.source.path().file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        diagnostic.source = sources.at(path);
        diagnostic
    }
}

/// One source for each line, so that messages about the same line stay together.
#[derive(Default)]
struct Sources(HashMap<String, Arc<FlowSource>>);

impl Sources {
    fn at(&mut self, path: String) -> Arc<FlowSource> {
        self.0.entry(path.clone()).or_insert_with(|| Arc::new(FlowSource::new(path, ""))).clone()
    }
}

pub(super) fn build(draft: &Draft, id: FlowId) -> Built {
    let names = task_names(draft);
    // The first of several tasks of one name is meant; the check says that there are several.
    let positions = names.iter().enumerate().rev().map(|(at, name)| (name.clone(), at)).collect();
    let mut build = Build { draft, id, names, positions, places: Vec::new(), mistakes: Vec::new(), inner: Vec::new() };
    let mut file = build.file();
    // Long enough for each number to be a place in it.
    let text = " ".repeat(build.places.len() + 1);
    let path = draft.folder.join(format!("{} (built in code)", draft.name));
    file.source = Arc::new(FlowSource::new(path, text));
    let mistake = |(mistake, span): (Mistake, Span)| {
        Diagnostic::error(mistake.code, mistake.message, &file.source, Some(span)).with_help_if(mistake.help)
    };
    let mut mistakes: Vec<Diagnostic> = build.mistakes.into_iter().map(mistake).collect();
    let mut places = vec![(file.source.clone(), build.places)];
    for built in build.inner {
        mistakes.extend(built.mistakes);
        places.extend(built.places);
    }
    Built { file, mistakes, places }
}

/// A name for each task: its own, or its function's, with a number where several have that.
fn task_names(draft: &Draft) -> Vec<Arc<str>> {
    let own = draft.tasks.iter().filter_map(|task| task.name.clone());
    let mut taken: HashSet<Arc<str>> =
        own.chain(draft.parameters.iter().map(|parameter| parameter.name.clone())).collect();
    let mut uses: HashMap<Arc<str>, usize> = HashMap::new();
    for task in draft.tasks.iter().filter(|task| task.name.is_none()) {
        *uses.entry(stem(&task.action)).or_default() += 1;
    }
    let mut next: HashMap<Arc<str>, usize> = HashMap::new();
    let mut name = |task: &DraftTask| {
        if let Some(name) = &task.name {
            return name.clone();
        }
        let stem = stem(&task.action);
        if uses[&stem] == 1 && taken.insert(stem.clone()) {
            return stem;
        }
        let number = next.entry(stem.clone()).or_insert(0);
        loop {
            *number += 1;
            let name: Arc<str> = format!("{stem}-{number}").into();
            if taken.insert(name.clone()) {
                return name;
            }
        }
    };
    draft.tasks.iter().map(&mut name).collect()
}

/// What a task without a name is called after.
fn stem(action: &ActionForm) -> Arc<str> {
    match action {
        ActionForm::Call(call) => last_part(call, '.'),
        ActionForm::Function(_, function) => last_part(function, '.'),
        ActionForm::File(path) => {
            std::path::Path::new(&**path).file_stem().unwrap_or_default().to_string_lossy().into()
        }
        ActionForm::Built(built) => built.file.name.as_ref().map_or("subflow".into(), |name| name.value.clone()),
    }
}

fn last_part(text: &str, separator: char) -> Arc<str> {
    text.rsplit(separator).next().unwrap_or(text).into()
}

struct Build<'a> {
    draft: &'a Draft,
    id: FlowId,
    names: Vec<Arc<str>>,
    positions: HashMap<Arc<str>, usize>,
    places: Vec<Place>,
    mistakes: Vec<(Mistake, Span)>,
    inner: Vec<Built>,
}

impl Build<'_> {
    fn file(&mut self) -> FlowFile {
        let draft = self.draft;
        let mut file = FlowFile::new(Arc::new(FlowSource::new("", "")));
        file.name = Some(Spanned::new(draft.name.clone()));
        file.description = draft.description.clone();
        file.runner = draft.runner.clone();
        file.defaults = self.limits(&draft.limits);
        file.default_retry = self.retry(draft.retry);
        file.default_cache = draft.cache.map(|(reuse, place)| Spanned { value: reuse, span: Some(self.span(place)) });
        file.tag_limits = draft.tag_limits.iter().map(|(tag, count, place)| (self.text(tag, place), *count)).collect();
        file.parameters = draft.parameters.iter().map(|parameter| self.parameter(parameter)).collect();
        file.components =
            draft.components.iter().map(|known| self.component(&known.name, &known.path, known.place)).collect();
        file.tasks = draft.tasks.iter().enumerate().map(|(at, task)| self.task(at, task)).collect();
        self.apply_bindings(&mut file.tasks);
        self.apply_orders(&mut file.tasks);
        for output in &draft.outputs {
            let name = self.text(&output.name, output.place);
            if let Some(value) = self.expression(&output.value, output.place) {
                file.outputs.push((name, value));
            }
        }
        file
    }

    fn span(&mut self, place: Place) -> Span {
        self.places.push(place);
        Span::from(self.places.len() - 1..self.places.len())
    }

    fn text(&mut self, text: &Arc<str>, place: Place) -> Text {
        Spanned::at(text.clone(), self.span(place))
    }

    fn mistake(&mut self, mistake: Mistake, place: Place) {
        let span = self.span(place);
        self.mistakes.push((mistake, span));
    }

    fn component(&mut self, name: &Arc<str>, path: &std::path::Path, place: Place) -> ComponentWritten {
        ComponentWritten { name: self.text(name, place), path: Spanned::at(path, self.span(place)) }
    }

    fn parameter(&mut self, parameter: &DraftParameter) -> ParameterWritten {
        let mut written = ParameterWritten::new(self.text(&parameter.name, parameter.place));
        match &parameter.ty {
            Some((Type::Known(ty), place)) => written.ty = Some(Spanned::at(ty.clone(), self.span(place))),
            Some((Type::Unreadable(mistake), place)) => self.mistake(mistake.clone(), place),
            None => {}
        }
        if let Some((value, place)) = &parameter.default {
            written.default = self.expression(value, place);
        }
        written.description = parameter.description.clone();
        written
    }

    fn task(&mut self, at: usize, task: &DraftTask) -> TaskWritten {
        let name = self.names[at].clone();
        let action = self.action(task);
        let mut written = TaskWritten::new(self.text(&name, task.place), action);
        for (parameter, argument, place) in &task.with {
            self.bind(&mut written, parameter, argument, place);
        }
        written.map = task.map.iter().map(|(name, place)| self.text(name, place)).collect();
        for (other, place) in &task.after {
            written.after.extend(self.name_of(other, place).map(|name| self.text(&name, place)));
        }
        written.when = task.when.as_ref().and_then(|(condition, place)| self.expression(condition, place));
        written.on_failure = task.on_failure.map(|(choice, place)| Spanned::at(choice, self.span(place)));
        written.limits = self.limits(&task.limits);
        written.grants = self.grants(&task.grants);
        written.retry = self.retry(task.retry);
        written.cache = task.cache.map(|(reuse, place)| Spanned { value: reuse, span: Some(self.span(place)) });
        written.priority = task.priority.map(|(priority, place)| Spanned::at(priority, self.span(place)));
        written.tags = task.tags.iter().map(|(tag, place)| self.text(tag, place)).collect();
        written.runner = task.runner.clone();
        written.description = task.description.clone();
        written
    }

    fn action(&mut self, task: &DraftTask) -> Written {
        match &task.action {
            ActionForm::Call(call) => Written::Call(self.text(call, task.place)),
            ActionForm::Function(component, function) => {
                let name = self.draft.component_named(component).expect("a component is declared when it is called");
                Written::Call(self.text(&format!("{name}.{function}").into(), task.place))
            }
            ActionForm::File(path) => Written::Flow(self.text(path, task.place)),
            ActionForm::Built(built) => {
                self.inner.push((**built).clone());
                Written::Inline(Box::new(built.file.clone()))
            }
        }
    }

    fn bind(&mut self, task: &mut TaskWritten, parameter: &Arc<str>, argument: &Argument, place: Place) {
        if task.with.iter().any(|(known, _)| known.value == *parameter) {
            let message = format!("argument `{parameter}` of `{}` is given twice", task.name.value);
            return self.mistake(Mistake::new("duplicate-key", message).with_help("give it once"), place);
        }
        let name = self.text(parameter, place);
        task.with.extend(self.expression(argument, place).map(|value| (name, value)));
    }

    fn apply_bindings(&mut self, tasks: &mut [TaskWritten]) {
        for (task, parameter, argument, place) in &self.draft.bindings {
            if let Some(at) = self.task_at(task, place) {
                self.bind(&mut tasks[at], parameter, argument, place);
            }
        }
    }

    fn apply_orders(&mut self, tasks: &mut [TaskWritten]) {
        for (first, second, place) in &self.draft.orders {
            if let (Some(at), Some(first)) = (self.task_at(second, place), self.name_of(first, place)) {
                let first = self.text(&first, place);
                tasks[at].after.push(first);
            }
        }
    }

    fn task_at(&mut self, name: &str, place: Place) -> Option<usize> {
        let at = self.positions.get(name).copied();
        if at.is_none() {
            let mistake = Mistake::new("unknown-task", format!("no task named `{name}`"));
            self.mistake(mistake.with_help("add it with `add_task`, or check the name"), place);
        }
        at
    }

    /// The name that a reference means; a handle of another flow means none.
    fn name_of(&mut self, reference: &Reference, place: Place) -> Option<Arc<str>> {
        match &reference.to {
            Target::Name(name) => Some(name.clone()),
            Target::Handle(flow, _) if *flow != self.id => {
                let message = "this handle belongs to another flow";
                let help = "pass the value through a parameter of this flow";
                self.mistake(Mistake::new("foreign-handle", message).with_help(help), place);
                None
            }
            Target::Handle(_, Position::Task(at)) => Some(self.names[*at].clone()),
            Target::Handle(_, Position::Parameter(at)) => Some(self.draft.parameters[*at].name.clone()),
        }
    }

    fn reference(&mut self, reference: &Reference, place: Place) -> Option<ReferenceWritten> {
        let name = self.name_of(reference, place)?;
        Some(ReferenceWritten { name, path: reference.path.clone(), span: Some(self.span(place)) })
    }

    /// None if the argument is left out.
    fn expression(&mut self, argument: &Argument, place: Place) -> Option<Expression> {
        let kind = match &argument.0 {
            Form::Absent => return None,
            Form::Integer(number) => ExpressionKind::Integer(*number),
            Form::Float(number) => ExpressionKind::Float(*number),
            Form::Bool(value) => ExpressionKind::Bool(*value),
            Form::Text(text) => ExpressionKind::Text(text.clone()),
            Form::Given(value, ty) => ExpressionKind::Given(value.clone(), ty.clone()),
            Form::Reference(reference) => {
                self.reference(reference, place).map_or(ExpressionKind::Invalid, ExpressionKind::Reference)
            }
            Form::Array(items) => ExpressionKind::Array(items.iter().map(|item| self.item(item, place)).collect()),
            Form::Record(fields) => ExpressionKind::Table(
                fields
                    .iter()
                    .filter_map(|(name, value)| Some((self.text(name, place), self.expression(value, place)?)))
                    .collect(),
            ),
            Form::Parts(parts) => {
                ExpressionKind::Parts(parts.iter().filter_map(|part| self.part(part, place)).collect())
            }
        };
        Some(Expression { kind, span: Some(self.span(place)) })
    }

    /// An element of a list, which cannot be left out.
    fn item(&mut self, argument: &Argument, place: Place) -> Expression {
        self.expression(argument, place).unwrap_or_else(|| {
            let mistake = Mistake::new("bad-argument", "an element of a list cannot be left out");
            self.mistake(
                mistake.with_help("for a list of options use `taskhost::value(…)`, which keeps the Rust types"),
                place,
            );
            Expression::new(ExpressionKind::Invalid)
        })
    }

    /// A part of a text: references stay, everything else is put in at once.
    fn part(&mut self, argument: &Argument, place: Place) -> Option<PartWritten> {
        Some(match &argument.0 {
            Form::Absent => return None,
            Form::Reference(reference) => PartWritten::Reference(self.reference(reference, place)?),
            Form::Text(text) => PartWritten::Text(text.clone()),
            Form::Integer(number) => PartWritten::Text(number.to_string().into()),
            Form::Float(number) => PartWritten::Text(number.to_string().into()),
            Form::Bool(value) => PartWritten::Text(value.to_string().into()),
            Form::Given(value, ty) => PartWritten::Text(taskhost_model::json::to_text(value, ty).into()),
            Form::Array(_) | Form::Record(_) | Form::Parts(_) => {
                let mistake = Mistake::new("bad-argument", "a list or record cannot be part of a text");
                self.mistake(mistake.with_help("put in text, numbers and references only"), place);
                return None;
            }
        })
    }

    fn limits(&mut self, limits: &[(Limit, Place)]) -> LimitsWritten {
        let mut written = LimitsWritten::default();
        for (limit, place) in limits {
            let span = self.span(place);
            written.span.get_or_insert(span);
            match *limit {
                Limit::Memory(bytes) => written.memory = Some(bytes),
                Limit::Cpu(time) => written.cpu = Some(time),
                Limit::Timeout(time) => written.timeout = Some(time),
                Limit::Output(bytes) => written.output = Some(bytes),
                Limit::Result(bytes) => written.result = Some(bytes),
                Limit::Blobs(bytes) => written.blobs = Some(bytes),
                Limit::LogLines(lines) => written.log_lines = Some(lines),
                Limit::Files(count) => written.files = Some(count),
                Limit::Sockets(count) => written.sockets = Some(count),
                Limit::Handles(count) => written.handles = Some(count),
            }
        }
        written
    }

    fn retry(&mut self, retry: Option<(Retry, Place)>) -> RetryWritten {
        let Some((retry, place)) = retry else { return RetryWritten::default() };
        RetryWritten {
            attempts: Some(retry.attempts),
            delay: Some(retry.delay),
            backoff: Some(retry.backoff),
            delay_max: Some(retry.delay_max),
            jitter: Some(retry.jitter),
            given: Some(Spanned::at((), self.span(place))),
        }
    }

    fn grants(&mut self, grants: &[(Grant, Place)]) -> GrantsWritten {
        let mut written = GrantsWritten::default();
        for (grant, place) in grants {
            let span = self.span(place);
            let list = match grant {
                Grant::Read(text) => (&mut written.read, text),
                Grant::Write(text) => (&mut written.write, text),
                Grant::Network(text) => (&mut written.network, text),
                Grant::Http(text) => (&mut written.http, text),
                Grant::Env(text) => (&mut written.env, text),
                Grant::Secret(text) => (&mut written.secrets, text),
                Grant::Config(key, value) => {
                    let pair = (Spanned::at(key.clone(), span), Spanned::at(value.clone(), span));
                    written.config.get_or_insert_default().push(pair);
                    written.span.get_or_insert(span);
                    continue;
                }
                Grant::Nothing(area) => {
                    do_without(*area, &mut written);
                    continue;
                }
                Grant::Deterministic => {
                    written.deterministic = Some(Spanned::at(true, span));
                    continue;
                }
                Grant::Strict => {
                    written.strict = Some(Spanned::at(true, span));
                    continue;
                }
            };
            list.0.get_or_insert_default().push(Spanned::at(list.1.clone(), span));
            written.span.get_or_insert(span);
        }
        written
    }
}

/// As an empty list in a flow file does.
fn do_without(area: Area, written: &mut GrantsWritten) {
    let list = match area {
        Area::Files => &mut written.read,
        Area::Network => &mut written.network,
        Area::Http => &mut written.http,
        Area::Environment => &mut written.env,
        Area::Config => &mut written.secrets,
        // The others need no grant.
        _ => return,
    };
    list.get_or_insert_default();
}
