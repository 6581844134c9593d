//! What tasks can do at most, and what they provably cannot: `check` says it of a flow's tasks, `inspect` of a component.
//!
//! Tasks with equal powers are told together, so that the proof of a large flow still fits one screen.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use taskhost_flow::{Flow, Task, TaskKind};
use taskhost_model::TaskCall;
use taskhost_model::grants::{Access, Grants};
use taskhost_model::powers::{Area, Powers};
use taskhost_model::signature::ImportedInterface;

use super::settings;
use crate::output::{DIM, STRONG, WARN, styled, visible};

/// Most names in a line, groups, and lines of one group; what is left out is counted.
const NAMES_MAX: usize = 8;
const GROUPS_MAX: usize = 16;
const POWERS_MAX: usize = 16;

/// A task of a flow or of its subflows.
pub(crate) struct FlowTask<'a> {
    /// Its name, after the names of the subflows around it: `months/clean`.
    pub path: String,
    /// The task.
    pub task: &'a Task,
    /// What it does.
    pub kind: Kind<'a>,
}

/// What a task does.
pub(crate) enum Kind<'a> {
    /// Calls a function, with these powers.
    Call(&'a TaskCall, Powers),
    /// Runs a subflow, whose tasks follow; if they stood in the list before, below which path.
    Subflow(&'a Flow, Option<String>),
}

/// All tasks of a flow; those of a subflow that is run several times, only once.
pub(crate) fn tasks(flow: &Flow) -> Vec<FlowTask<'_>> {
    let mut gathered = Gathered { root: folder_of(&flow.path), seen: HashMap::new(), found: Vec::new() };
    gathered.add(flow, "");
    gathered.found
}

struct Gathered<'a> {
    /// The folder of the outermost flow.
    root: &'a Path,
    seen: HashMap<*const Flow, String>,
    found: Vec<FlowTask<'a>>,
}

impl<'a> Gathered<'a> {
    fn add(&mut self, flow: &'a Flow, path: &str) {
        let imports: HashMap<_, &[ImportedInterface]> =
            flow.components.iter().map(|one| (one.signature.digest, &*one.signature.imports)).collect();
        // A folder that two flows name alike is not the same.
        let elsewhere = beside(folder_of(&flow.path), self.root);
        for task in &flow.tasks {
            let path = if path.is_empty() { task.name.to_string() } else { format!("{path}/{}", task.name) };
            match &task.kind {
                TaskKind::Call(call) => {
                    let imports = imports.get(&call.component).copied().unwrap_or_default();
                    let powers = match elsewhere {
                        None => Powers::of(imports, &call.grants),
                        Some(folder) => Powers::of(imports, &with_folders_in(folder, &call.grants)),
                    };
                    self.found.push(FlowTask { path, task, kind: Kind::Call(call, powers) });
                }
                TaskKind::Subflow(subflow) => {
                    let first = self.seen.get(&Arc::as_ptr(subflow)).cloned();
                    let is_new = first.is_none();
                    self.found.push(FlowTask { path: path.clone(), task, kind: Kind::Subflow(subflow, first) });
                    if is_new {
                        self.seen.insert(Arc::as_ptr(subflow), path.clone());
                        self.add(subflow, &path);
                    }
                }
            }
        }
    }
}

fn folder_of(flow: &Path) -> &Path {
    flow.parent().unwrap_or(Path::new(""))
}

/// A folder as seen from another one, as far as that can be told without looking; none if they are the same.
fn beside<'p>(folder: &'p Path, from: &Path) -> Option<&'p Path> {
    let folder = folder.strip_prefix(from).unwrap_or(folder);
    (folder != Path::new("") && folder != Path::new(".")).then_some(folder)
}

/// Relative folders by the way that leads to them from the outermost flow.
fn with_folders_in(folder: &Path, grants: &Grants) -> Grants {
    let mut grants = grants.clone();
    for grant in grants.folders.iter_mut().filter(|grant| grant.base.is_some()) {
        grant.guest_path =
            grant.steps().fold(folder.to_owned(), |path, step| path.join(step)).display().to_string().into();
    }
    grants
}

/// Tasks that can do the same.
struct Group<'a> {
    powers: Powers,
    is_deterministic: bool,
    names: Vec<&'a str>,
    /// Components that import what is refused, each with what that is.
    refused: Vec<(&'a str, Vec<Area>)>,
}

impl Group<'_> {
    fn holds(&self, call: &TaskCall, powers: &Powers) -> bool {
        self.is_deterministic == call.deterministic
            && self.powers.can == powers.can
            && self.powers.cannot == powers.cannot
    }
}

fn groups<'a>(tasks: &'a [FlowTask]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    for task in tasks {
        let Kind::Call(call, powers) = &task.kind else { continue };
        let at = groups.iter().position(|group| group.holds(call, powers)).unwrap_or_else(|| {
            let is_deterministic = call.deterministic;
            groups.push(Group { powers: powers.clone(), is_deterministic, names: Vec::new(), refused: Vec::new() });
            groups.len() - 1
        });
        let group = &mut groups[at];
        group.names.push(&task.path);
        let refused = (&*call.component_name, powers.refused.clone());
        if !powers.refused.is_empty() && !group.refused.contains(&refused) {
            group.refused.push(refused);
        }
    }
    groups
}

