//! [`SharedArtifacts`]: the way of large values and blobs that is not the queue's: a store of artifacts that hosts and workers reach.
//!
//! Whether they reach the same one is not believed but tried. A host puts a probe there and asks workers for it; while all workers that take
//! its task runs have found it, their values go that way ([`Way::Shared`]), which each message says.

use taskhost_model::ArtifactRef;

/// A store of artifacts beside the queue. Its calls may take as long as it takes to answer; errors read after "artifact … ".
pub trait SharedArtifacts: Send + Sync {
    /// Puts a few bytes that nobody else has put anywhere.
    fn put_probe(&self) -> Result<ArtifactRef, String>;

    /// Keeps bytes, given in parts, by their name.
    fn put(&self, artifact: &ArtifactRef, parts: &[&[u8]]) -> Result<(), String>;

    /// The bytes that somebody has put by this name, which are those of the name.
    fn get(&self, artifact: &ArtifactRef) -> Result<Vec<u8>, String>;

    /// Keeps a blob of this side for others.
    fn put_blob(&self, blob: &ArtifactRef) -> Result<(), String>;

    /// Brings a blob that somebody has put to this side.
    fn fetch_blob(&self, blob: &ArtifactRef) -> Result<(), String>;
}

/// How the large values and blobs of a message travel.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Way {
    /// By the account's object store.
    #[default]
    Queue,
    /// By [`SharedArtifacts`].
    Shared,
}
