//! Files that are full, damaged, of a later version or not to be written: a clear error with the way out, and what can be read is read.

#![allow(clippy::print_stdout, reason = "a test says what it skips")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use taskhost_model::seams::Journal;
use taskhost_model::{RunEvent, TaskFailure, Usage, Value};
use taskhost_store::{RunFilter, RunState, Store, StoreError, StoreOptions};

mod support;
use support::{Scratch, at, ended, events, id, record, started, succeeded};

/// A store with one whole run, closed.
fn filled() -> Scratch {
    let scratch = Scratch::new();
    let store = scratch.open();
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    let task: Arc<str> = "t".into();
    for n in 0..200 {
        journal.append(at(n, ended(&task, n as u32, vec![Value::U32(n as u32)]))).expect("appended");
        journal.flush().expect("durable");
    }
    journal.append(at(200, succeeded())).expect("appended");
    scratch
}

fn open(scratch: &Scratch) -> Result<Store, StoreError> {
    Store::open(&scratch.0)
}

fn refusal(store: Result<Store, StoreError>) -> StoreError {
    store.err().expect("it cannot be opened")
}

#[test]
fn a_full_disk_is_told_by_append_or_flush_and_what_was_written_stays() {
    let scratch = Scratch::new();
    let options = StoreOptions { bytes_max: Some(300_000), ..StoreOptions::default() };
    let store = Store::open_with(&scratch.0, &options).expect("a store");
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    let task: Arc<str> = "t".into();
    let mut error = None;
    let mut durable = 0;
    for n in 0..1_000 {
        // A failure is kept where it is, however long.
        let failures = vec![(n, TaskFailure::Returned("e".repeat(3_000)))];
        let event = RunEvent::TaskRunsEnded {
            task: Arc::clone(&task),
            first: n,
            count: 1,
            usage: Usage::default(),
            failures,
            refusals: vec![],
            results: vec![None],
            origin: Default::default(),
        };
        if let Err(full) = journal.append(at(n.into(), event)).and_then(|()| journal.flush()) {
            error = Some(full);
            break;
        }
        durable = n as usize + 1;
    }
    let error = error.expect("300 KB do not hold 3 MB");
    assert_eq!(error.message, format!("there is no room left for `{}`", scratch.file().display()));
    assert!(error.help.as_ref().is_some_and(|help| help.contains("taskhost runs delete")), "{error:?}");
    // It stays so: after a gap nothing may follow.
    assert_eq!(journal.append(at(9_999, succeeded())), Err(error.clone()));
    assert_eq!(journal.flush(), Err(error));
    assert_eq!(journal.failure(), Some(StoreError::DiskFull(scratch.file())));
    drop(journal);
    assert_eq!(events(&store, id(1)).len(), durable);
    store.delete(&[id(1)]).expect("room is made");
    let journal = store.create(record(2, "x"), || {}).expect("another run");
    journal.append(at(1, succeeded())).expect("appended");
    journal.flush().expect("there is room");
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let scratch = filled();
    let connection = rusqlite::Connection::open(scratch.file()).expect("a file");
    connection.pragma_update(None, "user_version", 9).expect("of later");
    drop(connection);
    for error in [refusal(open(&scratch)), refusal(Store::open_for_reading(&scratch.0))] {
        assert_eq!(error, StoreError::Newer { file: scratch.file(), version: 9 });
        assert!(error.to_string().contains("was written by a newer taskhost (format 9, this one knows 3)"), "{error}");
        assert!(error.help().is_some_and(|help| help.contains("TASKHOST_DATA_FOLDER")));
    }
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.0.join("runs")).expect("a folder");
    fs::write(scratch.file(), "no database at all, but long enough to be taken for one ".repeat(100)).expect("written");
    for error in [refusal(open(&scratch)), refusal(Store::open_for_reading(&scratch.0))] {
        assert!(matches!(&error, StoreError::Damaged { file, .. } if *file == scratch.file()), "{error}");
        assert!(error.help().is_some_and(|help| help.contains("move the file away")));
    }
}

#[test]
fn nothing_recorded_is_no_damage() {
    let scratch = Scratch::new();
    let error = refusal(Store::open_for_reading(&scratch.0));
    assert_eq!(error, StoreError::NoRuns(scratch.file()));
    assert!(!scratch.file().exists(), "looking changes nothing");
}

