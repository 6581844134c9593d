//! `retry`, `cache`, `priority`, `tags` and `[limits.tags]`: what they mean together, and where they may stand.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::grants::{Access, Grants};
use taskhost_model::{Retry, Reuse};

use super::FileCheck;
use super::callee::Callee;
use crate::diagnostic::{Diagnostic, Severity};
use crate::flow::{Flow, TaskKind};
use crate::source::Span;
use crate::written::{RetryWritten, Spanned, TaskWritten};

/// More are no sign of patience: each is an event of the journal.
pub(crate) const ATTEMPTS_MAX: u32 = 1000;

/// Delays that grow faster are a mistake.
pub(crate) const BACKOFF_MAX: f64 = 100.0;

/// Enough for any order, and sums of it stay small.
pub(crate) const PRIORITY_MAX: i32 = 1000;

/// What is repeated if nothing more is said.
const RETRY: Retry = Retry {
    attempts: 3,
    delay: Duration::from_secs(1),
    backoff: 2.0,
    delay_max: Duration::from_secs(60),
    jitter: true,
};

impl FileCheck<'_, '_, '_> {
    /// What no text can say, only code; and keys of a task that runs a flow, whose tasks say it themselves.
    pub(super) fn check_repeats(&mut self) {
        let file = self.file;
        self.check_retry(&file.default_retry);
        for (task, callee) in file.tasks.iter().zip(self.callees.clone()) {
            self.check_retry(&task.retry);
            if let Some(priority) = &task.priority
                && priority.value.unsigned_abs() > PRIORITY_MAX.unsigned_abs()
            {
                let message = format!("`priority` wants a number from -{PRIORITY_MAX} to {PRIORITY_MAX}");
                self.push(self.diagnostic("bad-value", message, priority.span));
            }
            task.tags.iter().for_each(|tag| self.well_formed(tag));
            if matches!(callee, Some(Callee::Subflow { .. })) {
                self.refuse_repeats_of_subflow(task);
            }
        }
        for (tag, _) in file.tag_limits.iter().filter(|(_, count)| *count == 0) {
            let message = format!("no task run with the tag `{}` could ever run: its limit is 0", tag.value);
            self.push(self.diagnostic("bad-value", message, tag.span).with_help("let it be at least 1"));
        }
        self.unique(file.tag_limits.iter().map(|(tag, _)| tag), "tag limit");
    }

    fn check_retry(&mut self, retry: &RetryWritten) {
        let span = retry.given.as_ref().and_then(|given| given.span);
        if retry.attempts.is_some_and(|attempts| !(1..=ATTEMPTS_MAX).contains(&attempts)) {
            let message = format!("`attempts` wants a number from 1 to {ATTEMPTS_MAX}");
            self.push(self.diagnostic("bad-value", message, span));
        }
        if retry.backoff.is_some_and(|backoff| !(1.0..=BACKOFF_MAX).contains(&backoff)) {
            let message = format!("`backoff` wants a number from 1 to {BACKOFF_MAX}");
            self.push(self.diagnostic("bad-value", message, span));
        }
        if let (Some(delay), Some(longest)) = (retry.delay, retry.delay_max)
            && longest < delay
        {
            let message = format!("`max-delay` ({longest:?}) is shorter than `delay` ({delay:?})");
            let help = "make `max-delay` longer, or `delay` shorter";
            self.push(self.diagnostic("bad-value", message, span).with_help(help));
        }
    }

    fn refuse_repeats_of_subflow(&mut self, task: &TaskWritten) {
        let retry = task.retry.given.as_ref().map(|given| ("retry", given.span));
        let cache = task.cache.as_ref().map(|cache| ("cache", cache.span));
        for (key, span) in [retry, cache].into_iter().flatten() {
            let message =
                format!("task `{}` runs a flow, whose tasks say themselves what `{key}` says", task.name.value);
            let help = format!("put `{key}` into the `[defaults]` or the tasks of that flow");
            self.push(self.diagnostic("misplaced-key", message, span).with_help(help));
        }
    }

    /// Which results of equal task runs a task takes.
    pub(super) fn reuse(&self, task: &TaskWritten) -> Option<Reuse> {
        task.cache.as_ref().or(self.file.default_cache.as_ref()).and_then(|cache| cache.value)
    }

    /// A result that is reused has to follow from what is looked at: the component, the function, the arguments, the grants and
    /// the variables' values. Gives whether the task is to be deterministic for that.
    pub(super) fn check_cache(&mut self, task: &TaskWritten, grants: &Grants) -> bool {
        if self.reuse(task).is_none() {
            return false;
        }
        let span = task.cache.as_ref().or(self.file.default_cache.as_ref()).and_then(|cache| cache.span);
        let name = &task.name.value;
        let outside = outside(grants);
        if outside.is_empty() && grants.secrets.is_empty() {
            if let Some(own) = task.grants.deterministic.as_ref().filter(|own| !own.value) {
                let message =
                    format!("task `{name}` has `cache`, so it is `deterministic`: equal runs are to be equal");
                let help = "remove `deterministic = false`, or write `cache = false`";
                let diagnostic = self.diagnostic("bad-deterministic", message, own.span).with_help(help);
                self.push(diagnostic.with_related(span, "reuses results"));
            }
            return true;
        }
        if !grants.secrets.is_empty() {
            let message =
                format!("task `{name}` has `cache`, which has no effect: results of tasks with secrets are not kept");
            let warning = Diagnostic::new(Severity::Warning, "useless-cache", message, &self.file.source, span);
            self.push(warning.with_help("write `cache = false`, or let a task without the secret do what takes long"));
            return false;
        }
        let message = format!(
            "task `{name}` has `cache`, but its result may depend on more than its arguments: it is allowed {}",
            outside.join(", ")
        );
        let warning = Diagnostic::new(Severity::Warning, "impure-cache", message, &self.file.source, span);
        self.push(
            warning.with_help("write `cache = false`, or take these grants away, unless what it reaches never changes"),
        );
        false
    }

    /// Tags that are limited and that no task has, and limits that do not count.
    pub(super) fn warn_tag_limits(&mut self, flow: &Flow) {
        let mut warnings = Vec::new();
        if self.session.depth > 0 {
            if let Some((tag, _)) = self.file.tag_limits.first() {
                let message = "`[limits.tags]` of a subflow does not count: that of the flow that is run does";
                let note = self.note("tag-limit-inside", message.to_owned(), tag.span, Severity::Note);
                warnings.push(note.with_help("move it there; tags of tasks inside count for it"));
            }
        } else if !self.file.tag_limits.is_empty() {
            let mut tags = HashSet::new();
            collect_tags(flow, &mut tags, &mut HashSet::new());
            for (tag, _) in self.file.tag_limits.iter().filter(|(tag, _)| !tags.contains(&tag.value)) {
                let message = format!("no task has the tag `{}`, so its limit has no effect", tag.value);
                let known = tags.iter().map(|tag| &**tag);
                let help =
                    self.session.suggestions.nearest(&tag.value, known).map(|near| format!("did you mean `{near}`?"));
                let help = help.unwrap_or_else(|| "remove it, or give tasks the tag: `tags = [\"…\"]`".to_owned());
                warnings.push(self.note("unused-tag-limit", message, tag.span, Severity::Warning).with_help(help));
            }
        }
        warnings.into_iter().for_each(|warning| self.push(warning));
    }

    fn note(&self, code: &'static str, message: String, span: Option<Span>, severity: Severity) -> Diagnostic {
        Diagnostic::new(severity, code, message, &self.file.source, span)
    }
}

