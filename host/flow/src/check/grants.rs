//! `allow`, `strict` and `deterministic`: what each task may touch, and whether that goes with what its component imports.
//!
//! What is written is read in `check/allow.rs`; a key that a task gives replaces that key of `[defaults]`, the others stay.

use std::collections::HashMap;
use std::sync::Arc;

use taskhost_model::ComponentSignature;
use taskhost_model::grants::Grants;
use taskhost_model::powers::{Area, Powers};

use super::FileCheck;
use super::allow::Holder;
use super::callee::Callee;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;
use crate::written::{GrantsWritten, Spanned, TaskWritten, Text};

/// What one task may touch.
#[derive(Clone)]
pub(super) struct TaskGrants {
    /// Equal ones are one.
    pub(super) grants: Arc<Grants>,
    pub(super) deterministic: bool,
}

/// A key of `allow` that is given, with the place of its first entry.
pub(super) type Given = (Area, &'static str, Option<Span>);

impl FileCheck<'_, '_, '_> {
    pub(super) fn find_grants(&mut self) {
        let file = self.file;
        let defaults = self.allowed(&file.default_grants, Holder::Defaults);
        self.check_conflicts(&file.default_grants, Holder::Defaults);
        let default_grants = self.shared(defaults.clone().grants());
        for (at, task) in file.tasks.iter().enumerate() {
            let grants = match task.grants.has_allow() {
                false => default_grants.clone(),
                true => {
                    let own = self.allowed(&task.grants, Holder::Task(&task.name.value));
                    self.shared(own.over(&defaults).grants())
                }
            };
            if !task.grants.is_empty() {
                self.check_conflicts(&task.grants, Holder::Task(&task.name.value));
            }
            let deterministic = task.grants.deterministic.as_ref().or(file.default_grants.deterministic.as_ref());
            let mut deterministic = deterministic.is_some_and(|it| it.value);
            match self.callees[at].clone() {
                Some(Callee::Function { component, signature, .. }) => {
                    self.check_powers(task, component, &signature, &grants);
                    deterministic |= self.check_cache(task, &grants);
                    self.add_unsaid_settings(task);
                }
                Some(Callee::Subflow { unsaid, .. }) => {
                    self.refuse_grants_of_subflow(task);
                    self.unsaid.add(&unsaid.areas, &unsaid.settings);
                }
                None => {}
            }
            self.grants.push(TaskGrants { grants, deterministic });
        }
        self.tell_not_inherited();
        self.warn_useless_defaults();
    }

    /// Tasks that may touch the same share one list.
    fn shared(&mut self, grants: Grants) -> Arc<Grants> {
        if let Some(known) = self.session.grants.get(&grants) {
            return known.clone();
        }
        let grants = Arc::new(grants);
        self.session.grants.insert(grants.clone());
        grants
    }

    /// The tasks of a subflow have the grants of their own file.
    fn refuse_grants_of_subflow(&mut self, task: &TaskWritten) {
        let grants = &task.grants;
        let keys = [
            ("allow", grants.has_allow(), grants.span.or(first_of(grants))),
            ("strict", grants.strict.is_some(), grants.strict.as_ref().and_then(|it| it.span)),
            ("deterministic", grants.deterministic.is_some(), grants.deterministic.as_ref().and_then(|it| it.span)),
        ];
        for (key, _, span) in keys.into_iter().filter(|(_, given, _)| *given) {
            let message =
                format!("task `{}` runs a flow, whose tasks say themselves what `{key}` says", task.name.value);
            let help = format!("put `{key}` into the `[defaults]` or the tasks of that flow");
            self.push(self.diagnostic("misplaced-key", message, span).with_help(help));
        }
    }

    /// What the component imports against what is granted.
    fn check_powers(
        &mut self,
        task: &TaskWritten,
        component: usize,
        signature: &ComponentSignature,
        grants: &Arc<Grants>,
    ) {
        let file = self.file;
        let powers = self.powers.entry((component, Arc::as_ptr(grants)));
        let powers = powers.or_insert_with(|| Arc::new(Powers::of(&signature.imports, grants))).clone();
        let component = &*file.components[component].name.value;
        let is_unsaid = |area: &Area| !says(&task.grants, *area) && !says(&file.default_grants, *area);
        let unsaid: Vec<Area> = powers.refused.iter().copied().filter(is_unsaid).collect();
        self.unsaid.add(&unsaid, &[]);
        if let Some(strict) = self.strict(task) {
            for area in unsaid {
                self.refuse_import(task, component, signature, area, strict.span);
            }
        }
        let name = &task.name.value;
        for (area, key, span) in given(&task.grants).into_iter().filter(|(area, ..)| powers.useless.contains(area)) {
            let message = format!(
                "`{key}` of task `{name}` has no effect: component `{component}` imports nothing for {}",
                what(area)
            );
            self.warn_useless(message, span);
        }
    }

    /// The `strict` that holds for a task, if it is on.
    pub(super) fn strict(&self, task: &TaskWritten) -> Option<Spanned<bool>> {
        let defaults = self.file.default_grants.strict.as_ref().or(self.file.strict.as_ref());
        task.grants.strict.as_ref().or(defaults).filter(|strict| strict.value).cloned()
    }

    fn refuse_import(
        &mut self,
        task: &TaskWritten,
        component: &str,
        signature: &ComponentSignature,
        area: Area,
        strict: Option<Span>,
    ) {
        let import = signature.imports.iter().find(|import| Area::of(&import.name) == area);
        let import = import.map_or("", |import| &*import.name);
        let message = format!(
            "component `{component}` imports `{import}`, but task `{}` is not allowed to {}, and `strict` is on",
            task.name.value,
            area.denial().unwrap_or("use it"),
        );
        let help = format!(
            "allow it by {}, or write `{}` if the task does without, or rebuild the component without the import",
            area.keys(),
            nothing_of(area)
        );
        let place = match &task.action {
            crate::written::Action::Call(call) => call.span,
            _ => task.name.span,
        };
        let diagnostic = self.diagnostic("import-not-allowed", message, place).with_help(help);
        self.push(diagnostic.with_related(strict, "`strict` is on"));
    }

    fn warn_useless_defaults(&mut self) {
        let Some(imported) = self.imported() else { return };
        for (area, key, span) in given(&self.file.default_grants) {
            // Of those that a subflow could use it was told that they do not reach it.
            let is_missed = self.callees.iter().flatten().any(|callee| callee.unsaid().contains(&area));
            if !imported.contains(&area) && !is_missed {
                let message = format!(
                    "`{key}` of `defaults` has no effect: no component of a task in this file imports anything for {}",
                    what(area)
                );
                self.warn_useless(message, span);
            }
        }
    }

    fn warn_useless(&mut self, message: String, span: Option<Span>) {
        let warning = Diagnostic::new(Severity::Warning, "useless-grant", message, &self.file.source, span);
        self.push(warning.with_help("remove it"));
    }

    /// Keys that do not go together; what is wrong among the defaults alone is told once, there.
    fn check_conflicts(&mut self, own: &GrantsWritten, holder: Holder<'_>) {
        let file = self.file;
        let defaults = &file.default_grants;
        if let Some(deterministic) = own.deterministic.as_ref().or(defaults.deterministic.as_ref())
            && deterministic.value
        {
            for (key, own_list, default) in
                [("network", &own.network, &defaults.network), ("http", &own.http, &defaults.http)]
            {
                let is_own = own.deterministic.is_some() || own_list.is_some();
                let Some(rule) = own_list.as_ref().or(default.as_ref()).and_then(|list| list.first()) else { continue };
                if is_own {
                    self.refuse_deterministic(holder, key, deterministic.span, rule.span);
                }
            }
        }
        if own.read.is_some() || own.write.is_some() {
            self.check_lookalikes(own, holder);
        }
        let is_own = own.secrets.is_some() || own.config.is_some();
        let secrets = own.secrets.as_ref().or(defaults.secrets.as_ref());
        let config = own.config.as_ref().or(defaults.config.as_ref());
        if let (true, Some(secrets), Some(config)) = (is_own, secrets, config) {
            self.refuse_settings_that_are_secrets(holder, secrets, config);
        }
    }

    fn refuse_deterministic(&mut self, holder: Holder<'_>, key: &str, span: Option<Span>, rule: Option<Span>) {
        let message =
            format!("{holder} is `deterministic`, but `{key}` lets it reach what may answer differently each time");
        let help = format!("remove `{key}`, or `deterministic`");
        let diagnostic = self.diagnostic("bad-deterministic", message, span).with_help(help);
        self.push(diagnostic.with_related(rule, "reaches out"));
    }

    fn refuse_settings_that_are_secrets(&mut self, holder: Holder<'_>, secrets: &[Text], config: &[(Text, Text)]) {
        let secrets: HashMap<&str, Option<Span>> = secrets.iter().map(|secret| (&*secret.value, secret.span)).collect();
        for (key, _) in config {
            let Some(secret) = secrets.get(&*key.value) else { continue };
            let message = format!("`{}` is both a setting and a secret of {holder}", key.value);
            let help = "the component reads both by name; rename or remove one of them";
            let diagnostic = self.diagnostic("bad-grant", message, key.span).with_help(help);
            self.push(diagnostic.with_related(*secret, "the secret"));
        }
    }
}

