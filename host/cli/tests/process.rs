//! What only a whole process shows: signals, pipes, generated texts.

mod support;

use support::{Folder, Said, guest};

#[cfg(unix)]
mod signals {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// A run of 100 tasks that sleep, of which some have ended.
    fn started(folder: &Folder) -> (Child, BufReader<std::process::ChildStderr>) {
        let component = guest("misc");
        folder.write(
            "flow.toml",
            format!(
                "name = \"sleep\"\n[components]\nmisc = {component:?}\n[tasks.hello]\ncall = \"misc.print\"\n\
                 with = {{ text = \"awake\", times = 1 }}\n[tasks.sleep]\ncall = \"misc.sleep\"\nmap = [\"ms\"]\n\
                 with.ms = [1, 1, 1, 60000, 60000]\n[tasks.spin]\ncall = \"misc.spin\"\nafter = [\"hello\"]\n"
            ),
        );
        let mut child = folder.command(&["run", "flow.toml"]).stderr(Stdio::piped()).spawn().expect("a process");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("hello") {
            line.clear();
            assert!(stderr.read_line(&mut line).expect("text") > 0, "the flow run says nothing");
        }
        (child, stderr)
    }

    fn send(signal: &str, child: &Child) {
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("`kill`").success());
    }

    fn ended(mut child: Child, mut stderr: BufReader<std::process::ChildStderr>) -> (Said, Duration) {
        let started = Instant::now();
        let mut text = String::new();
        stderr.read_to_string(&mut text).expect("text");
        let code = child.wait().expect("an end").code();
        (Said { code, stdout: String::new(), stderr: text }, started.elapsed())
    }

    #[test]
    fn ctrl_c_stops_tasks_that_wait_and_tasks_that_compute_and_says_what_was_done() {
        for signal in ["-INT", "-TERM"] {
            let folder = Folder::new();
            let (child, stderr) = started(&folder);
            send(signal, &child);
            let (said, time) = ended(child, stderr);
            assert_eq!(said.code, Some(130), "{said:?}");
            assert!(
                said.stderr.contains("interrupted: ") && said.stderr.contains("stopping the others"),
                "{}",
                said.stderr
            );
            assert!(time < Duration::from_secs(10), "{time:?}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let folder = Folder::new();
    let mut child =
        folder.command(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    drop(child.stdout.take());
    let said = Said::from(child.wait_with_output().expect("an end"));
    assert_eq!((said.code, &*said.stderr), (Some(0), ""));
}

#[test]
fn each_shell_gets_a_script_that_knows_the_commands() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = folder.run(&["completions", shell]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stdout.contains("inspect") && said.stdout.contains("concurrency"), "{shell}");
    }
}

#[test]
fn the_schema_is_json_and_knows_tasks() {
    let schema: serde_json::Value = serde_json::from_str(&Folder::new().run(&["schema"]).stdout).expect("JSON");
    assert!(schema.to_string().contains("on-failure"));
}

#[test]
fn a_run_can_be_drawn_with_the_state_of_each_task() {
    let folder = Folder::new();
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"drawn\"\n[components]\nmisc = {component:?}\n[tasks.good]\ncall = \"misc.range\"\nwith.n = 3\n\
             [tasks.bad]\ncall = \"misc.fail-odd\"\nmap = [\"n\"]\nwith.n = \"${{good}}\"\n\
             [tasks.never]\ncall = \"misc.sum\"\nwith.numbers = \"${{bad}}\"\n"
        ),
    );
    let said = folder.run(&["run", "flow.toml", "-q", "--graph", "run.svg"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    let svg = std::fs::read_to_string(folder.0.join("run.svg")).expect("a picture");
    for words in ["box succeeded", "box failed", "box idle", "1 of 3 task runs failed", "not run"] {
        assert!(svg.contains(words), "{words}: {svg}");
    }
}

#[test]
fn parameters_can_come_from_stdin() {
    use std::io::Write as _;
    use std::process::Stdio;
    let folder = Folder::new();
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"stdin\"\n[parameters.n]\n[components]\nmisc = {component:?}\n[tasks.more]\ncall = \"misc.add-one\"\n\
             with.n = \"${{n}}\"\n[outputs]\nn = \"${{more}}\"\n"
        ),
    );
    let mut command = folder.command(&["run", "flow.toml", "-q", "--params", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    child.stdin.take().expect("piped").write_all(b"{\"n\": 41}").expect("a reader");
    let said = Said::from(child.wait_with_output().expect("an end"));
    assert_eq!((said.code, &*said.stdout), (Some(0), "n = 42\n"), "{said:?}");
}
