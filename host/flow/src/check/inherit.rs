//! What does not reach the tasks of a subflow, told where somebody may have thought that it does.
//!
//! A subflow is checked by itself, so that its file means the same whoever runs it: neither `[defaults]` nor `strict` of the flow around
//! it counts in it.

use std::collections::HashSet;
use std::sync::Arc;

use taskhost_model::powers::Area;

use super::FileCheck;
use super::callee::Callee;
use super::grants::{given, nothing_of};
use crate::diagnostic::{Diagnostic, Severity};
use crate::flow::Flow;
use crate::source::Span;
use crate::written::{Action, CacheWritten, GrantsWritten, LimitsWritten, RetryWritten, Spanned, TaskWritten};

/// What tasks and their file leave unsaid, so that somebody may have thought that the flow around them says it.
#[derive(Default)]
pub(super) struct Unsaid {
    /// What their components import, although they neither are granted any of it nor say by an empty list that they do without.
    pub(super) areas: Vec<Area>,
    /// Keys of `[defaults]` beside `allow` and `strict`.
    pub(super) settings: Vec<&'static str>,
}

impl Unsaid {
    pub(super) fn add(&mut self, areas: &[Area], settings: &[&'static str]) {
        add_new(&mut self.areas, areas);
        add_new(&mut self.settings, settings);
    }
}

fn add_new<T: Copy + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(*one);
        }
    }
}