/// What a task is allowed that may answer differently another time, but for secrets. The values of variables are looked at when a result is reused.
fn outside(grants: &Grants) -> Vec<&'static str> {
    let keys = [
        ("`read`", grants.folders.iter().any(|folder| folder.access == Access::Read)),
        ("`write`", grants.folders.iter().any(|folder| folder.access == Access::Write)),
        ("`network`", !grants.network.is_empty()),
        ("`http`", !grants.http.is_empty()),
    ];
    keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
}

fn collect_tags(flow: &Flow, tags: &mut HashSet<Arc<str>>, seen: &mut HashSet<*const Flow>) {
    if !seen.insert(std::ptr::from_ref(flow)) {
        return;
    }
    for task in &flow.tasks {
        tags.extend(task.tags.iter().cloned());
        if let TaskKind::Subflow(subflow) = &task.kind {
            collect_tags(subflow, tags, seen);
        }
    }
}

/// The task's own `retry`, key by key, else the flow's; never without any, and never for a subflow, whose tasks say it themselves.
pub(super) fn retry(defaults: &RetryWritten, task: &TaskWritten, kind: &TaskKind) -> Retry {
    let own = &task.retry;
    if matches!(kind, TaskKind::Subflow(_)) || own.given.is_none() && defaults.given.is_none() {
        return Retry::NEVER;
    }
    let delay = own.delay.or(defaults.delay).unwrap_or(RETRY.delay);
    Retry {
        attempts: own.attempts.or(defaults.attempts).unwrap_or(RETRY.attempts),
        delay,
        backoff: own.backoff.or(defaults.backoff).unwrap_or(RETRY.backoff),
        delay_max: own.delay_max.or(defaults.delay_max).unwrap_or(RETRY.delay_max.max(delay)),
        jitter: own.jitter.or(defaults.jitter).unwrap_or(RETRY.jitter),
    }
}

/// Tags as a task has them: sorted, each once.
pub(super) fn tags(written: &[Spanned<Arc<str>>]) -> Arc<[Arc<str>]> {
    let mut tags: Vec<Arc<str>> = written.iter().map(|tag| tag.value.clone()).collect();
    tags.sort_unstable();
    tags.dedup();
    tags.into()
}