/// Whether an `allow` says something of an area, and be it by an empty list: who wrote it has thought of it.
fn says(grants: &GrantsWritten, area: Area) -> bool {
    match area {
        Area::Files => grants.read.is_some() || grants.write.is_some(),
        Area::Network => grants.network.is_some(),
        Area::Http => grants.http.is_some(),
        Area::Environment => grants.env.is_some(),
        Area::Config => grants.secrets.is_some() || grants.config.is_some(),
        _ => true,
    }
}

/// What says that a task does without.
pub(super) fn nothing_of(area: Area) -> String {
    let key = match area {
        Area::Config => "secrets",
        _ => area.keys().split('`').nth(1).unwrap_or_default(),
    };
    format!("{key} = []")
}

/// The keys that grant something.
pub(super) fn given(grants: &GrantsWritten) -> Vec<Given> {
    let lists = [
        (Area::Files, "read", &grants.read),
        (Area::Files, "write", &grants.write),
        (Area::Network, "network", &grants.network),
        (Area::Http, "http", &grants.http),
        (Area::Environment, "env", &grants.env),
        (Area::Config, "secrets", &grants.secrets),
    ];
    let list = |(area, key, list): (Area, &'static str, &Option<Vec<Text>>)| {
        list.as_ref().and_then(|list| list.first()).map(|first| (area, key, first.span))
    };
    let config = grants.config.as_ref().and_then(|config| config.first());
    lists.into_iter().filter_map(list).chain(config.map(|(key, _)| (Area::Config, "config", key.span))).collect()
}

fn first_of(grants: &GrantsWritten) -> Option<Span> {
    given(grants).first().and_then(|(_, _, span)| *span)
}

fn what(area: Area) -> &'static str {
    match area {
        Area::Network => "sockets",
        Area::Environment => "environment variables",
        other => other.words().unwrap_or("it"),
    }
}
