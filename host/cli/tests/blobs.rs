//! Blobs through the command: from files, from task to task, to stdout, and back from a record.

mod support;

use std::process::Command;

use support::{Folder, Said, guest};

/// `taskhost` with a data folder of its own.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command.env("TASKHOST_DATA_FOLDER", folder.0.join("data"));
    command
}

fn run(folder: &Folder, arguments: &[&str]) -> Said {
    command(folder, arguments).output().expect("a process").into()
}

fn flow(folder: &Folder, text: &str) {
    let component = guest("blobs");
    folder.write("flow.toml", format!("name = \"bulk\"\n[components]\nblobs = {component:?}\n{text}"));
}

fn fine(said: &Said) {
    assert_eq!(said.code, Some(0), "{}", said.stderr);
}

/// Files below the folder of artifacts.
fn artifacts(folder: &Folder) -> Vec<u64> {
    let mut sizes = Vec::new();
    for digits in std::fs::read_dir(folder.0.join("data/artifacts")).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(digits.path()).into_iter().flatten().flatten() {
            sizes.push(file.metadata().expect("a file").len());
        }
    }
    sizes.sort_unstable();
    sizes
}

#[test]
fn bulk_data_goes_through_a_chain_of_tasks_in_a_few_mib_of_their_memory() {
    let folder = Folder::new();
    flow(
        &folder,
        "[defaults.limits]\nmemory = \"4 MiB\"\n\
         [tasks.make]\ncall = \"blobs.make\"\nwith = { mib = 64, seed = 1 }\n\
         [tasks.first]\ncall = \"blobs.step\"\nwith.data = \"${make}\"\n\
         [tasks.second]\ncall = \"blobs.step\"\nwith.data = \"${first}\"\n\
         [tasks.again]\ncall = \"blobs.step\"\nwith.data = \"${first}\"\n\
         [tasks.sum]\ncall = \"blobs.sum\"\nwith.data = \"${second}\"\n\
         [tasks.size]\ncall = \"blobs.length\"\nwith.data = \"${again}\"\n\
         [outputs]\nsum = \"${sum}\"\nsize = \"${size}\"\nsecond = \"${second}\"\nagain = \"${again}\"\n",
    );
    let said = run(&folder, &["run", "flow.toml", "--json"]);
    fine(&said);
    let told: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let outputs = &told["outputs"];
    assert_eq!(outputs["size"], 67_108_864.0);
    let name = outputs["second"].as_str().expect("a name");
    assert!(name.starts_with("blob:") && name.ends_with(":67108864"), "{name}");
    assert_eq!(outputs["second"], outputs["again"], "equal bytes have one name");
    assert_eq!(artifacts(&folder), [64 << 20; 3], "and are kept once");
    // Its name is enough for the next run.
    let elsewhere = run(&folder, &["call", &guest("blobs"), "length", &format!("data={name}")]);
    assert_eq!(elsewhere.code, Some(2), "a call has blobs of its own");
    assert!(elsewhere.stderr.contains("is not kept here"), "{}", elsewhere.stderr);
    flow(
        &folder,
        "[parameters.data]\n[tasks.size]\ncall = \"blobs.length\"\nwith.data = \"${data}\"\n[outputs]\nsize = \"${size}\"\n",
    );
    let said = run(&folder, &["run", "flow.toml", "-p", &format!("data={name}"), "--output", "size"]);
    fine(&said);
    assert_eq!(said.stdout, "67108864.0\n");
    // What nobody names any more goes.
    let said = run(&folder, &["runs", "list", "--json"]);
    let runs: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let oldest = runs["runs"].as_array().and_then(|runs| runs.last()).expect("two runs")["run"].clone();
    fine(&run(&folder, &["runs", "delete", oldest.as_str().expect("an id")]));
    assert_eq!(artifacts(&folder), [64 << 20], "the second run was given one of them");
}

#[test]
fn a_file_is_a_blob_by_parameter_or_by_default_and_comes_out_as_its_bytes() {
    let folder = Folder::new();
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    folder.write("numbers.bin", &bytes);
    folder.write("other.bin", b"short");
    flow(
        &folder,
        "[parameters.data]\ndefault-file = \"numbers.bin\"\n\
         [tasks.parts]\ncall = \"blobs.split\"\nwith = { data = \"${data}\", parts = 3 }\n\
         [tasks.whole]\ncall = \"blobs.join\"\nwith.parts = \"${parts}\"\n\
         [outputs]\nwhole = \"${whole}\"\nparts = \"${parts}\"\n",
    );
    fine(&run(&folder, &["check", "flow.toml"]));
    assert!(artifacts(&folder).is_empty(), "a check keeps nothing");
    for journal in [&[][..], &["--no-journal"]] {
        let arguments = [&["run", "flow.toml", "--output", "whole"], journal].concat();
        let output = command(&folder, &arguments).output().expect("a process");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == bytes, "the same bytes: {} of {}", output.stdout.len(), bytes.len());
        let arguments = [&["run", "flow.toml", "--output", "whole", "-p", "data=@other.bin"], journal].concat();
        assert_eq!(run(&folder, &arguments).stdout, "short");
    }
    let said = run(&folder, &["run", "flow.toml", "-p", "data=@other.bin"]);
    assert!(said.stdout.starts_with("whole = blob:") && said.stdout.contains("(5 B; "), "{}", said.stdout);
    // What was recorded is told again, without the file.
    std::fs::remove_file(folder.0.join("other.bin")).expect("it is there");
    let again = run(&folder, &["runs", "resume", "latest"]);
    fine(&again);
    assert_eq!(again.stdout, said.stdout);
}