#[test]
fn a_file_that_was_begun_and_had_no_room_for_its_tables_counts_as_none() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.file().parent().expect("a folder")).expect("a folder");
    std::fs::write(scratch.file(), "").expect("a file");
    assert_eq!(refusal(Store::open_for_reading(&scratch.0)), StoreError::NoRuns(scratch.file()));
    let connection = rusqlite::Connection::open(scratch.file()).expect("a file");
    connection.pragma_update(None, "journal_mode", "WAL").expect("a setting");
    drop(connection);
    assert!(std::fs::metadata(scratch.file()).is_ok_and(|there| there.len() > 0));
    assert_eq!(refusal(Store::open_for_reading(&scratch.0)), StoreError::NoRuns(scratch.file()));
    assert!(open(&scratch).is_ok(), "it is gone on with");
    assert!(Store::open_for_reading(&scratch.0).is_ok());

    let other = Scratch::new();
    std::fs::create_dir_all(other.file().parent().expect("a folder")).expect("a folder");
    let connection = rusqlite::Connection::open(other.file()).expect("a file");
    connection.execute("CREATE TABLE somebody (elses)", []).expect("a table");
    assert!(matches!(refusal(Store::open_for_reading(&other.0)), StoreError::Damaged { .. }));
}

#[test]
fn a_run_that_cannot_be_read_hides_no_other() {
    let scratch = filled();
    let store = open(&scratch).expect("a store");
    store.create(record(2, "x"), || {}).expect("a run");
    store.create(record(3, "x"), || {}).expect("a run");
    let connection = rusqlite::Connection::open(scratch.file()).expect("a file");
    for (change, words) in [("usage = x'63'", "the summary of run `"), ("started_ms = 'soon'", "started_ms")] {
        let sql = format!("UPDATE runs SET {change} WHERE id = '{}'", id(2));
        assert_eq!(connection.execute(&sql, []), Ok(1));
        let (runs, damaged) = store.readable_runs(&RunFilter::default()).expect("the others");
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [id(3), id(1)]);
        assert!(damaged.len() == 1 && damaged[0].to_string().contains(words), "{damaged:?}");
        assert!(damaged[0].to_string().contains(&id(2).to_string()), "{damaged:?}");
        let filter = RunFilter { limit: Some(1), ..RunFilter::default() };
        assert_eq!(store.readable_runs(&filter).expect("the newest").1, [], "what is not looked at is not told");
        assert!(matches!(store.runs(&RunFilter::default()), Err(StoreError::Damaged { .. })));
    }
}

#[test]
fn a_damaged_row_is_named_and_what_is_before_it_is_read() {
    let scratch = filled();
    let connection = rusqlite::Connection::open(scratch.file()).expect("a file");
    let sql =
        "UPDATE journal SET chunk = x'0163' WHERE key = (SELECT key FROM journal ORDER BY key LIMIT 1 OFFSET 100)";
    assert_eq!(connection.execute(sql, []), Ok(1));
    let store = Store::open_for_reading(&scratch.0).expect("readable");
    let read: Vec<_> = store.events(id(1)).expect("a run").collect();
    assert_eq!((read.len(), read.iter().filter(|event| event.is_ok()).count()), (101, 100));
    let Some(Err(error)) = read.last() else { panic!("the last is what is wrong") };
    assert!(error.to_string().contains(&format!("the journal of run `{}`, row 100: ", id(1))), "{error}");
    let gap = "DELETE FROM journal WHERE key = (SELECT key FROM journal ORDER BY key LIMIT 1 OFFSET 50)";
    assert_eq!(connection.execute(gap, []), Ok(1));
    let read: Vec<_> = store.events(id(1)).expect("a run").collect();
    assert!(
        read.last()
            .is_some_and(|last| matches!(last, Err(error) if error.to_string().contains("row 50: it is missing")))
    );
}

