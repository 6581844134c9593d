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
    fn ctrl_c_lets_tasks_end_and_once_more_stops_those_that_wait_and_those_that_compute() {
        for signal in ["-INT", "-TERM"] {
            let folder = Folder::new();
            let (child, mut stderr) = started(&folder);
            send(signal, &child);
            let mut line = String::new();
            while !line.contains("interrupted: ") {
                line.clear();
                assert!(stderr.read_line(&mut line).expect("text") > 0, "the signal is not answered");
            }
            assert!(line.contains("waiting for what runs of"), "{line}");
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

/// A flow of which a task wants a secret.
fn wants_secret(folder: &Folder) {
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"secret\"\n[components]\nmisc = {component:?}\n[tasks.sum]\ncall = \"misc.sum\"\nwith.numbers = [1, 2]\n\
             allow.secrets = [\"api-token\"]\n[outputs]\nsum = \"${{sum}}\"\n"
        ),
    );
}

#[test]
fn a_secret_that_is_missing_is_told_before_anything_runs() {
    let folder = Folder::new();
    wants_secret(&folder);
    let said = folder.command(&["run", "flow.toml"]).env("XDG_CONFIG_HOME", &folder.0).output().expect("a process");
    let said = Said::from(said);
    assert_eq!((said.code, &*said.stdout), (Some(2), ""), "{said:?}");
    assert!(said.stderr.contains("secret `api-token`, which task `sum` wants: it is given nowhere"), "{}", said.stderr);
    for way in ["--secret api-token=env:VARIABLE", "taskhost/secrets.toml", "TASKHOST_SECRET_API_TOKEN"] {
        assert!(said.stderr.contains(way), "{way}: {}", said.stderr);
    }
}

#[test]
fn a_secret_comes_from_the_command_line_a_file_or_a_variable() {
    let folder = Folder::new();
    wants_secret(&folder);
    folder.write("token", "hunter22\n");
    folder.write("secrets.toml", "api-token = { file = \"token\" }\n");
    let run = |arguments: &[&str], variable: (&str, &str)| {
        let mut command = folder.command(arguments);
        Said::from(command.env("XDG_CONFIG_HOME", &folder.0).env(variable.0, variable.1).output().expect("a process"))
    };
    for (source, variable) in [
        (Some("api-token=file:token"), ("A", "")),
        (Some("api-token=env:TOKEN_OF_TEST"), ("TOKEN_OF_TEST", "hunter22")),
        (None, ("TASKHOST_SECRETS", "secrets.toml")),
        (None, ("TASKHOST_SECRET_API_TOKEN", "hunter22")),
    ] {
        let mut arguments = vec!["run", "flow.toml"];
        arguments.extend(source.iter().flat_map(|source| ["--secret", source]));
        let said = run(&arguments, variable);
        assert_eq!((said.code, &*said.stdout), (Some(0), "sum = 3\n"), "{said:?}");
        assert!(!said.stderr.contains("hunter22"), "{}", said.stderr);
    }
    let said = run(&["run", "flow.toml", "--secret", "api-token=hunter22"], ("A", ""));
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("does not say where it comes from") && !said.stderr.contains("hunter22"), "{said:?}");
}

#[test]
fn an_empty_variable_names_no_cache_folder() {
    let folder = Folder::new();
    let mut command = folder.command(&["cache", "list"]);
    let said = command.env("TASKHOST_CACHE_FOLDER", "").env("XDG_CACHE_HOME", &folder.0).output().expect("a process");
    let said = Said::from(said);
    assert!(said.code == Some(0) && said.stdout.contains("/taskhost\n"), "{said:?}");
}

#[test]
fn a_cache_folder_that_is_of_no_use_is_told_once_and_does_no_harm() {
    let folder = Folder::new();
    folder.write("file", "");
    let component = guest("misc");
    let said = folder.run(&["call", &component, "sum", "numbers=[1, 2]", "--cache-folder", "file/inside"]);
    assert_eq!((said.code, &*said.stdout), (Some(0), "3\n"), "{said:?}");
    assert_eq!(said.stderr.matches("lies below a file").count(), 1, "{}", said.stderr);
}

#[test]
fn the_quiet_are_told_no_notes() {
    let folder = Folder::new();
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"quiet\"\n[components]\nmisc = {component:?}\n[tasks.sum]\ncall = \"misc.sum\"\nwith.numbers = [1, 2]\n\
             allow.read = [\"no-such-folder\"]\n"
        ),
    );
    assert!(folder.run(&["run", "flow.toml"]).stderr.contains("note["));
    // The task fails for want of the folder, which is told all the same.
    let said = folder.run(&["run", "flow.toml", "-q"]).stderr;
    assert!(said.starts_with("task failed:") && !said.contains("note["), "{said}");
}