/// The section of `check`.
pub(crate) fn section(tasks: &[FlowTask]) -> String {
    let groups = groups(tasks);
    if groups.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", styled(STRONG, "what tasks can do"));
    for group in groups.iter().take(GROUPS_MAX) {
        out.push_str(&format!("  {}\n", names(&group.names, &groups)));
        for line in lines(group) {
            out.push_str(&format!("    {line}\n"));
        }
    }
    if groups.len() > GROUPS_MAX {
        let more = super::count((groups.len() - GROUPS_MAX) as u64, "more group");
        out.push_str(&format!("  … and {more} of tasks; `--json` lists all\n"));
    }
    out
}

/// `every task`, or which ones.
fn names(names: &[&str], groups: &[Group]) -> String {
    let every = format!("every task ({})", super::grouped(names.len() as u64));
    match groups.len() == 1 && names.len() > 1 {
        false => listed(names.iter().copied()),
        // Those of subflows stand nowhere else.
        true if names.iter().any(|name| name.contains('/')) => format!("{every}: {}", listed(names.iter().copied())),
        true => every,
    }
}

/// The first few, and how many more there are.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let shown: Vec<&str> = names.take(NAMES_MAX).collect();
    let more = if all > shown.len() {
        format!(" and {} more", super::grouped((all - shown.len()) as u64))
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

fn lines(group: &Group) -> Vec<String> {
    let mut lines = Vec::new();
    if group.powers.can.is_empty() {
        lines.push("can touch nothing outside".to_owned());
    }
    lines.extend(group.powers.can.iter().take(POWERS_MAX).map(|power| styled(WARN, format!("can {}", visible(power)))));
    if group.powers.can.len() > POWERS_MAX {
        lines.push(format!(
            "… and {}; `--json` lists all",
            super::count((group.powers.can.len() - POWERS_MAX) as u64, "more grant")
        ));
    }
    lines.extend(group.powers.denials());
    if group.is_deterministic {
        lines.push("deterministic: fixed clocks, seeded random numbers".to_owned());
    }
    for (component, areas) in group.refused.iter().take(NAMES_MAX) {
        let line = format!("`{component}` imports {}: linked to a refusal", in_words(areas.iter().copied()));
        lines.push(styled(DIM, line));
    }
    if group.refused.len() > NAMES_MAX {
        lines.push(format!("… and {}", super::count((group.refused.len() - NAMES_MAX) as u64, "more component")));
    }
    lines
}

/// `files, environment`.
fn in_words(areas: impl IntoIterator<Item = Area>) -> String {
    areas.into_iter().filter_map(Area::words).collect::<Vec<_>>().join(", ")
}

/// The section of `inspect`, with indented lines: what a component asks for, and what `allow` could give it.
pub(crate) fn of_component(imports: &[ImportedInterface]) -> String {
    let words = in_words(Area::of_all(imports));
    let (useful, useless) = of_use(imports);
    let keys = |areas: &[Area]| areas.iter().map(|area| area.keys()).collect::<Vec<_>>().join(", ");
    let mut out =
        format!("  {}\n\n{}\n", if words.is_empty() { "nothing" } else { &words }, styled(STRONG, "what it can do"));
    out.push_str("  without a grant, nothing outside");
    out.push_str(
        &Powers::of(imports, &Grants::default()).denials().map_or(String::new(), |denials| format!(": it {denials}")),
    );
    out.push('\n');
    if !useful.is_empty() {
        out.push_str(&format!("  to do more it needs {} in its task's `allow`\n", keys(&useful)));
    }
    if !useless.is_empty() {
        out.push_str(&format!("  it could make no use of {}, which it does not import\n", keys(&useless)));
    }
    out
}

/// Areas of which a component could use a grant, and the others.
fn of_use(imports: &[ImportedInterface]) -> (Vec<Area>, Vec<Area>) {
    let imported = Area::of_all(imports);
    Area::GRANTED.into_iter().partition(|area| imported.contains(area))
}

/// The same for programs: what it asks for in words, areas of which it could use a grant, and the others.
pub(crate) fn component_json(imports: &[ImportedInterface]) -> Json {
    let (useful, useless) = of_use(imports);
    let powers = Powers::of(imports, &Grants::default());
    json!({
        "asks-for": words(&Area::of_all(imports)),
        "can": powers.can,
        "cannot": denials(&powers.cannot),
        "refused": words(&powers.refused),
        "could-use": keys(&useful),
        "no-use-for": keys(&useless),
    })
}

fn words(areas: &[Area]) -> Vec<&'static str> {
    areas.iter().filter_map(|area| area.words()).collect()
}

fn denials(areas: &[Area]) -> Vec<&'static str> {
    areas.iter().filter_map(|area| area.denial()).collect()
}

/// Keys of `allow`, one by one.
fn keys(areas: &[Area]) -> Vec<&'static str> {
    areas.iter().flat_map(|area| area.keys().split('`').skip(1).step_by(2)).collect()
}