#[test]
fn damaged_pages_are_errors_and_never_a_panic() {
    let scratch = filled();
    let connection = rusqlite::Connection::open(scratch.file()).expect("a file");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("all in one file");
    drop(connection);
    let whole = fs::read(scratch.file()).expect("a file");
    for place in (100..whole.len()).step_by(1_500) {
        let mut bytes = whole.clone();
        bytes[place..].iter_mut().take(64).for_each(|byte| *byte ^= 0x5a);
        fs::write(scratch.file(), bytes).expect("written");
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(scratch.0.join(format!("runs/journal.sqlite{ending}")));
        }
        let Ok(store) = Store::open_for_reading(&scratch.0) else { continue };
        let _ =
            (store.runs(&RunFilter::default()), store.tasks(id(1)), store.record(id(1)), store.logs(id(1), None, 0));
        let _ = store.events(id(1)).map(|events| events.filter(Result::is_ok).count());
    }
}

#[test]
fn a_store_for_reading_changes_nothing() {
    let scratch = filled();
    let store = Store::open_for_reading(&scratch.0).expect("a store");
    assert_eq!(store.run(id(1)).expect("a run").state, RunState::Succeeded);
    assert_eq!(events(&store, id(1)).len(), 201);
    let refused = StoreError::ReadOnly(scratch.file());
    assert_eq!(store.create(record(2, "x"), || {}).err(), Some(refused.clone()));
    assert_eq!(store.delete(&[id(1)]), Err(refused.clone()));
    assert_eq!(store.collect_artifacts(Duration::ZERO).err(), Some(refused.clone()));
    assert_eq!(store.cache().clear().err(), Some(refused));
}

#[test]
fn a_closed_store_takes_nothing_more() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let journal = store.create(record(1, "x"), || {}).expect("a run");
    journal.append(at(1, started("t", 1))).expect("appended");
    drop(store);
    assert_eq!(journal.append(at(2, succeeded())).map_err(|error| error.message), Err("the store is closed".into()));
    drop(journal);
    let store = scratch.open();
    assert_eq!(events(&store, id(1)).len(), 1, "what waited was written");
    assert_eq!(store.run(id(1)).expect("a run").state, RunState::Interrupted);
}

/// Only somebody without the rights of root is refused; so the looking is done by another process, as nobody.
#[cfg(unix)]
mod read_only {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use support::role_folder;

    fn set_mode(path: &Path, folders: u32, files: u32) {
        let is_folder = path.is_dir();
        if is_folder {
            for entry in fs::read_dir(path).expect("a folder").flatten() {
                set_mode(&entry.path(), folders, files);
            }
        }
        let mode = if is_folder { folders } else { files };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode is set");
    }

    #[test]
    fn role_look_without_rights() {
        let Some(folder) = role_folder() else { return };
        let probe = folder.join("probe");
        if fs::write(&probe, "").is_ok() {
            let _ = fs::remove_file(probe);
            println!("skipped: this user may write everywhere");
            return;
        }
        let store = Store::open_for_reading(&folder).expect("what can be read is read");
        assert_eq!(events(&store, id(1)).len(), 201);
        let error = refusal(Store::open(&folder));
        assert!(matches!(error, StoreError::ReadOnly(_)), "{error}");
        assert!(error.help().is_some_and(|help| help.contains("TASKHOST_DATA_FOLDER")));
        println!("looked");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_read_all_the_same() {
        for has_lock_files in [true, false] {
            let scratch = filled();
            if !has_lock_files {
                fs::remove_file(scratch.0.join("runs/journal.sqlite-shm")).ok();
            }
            set_mode(&scratch.0, 0o555, 0o444);
            let this = std::env::current_exe().expect("this program");
            let mut command = Command::new(&this);
            command
                .args(["read_only::role_look_without_rights", "--exact", "--nocapture"])
                .env("TASKHOST_STORE_TEST_FOLDER", &scratch.0);
            if fs::write(scratch.0.join("probe"), "").is_ok() {
                let _ = fs::remove_file(scratch.0.join("probe"));
                // As root: become nobody, where nobody may read this program.
                command.uid(65_534).gid(65_534);
            }
            let output = command.output();
            set_mode(&scratch.0, 0o755, 0o644);
            match output {
                Ok(output) => {
                    let text = String::from_utf8_lossy(&output.stdout);
                    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
                    assert!(text.contains("looked") || text.contains("skipped"), "{text}");
                }
                Err(error) => println!("skipped: nobody may not run `{}`: {error}", this.display()),
            }
        }
    }
}
