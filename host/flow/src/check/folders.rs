//! Folders that are granted, against what stands there now: what a run would refuse is told before it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use taskhost_model::grants::{Access, FolderGrant};

use super::allow::{Allowed, Holder};
use super::{FileCheck, FolderState};
use crate::diagnostic::{Diagnostic, Severity};
use crate::written::{GrantsWritten, Text};

impl FileCheck<'_, '_, '_> {
    /// Folders that are written are made when the task runs; those that are only read should be there.
    pub(super) fn check_folders(&mut self, written: &GrantsWritten, allowed: &Allowed, holder: Holder<'_>) {
        let folders = allowed.write.iter().flatten();
        let written_too: HashSet<&str> = folders.map(|folder| &*folder.guest_path).collect();
        for (key, texts, folders) in [("read", &written.read, &allowed.read), ("write", &written.write, &allowed.write)]
        {
            let folders = folders.iter().flatten();
            let mut folders: HashMap<&str, &FolderGrant> =
                folders.map(|folder| (&*folder.guest_path, folder)).collect();
            for text in texts.iter().flatten() {
                // Each is told of once, where it stands first.
                let Some(grant) = plain(text).and_then(|plain| folders.remove(&*plain.guest_path)) else { continue };
                if grant.access == Access::Read && written_too.contains(&*grant.guest_path) {
                    let message =
                        format!("`{}` stands under `write` of {holder} too, which includes reading", text.value);
                    self.warn_duplicate(message, text);
                } else {
                    self.check_folder(key, grant, holder, text);
                }
            }
        }
    }

    fn check_folder(&mut self, key: &str, grant: &FolderGrant, holder: Holder<'_>, text: &Text) {
        match self.session.surroundings.folder(grant) {
            FolderState::There => {}
            FolderState::Absent if grant.access == Access::Write => {}
            // Of a misspelt key it is only guessed that it means this.
            FolderState::Absent if !self.file.mistakes.is_empty() => {}
            FolderState::Absent => {
                let message = format!("`{key}` of {holder}: there is no folder `{}` now", text.value);
                let note = Diagnostic::new(Severity::Note, "missing-folder", message, &self.file.source, text.span);
                self.push(note.with_help("make it before the flow runs, or fix the path"));
            }
            FolderState::Unusable { reason, help } => {
                let message = format!("`{key}` of {holder}: `{}` {reason}", text.value);
                self.push(self.diagnostic("unusable-folder", message, text.span).with_help(help));
            }
        }
    }

    /// Two folders that a guest cannot tell apart, of which at least one is its holder's own.
    pub(super) fn check_lookalikes(&mut self, own: &GrantsWritten, holder: Holder<'_>) {
        let defaults = &self.file.default_grants;
        let mut seen: HashMap<Vec<String>, (bool, bool, &Text)> = HashMap::new();
        let mut alike = Vec::new();
        for (own, default) in [(&own.read, &defaults.read), (&own.write, &defaults.write)] {
            let is_own = own.is_some();
            for text in own.as_ref().or(default.as_ref()).into_iter().flatten() {
                let Some(folder) = plain(text) else { continue };
                let steps = folder.steps().map(str::to_owned).collect();
                let this = (folder.base.is_some(), is_own, text);
                let (is_relative, is_other_own, other) = *seen.entry(steps).or_insert(this);
                if is_relative != this.0 && (is_own || is_other_own) {
                    // Told where the holder itself says it.
                    alike.push(if is_own { (text, other) } else { (other, text) });
                }
            }
        }
        for (text, other) in alike {
            let message = format!("`{}` of {holder} looks the same to the task as `{}`", text.value, other.value);
            let help = "libraries of guests drop the first slash; grant one of them";
            let diagnostic = self.diagnostic("bad-grant", message, text.span).with_help(help);
            self.push(diagnostic.with_related(other.span, "looks the same"));
        }
    }
}

/// The folder without the place of the flow; none if it is malformed, which is told elsewhere.
fn plain(text: &Text) -> Option<FolderGrant> {
    FolderGrant::new(&text.value, Path::new("."), Access::Read).ok()
}
