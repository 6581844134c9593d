//! What a guest learns of files and folders beside their content: times, identities, listings. A deterministic guest learns nothing of
//! this machine and this hour.

use rustix::fs::FileType;
use tokio::sync::oneshot;
use wasmtime::component::{Accessor, FutureReader, Linker, Resource, ResourceType, StreamReader};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, HostDescriptor, MetadataHashValue,
};
use wasmtime_wasi::p3::bindings::clocks::system_clock::Instant;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use super::files::{Fd, wasi};
use super::listing::{Entry, Listing, ListingStream};
use super::p3::PATH_BYTES_MAX;
use crate::state::HostState;

type Store<'a> = StoreContextMut<'a, HostState>;

impl HostState {
    fn read_directory(&mut self, fd: &Fd) -> Result<Result<Resource<Listing>, ErrorCode>> {
        Ok(match self.list(fd)? {
            None => Err(ErrorCode::NotDirectory),
            Some(Err(error)) => Err(error.into()),
            Some(Ok(listing)) => Ok(self.table.push(listing)?),
        })
    }

    /// What a guest learns of a file: a deterministic one no times, which differ from run to run.
    pub(super) fn stat_for_guest(&self, stat: DescriptorStat) -> DescriptorStat {
        let still = Some(Datetime { seconds: 0, nanoseconds: 0 });
        if self.is_deterministic() {
            let (data_access_timestamp, data_modification_timestamp, status_change_timestamp) = (still, still, still);
            return DescriptorStat {
                data_access_timestamp,
                data_modification_timestamp,
                status_change_timestamp,
                ..stat
            };
        }
        stat
    }

    /// What tells a file from others: for a deterministic guest nothing of this machine.
    pub(super) fn hash_for_guest(&mut self, hash: MetadataHashValue) -> Result<MetadataHashValue, ErrorCode> {
        let Some(run) = &mut self.deterministic else { return Ok(hash) };
        let number = run.number_of(hash.lower, hash.upper).ok_or(ErrorCode::InsufficientMemory)?;
        Ok(MetadataHashValue { lower: number, upper: 0 })
    }
}

fn answered<T>(result: FsResult<T>) -> Result<Result<T, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}

pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    link_seen(linker)?;
    link_listings(linker)
}

/// What a guest learns of what it has opened. What it learns by a path is judged with all paths.
fn link_seen(linker: &mut Linker<HostState>) -> Result<()> {
    let mut types = linker.instance(&wasi("types"))?;
    types.func_wrap_async("[method]descriptor.stat", |mut store: Store<'_>, (fd,): (Fd,)| {
        Box::new(async move {
            let state = store.data_mut();
            let stat = answered(HostDescriptor::stat(&mut state.filesystem(), fd).await)?;
            Ok((stat.map(|stat| state.stat_for_guest(stat)),))
        })
    })?;
    types.func_wrap_async("[method]descriptor.metadata-hash", |mut store: Store<'_>, (fd,): (Fd,)| {
        Box::new(async move {
            let state = store.data_mut();
            let hash = answered(HostDescriptor::metadata_hash(&mut state.filesystem(), fd).await)?;
            Ok((hash.and_then(|hash| state.hash_for_guest(hash)),))
        })
    })
}

/// Listings of our own, which hold little of a huge folder.
fn link_listings(linker: &mut Linker<HostState>) -> Result<()> {
    let mut types = linker.instance(&wasi("types"))?;
    types.resource("directory-entry-stream", ResourceType::host::<Listing>(), |mut store, rep| {
        store.data_mut().table.delete(Resource::<Listing>::new_own(rep))?;
        Ok(())
    })?;
    types.func_wrap_async("[method]descriptor.read-directory", |mut store: Store<'_>, (fd,): (Fd,)| {
        Box::new(async move { Ok((store.data_mut().read_directory(&fd)?,)) })
    })?;
    types.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: Store<'_>, (listing,): (Resource<Listing>,)| {
            Box::new(async move {
                let next = store.data_mut().table.get_mut(&listing)?.next().await;
                Ok((match next {
                    Ok(None) => Ok(None),
                    Ok(Some(Entry { name: Some(name), kind })) => {
                        Ok(Some(DirectoryEntry { type_: kind_of(kind), name }))
                    }
                    Ok(Some(Entry { name: None, .. })) => Err(ErrorCode::IllegalByteSequence),
                    Err(error) => Err(error.into()),
                },))
            })
        },
    )
}