/// A task for programs.
pub(crate) fn task_json(task: &FlowTask) -> Json {
    let mut object = Map::new();
    object.insert("task".to_owned(), task.path.clone().into());
    object.insert("result".to_owned(), task.task.result_type.to_string().into());
    object.extend(settings::json(task.task));
    object.insert("mapped".to_owned(), task.task.mapped_names.iter().map(|name| &**name).collect());
    match &task.kind {
        Kind::Subflow(flow, first) => {
            object.insert("flow".to_owned(), (*flow.name).into());
            object.insert("same-as".to_owned(), json!(first));
        }
        Kind::Call(call, powers) => {
            object.insert("call".to_owned(), format!("{}.{}", call.component_name, call.function).into());
            object.insert("parameters".to_owned(), call.parameters.iter().map(ToString::to_string).collect());
            object.insert("grants".to_owned(), grants_json(&call.grants));
            object.insert("deterministic".to_owned(), call.deterministic.into());
            object.insert("can".to_owned(), json!(powers.can));
            object.insert("cannot".to_owned(), json!(denials(&powers.cannot)));
            object.insert("refused".to_owned(), json!(words(&powers.refused)));
            object.insert("useless".to_owned(), json!(keys(&powers.useless)));
        }
    }
    Json::Object(object)
}

/// As in a flow's `allow`; secrets by name.
fn grants_json(grants: &Grants) -> Json {
    let folders = |access: Access| -> Vec<String> {
        grants.folders.iter().filter(|folder| folder.access == access).map(ToString::to_string).collect()
    };
    json!({
        "folders": grants.folders.iter().map(|folder| json!({
            "seen-as": &*folder.guest_path,
            "path": folder.host_path().display().to_string(),
            "write": folder.access == Access::Write,
        })).collect::<Vec<_>>(),
        "read": folders(Access::Read),
        "write": folders(Access::Write),
        "network": grants.network.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "http": grants.http.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "env": grants.env,
        "secrets": grants.secrets,
        "config": grants.config,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(names: &[&str]) -> Vec<ImportedInterface> {
        names.iter().map(|&name| ImportedInterface { name: name.into(), functions: Vec::new() }).collect()
    }

    fn group(grants: &Grants, names: &'static [&'static str]) -> Group<'static> {
        let powers = Powers::of(&imports(&["wasi:filesystem/types@0.2.6", "wasi:cli/environment@0.2.6"]), grants);
        let refused = vec![("report", powers.refused.clone())];
        Group { powers, is_deterministic: false, names: names.to_vec(), refused }
    }

    #[test]
    fn a_task_is_told_with_what_it_can_do_and_what_it_provably_cannot() {
        let grants = Grants {
            folders: vec![
                taskhost_model::grants::FolderGrant::new("data", "/f".as_ref(), Access::Read).expect("a folder"),
            ],
            ..Grants::default()
        };
        let text = lines(&group(&grants, &["report"])).join("\n");
        assert_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            "can read `data`\n\
             cannot use sockets, send HTTP requests, see environment variables, see configuration or secrets\n\
             `report` imports environment: linked to a refusal"
        );
    }

    #[test]
    fn folders_of_two_flows_with_the_same_name_are_told_apart() {
        let folder = |text: &str| {
            taskhost_model::grants::FolderGrant::new(text, "/f/inner".as_ref(), Access::Read).expect("a folder")
        };
        let grants = Grants { folders: vec![folder("data"), folder("."), folder("/srv")], ..Grants::default() };
        let beside = |folder: &'static str, from: &str| beside(folder.as_ref(), from.as_ref());
        assert_eq!(beside("/f", "/f"), None);
        assert_eq!(beside("./inner/", "."), Some(Path::new("inner")));
        let elsewhere = beside("/f/inner", "/f").expect("elsewhere");
        let shown = with_folders_in(elsewhere, &grants).folders.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown, ["inner/data", "inner", "/srv"]);
        assert_eq!(beside("../other", "."), Some(Path::new("../other")));
    }

    #[test]
    fn a_grant_cannot_command_the_terminal() {
        let grants = Grants { env: vec!["\u{1b}[2J".into()], ..Grants::default() };
        assert!(!lines(&group(&grants, &["report"])).join("\n").contains("\u{1b}[2J"));
    }

    #[test]
    fn a_component_is_told_with_the_keys_that_it_could_use() {
        let text = of_component(&imports(&["wasi:filesystem/types@0.2.6", "wasi:io/streams@0.2.6"]));
        assert_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            "  files\n\nwhat it can do\n  \
             without a grant, nothing outside: it cannot read or write files, use sockets, send HTTP requests, see environment \
             variables, see configuration or secrets\n  \
             to do more it needs `read` or `write` in its task's `allow`\n  \
             it could make no use of `network`, `http`, `env`, `config` or `secrets`, which it does not import\n"
        );
        assert_eq!(component_json(&imports(&["wasi:cli/environment@0.2.6"]))["could-use"], json!(["env"]));
    }
}