/// What a component that is a command is given, and what it gives back.
mod commands {
    use std::io::Write as _;
    use std::process::Stdio;

    use super::*;

    fn command(folder: &Folder, options: &[&str], words: &[&str]) -> Said {
        let component = guest("command");
        let arguments = [&["call", &component, "--command"], options, &["--"], words].concat();
        Said::from(folder.command(&arguments).output().expect("a process"))
    }

    #[test]
    fn a_command_gets_its_arguments_and_variables() {
        let folder = Folder::new();
        assert_eq!(command(&folder, &[], &["echo", "a b", "-c", "--json"]).stdout, "a b|-c|--json\n");
        assert_eq!(command(&folder, &[], &["name"]).stdout, "command.wasm\n");
        assert_eq!(command(&folder, &["--env", "A=b=c"], &["env", "A"]).stdout, "b=c\n");
        assert_eq!(command(&folder, &[], &["env", "PATH"]).stdout, "not set\n");
    }

    #[test]
    fn a_command_sees_the_folders_that_it_is_given_and_no_others() {
        let folder = Folder::new();
        folder.write("text", "from outside\n");
        let here = format!("{}::/data", folder.0.display());
        assert_eq!(command(&folder, &["--dir", &here], &["cat", "/data/text"]).stdout, "from outside\n");
        assert_eq!(command(&folder, &["--dir", &here], &["write", "/data/new", "from inside"]).code, Some(0));
        assert_eq!(std::fs::read_to_string(folder.0.join("new")).expect("a file"), "from inside");
        assert_eq!(command(&folder, &[], &["cat", "/data/text"]).code, Some(1));
        assert_eq!(command(&folder, &["--dir", "no-such::/data"], &["echo"]).code, Some(2));
    }

    #[test]
    fn a_command_that_traps_has_failed_and_no_exit_code_of_its_own() {
        let said = command(&Folder::new(), &[], &["panic"]);
        assert_eq!(said.code, Some(4));
        let words = ["as asked", "command failed: `command.wasm` stopped itself", "`--verbose` shows where"];
        assert!(words.iter().all(|words| said.stderr.contains(words)), "{}", said.stderr);
        assert!(command(&Folder::new(), &["--verbose"], &["panic"]).stderr.contains("wasm backtrace"));
    }

    #[test]
    fn a_command_ends_at_the_limits_that_it_is_given() {
        let folder = Folder::new();
        let said = command(&folder, &["--limit", "cpu=50ms"], &["spin"]);
        assert_eq!(said.code, Some(4));
        assert!(said.stderr.contains("(`limits.cpu`)") && said.stderr.contains("`--limit cpu=…`"), "{}", said.stderr);
        let said = command(&folder, &["--limit", "memory=64KiB"], &["echo"]);
        assert!(said.code == Some(4) && said.stderr.contains("`limits.memory`"), "{}", said.stderr);
        for wrong in ["cpu=soon", "output=1MiB", "speed=3"] {
            let said = command(&folder, &["--limit", wrong], &["echo", "a"]);
            assert!(matches!(said.code, Some(2 | 3)) && said.stdout.is_empty(), "{wrong}: {}", said.stderr);
        }
    }

    #[test]
    fn a_command_reaches_the_network_only_if_it_may_and_a_refusal_names_the_option() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let folder = Folder::new();
        let said = command(&folder, &[], &["connect", &address]);
        assert_eq!(said.code, Some(1));
        let help = format!("help: it tried to connect to `{address}`; to allow it have `--network`");
        assert!(said.stderr.contains(&help), "{}", said.stderr);
        assert_eq!(command(&folder, &["--network"], &["connect", &address]).code, Some(0));
        assert!(!command(&folder, &["--quiet"], &["connect", &address]).stderr.contains("help:"));
    }

    #[test]
    fn a_component_that_is_no_command_is_told() {
        let said = Folder::new().run(&["call", &guest("misc"), "--command"]);
        assert_eq!(said.code, Some(3));
        assert!(said.stderr.contains("is no command: it does not export `wasi:cli/run`"), "{}", said.stderr);
    }

    #[test]
    fn a_command_reads_our_stdin_and_its_exit_code_is_ours() {
        let folder = Folder::new();
        let component = guest("command");
        let mut child = folder
            .command(&["call", &component, "--command", "--", "stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        child.stdin.take().expect("piped").write_all(b"\x1b[1m raw \xff").expect("a reader");
        assert_eq!(child.wait_with_output().expect("an end").stdout, b"\x1b[1m raw \xff");
        assert_eq!(command(&folder, &[], &["exit", "0"]).code, Some(0));
        assert_eq!(command(&folder, &[], &["exit", "1"]).code, Some(1));
    }
}
