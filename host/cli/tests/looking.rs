//! What `taskhost runs` shows of flow runs that are over: which tasks, which lines, which numbers.

mod support;

use support::{Folder, guest};

/// A flow whose tasks print: one by itself, one mapped, and two in a mapped subflow.
fn printed() -> Folder {
    let folder = Folder::new();
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"printed\"\n[components]\nmisc = {component:?}\n\
             [tasks.alone]\ncall = \"misc.print\"\nwith = {{ text = \"one\", times = 1 }}\n\
             [tasks.say]\ncall = \"misc.print\"\nmap = [\"text\"]\nwith = {{ text = [\"a\", \"b\", \"c\"], times = 1 }}\n\
             [tasks.subs]\nflow = \"inner.flow.toml\"\nmap = [\"text\"]\nwith.text = [\"d\", \"e\"]\n"
        ),
    );
    folder.write(
        "inner.flow.toml",
        format!(
            "name = \"inner\"\n[parameters.text]\n[components]\nmisc = {component:?}\n\
             [tasks.loud]\ncall = \"misc.print\"\nwith = {{ text = \"${{text}}!\", times = 1 }}\n\
             [tasks.twice]\ncall = \"misc.print\"\nmap = [\"text\"]\nwith = {{ text = [\"${{text}}1\", \"${{text}}2\"], times = 1 }}\n"
        ),
    );
    let said = folder.said(&["run", "flow.toml", "-q"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    folder
}

/// The names and texts of the lines that were asked for, sorted.
fn lines(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let said = folder.said(&[&["runs", "logs", "latest"], arguments].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    let line = |line: &str| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = said.stdout.lines().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn lines_tell_the_index_of_each_run_of_a_mapped_task_and_of_no_other() {
    let folder = printed();
    assert_eq!(lines(&folder, &["--task", "say"]), ["say[0] | a", "say[1] | b", "say[2] | c"]);
    assert_eq!(lines(&folder, &["--task", "alone"]), ["alone | one"]);
    assert_eq!(
        lines(&folder, &["--task", "subs[0]"]),
        ["subs[0]/loud | d!", "subs[0]/twice[0] | d1", "subs[0]/twice[1] | d2"]
    );
}

#[test]
fn lines_are_asked_for_by_a_task_a_run_of_it_or_what_is_above_it() {
    let folder = printed();
    assert_eq!(lines(&folder, &[]).len(), 10);
    assert_eq!(lines(&folder, &["--task", "subs"]).len(), 6);
    assert_eq!(lines(&folder, &["--task", "subs[*]/twice"]).len(), 4);
    assert_eq!(lines(&folder, &["--task", "subs/twice[1]"]), ["subs[0]/twice[1] | d2", "subs[1]/twice[1] | e2"]);
    assert_eq!(lines(&folder, &["--task", "loud"]), ["subs[0]/loud | d!", "subs[1]/loud | e!"]);
}

#[test]
fn lines_of_a_task_that_is_not_there_are_refused_with_the_names_that_are() {
    let folder = printed();
    for (task, help) in [
        ("sya", "did you mean `say`? it also has `"),
        ("subs/luod", "`subs[*]/loud`"),
        ("completely-different", "it has `"),
        ("say/loud", "`say`"),
        ("say[3]", "it has 3 task runs, counted from 0"),
        ("say[", "name one as `taskhost runs show` does"),
    ] {
        let said = folder.said(&["runs", "logs", "latest", "--task", task]);
        assert_eq!((said.code, &*said.stdout), (Some(2), ""), "{said:?}");
        assert!(said.stderr.contains(help) && said.stderr.contains(task), "{said:?}");
    }
}

#[test]
fn a_report_and_the_record_count_the_same_task_runs() {
    let folder = printed();
    let told = folder.said(&["runs", "resume", "latest"]).stderr;
    assert!(told.contains(": 10 task runs, 10 from before"), "{told}");
    assert!(folder.said(&["runs"]).stdout.contains("  10\n"));
    assert!(folder.said(&["runs", "show"]).stdout.contains("task runs: 10 ·"));
    assert_eq!(folder.newest().runs, 10);
}

#[test]
fn runs_are_listed_with_their_labels_and_found_by_one() {
    let folder = Folder::new();
    let none = folder.said(&["runs"]);
    assert_eq!((none.code, &*none.stderr), (Some(0), "no flow runs are recorded yet\n"));
    folder.write(
        "flow.toml",
        format!("[components]\nmisc = {:?}\n[tasks.draw]\ncall = \"misc.random\"\n", guest("misc")),
    );
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(0));
    assert!(!folder.said(&["runs"]).stdout.contains("LABELS"));
    assert_eq!(folder.said(&["run", "flow.toml", "-q", "--label", "nightly", "--label", "big"]).code, Some(0));
    let all = folder.said(&["runs"]);
    assert!(
        all.stdout.contains("  LABELS        TASK RUNS\n") && all.stdout.contains("  nightly, big  1\n"),
        "{all:?}"
    );
    assert_eq!(all.stdout.lines().count(), 3);
    let nightly = folder.said(&["runs", "list", "--label", "nightly"]);
    assert_eq!(nightly.stdout.lines().count(), 2, "{nightly:?}");
    assert!(folder.said(&["runs", "show"]).stdout.contains("\nlabels: nightly, big\n"));
    let other = folder.said(&["runs", "--label", "night"]);
    assert_eq!((&*other.stdout, &*other.stderr), ("", "no flow runs are recorded that fit\n"));
}
