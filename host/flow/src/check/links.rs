//! Names: what each one means, and which tasks name which.
//!
//! Unknown names are told here and nowhere else, also in tasks whose function is unknown.

use super::FileCheck;
use crate::flow::Source;
use crate::names::{NAME_RULE, is_kebab, listed, to_kebab};
use crate::source::Span;
use crate::written::{Expression, ExpressionKind, PartWritten, ReferenceWritten, Text};

/// Flows with more names than this do not list them in messages.
const LISTED_OF_MAX: usize = 8;

/// A task names another one.
#[derive(Clone, Copy)]
pub(super) struct Link {
    /// Position of the task that is named.
    pub(super) to: usize,
    /// Where.
    pub(super) span: Option<Span>,
    /// By `after` or `when`: no argument that could take an `option`.
    pub(super) strict: bool,
}

/// Calls `visit` with each reference of an expression.
pub(super) fn each_reference<'e>(expression: &'e Expression, visit: &mut dyn FnMut(&'e ReferenceWritten)) {
    match &expression.kind {
        ExpressionKind::Reference(reference) => visit(reference),
        ExpressionKind::Parts(parts) => parts.iter().for_each(|part| {
            if let PartWritten::Reference(reference) = part {
                visit(reference);
            }
        }),
        ExpressionKind::Array(items) => items.iter().for_each(|item| each_reference(item, visit)),
        ExpressionKind::Table(fields) => fields.iter().for_each(|(_, field)| each_reference(field, visit)),
        _ => {}
    }
}

impl<'f> FileCheck<'f, '_, '_> {
    /// Gives every parameter and task its name; the two share one namespace.
    pub(super) fn bind_names(&mut self) {
        let file = self.file;
        let parameters = file.parameters.iter().enumerate().map(|(at, p)| (&p.name, Source::Parameter(at)));
        let tasks = file.tasks.iter().enumerate().map(|(at, task)| (&task.name, Source::Task(at)));
        for (name, source) in parameters.chain(tasks) {
            self.well_formed(name);
            if let Some(first) = self.names.insert(&name.value, source) {
                self.names.insert(&name.value, first);
                self.twice(name, source, first);
            }
        }
        self.unique(file.components.iter().map(|component| &component.name), "component");
        self.unique(file.outputs.iter().map(|(name, _)| name), "output");
        file.name.iter().for_each(|name| self.well_formed(name));
    }

    /// Names that are declared are kebab-case, like those of WIT, so that they can be fields and parameters.
    pub(super) fn well_formed(&mut self, name: &Text) {
        if !is_kebab(&name.value) {
            let help = to_kebab(&name.value).map(|kebab| format!("write `{kebab}`"));
            let message = format!("`{}` is no name: {NAME_RULE}", name.value);
            self.push(self.diagnostic("bad-name", message, name.span).with_help_if(help));
        }
    }

    fn twice(&mut self, name: &Text, again: Source, first: Source) {
        let (kind, span) = match first {
            Source::Parameter(at) => ("parameter", self.file.parameters[at].name.span),
            Source::Task(at) => ("task", self.file.tasks[at].name.span),
        };
        let message = match (again, first) {
            (Source::Task(_), Source::Parameter(_)) => format!("`{}` is both a parameter and a task", name.value),
            _ => format!("two {kind}s are named `{}`", name.value),
        };
        let diagnostic = self.diagnostic("duplicate-name", message, name.span).with_related(span, "the first one");
        self.push(diagnostic.with_help("rename one of them"));
    }

    pub(super) fn unique(&mut self, names: impl Iterator<Item = &'f Text>, kind: &str) {
        let mut seen = std::collections::HashSet::new();
        for name in names {
            self.well_formed(name);
            if !seen.insert(&name.value) {
                let message = format!("two {kind}s are named `{}`", name.value);
                self.push(self.diagnostic("duplicate-name", message, name.span).with_help("rename one of them"));
            }
        }
    }

    pub(super) fn find_links(&mut self) {
        let file = self.file;
        for task in &file.tasks {
            let mut links = Vec::new();
            for (_, expression) in &task.with {
                self.link(expression, false, &mut links);
            }
            if let Some(when) = &task.when {
                self.link(when, true, &mut links);
            }
            for name in &task.after {
                self.link_after(name, &mut links);
            }
            self.links.push(links);
        }
        for (_, expression) in &file.outputs {
            self.link(expression, false, &mut Vec::new());
        }
    }

    fn link(&mut self, expression: &Expression, strict: bool, links: &mut Vec<Link>) {
        let mut unknown = Vec::new();
        each_reference(expression, &mut |reference| match self.names.get(&*reference.name) {
            Some(&Source::Task(to)) => {
                links.push(Link { to, span: reference.span.or(expression.span), strict });
            }
            Some(&Source::Parameter(at)) => self.parameters_used[at] = true,
            None => unknown.push((&*reference.name, reference.span.or(expression.span))),
        });
        for (name, span) in unknown {
            self.unknown_names = true;
            if self.file.unreadable.iter().any(|known| **known == *name) {
                continue;
            }
            let help = self.name_meant(name);
            let message = format!("no task or parameter named `{name}`");
            self.push(self.diagnostic("unknown-name", message, span).with_help_if(help));
        }
    }

    /// The help for an unknown name in a reference.
    fn name_meant(&mut self, name: &str) -> Option<String> {
        let parameters = self.file.parameters.iter().map(|parameter| &*parameter.name.value);
        let names = parameters.chain(self.file.tasks.iter().map(|task| &*task.name.value));
        match self.session.suggestions.nearest(name, names.clone()) {
            Some(near) => Some(format!("did you mean `${{{near}}}`?")),
            None if self.names.len() <= LISTED_OF_MAX => listed(names).map(|list| format!("the flow has {list}")),
            None => None,
        }
    }

    fn link_after(&mut self, name: &Text, links: &mut Vec<Link>) {
        let (message, help) = match self.names.get(&*name.value) {
            Some(&Source::Task(to)) => return links.push(Link { to, span: name.span, strict: true }),
            Some(&Source::Parameter(at)) => {
                self.parameters_used[at] = true;
                (format!("`{}` is a parameter, `after` wants tasks", name.value), Some("remove it".to_owned()))
            }
            None if self.file.unreadable.contains(&name.value) => return,
            None => {
                let tasks = self.file.tasks.iter().map(|task| &*task.name.value);
                let help = self.session.suggestions.nearest(&name.value, tasks);
                (format!("no task named `{}`", name.value), help.map(|near| format!("did you mean `{near}`?")))
            }
        };
        self.push(self.diagnostic("unknown-task", message, name.span).with_help_if(help));
    }
}
