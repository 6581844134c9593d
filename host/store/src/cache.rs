//! [`ResultCache`]: results of task runs by their identity, to be used again.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use taskhost_model::codec::decode_value_or_reference;
use taskhost_model::seams::Blobs;
use taskhost_model::{ArtifactRef, Digest, FlowRunId, Value};

use crate::error::{At, StoreError};
use crate::queue::{Item, Queue};
use crate::reading::Reader;
use crate::writer::Durability;
use crate::writer::table::now_ms;

/// A result to be used again.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    /// Digest of component, function, arguments and grants.
    pub identity: [u8; 32],
    /// What the task run returned.
    pub value: Value,
    /// The run that it was part of.
    pub run: FlowRunId,
    /// The component, for people.
    pub component: Digest,
    /// The function, for people.
    pub function: Arc<str>,
}

/// What is in the cache.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CacheSize {
    /// Results.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Results to be used again. Cheap to clone.
#[derive(Clone)]
pub struct ResultCache {
    pub(crate) reader: Arc<Reader>,
    pub(crate) queue: Option<Arc<Queue>>,
}

impl ResultCache {
    /// The result of an identity, if it is there and not older than `age_max`. One whose bytes are gone or damaged is not there.
    pub fn get(&self, identity: &[u8; 32], age_max: Option<Duration>) -> Result<Option<Value>, StoreError> {
        let row: Option<Row> = self.reader.with(|connection| {
            let mut select = connection.prepare_cached("SELECT value, created_ms FROM cache WHERE identity = ?")?;
            let row = select.query_row([identity], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((value, created)) = row else { return Ok(None) };
            let mut blobs = Vec::new();
            if has_uses(connection)? {
                let mut select =
                    connection.prepare_cached("SELECT digest, bytes FROM cache_uses WHERE identity = ?")?;
                blobs = select.query_map([identity], named)?.collect::<rusqlite::Result<_>>()?;
            }
            Ok(Some((value, created, blobs)))
        })?;
        let Some((bytes, created, blobs)) = row else { return Ok(None) };
        // A clock that was set back makes entries of the future: they count as new.
        let age = Duration::from_millis(now_ms().saturating_sub(created).max(0) as u64);
        if age_max.is_some_and(|age_max| age > age_max) {
            return Ok(None);
        }
        let artifacts = &self.reader.artifacts;
        // Somebody may clear the cache before the run that takes this result says what it names.
        blobs.iter().for_each(|blob| artifacts.pin(&artifacts.path(&blob.digest)));
        // One that is gone or damaged is made anew with the result that names it.
        if blobs.iter().any(|blob| artifacts.open(blob).is_err()) {
            return Ok(None);
        }
        let value = decode_value_or_reference(&bytes, &mut |reference| {
            artifacts.value(reference).map_err(|error| error.to_string())
        });
        Ok(value.ok())
    }

    /// Keeps a result; one of the same identity is replaced. Returns at once: until it is written, some milliseconds later, it is not found.
    pub fn put(&self, entry: CacheEntry) -> Result<(), StoreError> {
        let bytes = size_of::<Item>() + entry.value.size_bytes() as usize;
        self.queue()?.add(Item::Cache(entry), bytes)
    }

    /// Forgets everything; gives what it was. Large values go with the next collection of artifacts.
    pub fn clear(&self) -> Result<CacheSize, StoreError> {
        let size = self.size()?;
        self.queue()?.call(|writer| {
            writer.transaction(Durability::Normal, |connection| {
                connection.execute("DELETE FROM cache", [])?;
                connection.execute("DELETE FROM cache_uses", [])
            })
        })?;
        Ok(size)
    }

    /// Forgets what is older; gives how many.
    pub fn expire(&self, age_max: Duration) -> Result<usize, StoreError> {
        let oldest = now_ms().saturating_sub(i64::try_from(age_max.as_millis()).unwrap_or(i64::MAX));
        self.queue()?.call(move |writer| {
            writer.transaction(Durability::Normal, |connection| {
                let expired = connection.execute("DELETE FROM cache WHERE created_ms < ?", params![oldest])?;
                let sql = "DELETE FROM cache_uses WHERE identity NOT IN (SELECT identity FROM cache)";
                connection.execute(sql, []).map(|_| expired)
            })
        })
    }

    /// What is in it.
    pub fn size(&self) -> Result<CacheSize, StoreError> {
        let (entries, bytes): (i64, i64) = self.reader.with(|connection| {
            let sql = "SELECT count(*), coalesce(sum(length(value) + artifact_bytes), 0) FROM cache";
            let (entries, bytes): (i64, i64) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let blobs = match has_uses(connection)? {
                true => {
                    let sql = "SELECT coalesce(sum(bytes), 0) FROM (SELECT DISTINCT digest, bytes FROM cache_uses)";
                    connection.query_row(sql, [], |row| row.get(0))?
                }
                false => 0,
            };
            Ok((entries, bytes + blobs))
        })?;
        Ok(CacheSize { entries: entries as u64, bytes: bytes as u64 })
    }

    fn queue(&self) -> Result<&Arc<Queue>, StoreError> {
        self.queue.as_ref().ok_or_else(|| StoreError::ReadOnly(self.reader.file.clone()))
    }
}

/// The value, when it was put, and the blobs that it names.
type Row = (Vec<u8>, i64, Vec<ArtifactRef>);

fn named(row: &rusqlite::Row<'_>) -> rusqlite::Result<ArtifactRef> {
    let length: i64 = row.get(1)?;
    Ok(ArtifactRef { digest: row.get(0)?, length: length as u64 })
}

/// Whether the file knows of blobs: one of version 1, which can only be read, does not.
fn has_uses(connection: &rusqlite::Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'cache_uses')";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

impl Reader {
    /// Asks the database.
    pub(crate) fn with<T>(
        &self,
        ask: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.ask(|connection| ask(connection).at(&self.file))
    }
}
