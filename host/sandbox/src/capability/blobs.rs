//! `taskhost:task/blobs`: bulk data by reference, in pieces, so that neither the guest nor the host holds all of it.
//!
//! Where blobs are kept is for [`Blobs`] to know. A blob is opened when it is first read, on a thread of its own: that may mean to fetch
//! it. What is read and appended afterwards are files of this machine, like those of [`super::files`].

use std::sync::Arc;

use taskhost_model::seams::{BlobError, BlobReader, BlobWriter, Blobs};
use taskhost_model::signature::ImportedInterface;
use taskhost_model::{ArtifactRef, Limit, Value};
use wasmtime::component::{Linker, Resource, ResourceType, WasmList};
use wasmtime::{Result, StoreContextMut, bail, format_err};

use super::{Lane, Masks};
use crate::convert::{Arguments, Shape, with_numbers, without_numbers};
use crate::outcome::Stop;
use crate::state::HostState;

const INTERFACE: &str = "taskhost:task/blobs@0.1.0";

/// Most bytes that one call reads or appends.
const PIECE_BYTES_MAX: u32 = 4 << 20;

/// A blob in a guest's hands: `resource blob` of the interface.
pub(crate) struct BlobHandle {
    blob: Arc<ArtifactRef>,
    /// None until it is first read.
    reader: Option<Arc<dyn BlobReader>>,
}

/// A blob that a guest makes: `resource blob-writer` of the interface. None while bytes are appended.
struct WriterHandle(Option<Writing>);

struct Writing {
    writer: Box<dyn BlobWriter>,
    /// The last bytes, if the guest knows secrets: one may lie across two appended pieces.
    tail: Vec<u8>,
}

impl Writing {
    fn append(&mut self, bytes: &[u8], masks: Option<&Masks>) -> Result<()> {
        if let Some(masks) = masks {
            self.tail.extend_from_slice(bytes);
            if masks.is_in_bytes(&self.tail) {
                return Err(Stop::Withheld("a blob of it holds the value of a secret".to_owned()).into());
            }
            let surplus = self.tail.len().saturating_sub(masks.longest().saturating_sub(1));
            self.tail.drain(..surplus);
        }
        self.writer.append(bytes).map_err(lost)
    }
}

/// What one task run does with blobs.
#[derive(Default)]
pub(crate) struct BlobsOfRun {
    /// None for a component that knows no blobs.
    keeper: Option<Arc<dyn Blobs>>,
    written: u64,
    /// Those that are open for reading or writing.
    open: u32,
}

impl BlobsOfRun {
    pub(crate) fn new(keeper: Option<&Arc<dyn Blobs>>) -> BlobsOfRun {
        BlobsOfRun { keeper: keeper.cloned(), written: 0, open: 0 }
    }

    fn keeper(&self) -> Result<&Arc<dyn Blobs>> {
        self.keeper.as_ref().ok_or_else(|| Stop::Lost("blobs are not kept here".to_owned()).into())
    }

    fn open(&mut self, most: u32) -> Result<(), Stop> {
        self.open += 1;
        if self.open > most { Err(Stop::Limit(Limit::Files(most))) } else { Ok(()) }
    }
}

/// Whether a component knows blobs.
pub(crate) fn is_imported(imports: &[ImportedInterface]) -> bool {
    imports.iter().any(|import| is_interface(&import.name))
}

/// Whether an interface is this one, of any version.
pub(crate) fn is_interface(name: &str) -> bool {
    name.split('@').next() == Some("taskhost:task/blobs")
}

fn lost(error: BlobError) -> wasmtime::Error {
    let help = error.help.map(|help| format!("; {help}")).unwrap_or_default();
    Stop::Lost(format!("failed to keep a blob: {}{help}", error.message)).into()
}

impl HostState {
    /// The arguments of a call, with their blobs in the table.
    pub(crate) fn blobs_in(&mut self, arguments: Arguments) -> Result<Arguments> {
        let most = self.limits().handles_max as usize;
        self.table.set_max_capacity(most);
        with_numbers(arguments, |value| {
            let Value::Blob(blob) = value else { bail!("a blob does not have its type") };
            Ok(self.table.push(BlobHandle { blob: Arc::clone(blob), reader: None })?.rep())
        })
    }

    /// The result of a call, with its blobs taken from the table.
    pub(crate) fn blobs_out(&mut self, shape: &Shape, result: &Value) -> Result<Value> {
        without_numbers(shape, result, |number| {
            let handle = self.table.delete(Resource::<BlobHandle>::new_own(number))?;
            Ok(Value::Blob(handle.blob))
        })
    }

    fn count_appended(&mut self, length: usize) -> Result<()> {
        if length > PIECE_BYTES_MAX as usize {
            bail!("`blob-writer.append` with {length} bytes: at most 4 MiB are appended at once");
        }
        let most = self.limits().blob_bytes_max;
        self.blobs.written = self.blobs.written.saturating_add(length as u64);
        if self.blobs.written > most {
            return Err(Stop::Limit(Limit::Blobs(most)).into());
        }
        self.traffic.written += length as u64;
        Ok(())
    }

    fn finish_blob(&mut self, writer: Resource<WriterHandle>) -> Result<Resource<BlobHandle>> {
        let handle = self.table.delete(writer)?;
        self.blobs.open = self.blobs.open.saturating_sub(1);
        let writing = handle.0.ok_or_else(|| format_err!("a blob is finished while it is written"))?;
        let blob = Arc::new(writing.writer.finish().map_err(lost)?);
        Ok(self.table.push(BlobHandle { blob, reader: None })?)
    }

