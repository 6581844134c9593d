//! The journal by way of the command: what is wrong with it is told with the way out and exit code 1, what was recorded is listed all the
//! same, and a result is used again only where everything that it depends on is equal.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Folder, Said, guest};

/// `taskhost` with a data folder of its own.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command.env("TASKHOST_DATA_FOLDER", folder.0.join("data")).env("TASKHOST_CACHE_FOLDER", folder.0.join("compiled"));
    command
}

fn run(folder: &Folder, arguments: &[&str]) -> Said {
    command(folder, arguments).output().expect("a process").into()
}

fn journal(folder: &Folder) -> PathBuf {
    folder.0.join("data/runs/journal.sqlite")
}

/// A folder with a flow of which one run is recorded.
fn recorded() -> Folder {
    let folder = Folder::new();
    folder.write("misc.wasm", std::fs::read(guest("misc")).expect("a component"));
    folder.write(
        "flow.toml",
        "name = \"known\"\n[parameters.n]\ndefault = 3\n[components]\nmisc = \"misc.wasm\"\n[tasks.numbers]\ncall = \"misc.range\"\n\
         with.n = \"${n}\"\n[tasks.sum]\ncall = \"misc.sum\"\nwith.numbers = \"${numbers}\"\n[outputs]\nsum = \"${sum}\"\n",
    );
    let said = run(&folder, &["run", "flow.toml", "-q"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    folder
}

fn assert_refused(said: &Said, message: &str, help: &str) {
    assert_eq!(said.code, Some(1), "{said:?}");
    for part in [message, help] {
        assert!(said.stderr.contains(part), "`{part}` is missing: {said:?}");
    }
}

fn assert_listed(said: &Said) {
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("known"), "{said:?}");
}

#[test]
fn a_journal_that_is_no_database_is_told_by_every_command() {
    let folder = recorded();
    std::fs::write(journal(&folder), "no database at all ".repeat(1_000)).expect("damaged");
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", journal(&folder).display()));
    }
    for arguments in [&["run", "flow.toml", "-q"][..], &["runs"], &["runs", "show", "latest"], &["cache", "list"]] {
        assert_refused(&run(&folder, arguments), "journal.sqlite` is damaged: ", "move the file away");
    }
    let without = run(&folder, &["run", "flow.toml", "-q", "--no-journal"]);
    assert_eq!(without.code, Some(0), "{without:?}");
}

#[test]
fn a_journal_with_a_damaged_row_is_listed_and_tells_which_row_it_is() {
    let folder = recorded();
    let connection = rusqlite::Connection::open(journal(&folder)).expect("a file");
    let changed = connection.execute("UPDATE journal SET chunk = x'0163'", []).expect("damaged");
    assert!(changed > 0);
    drop(connection);
    assert_listed(&run(&folder, &["runs"]));
    let resumed = run(&folder, &["runs", "resume", "latest"]);
    assert_refused(&resumed, "row 0", "move the file away");
}

#[test]
fn a_run_whose_summary_is_damaged_is_a_warning_beside_the_others() {
    let folder = recorded();
    assert_eq!(run(&folder, &["run", "flow.toml", "-q"]).code, Some(0));
    let connection = rusqlite::Connection::open(journal(&folder)).expect("a file");
    assert_eq!(connection.execute("UPDATE runs SET usage = x'63' WHERE number = 2", []), Ok(1));
    drop(connection);
    let listed = run(&folder, &["runs"]);
    assert_listed(&listed);
    assert!(listed.stderr.starts_with("warning: ") && listed.stderr.contains("the summary of run `"), "{listed:?}");
    let json = run(&folder, &["runs", "--json"]).json();
    let count = |key: &str| json[key].as_array().expect("a list").len();
    assert_eq!((count("runs"), count("damaged")), (1, 1), "{json}");
}

#[test]
fn a_journal_without_tables_counts_as_none() {
    let folder = recorded();
    std::fs::remove_dir_all(folder.0.join("data/runs")).expect("removed");
    std::fs::create_dir(folder.0.join("data/runs")).expect("a folder");
    std::fs::write(journal(&folder), "").expect("a file");
    let listed = run(&folder, &["runs"]);
    assert_eq!((listed.code, &*listed.stderr), (Some(0), "no flow runs are recorded yet\n"), "{listed:?}");
    let resumed = run(&folder, &["runs", "resume", "latest"]);
    assert_eq!(resumed.code, Some(2), "{resumed:?}");
    assert!(resumed.stderr.contains("no flow run `latest` is recorded"), "{resumed:?}");
    assert_eq!(run(&folder, &["run", "flow.toml", "-q"]).code, Some(0));
    assert_listed(&run(&folder, &["runs"]));
}

