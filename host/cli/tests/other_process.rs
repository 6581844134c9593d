//! What one process can do about a flow run that another carries out: follow it, draw it, name it, ask it to stop; and what it may not.

#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use support::{Folder, Said, guest, wait_for};
use taskhost_store::{RunState, Store};

/// A flow that sleeps: `short` for a while, `long` for longer, `next` after `short`.
fn write_flow(folder: &Folder, short: u32, long: u32) {
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"sleeper\"\n[components]\nmisc = {component:?}\n\
             [tasks.short]\ncall = \"misc.sleep\"\nwith.ms = {short}\n\
             [tasks.long]\ncall = \"misc.sleep\"\nwith.ms = {long}\n\
             [tasks.next]\ncall = \"misc.random\"\nafter = [\"short\"]\n"
        ),
    );
}

/// The flow run, once its first tasks run.
fn started(folder: &Folder) -> Child {
    let mut run = folder.recorded(&["run", "flow.toml"]);
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    wait_for("the run starts", || {
        let Ok(store) = Store::open_for_reading(&folder.data()) else { return false };
        let runs = store.runs(&Default::default()).unwrap_or_default();
        runs.first().is_some_and(|run| store.tasks(run.id).is_ok_and(|tasks| tasks.len() >= 2))
    });
    child
}

fn end(child: Child) -> Said {
    child.wait_with_output().expect("an end").into()
}