    /// The open blob; else what opens it.
    fn blob_reader(&mut self, blob: &Resource<BlobHandle>) -> Result<Result<Arc<dyn BlobReader>, Opening>> {
        let handle = self.table.get(blob)?;
        if let Some(reader) = &handle.reader {
            return Ok(Ok(Arc::clone(reader)));
        }
        let (keeper, named) = (Arc::clone(self.blobs.keeper()?), Arc::clone(&handle.blob));
        let most = self.limits().files_max;
        self.blobs.open(most)?;
        Ok(Err(Opening { keeper, named }))
    }

    fn blob_opened(&mut self, blob: &Resource<BlobHandle>, reader: Arc<dyn BlobReader>) -> Result<()> {
        self.table.get_mut(blob)?.reader = Some(reader);
        Ok(())
    }

    fn read_blob(
        &mut self,
        reader: &Arc<dyn BlobReader>,
        blob: &Resource<BlobHandle>,
        at: f64,
        most: u32,
    ) -> Result<Vec<u8>> {
        let length = self.table.get(blob)?.blob.length;
        if at.is_nan() || at < 0.0 || at.fract() != 0.0 {
            bail!("`blob.read` with the offset {at}: it has to be a whole number of bytes, from 0 on");
        }
        // An offset beyond the end is the end.
        let at = (at as u64).min(length);
        let wanted = u64::from(most.min(PIECE_BYTES_MAX)).min(length - at);
        let mut bytes = vec![0; wanted as usize];
        let count = reader.read_at(at, &mut bytes).map_err(lost)?;
        if count as u64 != wanted {
            return Err(Stop::Lost(format!("a blob ended after {} of {length} bytes", at + count as u64)).into());
        }
        self.traffic.read += wanted;
        Ok(bytes)
    }
}

struct Opening {
    keeper: Arc<dyn Blobs>,
    named: Arc<ArtifactRef>,
}

impl Opening {
    fn open(self) -> Result<Arc<dyn BlobReader>> {
        self.keeper.open(&self.named).map_err(lost)
    }
}

type Store<'a> = StoreContextMut<'a, HostState>;

pub(super) fn link(linker: &mut Linker<HostState>, lane: Lane) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.resource("blob", ResourceType::host::<BlobHandle>(), |mut store, number| {
        let state = store.data_mut();
        let handle = state.table.delete(Resource::<BlobHandle>::new_own(number))?;
        state.blobs.open = state.blobs.open.saturating_sub(u32::from(handle.reader.is_some()));
        Ok(())
    })?;
    interface.resource("blob-writer", ResourceType::host::<WriterHandle>(), |mut store, number| {
        let state = store.data_mut();
        state.table.delete(Resource::<WriterHandle>::new_own(number))?;
        state.blobs.open = state.blobs.open.saturating_sub(1);
        Ok(())
    })?;
    interface.func_wrap("[method]blob.length", |store: Store<'_>, (blob,): (Resource<BlobHandle>,)| {
        Ok((store.data().table.get(&blob)?.blob.length as f64,))
    })?;
    interface.func_wrap("[constructor]blob-writer", |mut store: Store<'_>, (): ()| {
        let state = store.data_mut();
        let most = *state.limits();
        state.table.set_max_capacity(most.handles_max as usize);
        state.blobs.open(most.files_max)?;
        let writer = state.blobs.keeper()?.create().map_err(lost)?;
        Ok((state.table.push(WriterHandle(Some(Writing { writer, tail: Vec::new() })))?,))
    })?;
    interface.func_wrap(
        "[method]blob-writer.append",
        |mut store: Store<'_>, (writer, bytes): (Resource<WriterHandle>, WasmList<u8>)| {
            let length = bytes.as_le_slice(&store).len();
            store.data_mut().count_appended(length)?;
            // Out of the table while the guest's memory is looked at, so that its bytes are not copied.
            let mut writing = store.data_mut().table.get_mut(&writer)?.0.take();
            if let Some(writing) = &mut writing {
                writing.append(bytes.as_le_slice(&store), store.data().masks())?;
            }
            store.data_mut().table.get_mut(&writer)?.0 = writing;
            Ok(())
        },
    )?;
    interface
        .func_wrap("[static]blob-writer.finish", |mut store: Store<'_>, (writer,): (Resource<WriterHandle>,)| {
            Ok((store.data_mut().finish_blob(writer)?,))
        })?;
    link_read(linker, lane)
}

/// A guest on the direct lane does not read: reading may wait ([`can_wait`]).
fn link_read(linker: &mut Linker<HostState>, lane: Lane) -> Result<()> {
    type Arguments = (Resource<BlobHandle>, f64, u32);
    let mut interface = linker.instance(INTERFACE)?;
    if lane == Lane::Direct {
        return interface.func_wrap("[method]blob.read", |_: Store<'_>, _: Arguments| -> Result<(Vec<u8>,)> {
            Err(format_err!("`blob.read` on a lane that cannot wait"))
        });
    }
    interface.func_wrap_async("[method]blob.read", |mut store: Store<'_>, (blob, at, most): Arguments| {
        Box::new(async move {
            let reader = match store.data_mut().blob_reader(&blob)? {
                Ok(reader) => reader,
                Err(opening) => {
                    let reader = tokio::task::spawn_blocking(|| opening.open());
                    let reader = reader.await.map_err(|_| format_err!("opening a blob panicked"))??;
                    store.data_mut().blob_opened(&blob, Arc::clone(&reader))?;
                    reader
                }
            };
            Ok((store.data_mut().read_blob(&reader, &blob, at, most)?,))
        })
    })
}

/// Whether a function of the interface can make a guest wait.
pub(super) fn can_wait(function: &str) -> bool {
    function == "[method]blob.read"
}