#[test]
fn a_journal_of_a_newer_taskhost_is_left_alone() {
    let folder = recorded();
    let connection = rusqlite::Connection::open(journal(&folder)).expect("a file");
    connection.pragma_update(None, "user_version", 1_000).expect("of later");
    drop(connection);
    for arguments in [&["run", "flow.toml", "-q"][..], &["runs"]] {
        let said = run(&folder, arguments);
        assert_refused(&said, "was written by a newer taskhost (format 1000, ", "update taskhost");
        assert!(said.stderr.contains("TASKHOST_DATA_FOLDER"), "{said:?}");
    }
}

#[test]
fn a_data_folder_that_cannot_be_is_told() {
    let folder = recorded();
    folder.write("file", "");
    let mut command = command(&folder, &["run", "flow.toml", "-q"]);
    let said: Said =
        command.env("TASKHOST_DATA_FOLDER", folder.0.join("file/data")).output().expect("a process").into();
    assert_refused(&said, "the flow run cannot be recorded: ", "--no-journal");
    assert!(said.stderr.contains("file"), "{said:?}");
}

/// A file may grow to 2 MiB, and the numbers take 4 MB: as if the disk were full.
#[cfg(unix)]
#[test]
fn a_run_whose_results_find_no_room_is_stopped_and_the_runs_before_it_are_listed() {
    let folder = recorded();
    let mut shell = Command::new("sh");
    shell
        .current_dir(&folder.0)
        .args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" run flow.toml -q -p n=1000000"]);
    shell.arg(env!("CARGO_BIN_EXE_taskhost")).env("NO_COLOR", "1");
    shell.env("TASKHOST_DATA_FOLDER", folder.0.join("data")).env("TASKHOST_CACHE_FOLDER", folder.0.join("compiled"));
    let said: Said = shell.output().expect("a shell").into();
    assert_refused(&said, "there is no room left for `", "make room");
    assert_listed(&run(&folder, &["runs"]));
    let again = run(&folder, &["run", "flow.toml", "-q", "-p", "n=1000000"]);
    assert_eq!(again.code, Some(0), "{again:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_told_and_its_runs_are_listed() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    fn set_mode(path: &Path, folders: u32, files: u32) {
        let is_folder = path.is_dir();
        if is_folder {
            std::fs::read_dir(path)
                .expect("a folder")
                .flatten()
                .for_each(|entry| set_mode(&entry.path(), folders, files));
        }
        let mode = std::fs::Permissions::from_mode(if is_folder { folders } else { files });
        std::fs::set_permissions(path, mode).expect("its mode is set");
    }

    let folder = recorded();
    let public = std::env::temp_dir().join(format!("taskhost-read-only-{}", std::process::id()));
    std::fs::create_dir_all(&public).expect("a folder");
    let copied = Command::new("cp").arg("-r").arg(&folder.0).arg(public.join("all")).status().expect("cp");
    assert!(copied.success());
    std::fs::copy(env!("CARGO_BIN_EXE_taskhost"), public.join("taskhost")).expect("a copy");
    set_mode(&public.join("all"), 0o555, 0o444);
    let is_root = std::fs::write(public.join("all/probe"), "").is_ok();
    let _ = std::fs::remove_file(public.join("all/probe"));
    let run = |arguments: &[&str]| -> Said {
        let mut command = Command::new(public.join("taskhost"));
        command.args(arguments).current_dir(public.join("all")).env("NO_COLOR", "1");
        command.env("TASKHOST_DATA_FOLDER", public.join("all/data"));
        command.env("TASKHOST_CACHE_FOLDER", public.join("all/compiled"));
        if is_root {
            // Root may write everywhere: become nobody.
            command.uid(65_534);
        }
        command.output().expect("a process").into()
    };
    let (refused, listed) = (run(&["run", "flow.toml", "-q"]), run(&["runs"]));
    set_mode(&public.join("all"), 0o755, 0o644);
    let _ = std::fs::remove_dir_all(&public);
    assert_refused(&refused, "cannot be written", "TASKHOST_DATA_FOLDER");
    assert_listed(&listed);
}

