//! A process that carries a flow run out is killed at any moment, and the flow run goes on: nothing that has ended is run again, and the
//! outputs are those of an undisturbed flow run.

#![cfg(unix)]

mod support;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Folder, Said, guest};
use taskhost_engine::Replay;
use taskhost_model::{FlowRunId, RunEvent};
use taskhost_store::{RunFilter, RunState, Store};

/// A flow with maps, retries, a subflow and a condition, which takes about a second.
fn write_flow(folder: &Folder) {
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"survivor\"\nrunner = {{ kind = \"threads\", workers = 2, concurrency = 2 }}\n\
             [components]\nmisc = {component:?}\n\
             [tasks.numbers]\ncall = \"misc.range\"\nwith.n = 12\n\
             [tasks.wait]\ncall = \"misc.sleep\"\nmap = [\"ms\"]\n\
             with.ms = [30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45]\n\
             [tasks.say]\ncall = \"misc.print\"\nmap = [\"text\"]\nwith = {{ text = [\"a\", \"b\", \"c\", \"d\", \"e\"], times = 1 }}\n\
             [tasks.odd]\ncall = \"misc.fail-odd\"\nmap = [\"n\"]\nwith.n = \"${{numbers}}\"\non-failure = \"collect\"\n\
             retry = {{ attempts = 3, delay = \"30ms\" }}\n\
             [tasks.inner]\nflow = \"inner.flow.toml\"\nmap = [\"n\"]\nwith.n = \"${{numbers}}\"\n\
             [tasks.even]\ncall = \"misc.is-even\"\nwith.n = 4\nafter = [\"wait\"]\n\
             [tasks.only]\ncall = \"misc.add\"\nwith = {{ a = 1, b = 2 }}\nwhen = \"${{even}}\"\n\
             [outputs]\nslept = \"${{wait}}\"\nodd = \"${{odd}}\"\ninner = \"${{inner}}\"\nonly = \"${{only}}\"\n"
        ),
    );
    folder.write(
        "inner.flow.toml",
        format!(
            "name = \"inner\"\n[parameters.n]\n[components]\nmisc = {component:?}\n\
             [tasks.pause]\ncall = \"misc.sleep\"\nwith.ms = 20\n\
             [tasks.told]\ncall = \"misc.print\"\nwith = {{ text = \"inner\", times = 1 }}\nafter = [\"pause\"]\n\
             [tasks.more]\ncall = \"misc.add-one\"\nwith.n = \"${{n}}\"\nafter = [\"told\"]\n[outputs]\nmore = \"${{more}}\"\n"
        ),
    );
}

/// `taskhost` with a data folder of its own: `latest` is ours.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command.env("TASKHOST_DATA_FOLDER", data(folder)).env("TASKHOST_CACHE_FOLDER", folder.0.join("compiled"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn data(folder: &Folder) -> PathBuf {
    folder.0.join("data")
}

