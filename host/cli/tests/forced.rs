//! A run whose flow or component has changed: what is the same is kept, what changed and what needs it runs again.

mod support;

use std::collections::BTreeMap;

use support::{Folder, Said, guest};
use taskhost_model::{Origin, RunEvent};

fn flow(components: &[(&str, &str)], middle: &str) -> String {
    let components: String = components.iter().map(|(name, path)| format!("{name} = {path:?}\n")).collect();
    format!(
        "name = \"changing\"\n[components]\n{components}\
         [tasks.numbers]\ncall = \"misc.range\"\nwith.n = 3\n\
         [tasks.draw]\ncall = \"misc.random\"\n\
         [tasks.middle]\ncall = \"{middle}\"\nmap = [\"n\"]\nwith.n = \"${{numbers}}\"\n\
         [tasks.sum]\ncall = \"misc.sum\"\nwith.numbers = \"${{middle}}\"\n\
         [tasks.inner]\nflow = \"inner.flow.toml\"\nmap = [\"n\"]\nwith.n = \"${{numbers}}\"\n\
         [tasks.again]\nflow = \"inner.flow.toml\"\nwith.n = 7\n\
         [outputs]\nsum = \"${{sum}}\"\ninner = \"${{inner}}\"\nagain = \"${{again}}\"\n"
    )
}

fn write_inner(folder: &Folder, component: &str) {
    let text = format!(
        "name = \"inner\"\n[parameters.n]\n[components]\nmisc = {component:?}\n\
         [tasks.more]\ncall = \"misc.add-one\"\nwith.n = \"${{n}}\"\n[outputs]\nmore = \"${{more}}\"\n"
    );
    folder.write("inner.flow.toml", text);
}

/// What the newest run carried out itself, and how many task runs it began with.
fn newest(folder: &Folder) -> (BTreeMap<String, u32>, u32) {
    let id = folder.newest().id;
    let known = folder.store().events(id).expect("events").map(|event| match event.expect("an event").event {
        RunEvent::TaskRunsEnded { count, origin: Origin::Journal, .. } => count,
        _ => 0,
    });
    (folder.carried_out(id), known.sum())
}

/// Without the runs of subflow tasks, which are those of the tasks inside.
fn names(carried_out: &BTreeMap<String, u32>) -> Vec<&str> {
    let is_call = |name: &&str| !["inner[0]", "inner[1]", "inner[2]", "again[0]"].contains(name);
    carried_out.keys().map(String::as_str).filter(is_call).collect()
}

fn forced(folder: &Folder) -> Said {
    let refused = folder.said(&["runs", "resume", "latest", "-q"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    folder.said(&["runs", "resume", "latest", "--force", "--json"])
}

#[test]
fn only_a_task_that_changed_and_what_needs_it_run_again() {
    let folder = Folder::new();
    let component = guest("misc");
    write_inner(&folder, &component);
    // It fails, goes on, and fails again: what it had done before either failure is kept.
    folder.write("flow.toml", flow(&[("misc", &component)], "misc.fail-odd"));
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(4));
    assert_eq!(folder.said(&["runs", "resume", "latest", "-q"]).code, Some(4));
    folder.write("flow.toml", flow(&[("misc", &component)], "misc.add-one"));
    let said = forced(&folder);
    assert_eq!(said.code, Some(0), "{said:?}");
    let json = said.json();
    assert_eq!((&json["outputs"]["sum"], &json["outputs"]["again"]["more"]), (&6.into(), &8.into()));
    let (carried_out, before) = newest(&folder);
    assert_eq!(names(&carried_out), ["middle[0]", "middle[1]", "middle[2]", "sum[0]"]);
    // `numbers`, `draw`, three runs of `inner` and one of `again`, each with a task inside.
    assert_eq!(before, 10);
    assert!(said.stderr.contains("10 task runs, 6 from before"), "{}", said.stderr);
    // It is a run like any other.
    let again = folder.said(&["runs", "resume", "latest", "--json"]);
    assert_eq!(again.json()["outputs"], json["outputs"]);
}

#[test]
fn only_tasks_of_a_component_that_changed_and_what_needs_them_run_again() {
    let folder = Folder::new();
    let component = guest("misc");
    let bytes = std::fs::read(&component).expect("a component");
    folder.write("own.wasm", &bytes);
    write_inner(&folder, &component);
    folder.write("flow.toml", flow(&[("misc", &component), ("own", "own.wasm")], "own.add-one"));
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(0));
    // A custom section without content, whose name is `x`.
    folder.write("own.wasm", [&bytes[..], &[0, 2, 1, b'x']].concat());
    let said = forced(&folder);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(names(&newest(&folder).0), ["middle[0]", "middle[1]", "middle[2]", "sum[0]"]);
}