fn kind_of(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

/// The same for WASI 0.3.
pub(super) fn link_p3(linker: &mut Linker<HostState>) -> Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.3.0")?;
    types.func_wrap_concurrent(
        "[method]descriptor.stat",
        |accessor: &Accessor<HostState>, (fd,): (Resource<Descriptor>,)| {
            Box::pin(async move {
                let files = accessor.with_getter::<WasiFilesystem>(HostState::filesystem);
                let stat = answered_p3(p3::HostDescriptorWithStore::stat(&files, fd).await)?;
                Ok((stat.map(|stat| seen_stat(accessor, stat)),))
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.stat-at",
        |accessor: &Accessor<HostState>, (fd, flags, path): (Resource<Descriptor>, p3::PathFlags, String)| {
            Box::pin(async move {
                if path.len() > PATH_BYTES_MAX {
                    return Ok((Err(p3::ErrorCode::NameTooLong),));
                }
                let files = accessor.with_getter::<WasiFilesystem>(HostState::filesystem);
                let stat = answered_p3(p3::HostDescriptorWithStore::stat_at(&files, fd, flags, path).await)?;
                Ok((stat.map(|stat| seen_stat(accessor, stat)),))
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.metadata-hash",
        |accessor: &Accessor<HostState>, (fd,): (Resource<Descriptor>,)| {
            Box::pin(async move {
                let files = accessor.with_getter::<WasiFilesystem>(HostState::filesystem);
                let hash = answered_p3(p3::HostDescriptorWithStore::metadata_hash(&files, fd).await)?;
                Ok((hash.and_then(|hash| seen_hash(accessor, hash)),))
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.metadata-hash-at",
        |accessor: &Accessor<HostState>, (fd, flags, path): (Resource<Descriptor>, p3::PathFlags, String)| {
            Box::pin(async move {
                if path.len() > PATH_BYTES_MAX {
                    return Ok((Err(p3::ErrorCode::NameTooLong),));
                }
                let files = accessor.with_getter::<WasiFilesystem>(HostState::filesystem);
                let hash = p3::HostDescriptorWithStore::metadata_hash_at(&files, fd, flags, path).await;
                Ok((answered_p3(hash)?.and_then(|hash| seen_hash(accessor, hash)),))
            })
        },
    )?;
    types.func_wrap("[method]descriptor.read-directory", |mut store: Store<'_>, (fd,): (Resource<Descriptor>,)| {
        let (tell, told) = oneshot::channel();
        let entries = match store.data_mut().list(&fd)? {
            Some(Ok(listing)) => StreamReader::new(&mut store, ListingStream { listing, ending: Some(tell) })?,
            refused => {
                let code = match refused {
                    Some(Err(error)) => error.into(),
                    _ => p3::ErrorCode::NotDirectory,
                };
                // The receiver is held just below.
                let _ = tell.send(Err(code));
                StreamReader::new(&mut store, std::iter::empty())?
            }
        };
        Ok(((entries, FutureReader::new(&mut store, told)?),))
    })
}

fn answered_p3<T>(result: wasmtime_wasi::p3::filesystem::FilesystemResult<T>) -> Result<Result<T, p3::ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}

/// A deterministic guest learns no times of files.
fn seen_stat(accessor: &Accessor<HostState>, stat: p3::DescriptorStat) -> p3::DescriptorStat {
    let still = || Some(Instant { seconds: 0, nanoseconds: 0 });
    if accessor.with(|mut store| store.data_mut().is_deterministic()) {
        return p3::DescriptorStat {
            data_access_timestamp: still(),
            data_modification_timestamp: still(),
            status_change_timestamp: still(),
            ..stat
        };
    }
    stat
}

/// A deterministic guest tells files apart by the order in which it met them.
fn seen_hash(
    accessor: &Accessor<HostState>,
    hash: p3::MetadataHashValue,
) -> Result<p3::MetadataHashValue, p3::ErrorCode> {
    accessor.with(|mut store| {
        let Some(run) = &mut store.data_mut().deterministic else { return Ok(hash) };
        let number = run.number_of(hash.lower, hash.upper).ok_or(p3::ErrorCode::InsufficientMemory)?;
        Ok(p3::MetadataHashValue { lower: number, upper: 0 })
    })
}
