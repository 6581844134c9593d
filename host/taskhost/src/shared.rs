//! [`Shared`]: the store's artifacts elsewhere, as hosts and workers exchange them past the queue.

use std::sync::Arc;

use taskhost_model::ArtifactRef;
use taskhost_nats::SharedArtifacts;

/// See the top of the file.
pub(crate) struct Shared(taskhost_store::SharedArtifacts);

impl Shared {
    pub(crate) fn of(artifacts: Option<taskhost_store::SharedArtifacts>) -> Option<Arc<dyn SharedArtifacts>> {
        Some(Arc::new(Shared(artifacts?)))
    }
}

impl SharedArtifacts for Shared {
    fn put_probe(&self) -> Result<ArtifactRef, String> {
        self.0.put_probe().map_err(|error| error.to_string())
    }

    fn put(&self, artifact: &ArtifactRef, parts: &[&[u8]]) -> Result<(), String> {
        self.0.put(*artifact, parts).map_err(|error| error.to_string())
    }

    fn get(&self, artifact: &ArtifactRef) -> Result<Vec<u8>, String> {
        self.0.get(artifact).map_err(|error| error.to_string())
    }

    fn put_blob(&self, blob: &ArtifactRef) -> Result<(), String> {
        self.0.send(*blob).map_err(|error| error.to_string())
    }

    fn fetch_blob(&self, blob: &ArtifactRef) -> Result<(), String> {
        self.0.fetch(blob).map_err(|error| error.to_string())
    }
}