#[test]
fn a_function_that_gives_a_blob_is_called_for_its_bytes() {
    let folder = Folder::new();
    folder.write("words.txt", "some words");
    let blobs = guest("blobs");
    assert_eq!(run(&folder, &["call", &blobs, "from-text", "text=hello"]).stdout, "hello");
    assert_eq!(run(&folder, &["call", &blobs, "text", "data=@words.txt"]).stdout, "some words\n");
    assert!(artifacts(&folder).is_empty(), "a call leaves nothing behind");
    let wrong = run(&folder, &["call", &blobs, "text", "data=words.txt"]);
    assert_eq!(wrong.code, Some(3));
    assert!(wrong.stderr.contains("data=@"), "it says how: {}", wrong.stderr);
    let missing = run(&folder, &["call", &blobs, "text", "data=@nothing.txt"]);
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
}

#[test]
fn blobs_of_runs_that_are_not_recorded_go_with_their_process() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("tmp")).expect("a folder");
    flow(&folder, "[tasks.make]\ncall = \"blobs.make\"\nwith = { mib = 2, seed = 1 }\n[outputs]\nblob = \"${make}\"\n");
    let left = || std::fs::read_dir(folder.0.join("tmp")).expect("a folder").flatten().count();
    let in_tmp = |arguments: &[&str]| -> Said {
        command(&folder, arguments).env("TMPDIR", folder.0.join("tmp")).output().expect("a process").into()
    };
    fine(&in_tmp(&["run", "flow.toml", "--no-journal"]));
    fine(&in_tmp(&["call", &guest("blobs"), "from-text", "text=hello"]));
    assert_eq!(left(), 0, "of processes that ended");
    // One that was killed is swept by the next.
    let killed = folder.0.join("tmp/taskhost-blobs-1-1");
    std::fs::create_dir(&killed).expect("a folder");
    std::fs::write(killed.join(".owner"), "").expect("a file");
    fine(&in_tmp(&["run", "flow.toml", "--no-journal"]));
    assert_eq!(left(), 0, "of a process that was killed");
}

#[test]
fn a_damaged_blob_is_replaced_when_it_is_made_again() {
    let folder = Folder::new();
    folder.write("words.txt", "some words that are worth keeping");
    flow(
        &folder,
        "[parameters.data]\n[tasks.copy]\ncall = \"blobs.join\"\nwith.parts = [\"${data}\"]\n\
         [tasks.text]\ncall = \"blobs.text\"\nwith.data = \"${copy}\"\n[outputs]\ntext = \"${text}\"\n",
    );
    let arguments = ["run", "flow.toml", "-p", "data=@words.txt", "--output", "text"];
    fine(&run(&folder, &arguments));
    for digits in std::fs::read_dir(folder.0.join("data/artifacts")).expect("a folder").flatten() {
        for file in std::fs::read_dir(digits.path()).into_iter().flatten().flatten() {
            std::fs::write(file.path(), "SOME words that are worth keeping").expect("a file");
        }
    }
    let said = run(&folder, &arguments);
    fine(&said);
    assert_eq!(said.stdout, "some words that are worth keeping");
}

#[test]
fn blobs_are_wired_by_their_type() {
    let folder = Folder::new();
    flow(&folder, "[tasks.sum]\ncall = \"blobs.sum\"\nwith.data = \"text\"\n");
    let said = run(&folder, &["check", "flow.toml"]);
    assert_eq!(said.code, Some(3));
    assert!(said.stderr.contains("blob"), "{}", said.stderr);
    flow(
        &folder,
        "[tasks.size]\ncall = \"blobs.length\"\nwith.data = \"${text}\"\n[tasks.text]\ncall = \"blobs.text\"\nwith.data = \"${size}\"\n",
    );
    assert_eq!(run(&folder, &["check", "flow.toml"]).code, Some(3));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_where_a_file_is_wanted_and_never_waited_for() {
    let folder = Folder::new();
    let made = std::process::Command::new("mkfifo").current_dir(&folder.0).arg("pipe").status().expect("mkfifo");
    assert!(made.success());
    let task = "[tasks.length]\ncall = \"blobs.length\"\nwith.data = \"${data}\"\n";
    flow(&folder, &format!("[parameters.data]\n[parameters.text]\ntype = \"string\"\ndefault = \"\"\n{task}"));
    for (arguments, code) in [
        (&["run", "flow.toml", "-p", "data=@pipe"][..], 2),
        (&["run", "flow.toml", "-p", "text=@pipe"], 2),
        (&["run", "flow.toml", "--params", "pipe"], 2),
        (&["run", "pipe"], 2),
        (&["check", "default.toml"], 3),
    ] {
        if arguments[1] == "default.toml" {
            flow(&folder, &format!("[parameters.data]\ndefault-file = \"pipe\"\n{task}"));
            std::fs::rename(folder.0.join("flow.toml"), folder.0.join("default.toml")).expect("renamed");
        }
        let mut command = command(&folder, arguments);
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().expect("a process");
        support::wait_for("it ends", || child.try_wait().expect("a process").is_some());
        let said: Said = child.wait_with_output().expect("a process").into();
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        let is_told = ["it is no file", "`pipe` is not a regular file"].iter().any(|words| said.stderr.contains(words));
        assert!(is_told, "{arguments:?}: {said:?}");
    }
    // What the shell opens is there already.
    let mut shell = std::process::Command::new("bash");
    let program = env!("CARGO_BIN_EXE_taskhost");
    shell.args(["-c", "\"$0\" call \"$1\" from-text text=@<(printf hello)", program, &guest("blobs")]);
    let output = shell.current_dir(&folder.0).output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello", "{output:?}");
}
