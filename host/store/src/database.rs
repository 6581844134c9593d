//! The SQLite file: opened for writing, or for reading in whatever way still works.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::{At, StoreError};

/// What this taskhost writes, and the newest that it reads.
pub(crate) const VERSION: u32 = 3;

/// What makes each version of the one before it; the first makes a new file.
const STEPS: [&str; VERSION as usize] =
    [include_str!("schema.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")];

/// How long another process may hold the file: commits take milliseconds, so whoever waits so long waits for something that hangs.
const BUSY_MAX: Duration = Duration::from_secs(30);

/// Pages that a commit may find in the write-ahead log before it moves them to the database, 4 MiB: each time costs some waits for the disk.
/// Not more, because whoever opens the file first reads all of them.
const CHECKPOINT_PAGES: u32 = 1_000;

/// What a write-ahead log is cut to when it was larger for once.
const WAL_BYTES_MAX: u32 = 64 << 20;

/// Opens the file, makes it if need be.
pub(crate) fn open_for_writing(file: &Path, bytes_max: Option<u64>) -> Result<Connection, StoreError> {
    open(file, bytes_max).map_err(|error| why_not(file, error))
}

fn open(file: &Path, bytes_max: Option<u64>) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags).at(file)?;
    connection.busy_timeout(BUSY_MAX).at(file)?;
    connection.pragma_update(None, "synchronous", "NORMAL").at(file)?;
    // Otherwise the last process to close the file waits for the disk three times, as long as all else of a short run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).at(file)?;
    match version(&connection, file)? {
        0 => create(&mut connection, file)?,
        VERSION => {}
        _ => upgrade(&mut connection, file)?,
    }
    // A file that came back from `sqlite3 .recover`, or from a backup, may have lost this setting.
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).at(file)?;
    if mode != "wal" {
        write_ahead(&connection, file)?;
    }
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).at(file)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX).at(file)?;
    connection.set_prepared_statement_cache_capacity(64);
    if let Some(bytes) = bytes_max {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).at(file)?;
        connection
            .pragma_update(None, "max_page_count", i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1))
            .at(file)?;
    }
    // A file on a read-only disk is opened without complaint: find out now, and not in the middle of a run.
    if connection.is_readonly("main").at(file)? {
        return Err(StoreError::ReadOnly(file.to_owned()));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).at(file)?;
    drop(transaction);
    Ok(connection)
}

/// SQLite says "unable to open" for a file or folder that cannot be written, and for much else: looks which it is.
fn why_not(file: &Path, error: StoreError) -> StoreError {
    if !matches!(error, StoreError::Io { .. }) {
        return error;
    }
    if let Err(reason) = fs::OpenOptions::new().append(true).create(true).open(file) {
        return StoreError::io(file, &reason);
    }
    let folder = file.parent().unwrap_or(file);
    let probe = folder.join(format!(".probe-{:x}", unique()));
    match fs::File::create_new(&probe).and_then(|_| fs::remove_file(&probe)) {
        Ok(()) => error,
        Err(reason) => StoreError::io(folder, &reason),
    }
}

fn create(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    // Both are settings of the file, and have to be made before the first table.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").at(file)?;
    write_ahead(connection, file)?;
    upgrade(connection, file)
}

/// Makes of whatever version it is the one that is written.
fn upgrade(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).at(file)?;
    // Another process may have been quicker.
    let version = version(&transaction, file)?;
    if version != VERSION {
        STEPS[version as usize..].iter().try_for_each(|step| transaction.execute_batch(step)).at(file)?;
        transaction.pragma_update(None, "user_version", VERSION).at(file)?;
    }
    transaction.commit().at(file)
}

/// Changing to WAL does not wait for other processes that do so too.
fn write_ahead(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let until = Instant::now() + BUSY_MAX;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL").at(file) {
            Err(StoreError::Busy(_)) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
}

fn version(connection: &Connection, file: &Path) -> Result<u32, StoreError> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0)).at(file)?;
    if version > VERSION {
        return Err(StoreError::Newer { file: file.to_owned(), version });
    }
    Ok(version)
}

/// A connection that only reads, and the copy that it reads if the original could not be.
pub(crate) struct Reading {
    pub(crate) connection: Connection,
    _copy: Option<Copy>,
}

/// Opens the file for reading: as it is if possible, without its lock files if those cannot be written, and in the last resort a copy.
pub(crate) fn open_for_reading(file: &Path) -> Result<Reading, StoreError> {
    if !file.exists() {
        return Err(StoreError::NoRuns(file.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let first = match open_read_only(file, file, flags) {
        Ok(connection) => return Ok(Reading { connection, _copy: None }),
        Err(
            error @ (StoreError::NoRuns(_)
            | StoreError::Newer { .. }
            | StoreError::Damaged { .. }
            | StoreError::Busy(_)),
        ) => {
            return Err(error);
        }
        Err(error) => error,
    };
    // A folder that cannot be written has no room for the lock file of a WAL database. Nobody writes there either, so a copy is as good.
    let Ok(copy) = Copy::of(file) else { return Err(first) };
    let connection = open_read_only(&copy.file(), file, flags).map_err(|_| first)?;
    Ok(Reading { connection, _copy: Some(copy) })
}

fn open_read_only(opened: &Path, file: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(opened, flags).at(file)?;
    connection.busy_timeout(BUSY_MAX).at(file)?;
    connection.set_prepared_statement_cache_capacity(32);
    if version(&connection, file)? > 0 {
        return Ok(connection);
    }
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).at(file)?;
    Err(match tables {
        // Somebody began it, and had no room for the first tables.
        0 => StoreError::NoRuns(file.to_owned()),
        _ => StoreError::Damaged { file: file.to_owned(), detail: "its tables are not ours".into() },
    })
}

/// A copy of the database and its write-ahead log in a private folder, which goes with it.
struct Copy(PathBuf);

impl Copy {
    fn of(file: &Path) -> std::io::Result<Copy> {
        let name = format!("taskhost-runs-{}-{:x}", std::process::id(), unique());
        let folder = std::env::temp_dir().join(name);
        private_folder(&folder)?;
        let copy = Copy(folder);
        fs::copy(file, copy.file())?;
        let wal = beside(file, "-wal");
        if wal.exists() {
            fs::copy(wal, beside(&copy.file(), "-wal"))?;
        }
        Ok(copy)
    }

    fn file(&self) -> PathBuf {
        self.0.join("journal.sqlite")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A new folder that only this user sees.
pub(crate) fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A number that differs from one call to the next, and from one process to the next.
pub(crate) fn unique() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(Instant::now())
}
