//! What is in a store elsewhere, as the table `sent` tells. It is noted as named before it is put there, so that whoever collects what is unused
//! passes it by. What a process puts there and dies before it notes that is nobody's: it stays.

use rusqlite::{Connection, params};
use taskhost_model::ArtifactRef;

use super::table::now_ms;
use super::{Durability, Writer};
use crate::error::StoreError;

impl Writer {
    /// Sees to it that these are elsewhere, too, if there is such a place: before a row names them.
    pub(crate) fn send(&mut self, named: &[ArtifactRef]) -> Result<(), StoreError> {
        if named.is_empty() || self.offloading.artifacts.elsewhere().is_none() {
            return Ok(());
        }
        let missing = self.note_named(named)?;
        let artifacts = self.offloading.artifacts.clone();
        let Some(elsewhere) = artifacts.elsewhere().filter(|_| !missing.is_empty()) else { return Ok(()) };
        let sent = elsewhere.put_all(&artifacts, missing)?;
        self.note_sent(&sent)
    }

    /// Notes that these are named now; gives those that are not there for sure.
    pub(crate) fn note_named(&mut self, named: &[ArtifactRef]) -> Result<Vec<ArtifactRef>, StoreError> {
        let place = self.place();
        self.transaction(Durability::Normal, |connection| {
            let mut missing = Vec::new();
            for reference in named {
                if !is_whole(&place, reference, connection)? && !missing.contains(reference) {
                    missing.push(*reference);
                }
            }
            Ok(missing)
        })
    }

    /// Notes that these are there, each with whether it was not there before.
    pub(crate) fn note_sent(&mut self, sent: &[(ArtifactRef, bool)]) -> Result<(), StoreError> {
        let place = self.place();
        self.transaction(Durability::Normal, |connection| {
            let sql = "UPDATE sent SET whole = 1, own = max(own, ?3) WHERE place = ?1 AND digest = ?2";
            let mut update = connection.prepare_cached(sql)?;
            sent.iter().try_for_each(|(reference, own)| update.execute(params![place, reference.digest, own]).map(drop))
        })
    }

    fn place(&self) -> String {
        self.offloading.artifacts.elsewhere().map(|elsewhere| elsewhere.url().to_owned()).unwrap_or_default()
    }
}

fn is_whole(place: &str, reference: &ArtifactRef, connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO sent (place, digest, own, whole, named_ms) VALUES (?1, ?2, 0, 0, ?3)
               ON CONFLICT DO UPDATE SET named_ms = ?3 RETURNING whole";
    let mut insert = connection.prepare_cached(sql)?;
    insert.query_row(params![place, reference.digest, now_ms()], |row| row.get(0))
}

/// What was put there from here, was named before `before_ms` for the last time, and is needed by nothing.
pub(crate) fn unused(
    place: &str,
    before_ms: i64,
    limit: usize,
    connection: &Connection,
) -> rusqlite::Result<Vec<[u8; 32]>> {
    let sql = "SELECT digest FROM sent WHERE place = ?1 AND own = 1 AND named_ms < ?2
                   AND NOT EXISTS (SELECT 1 FROM artifact_uses WHERE artifact_uses.digest = sent.digest)
                   AND NOT EXISTS (SELECT 1 FROM cache WHERE artifact = sent.digest)
                   AND NOT EXISTS (SELECT 1 FROM cache_uses WHERE cache_uses.digest = sent.digest)
               LIMIT ?3";
    let mut select = connection.prepare_cached(sql)?;
    select.query_map(params![place, before_ms, limit as i64], |row| row.get(0))?.collect()
}

/// These are gone.
pub(crate) fn forget(place: &str, digests: &[[u8; 32]], connection: &Connection) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM sent WHERE place = ? AND digest = ?")?;
    digests.iter().try_for_each(|digest| delete.execute(params![place, digest]).map(drop))
}