#[test]
fn a_cached_result_is_not_taken_if_a_granted_variable_has_another_value() {
    let folder = Folder::new();
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "[components]\nmisc = {component:?}\n[tasks.word]\ncall = \"misc.getenv\"\nwith.name = \"TASKHOST_TEST_WORD\"\ncache = true\n\
             allow.env = [\"TASKHOST_TEST_WORD\", \"TASKHOST_TEST_OTHER\"]\n[outputs]\nword = \"${{word}}\"\n"
        ),
    );
    let word = |word: Option<&str>| {
        let mut command = command(&folder, &["run", "flow.toml", "-q", "--output", "word"]);
        command.env_remove("TASKHOST_TEST_WORD").env("TASKHOST_TEST_OTHER", "kept-nowhere-at-all");
        if let Some(word) = word {
            command.env("TASKHOST_TEST_WORD", word);
        }
        let said: Said = command.output().expect("a process").into();
        assert_eq!(said.code, Some(0), "{said:?}");
        let shown = run(&folder, &["runs", "show", "latest"]);
        (said.stdout.trim().trim_matches('"').to_owned(), shown.stdout.contains("from the cache"))
    };
    assert_eq!(word(Some("one")), ("one".into(), false));
    assert_eq!(word(Some("one")), ("one".into(), true));
    assert_eq!(word(Some("two")), ("two".into(), false));
    assert_eq!(word(None), ("null".into(), false));
    assert_eq!(word(Some("")), (String::new(), false));
    assert_eq!(word(Some("two")), ("two".into(), true));
    let mut left = vec![folder.0.join("data")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).expect("a folder").flatten().map(|entry| entry.path()));
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        let has = bytes.windows(19).any(|window| window == b"kept-nowhere-at-all");
        assert!(!has, "the value of a variable is in {}", path.display());
    }
}

#[test]
fn runs_that_ended_long_ago_are_deleted_beside_a_later_one_at_most_once_an_hour() {
    let folder = recorded();
    let again = |keep: &str| {
        let said: Said = command(&folder, &["run", "slow.toml", "-q"])
            .env("TASKHOST_KEEP_RUNS", keep)
            .output()
            .expect("a process")
            .into();
        said
    };
    folder.write(
        "slow.toml",
        "name = \"slow\"\n[components]\nmisc = \"misc.wasm\"\n[tasks.wait]\ncall = \"misc.sleep\"\nwith.ms = 1500\n",
    );
    let age = |sql: &str| {
        let connection = rusqlite::Connection::open(journal(&folder)).expect("a file");
        connection.execute(sql, []).expect("changed")
    };
    let ago = "ended_ms = ended_ms - 40 * 24 * 3600 * 1000";
    let runs = || run(&folder, &["runs"]).stdout.matches("known").count();
    for _ in 0..2 {
        assert_eq!(run(&folder, &["run", "flow.toml", "-q"]).code, Some(0));
    }
    assert_eq!(age(&format!("UPDATE runs SET {ago}")), 3);
    age("UPDATE runs SET ended_ms = NULL, state = 'running' WHERE number = 2");
    assert_eq!(again("").code, Some(0));
    assert_eq!(runs(), 3, "without the setting nothing is deleted");
    assert_eq!(again("50d").code, Some(0));
    assert_eq!(runs(), 3, "they are younger");
    std::fs::remove_file(folder.0.join("data/runs/retained")).expect("a note of when it was done");
    assert_eq!(again("30d").code, Some(0));
    assert_eq!(runs(), 1, "what was interrupted is kept");
    age(&format!("UPDATE runs SET {ago} WHERE flow = 'slow'"));
    assert_eq!(again("30d").code, Some(0));
    assert_eq!(run(&folder, &["runs"]).stdout.matches("slow").count(), 4, "an hour has not passed");

    let by_age = run(&folder, &["runs", "delete", "--older-than", "30d"]);
    assert_eq!((by_age.code, &*by_age.stdout), (Some(0), "deleted 3 flow runs\n"), "{by_age:?}");
    age("UPDATE runs SET started_ms = started_ms - 40 * 24 * 3600 * 1000");
    assert!(run(&folder, &["runs", "delete", "--older-than", "30d"]).stdout.starts_with("deleted 0 flow runs"));
    assert_eq!(runs(), 1, "what was interrupted has not ended");

    let said = again("a month");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("TASKHOST_KEEP_RUNS is `a month`") && said.stderr.contains("`7d`"), "{said:?}");
}
