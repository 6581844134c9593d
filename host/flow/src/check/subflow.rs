//! Flows inside flows: each file is read and checked once, a flow that reaches itself is shown as a path.

use std::path::{Component, Path, PathBuf};

use taskhost_model::limits::{EXPANDED_TASKS_MAX, SUBFLOW_DEPTH_MAX};

use super::callee::Callee;
use super::{CheckedFile, FileCheck, Session};
use crate::parse::parse;
use crate::source::Span;
use crate::written::{FlowFile, Text};

/// The same file by one name, as far as that can be told without looking: `a/../b.toml` is `b.toml`.
pub(super) fn normalise(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

impl FileCheck<'_, '_, '_> {
    pub(super) fn subflow(&mut self, written: &Text) -> Option<Callee> {
        let path = self.file.source.beside(Path::new(&*written.value));
        let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        let key = normalise(&path);
        if let Some(first) = self.session.stack.iter().position(|file| *file == key) {
            let names = self.session.stack[first..].iter().chain([&key]);
            let cycle: Vec<String> = names.map(|file| file_name(file)).collect();
            let message = format!("flow `{}` runs itself: `{}`", written.value, cycle.join(" → "));
            let help = "a subflow cannot reach the flow that runs it; break the circle";
            self.push(self.diagnostic("subflow-recursion", message, written.span).with_help(help));
            return None;
        }
        let checked = match self.session.subflows.get(&key) {
            Some(known) => known.clone(),
            None => {
                let checked = self.read(written, &path, &key);
                self.session.subflows.insert(key, checked.clone());
                checked
            }
        };
        self.below(checked?, written.span)
    }

    /// A subflow that was built in code. It is finite by construction; only its depth is limited.
    pub(super) fn inline_subflow(&mut self, flow: &FlowFile, span: Option<Span>) -> Option<Callee> {
        let checked = self.deeper(span, |session| session.file(flow))?;
        self.below(checked, span)
    }

    fn read(&mut self, written: &Text, path: &Path, key: &Path) -> Option<CheckedFile> {
        let source = match self.session.surroundings.subflow(path) {
            Ok(source) => source,
            Err(reason) => {
                let message = format!("flow `{}` {reason}", written.value);
                self.push(self.diagnostic("unusable-subflow", message, written.span));
                return None;
            }
        };
        self.deeper(written.span, |session| {
            let file = match parse(&source) {
                Ok(file) => file,
                Err(mistakes) => {
                    mistakes.into_iter().for_each(|mistake| session.push(mistake));
                    return None;
                }
            };
            session.stack.push(key.to_owned());
            let checked = session.file(&file);
            session.stack.pop();
            checked
        })
    }

    /// One level down, if there is one left.
    fn deeper(
        &mut self,
        span: Option<Span>,
        check: impl FnOnce(&mut Session<'_>) -> Option<CheckedFile>,
    ) -> Option<CheckedFile> {
        if self.session.depth >= SUBFLOW_DEPTH_MAX {
            self.too_deep(span);
            return None;
        }
        self.session.depth += 1;
        let checked = check(self.session);
        self.session.depth -= 1;
        checked
    }

    /// A checked subflow: its own levels count too, since it may have been checked nearer to the top.
    fn below(&mut self, checked: CheckedFile, span: Option<Span>) -> Option<Callee> {
        self.height = self.height.max(checked.height + 1);
        if self.session.depth + self.height > SUBFLOW_DEPTH_MAX {
            self.too_deep(span);
            return None;
        }
        self.expanded = self.expanded.saturating_add(checked.expanded);
        if self.expanded > EXPANDED_TASKS_MAX {
            let message = format!("with all its subflows, this flow has more than {EXPANDED_TASKS_MAX} tasks");
            let help = "each subflow counts as often as it is run; to run one many times, use `map`";
            self.push(self.diagnostic("too-many-tasks", message, span).with_help(help));
            return None;
        }
        Some(Callee::Subflow { flow: checked.flow, unsaid: checked.unsaid })
    }

    fn too_deep(&mut self, span: Option<Span>) {
        let message = format!("subflows are nested more than {SUBFLOW_DEPTH_MAX} deep");
        self.push(self.diagnostic("subflow-depth", message, span));
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