#[test]
fn a_changed_subflow_runs_again_wherever_it_is_used() {
    let folder = Folder::new();
    let component = guest("misc");
    write_inner(&folder, &component);
    folder.write("flow.toml", flow(&[("misc", &component)], "misc.add-one"));
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(0));
    // A flow that is used twice is resumed with the types of both uses.
    assert_eq!(folder.said(&["runs", "resume", "latest", "-q"]).code, Some(0));
    let text = std::fs::read_to_string(folder.0.join("inner.flow.toml")).expect("a file");
    folder.write("inner.flow.toml", text.replace("misc.add-one", "misc.is-even"));
    let said = forced(&folder);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.json()["outputs"]["again"]["more"], false);
    assert_eq!(
        names(&newest(&folder).0),
        ["again/more[0]", "inner[0]/more[0]", "inner[1]/more[0]", "inner[2]/more[0]"]
    );
}

#[test]
fn a_name_that_means_something_else_now_is_a_change() {
    let folder = Folder::new();
    let head = format!("name = \"swapped\"\n[components]\nmisc = {:?}\n", guest("misc"));
    let more = "[tasks.more]\ncall = \"misc.add\"\nwith = { a = \"${x}\", b = 100 }\n";
    folder.write(
        "flow.toml",
        format!(
            "{head}[tasks.x]\ncall = \"misc.add\"\nwith = {{ a = 1, b = 1 }}\n{more}\
             [tasks.fails]\ncall = \"misc.fail\"\nwith.message = \"no\"\nafter = [\"more\"]\n[outputs]\nmore = \"${{more}}\"\n"
        ),
    );
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(4));
    folder.write(
        "flow.toml",
        format!("{head}[parameters.x]\ntype = \"u32\"\ndefault = 50\n{more}[outputs]\nmore = \"${{more}}\"\n"),
    );
    let said = forced(&folder);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.json()["outputs"]["more"], 150);
}

#[test]
fn a_default_file_of_a_subflow_that_changed_is_a_change_of_the_flow() {
    let folder = Folder::new();
    let component = guest("blobs");
    folder.write("inner.txt", "old");
    folder.write(
        "inner.flow.toml",
        format!(
            "name = \"inner\"\n[parameters.words]\ndefault-file = \"inner.txt\"\n[components]\nblobs = {component:?}\n\
             [tasks.text]\ncall = \"blobs.text\"\nwith.data = \"${{words}}\"\n[outputs]\ntext = \"${{text}}\"\n"
        ),
    );
    folder.write(
        "flow.toml",
        "name = \"outer\"\n[tasks.inner]\nflow = \"inner.flow.toml\"\n[outputs]\ninner = \"${inner}\"\n",
    );
    let said = folder.said(&["run", "flow.toml", "--json"]);
    assert_eq!(said.json()["outputs"]["inner"]["text"], "old", "{said:?}");
    folder.write("inner.txt", "new");
    let said = forced(&folder);
    assert_eq!(said.json()["outputs"]["inner"]["text"], "new", "{said:?}");
}

#[test]
fn a_component_that_no_longer_fits_the_flow_is_told_beside_the_mistakes() {
    let folder = Folder::new();
    std::fs::copy(guest("misc"), folder.0.join("own.wasm")).expect("a copy");
    folder.write("flow.toml", "[components]\nown = \"own.wasm\"\n[tasks.fails]\ncall = \"own.fail-plain\"\n");
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(4));
    std::fs::copy(guest("plain"), folder.0.join("own.wasm")).expect("a copy");
    let refused = folder.said(&["runs", "resume", "latest"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    for part in ["this has changed since flow run", "component `own` was sha256:", " and is sha256:", "`fail-plain`"] {
        assert!(refused.stderr.contains(part), "`{part}` is missing: {refused:?}");
    }
}
