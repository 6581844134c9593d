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
use crate::written::{Action, Spanned, TaskWritten};

impl FileCheck<'_, '_, '_> {
    pub(super) fn add_unsaid(&mut self, areas: &[Area]) {
        for area in areas {
            if !self.unsaid.contains(area) {
                self.unsaid.push(*area);
            }
        }
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
        if strict.is_none() && !file.default_grants.has_allow() {
            return;
        }
        let mut told: HashSet<*const Flow> = HashSet::new();
        for (task, callee) in file.tasks.iter().zip(self.callees.clone()) {
            let Some(Callee::Subflow { flow, unsaid }) = callee else { continue };
            if !unsaid.is_empty() && told.insert(Arc::as_ptr(&flow)) {
                let (name, span) = name_of(task, &flow);
                self.tell_defaults(&name, span, &unsaid);
                if let Some(strict) = strict {
                    self.tell_strict(&name, span, &unsaid, strict);
                }
            }
        }
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