#[test]
fn a_run_that_is_asked_once_to_stop_lets_what_runs_end_and_starts_nothing_new() {
    let folder = Folder::new();
    write_flow(&folder, 1_500, 1_500);
    let run = started(&folder);
    let asked = folder.said(&["runs", "cancel", "latest"]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stderr.contains("is asked to stop: nothing new starts"), "{asked:?}");
    let said = end(run);
    assert_eq!(said.code, Some(130), "{said:?}");
    let told = "asked to stop by `taskhost runs cancel`: nothing new starts; waiting for what runs of 2 tasks";
    assert!(said.stderr.contains(told), "{said:?}");
    let newest = folder.newest();
    assert_eq!((newest.state, newest.runs_ended), (RunState::Cancelled, 2), "{said:?}");
    assert!(!folder.carried_out(newest.id).contains_key("next[0]"));
    // It is over: nobody can be asked any more, but it can go on.
    let again = folder.said(&["runs", "cancel", "latest"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("is not running: it is cancelled"), "{}", again.stderr);
    let resumed = folder.said(&["runs", "resume", "latest"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(resumed.stderr.contains("3 task runs, 2 from before"), "{}", resumed.stderr);
}

#[test]
fn a_run_that_is_asked_twice_to_stop_stops_what_runs() {
    let folder = Folder::new();
    write_flow(&folder, 120_000, 120_000);
    let started_at = Instant::now();
    let run = started(&folder);
    let asked: Vec<Said> = (0..2).map(|_| folder.said(&["runs", "cancel", "latest"])).collect();
    assert!(asked.iter().all(|said| said.code == Some(0)), "{asked:?}");
    assert!(asked[1].stderr.contains("is asked once more to stop: what runs is stopped, too"), "{asked:?}");
    let said = end(run);
    assert_eq!(said.code, Some(130), "{said:?}");
    let told = "asked to stop by `taskhost runs cancel`: 0 of 2 task runs had ended; stopping the others\n";
    assert!(said.stderr.contains(told), "{said:?}");
    assert!(started_at.elapsed() < Duration::from_secs(60));
    let newest = folder.newest();
    assert_eq!((newest.state, newest.runs_ended), (RunState::Cancelled, 0));
}

#[test]
fn a_run_is_not_deleted_while_it_runs_and_then_goes_with_what_only_it_needs() {
    let folder = Folder::new();
    let component = guest("misc");
    // 100 kB are kept as a file.
    folder.write(
        "flow.toml",
        format!(
            "name = \"large\"\n[components]\nmisc = {component:?}\n[parameters.n]\ntype = \"u32\"\n\
             [tasks.bytes]\ncall = \"misc.bytes\"\nwith.n = \"${{n}}\"\n\
             [tasks.same]\ncall = \"misc.bytes\"\nwith.n = 70000\n\
             [tasks.wait]\ncall = \"misc.sleep\"\nwith.ms = 1500\n"
        ),
    );
    let artifacts = || files(&folder.data().join("artifacts"));
    assert_eq!(folder.said(&["run", "flow.toml", "-q", "-p", "n=100000"]).code, Some(0));
    assert_eq!((artifacts(), folder.newest().state), (2, RunState::Succeeded));
    let first = folder.newest().id.to_string();
    let mut run = folder.recorded(&["run", "flow.toml", "-q", "-p", "n=90000"]);
    let mut child = run.spawn().expect("a process");
    wait_for("both values are kept", || artifacts() == 3);
    let refused = folder.said(&["runs", "delete", "latest"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("taskhost runs cancel"), "{}", refused.stderr);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    let deleted = folder.said(&["runs", "delete", &first]);
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert!(deleted.stdout.starts_with("deleted 1 flow run, and 97"), "{}", deleted.stdout);
    // What both gave is needed by the other one.
    assert_eq!(artifacts(), 2);
    assert_eq!(folder.said(&["runs", "show", &first]).code, Some(2));
    assert_eq!(folder.said(&["runs", "delete", "latest"]).code, Some(0));
    assert_eq!(artifacts(), 0);
}

fn files(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

#[test]
fn who_follows_a_run_sees_each_change_within_a_second_and_how_it_ended() {
    let folder = Folder::new();
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"steps\"\n[components]\nmisc = {component:?}\n\
             [tasks.first]\ncall = \"misc.sleep\"\nwith.ms = 1500\n\
             [tasks.second]\ncall = \"misc.print\"\nwith = {{ text = \"here\", times = 1 }}\nafter = [\"first\"]\n\
             [tasks.third]\ncall = \"misc.sleep\"\nwith.ms = 2500\nafter = [\"second\"]\n\
             [outputs]\nslept = \"${{third}}\"\n"
        ),
    );
    let mut run = folder.recorded(&["run", "flow.toml", "-q"]);
    let mut run = run.stdout(Stdio::null()).spawn().expect("a process");
    wait_for("the run starts", || {
        Store::open_for_reading(&folder.data())
            .is_ok_and(|store| store.runs(&Default::default()).is_ok_and(|runs| !runs.is_empty()))
    });
    let mut show = folder.recorded(&["runs", "show", "latest", "--follow"]);
    let mut show = show.stdout(Stdio::piped()).spawn().expect("a process");
    let mut logs = folder.recorded(&["runs", "logs", "latest", "--follow"]);
    let logs = logs.stdout(Stdio::piped()).spawn().expect("a process");
    let mut lines = Vec::new();
    for line in BufReader::new(show.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        if line.contains("second  succeeded  1") {
            // `third` takes more than two seconds from here.
            assert_eq!(folder.newest().state, RunState::Running, "{line} came late");
        }
        lines.push(line);
    }
    let text = lines.join("\n");
    assert_eq!(show.wait().expect("an end").code(), Some(0), "{text}");
    for (line, times) in [
        ("first  running  0 of 1", 1),
        ("first  succeeded  1", 1),
        ("third  running  0 of 1", 1),
        ("steps  succeeded", 1),
        ("slept = 2500", 1),
    ] {
        assert_eq!(text.matches(line).count(), times, "{line}: {text}");
    }
    let logs = end(logs);
    assert_eq!(logs.code, Some(0));
    assert!(logs.stdout.contains("second | here"), "{}", logs.stdout);
    assert_eq!(run.wait().expect("an end").code(), Some(0));
}

#[test]
fn a_run_is_named_by_the_end_of_its_id_too_and_an_ambiguous_or_unknown_name_is_told() {
    let folder = Folder::new();
    write_flow(&folder, 1, 1);
    for _ in 0..2 {
        assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(0));
    }
    let list = folder.said(&["runs", "--json"]).json();
    let ids: Vec<&str> = list["runs"].as_array().expect("runs").iter().filter_map(|run| run["run"].as_str()).collect();
    let shown = folder.said(&["runs", "show", &ids[1][9..], "--json"]);
    assert_eq!(shown.json()["run"], ids[1]);
    let several = folder.said(&["runs", "show", &ids[0][..4]]);
    assert_eq!(several.code, Some(2), "{several:?}");
    assert!(ids.iter().all(|id| several.stderr.contains(id)), "{}", several.stderr);
    let unknown = folder.said(&["runs", "show", "zzzz"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("`taskhost runs` lists"), "{}", unknown.stderr);
}

/// The time of a run that goes on, and of a task in it, is that to now, though nothing happens.
fn assert_counts_time(folder: &Folder) {
    let time =
        || folder.said(&["runs", "show", "latest", "--json"]).json()["wall-time-seconds"].as_f64().expect("a time");
    let before = time();
    wait_for("time passes", || time() > before + 0.1);
    let shown = folder.said(&["runs", "show", "latest"]).stdout;
    assert!(shown.contains(", running for "), "{shown}");
    let long = shown.lines().find(|line| line.contains(" long ")).expect("a task");
    assert!(long.contains("running") && (long.contains(" ms ") || long.contains(" s ")), "{shown}");
}

#[test]
fn a_recorded_run_is_drawn_with_the_state_of_each_task_in_words_also_while_it_runs_and_after_the_flow_is_gone() {
    let folder = Folder::new();
    write_flow(&folder, 1, 2_000);
    let run = started(&folder);
    let live = folder.said(&["graph", "flow.toml", "--run", "latest"]);
    assert_eq!(live.code, Some(0), "{live:?}");
    assert!(live.stdout.contains("long\\nmisc.sleep\\n⋯ running\""), "{}", live.stdout);
    assert_counts_time(&folder);
    assert_eq!(end(run).code, Some(0));
    std::fs::remove_file(folder.0.join("flow.toml")).expect("a file");
    let id = folder.newest().id.to_string();
    for file in ["run.svg", "run.mmd", "run.dot"] {
        let said = folder.said(&["graph", "--run", &id, "-o", file]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let drawn = std::fs::read_to_string(folder.0.join(file)).expect("a file");
        assert_eq!(drawn.matches("✓ succeeded · ").count(), 3, "{drawn}");
    }
    let nothing = folder.said(&["graph"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
}