/// What it printed, if it ended within `time`; else it is killed.
fn or_killed(mut child: Child, time: Duration) -> Option<Said> {
    let started = Instant::now();
    while started.elapsed() < time {
        if child.try_wait().expect("a process").is_some() {
            return Some(child.wait_with_output().expect("an end").into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("a process that can be killed");
    let said = Said::from(child.wait_with_output().expect("an end"));
    // It may have ended meanwhile.
    said.code.is_some().then_some(said)
}

fn outputs(said: &Said) -> serde_json::Value {
    assert_eq!(said.code, Some(0), "{said:?}");
    let json: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(json["state"], "succeeded");
    json["outputs"].clone()
}

/// A flow run, and its task runs that have ended, with so many lines in its log.
type Ended = (FlowRunId, HashMap<(String, u32), usize>);

/// The task runs of the newest flow run that have ended, with their lines in its log.
fn ended(folder: &Folder) -> Option<Ended> {
    if !data(folder).join("runs/journal.sqlite").exists() {
        return None;
    }
    let store = Store::open_for_reading(&data(folder)).expect("a store");
    let newest = store.runs(&RunFilter { limit: Some(1), ..RunFilter::default() }).expect("runs");
    let run = newest.first()?;
    let mut replay = Replay::new();
    let mut ended = HashMap::new();
    for event in store.events(run.id).expect("events") {
        let event = event.expect("an event");
        if let RunEvent::TaskRunsEnded { task, first, count, .. } = &event.event {
            for index in *first..first + count {
                let before = ended.insert((task.to_string(), index), 0);
                assert_eq!(before, None, "{task}[{index}] ended twice");
            }
        }
        replay.add(event).expect("a journal that can be true");
    }
    for line in store.logs(run.id, None, 0).expect("logs").lines {
        if let Some(lines) = ended.get_mut(&(line.task.to_string(), line.index)) {
            *lines += 1;
        }
    }
    assert_ne!(run.state, RunState::Running, "nobody carries it out");
    Some((run.id, ended))
}

/// Random enough, and the same each time.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one_and_repeats_nothing_that_had_ended() {
    let folder = Folder::new();
    write_flow(&folder);
    let run = || command(&folder, &["run", "flow.toml", "-q", "--json"]).spawn().expect("a process");
    let wanted = outputs(&Said::from(run().wait_with_output().expect("an end")));
    let mut kills: u32 = std::env::var("TASKHOST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let (mut dice, mut cut_off) = (Dice(7), 0);
    while kills > 0 {
        let before = ended(&folder).map(|(id, _)| id);
        let mut child = run();
        let mut known: Option<Ended> = None;
        loop {
            let time = if kills > 0 { Duration::from_millis(dice.up_to(900)) } else { Duration::from_secs(600) };
            let said = or_killed(child, time);
            let now = ended(&folder);
            if let (Some((id, known)), Some((same, now))) = (&known, &now) {
                assert_eq!(id, same);
                for (run, lines) in known {
                    assert_eq!(now.get(run), Some(lines), "{run:?} was run again");
                }
            }
            if let Some(said) = said {
                assert_eq!(outputs(&said), wanted);
                break;
            }
            kills = kills.saturating_sub(1);
            if now.as_ref().map(|(id, _)| *id) == before {
                // It was killed before it began.
                child = run();
                continue;
            }
            cut_off += u32::from(now.as_ref().is_some_and(|(_, ended)| !ended.is_empty()));
            known = now;
            child = command(&folder, &["runs", "resume", "latest", "-q", "--json"]).spawn().expect("a process");
        }
    }
    assert!(cut_off > 0, "no run was killed half way");
}

#[test]
fn a_run_that_has_ended_tells_its_outputs_again_and_runs_nothing() {
    let folder = Folder::new();
    write_flow(&folder);
    let said = |arguments: &[&str]| Said::from(command(&folder, arguments).output().expect("a process"));
    let wanted = outputs(&said(&["run", "flow.toml", "-q", "--json"]));
    let before = ended(&folder).expect("a run");
    assert_eq!(outputs(&said(&["runs", "resume", "latest", "-q", "--json"])), wanted);
    assert_eq!(ended(&folder).expect("a run"), before);
    let told = said(&["runs", "resume", "latest"]);
    assert!(told.stderr.contains(&format!("flow run {} had succeeded; nothing was run again\n", before.0)), "{told:?}");
    assert!(!told.stderr.contains("again in") && !told.stderr.contains("✓"), "{told:?}");
}

#[test]
fn a_run_whose_flow_has_changed_is_refused_with_the_difference_or_begins_anew_with_what_is_unchanged() {
    let folder = Folder::new();
    let component = guest("misc");
    let flow = |message: &str| {
        format!(
            "name = \"changed\"\n[components]\nmisc = {component:?}\n[tasks.draw]\ncall = \"misc.random\"\n\
             [tasks.last]\ncall = \"misc.{message}\"\nafter = [\"draw\"]\n[outputs]\ndrawn = \"${{draw}}\"\n"
        )
    };
    folder.write("flow.toml", flow("fail-plain"));
    let said = |arguments: &[&str]| Said::from(command(&folder, arguments).output().expect("a process"));
    assert_eq!(said(&["run", "flow.toml", "-q"]).code, Some(4));
    let again = said(&["runs", "resume", "latest"]);
    assert_eq!(again.code, Some(4), "{again:?}");
    folder.write("flow.toml", flow("now"));
    let refused = said(&["runs", "resume", "latest"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("-call = \"misc.fail-plain\"\n+call = \"misc.now\""), "{}", refused.stderr);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    let forced = said(&["runs", "resume", "latest", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    // The number that was drawn before is the output now.
    let store = Store::open_for_reading(&data(&folder)).expect("a store");
    let runs = store.runs(&RunFilter::default()).expect("runs");
    let drawn = |id| {
        let mut events = store.events(id).expect("events").map(|event| event.expect("an event").event);
        events.find_map(|event| match event {
            RunEvent::TaskRunsEnded { task, results, .. } if &*task == "draw" => Some(results),
            _ => None,
        })
    };
    assert_eq!((runs.len(), drawn(runs[0].id)), (2, drawn(runs[1].id)));
    assert!(drawn(runs[0].id).is_some());
    let shown = said(&["runs", "show", "latest"]).stdout;
    assert!(shown.contains(&format!("began with results of flow run {}\n", runs[1].id)), "{shown}");
}

#[test]
fn a_run_whose_flow_lost_a_parameter_is_refused_with_the_difference_or_begins_anew_without_it() {
    let folder = Folder::new();
    let component = guest("misc");
    let flow = |parameters: &str, message: &str| {
        format!(
            "name = \"changed\"\n{parameters}[components]\nmisc = {component:?}\n\
             [tasks.last]\ncall = \"misc.{message}\"\n[outputs]\nlast = \"${{last}}\"\n"
        )
    };
    folder.write("flow.toml", flow("[parameters.extra]\ntype = \"string\"\ndefault = \"x\"\n", "fail-plain"));
    let said = |arguments: &[&str]| Said::from(command(&folder, arguments).output().expect("a process"));
    assert_eq!(said(&["run", "flow.toml", "-q"]).code, Some(4));
    folder.write("flow.toml", flow("", "now"));
    let refused = said(&["runs", "resume", "latest"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("-[parameters.extra]\n-type = \"string\"\n"), "{}", refused.stderr);
    let forced = said(&["runs", "resume", "latest", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
}