/// A key of `[defaults]`, whether it is given, and where.
type Setting = (&'static str, bool, Option<Span>);

/// What `[defaults]` or a task says beside `allow` and `strict`.
fn settings(
    limits: &LimitsWritten,
    retry: &RetryWritten,
    cache: &Option<CacheWritten>,
    grants: &GrantsWritten,
) -> [Setting; 13] {
    let limit = |key, is_given| (key, is_given, limits.span);
    [
        limit("timeout", limits.timeout.is_some()),
        limit("limits.memory", limits.memory.is_some()),
        limit("limits.cpu", limits.cpu.is_some()),
        limit("limits.output", limits.output.is_some()),
        limit("limits.result", limits.result.is_some()),
        limit("limits.blobs", limits.blobs.is_some()),
        limit("limits.log-lines", limits.log_lines.is_some()),
        limit("limits.files", limits.files.is_some()),
        limit("limits.sockets", limits.sockets.is_some()),
        limit("limits.handles", limits.handles.is_some()),
        ("retry", retry.given.is_some(), retry.given.as_ref().and_then(|given| given.span)),
        ("cache", cache.is_some(), cache.as_ref().and_then(|cache| cache.span)),
        ("deterministic", grants.deterministic.is_some(), grants.deterministic.as_ref().and_then(|it| it.span)),
    ]
}

impl FileCheck<'_, '_, '_> {
    /// Settings that neither a task nor its file says.
    pub(super) fn add_unsaid_settings(&mut self, task: &TaskWritten) {
        let own = settings(&task.limits, &task.retry, &task.cache, &task.grants);
        let unsaid = own.into_iter().zip(self.default_settings());
        let unsaid = unsaid.filter(|((_, own, _), (_, default, _))| !own && !default).map(|((key, ..), _)| key);
        self.unsaid.add(&[], &unsaid.collect::<Vec<_>>());
    }

    fn default_settings(&self) -> [Setting; 13] {
        let file = self.file;
        settings(&file.defaults, &file.default_retry, &file.default_cache, &file.default_grants)
    }

    /// What the components of this file's own tasks import; none if one of them is not known.
    pub(super) fn imported(&self) -> Option<HashSet<Area>> {
        let (mut seen, mut imported) = (HashSet::new(), HashSet::new());
        for callee in &self.callees {
            if let Callee::Function { component, signature, .. } = callee.as_ref()?
                && seen.insert(*component)
            {
                imported.extend(Area::of_all(&signature.imports));
            }
        }
        Some(imported)
    }

    /// Tells it once for each subflow, at the first task that runs it.
    pub(super) fn tell_not_inherited(&mut self) {
        let file = self.file;
        let strict = file.default_grants.strict.as_ref().or(file.strict.as_ref()).filter(|strict| strict.value);
        let settings = self.settings_to_inherit();
        if strict.is_none() && !file.default_grants.has_allow() && settings.is_empty() {
            return;
        }
        let mut told: HashSet<*const Flow> = HashSet::new();
        for (task, callee) in file.tasks.iter().zip(self.callees.clone()) {
            let Some(Callee::Subflow { flow, unsaid }) = callee else { continue };
            if !told.insert(Arc::as_ptr(&flow)) {
                continue;
            }
            let (name, span) = name_of(task, &flow);
            self.tell_defaults(&name, span, &unsaid.areas);
            if let Some(strict) = strict.filter(|_| !unsaid.areas.is_empty()) {
                self.tell_strict(&name, span, &unsaid.areas, strict);
            }
            let missed: Vec<Setting> =
                settings.iter().filter(|(key, ..)| unsaid.settings.contains(key)).copied().collect();
            self.tell_settings(&name, span, &missed);
        }
    }

    /// Keys of `[defaults]` that change something.
    fn settings_to_inherit(&self) -> Vec<Setting> {
        let file = self.file;
        let is_on = |key: &str| match key {
            "cache" => file.default_cache.as_ref().is_some_and(|cache| cache.value.is_some()),
            "deterministic" => file.default_grants.deterministic.as_ref().is_some_and(|it| it.value),
            _ => true,
        };
        self.default_settings().into_iter().filter(|(key, is_given, _)| *is_given && is_on(key)).collect()
    }

    fn tell_settings(&mut self, flow: &str, span: Option<Span>, missed: &[Setting]) {
        let Some((_, _, first)) = missed.first().copied() else { return };
        let keys = missed.iter().map(|(key, ..)| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let verb = if missed.len() == 1 { "does" } else { "do" };
        let message = format!("{keys} of `[defaults]` {verb} not reach the tasks of flow `{flow}`");
        let note = Diagnostic::new(Severity::Note, "not-inherited", message, &self.file.source, span);
        let help = format!(
            "each flow says itself how its tasks run: write it under `[defaults]` of `{flow}`, if it is meant for them too"
        );
        self.push(note.with_help(help).with_related(first, "counts in this file only"));
    }

    fn tell_defaults(&mut self, flow: &str, span: Option<Span>, unsaid: &[Area]) {
        let missed: Vec<_> =
            given(&self.file.default_grants).into_iter().filter(|(area, ..)| unsaid.contains(area)).collect();
        let Some((area, _, first)) = missed.first().copied() else { return };
        let keys = missed.iter().map(|(_, key, _)| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let verb = if missed.len() == 1 { "does" } else { "do" };
        let message = format!("{keys} of `[defaults.allow]` {verb} not reach the tasks of flow `{flow}`");
        // What no task of this file can use either was meant for the subflow.
        let is_meant = self.imported().is_some_and(|imported| missed.iter().any(|(area, ..)| !imported.contains(area)));
        let severity = if is_meant { Severity::Warning } else { Severity::Note };
        let note = Diagnostic::new(severity, "not-inherited", message, &self.file.source, span);
        let help = format!(
            "each flow says itself what its tasks may touch: write it under `[defaults.allow]` of `{flow}`, or an empty list there, such \
             as `{}`, if they do without",
            nothing_of(area)
        );
        self.push(note.with_help(help).with_related(first, "counts in this file only"));
    }

    fn tell_strict(&mut self, flow: &str, span: Option<Span>, unsaid: &[Area], strict: &Spanned<bool>) {
        let areas: Vec<&str> = unsaid.iter().filter_map(|area| area.words()).collect();
        let message = format!(
            "`strict` does not reach the tasks of flow `{flow}`: they import {} without a grant for it",
            areas.join(", ")
        );
        let warning = Diagnostic::new(Severity::Warning, "not-inherited", message, &self.file.source, span);
        let help = format!("write `strict = true` in `{flow}` too");
        self.push(warning.with_help(help).with_related(strict.span, "counts in this file only"));
    }
}

/// The subflow as its task names it.
fn name_of(task: &TaskWritten, flow: &Flow) -> (String, Option<Span>) {
    match &task.action {
        Action::Flow(path) => (path.value.to_string(), path.span),
        _ => (flow.name.to_string(), task.name.span),
    }
}
