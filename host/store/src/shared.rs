//! [`SharedArtifacts`]: artifacts on their way between computers that use the same store elsewhere.

use std::sync::Arc;

use taskhost_model::ArtifactRef;

use crate::artifacts::Artifacts;
use crate::database::unique;
use crate::error::StoreError;
use crate::queue::Queue;

/// See the top of the file. All of it may take as long as the store elsewhere takes to answer.
pub struct SharedArtifacts {
    artifacts: Artifacts,
    /// Of those who record runs: they note what is theirs to delete.
    queue: Option<Arc<Queue>>,
}

impl SharedArtifacts {
    /// None if these have no other place.
    pub(crate) fn new(artifacts: Artifacts, queue: Option<Arc<Queue>>) -> Option<SharedArtifacts> {
        artifacts.elsewhere()?;
        Some(SharedArtifacts { artifacts, queue })
    }

    /// Keeps bytes, given in parts, by their name, where the others find them.
    pub fn put(&self, artifact: ArtifactRef, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.artifacts.put(artifact, parts)?;
        self.send(artifact)
    }

    /// Sees to it that the others find what is kept here.
    pub fn send(&self, artifact: ArtifactRef) -> Result<(), StoreError> {
        self.artifacts.send(artifact, self.queue.as_deref())
    }

    /// The bytes of an artifact that somebody has put. They are kept here, too, and are ours to delete from now on, as whoever put them records
    /// nothing.
    pub fn get(&self, artifact: &ArtifactRef) -> Result<Vec<u8>, StoreError> {
        let bytes = self.artifacts.get(artifact)?;
        self.artifacts.verified(artifact.digest);
        self.adopt(artifact)?;
        Ok(bytes)
    }

    /// As [`SharedArtifacts::get`], of a blob, whose bytes are only kept.
    pub fn fetch(&self, blob: &ArtifactRef) -> Result<(), StoreError> {
        self.artifacts.or_fetched(blob, || self.artifacts.stored_blob(blob))?;
        self.adopt(blob)
    }

    /// Puts a few bytes that nobody else has put anywhere: who finds them uses the same store.
    pub fn put_probe(&self) -> Result<ArtifactRef, StoreError> {
        let probe = format!("taskhost: a probe, {:x}-{:x}\n", std::process::id(), unique());
        let artifact = ArtifactRef::of(&[probe.as_bytes()]);
        self.put(artifact, &[probe.as_bytes()])?;
        Ok(artifact)
    }

    fn adopt(&self, artifact: &ArtifactRef) -> Result<(), StoreError> {
        let artifact = *artifact;
        self.artifacts.pin(&self.artifacts.path(&artifact.digest));
        let Some(queue) = &self.queue else { return Ok(()) };
        queue.call(move |writer| {
            writer.note_named(&[artifact])?;
            writer.note_sent(&[(artifact, true)])
        })
    }
}

impl Artifacts {
    /// Sees to it that an artifact is elsewhere, too, if there is such a place; noted by those who record runs.
    pub(crate) fn send(&self, reference: ArtifactRef, queue: Option<&Queue>) -> Result<(), StoreError> {
        let Some(elsewhere) = self.elsewhere() else { return Ok(()) };
        let Some(queue) = queue else { return elsewhere.put_all(self, vec![reference]).map(drop) };
        let missing = queue.call(move |writer| writer.note_named(&[reference]))?;
        let sent = elsewhere.put_all(self, missing)?;
        queue.call(move |writer| writer.note_sent(&sent))
    }
}
