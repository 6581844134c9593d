//! A flow run that failed goes on with what failed, and only with that.

mod support;

use support::{Folder, guest};
use taskhost_model::TaskState;
use taskhost_store::RunState;

/// A flow that fails until the file `in/b` is there, with a failure of each kind that is a result.
fn write_flow(folder: &Folder) {
    let component = guest("misc");
    let read = "call = \"misc.try-read-file\"\nallow.read = [\"in\"]\n";
    folder.write(
        "flow.toml",
        format!(
            "name = \"files\"\nrunner = {{ kind = \"sequential\" }}\n[components]\nmisc = {component:?}\n\
             [tasks.draw]\ncall = \"misc.random\"\n\
             [tasks.read]\n{read}map = [\"path\"]\nwith.path = [\"in/a\", \"in/b\"]\n\
             retry = {{ attempts = 2, delay = \"1ms\" }}\n\
             [tasks.odd]\ncall = \"misc.fail-odd\"\nmap = [\"n\"]\nwith.n = [1, 2, 3]\non-failure = \"collect\"\n\
             [tasks.bad]\ncall = \"misc.fail\"\nwith.message = \"always\"\n\
             [tasks.taken]\ncall = \"misc.recover\"\nwith.outcome = \"${{bad}}\"\n\
             [tasks.whole]\nflow = \"inner.flow.toml\"\nmap = [\"path\"]\nwith.path = [\"in/a\", \"in/b\"]\n\
             [tasks.is-odd]\ncall = \"misc.is-even\"\nwith.n = 3\n\
             [tasks.never]\ncall = \"misc.random\"\nwhen = \"${{is-odd}}\"\n\
             [tasks.last]\ncall = \"misc.print\"\nwith = {{ text = \"done\", times = 1 }}\nafter = [\"read\"]\n\
             [outputs]\ndrawn = \"${{draw}}\"\nread = \"${{read}}\"\nodd = \"${{odd}}\"\ntaken = \"${{taken}}\"\nwhole = \"${{whole}}\"\n"
        ),
    );
    folder.write(
        "inner.flow.toml",
        format!(
            "name = \"inner\"\n[parameters.path]\n[components]\nmisc = {component:?}\n\
             [tasks.before]\ncall = \"misc.random\"\n\
             [tasks.read]\n{read}with.path = \"${{path}}\"\nafter = [\"before\"]\n\
             [tasks.then]\ncall = \"misc.random\"\nafter = [\"read\"]\n[outputs]\ntext = \"${{read}}\"\n"
        ),
    );
    std::fs::create_dir(folder.0.join("in")).expect("a folder");
    folder.write("in/a", "alpha");
}

#[test]
fn a_run_that_failed_goes_on_with_what_failed_and_repeats_nothing_that_succeeded() {
    let folder = Folder::new();
    write_flow(&folder);
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(4));
    let failed = folder.newest();
    assert_eq!((failed.state, failed.runs_failed), (RunState::Failed, 5));
    // Nothing has changed: it fails once more, after as many attempts.
    let again = folder.said(&["runs", "resume", "latest", "-q"]);
    assert_eq!(again.code, Some(4), "{again:?}");
    let failed = folder.newest();
    assert_eq!((failed.state, failed.runs_failed, failed.retries, failed.resumed), (RunState::Failed, 5, 2, 1));

    folder.write("in/b", "beta");
    let resumed = folder.said(&["runs", "resume", "latest", "--json"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let json = resumed.json();
    assert_eq!(json["outputs"]["read"], serde_json::json!(["alpha", "beta"]));
    assert_eq!(json["outputs"]["taken"], "err: always");
    assert_eq!(json["outputs"]["whole"], serde_json::json!([{ "text": "alpha" }, { "text": "beta" }]));
    let tasks = json["tasks"].as_array().expect("tasks");
    let before = |name: &str| tasks.iter().find(|task| task["task"] == name).expect(name)["runs"]["before"].clone();
    assert_eq!([before("draw"), before("read"), before("odd"), before("last")], [1, 1, 3, 0]);
    assert!(resumed.stderr.contains("16 task runs, 12 from before"), "{}", resumed.stderr);

    let times = folder.carried_out(folder.newest().id);
    let of = |run: &str| times.get(run).copied().unwrap_or(0);
    for once in [
        "draw[0]",
        "read[0]",
        "odd[0]",
        "odd[1]",
        "bad[0]",
        "taken[0]",
        "whole[0]/before[0]",
        "whole[1]/before[0]",
        "whole[0]/read[0]",
        "last[0]",
    ] {
        assert_eq!(of(once), 1, "{once}: {times:?}");
    }
    assert_eq!((of("read[1]"), of("whole[1]/read[0]"), of("whole[1]/then[0]"), of("never[0]")), (3, 3, 1, 0));
    let run = folder.newest();
    assert_eq!((run.state, run.resumed, run.runs_failed), (RunState::Succeeded, 2, 3));
    assert_eq!(run.runs, run.runs_ended);
    let tasks = folder.store().tasks(run.id).expect("tasks");
    let line = |path: &str| tasks.iter().find(|task| &*task.path == path).expect(path);
    let read = line("read");
    assert_eq!((&read.state, read.tasks, read.tasks_ended), (&Some(TaskState::Succeeded), 1, 1));
    assert_eq!((read.runs, read.runs_ended, read.runs_failed, read.failures.len()), (2, 2, 0, 0));
    let inner = line("whole[*]/read");
    assert_eq!((inner.tasks, inner.tasks_ended, inner.runs_ended, inner.runs_failed), (2, 2, 2, 0));
    assert_eq!(line("bad").state, Some(TaskState::Failed));

    // It has succeeded now, and is only told again.
    let told = folder.said(&["runs", "resume", "latest", "--json"]);
    assert_eq!((told.code, &told.json()["outputs"]), (Some(0), &json["outputs"]));
    assert_eq!(folder.carried_out(folder.newest().id), times);
}
