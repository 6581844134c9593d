//! [`HostBlobs`]: where a host keeps blobs, and how files become some.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use taskhost_flow::{Flow, Plan, TaskKind};
use taskhost_model::seams::{BlobError, BlobReader, BlobWriter, Blobs};
use taskhost_model::{ArtifactRef, Value};
use taskhost_store::{SharedArtifacts, TemporaryBlobs};

use crate::error::{HostError, HostErrorKind};
use crate::records::Records;

/// Bytes of a file that are read at once.
const PIECE_BYTES: usize = 256 << 10;

/// Among the artifacts of recorded runs; in a folder of this process if runs are not recorded.
pub(crate) enum HostBlobs {
    Recorded(Arc<Records>),
    Temporary(TemporaryBlobs),
}

impl HostBlobs {
    pub(crate) fn new(records: Option<&Arc<Records>>) -> HostBlobs {
        records.map_or_else(|| HostBlobs::Temporary(TemporaryBlobs::new()), |known| HostBlobs::Recorded(known.clone()))
    }
}

impl HostBlobs {
    /// The way to exchange artifacts with workers that reach the same store; none for a host that records nothing.
    pub(crate) fn shared(&self) -> Result<Option<SharedArtifacts>, HostError> {
        match self {
            HostBlobs::Recorded(records) => Ok(records.store()?.shared()),
            HostBlobs::Temporary(_) => Ok(None),
        }
    }

    /// Removes those of this process.
    pub(crate) fn close(&self) {
        if let HostBlobs::Temporary(blobs) = self {
            blobs.close();
        }
    }
}

impl Blobs for HostBlobs {
    fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError> {
        match self {
            HostBlobs::Recorded(records) => records.store().map_err(told)?.blobs().create(),
            HostBlobs::Temporary(blobs) => blobs.create(),
        }
    }

    fn open(&self, blob: &ArtifactRef) -> Result<Arc<dyn BlobReader>, BlobError> {
        match self {
            HostBlobs::Recorded(records) => records.store().map_err(told)?.blobs().open(blob),
            HostBlobs::Temporary(blobs) => blobs.open(blob),
        }
    }
}

fn told(error: HostError) -> BlobError {
    BlobError { message: error.message, help: error.help }
}

fn failed(error: BlobError) -> HostError {
    let message = format!("failed to keep a blob: {}", error.message);
    let failed = HostError::new(HostErrorKind::Internal, message);
    match error.help {
        Some(help) => failed.with_help(help),
        None => failed,
    }
}

fn unreadable(path: &Path, error: &io::Error) -> HostError {
    HostError::new(HostErrorKind::Usage, format!("cannot read `{}`: {error}", path.display()))
        .with_help("check the path and who may read the file")
}

/// Goes through a file in pieces.
fn each_piece<E>(
    path: &Path,
    from_io: impl Fn(&io::Error) -> E,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    // Looked at before it is opened: opening a pipe without a writer waits for ever.
    let is_file = fs::metadata(path).map_err(|error| from_io(&error))?.is_file();
    if !is_file {
        return Err(from_io(&io::Error::other("it is no file")));
    }
    let mut file = File::open(path).map_err(|error| from_io(&error))?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&piece[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(from_io(&error)),
        }
    }
}

/// The name that a file's content has as a blob. Nothing is kept.
pub(crate) fn name_of(path: &Path) -> io::Result<ArtifactRef> {
    let (mut hasher, mut length) = (blake3::Hasher::new(), 0);
    each_piece(
        path,
        |error| io::Error::new(error.kind(), error.to_string()),
        |piece| {
            hasher.update(piece);
            length += piece.len() as u64;
            Ok(())
        },
    )?;
    Ok(ArtifactRef { digest: *hasher.finalize().as_bytes(), length })
}

/// Keeps the content of a file.
pub(crate) fn keep(blobs: &dyn Blobs, path: &Path) -> Result<ArtifactRef, HostError> {
    let mut writer = blobs.create().map_err(failed)?;
    each_piece(path, |error| unreadable(path, error), |piece| writer.append(piece).map_err(failed))?;
    writer.finish().map_err(failed)
}

/// Keeps the files that parameters have by default, those of subflows included (the check only named them), and looks whether the blobs are
/// there that were given by name.
pub(crate) fn keep_parameters(blobs: &dyn Blobs, plan: &Plan) -> Result<(), HostError> {
    keep_defaults(blobs, plan)?;
    for (parameter, value) in plan.flow().parameters.iter().zip(plan.parameters()) {
        if parameter.ty.has_blobs() {
            value.try_each_blob(&mut |blob| {
                blobs.open(blob).map(drop).map_err(|error| {
                    let message =
                        format!("parameter `{}`: `{blob}` is not kept here: {}", parameter.name, error.message);
                    HostError::new(HostErrorKind::Usage, message).with_help(
                        "give a file: `-p NAME=@FILE`; or the name of a blob of a flow run that is recorded here",
                    )
                })
            })?;
        }
    }
    Ok(())
}

fn keep_defaults(blobs: &dyn Blobs, plan: &Plan) -> Result<(), HostError> {
    let mut flows: Vec<&Arc<Flow>> = vec![plan.flow()];
    let mut at = 0;
    while let Some(flow) = flows.get(at).copied() {
        for (position, parameter) in flow.parameters.iter().enumerate() {
            let (Some(path), Some(Value::Blob(named))) = (&parameter.default_file, &parameter.default) else {
                continue;
            };
            // A parameter of the outermost flow that was given needs no default.
            let is_used = at > 0 || plan.parameters().get(position) == parameter.default.as_ref();
            if is_used && keep(blobs, path)? != **named {
                let message = format!("`{}` has changed since the flow was checked", path.display());
                return Err(HostError::new(HostErrorKind::Usage, message).with_help("run the flow again"));
            }
        }
        for task in &flow.tasks {
            if let TaskKind::Subflow(inner) = &task.kind
                && !flows.iter().any(|known| Arc::ptr_eq(known, inner))
            {
                flows.push(inner);
            }
        }
        at += 1;
    }
    Ok(())
}
