//! The same judgements for the async interfaces of WASI 0.3, for guests with async functions.

use std::net::IpAddr;
use std::time::Duration;

use wasmtime::component::{Accessor, Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p3::bindings::filesystem::types as files;
use wasmtime_wasi::p3::bindings::sockets::ip_name_lookup::ErrorCode as LookupError;
use wasmtime_wasi::p3::bindings::sockets::types as sockets;
use wasmtime_wasi::sockets::{TcpSocket, UdpSocket, WasiSocketsView};

use super::files::opens;
use super::lookup::LookupError as NameError;
use super::metadata;
use crate::state::HostState;

/// Bytes of a path, as Linux has it.
pub(super) const PATH_BYTES_MAX: usize = 4096;

type Store<'a> = StoreContextMut<'a, HostState>;

pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    link_files(linker)?;
    link_short_paths(linker)?;
    metadata::link_p3(linker)?;
    link_lookup(linker)?;
    link_sockets(linker)?;
    link_clocks(linker)
}

/// Opening is judged and counted; every other call needs something opened, or finds `/` empty.
fn link_files(linker: &mut Linker<HostState>) -> Result<()> {
    linker
        .instance("wasi:filesystem/preopens@0.3.0")?
        .func_wrap("get-directories", |mut store: Store<'_>, (): ()| Ok((store.data_mut().directories()?,)))?;
    type Open = (Resource<Descriptor>, files::PathFlags, String, files::OpenFlags, files::DescriptorFlags);
    linker.instance("wasi:filesystem/types@0.3.0")?.func_wrap_concurrent(
        "[method]descriptor.open-at",
        |accessor: &Accessor<HostState>, (fd, path_flags, path, oflags, flags): Open| {
            Box::pin(async move {
                let (again, asked) = (Resource::new_borrow(fd.rep()), path.clone());
                let call = opens(
                    oflags.intersects(files::OpenFlags::CREATE | files::OpenFlags::TRUNCATE),
                    flags.intersects(files::DescriptorFlags::WRITE | files::DescriptorFlags::MUTATE_DIRECTORY),
                    oflags.contains(files::OpenFlags::DIRECTORY),
                );
                let nowhere = accessor.with(|mut store| store.data_mut().is_nowhere(&again))?;
                let files = accessor.with_getter::<WasiFilesystem>(HostState::filesystem);
                let result = if nowhere {
                    Err(files::ErrorCode::NotPermitted)
                } else if path.len() > PATH_BYTES_MAX {
                    Err(files::ErrorCode::NameTooLong)
                } else if !is_plain(&files, &again, &path).await {
                    return Ok((Err(files::ErrorCode::NotPermitted),));
                } else {
                    let opened = files::HostDescriptorWithStore::open_at(&files, fd, path_flags, path, oflags, flags);
                    match opened.await {
                        Ok(fd) => Ok(fd),
                        Err(error) => Err(error.downcast()?),
                    }
                };
                accessor.with(|mut store| match &result {
                    Ok(fd) => store.data_mut().opened(fd),
                    Err(files::ErrorCode::NotPermitted) => store.data_mut().refuse_path(&again, &asked, call),
                    Err(_) => Ok(()),
                })?;
                Ok((result,))
            })
        },
    )
}

/// Whether a path leads to a file, a folder, or nothing: a pipe or device would hold a thread of ours for as long as it likes.
async fn is_plain(files: &Accessor<HostState, WasiFilesystem>, fd: &Resource<Descriptor>, path: &str) -> bool {
    let (fd, follow) = (Resource::new_borrow(fd.rep()), files::PathFlags::SYMLINK_FOLLOW);
    match files::HostDescriptorWithStore::stat_at(files, fd, follow, path.to_owned()).await {
        Ok(stat) => matches!(
            stat.type_,
            files::DescriptorType::RegularFile | files::DescriptorType::Directory | files::DescriptorType::SymbolicLink
        ),
        Err(_) => true,
    }
}

/// Async calls may be many at once, and each keeps its paths: none is longer than any file system takes.
fn link_short_paths(linker: &mut Linker<HostState>) -> Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.3.0")?;
    macro_rules! short {
        ($name:literal, $method:ident, ($($argument:ident: $ty:ty),*), [$($path:ident),*]) => {
            types.func_wrap_concurrent(
                concat!("[method]descriptor.", $name),
                |accessor: &Accessor<HostState>, (fd, $($argument,)*): (Resource<Descriptor>, $($ty,)*)| {
                    Box::pin(async move {
                        if $($path.len() > PATH_BYTES_MAX)||* {
                            return Ok((Err(files::ErrorCode::NameTooLong),));
                        }
                        let files = accessor.with_getter::<WasiFilesystem>(HostState::filesystem);
                        let done = files::HostDescriptorWithStore::$method(&files, fd, $($argument,)*).await;
                        Ok((match done {
                            Ok(value) => Ok(value),
                            Err(error) => Err(error.downcast()?),
                        },))
                    })
                },
            )?;
        };
    }
    type Fd = Resource<Descriptor>;
    short!("create-directory-at", create_directory_at, (path: String), [path]);
    short!("readlink-at", readlink_at, (path: String), [path]);
    short!("remove-directory-at", remove_directory_at, (path: String), [path]);
    short!("unlink-file-at", unlink_file_at, (path: String), [path]);
    short!("symlink-at", symlink_at, (target: String, path: String), [target, path]);
    short!("rename-at", rename_at, (path: String, other: Fd, new_path: String), [path, new_path]);
    short!("link-at", link_at, (flags: files::PathFlags, path: String, other: Fd, new_path: String), [path, new_path]);
    short!(
        "set-times-at",
        set_times_at,
        (flags: files::PathFlags, path: String, accessed: files::NewTimestamp, modified: files::NewTimestamp),
        [path]
    );
    Ok(())
}

/// Only names that a rule names are looked up, and only what it opens is told.
fn link_lookup(linker: &mut Linker<HostState>) -> Result<()> {
    linker.instance("wasi:sockets/ip-name-lookup@0.3.0")?.func_wrap_concurrent(
        "resolve-addresses",
        |accessor: &Accessor<HostState>, (name,): (String,)| {
            Box::pin(async move {
                let Some(known) = accessor.with(|mut store| store.data_mut().may_look_up(&name)) else {
                    return Ok((Err(LookupError::AccessDenied),));
                };
                let lookups = accessor.with(|mut store| store.data_mut().network.lookups.clone());
                let found = match lookups.addresses(&known).await {
                    Ok(found) => found,
                    Err(NameError::NoName) => return Ok((Err(LookupError::InvalidArgument),)),
                    Err(NameError::Unknown) => return Ok((Err(LookupError::NameUnresolvable),)),
                };
                let opened =
                    |address: &IpAddr| accessor.with(|mut store| store.data_mut().take_address(&known, *address));
                let addresses: Vec<sockets::IpAddress> = found.into_iter().filter(opened).map(Into::into).collect();
                Ok((if addresses.is_empty() { Err(LookupError::AccessDenied) } else { Ok(addresses) },))
            })
        },
    )
}

fn link_sockets(linker: &mut Linker<HostState>) -> Result<()> {
    let mut types = linker.instance("wasi:sockets/types@0.3.0")?;
    types.func_wrap("[static]tcp-socket.create", |mut store: Store<'_>, (family,): (sockets::IpAddressFamily,)| {
        let state = store.data_mut();
        state.count_socket()?;
        let made = sockets::HostTcpSocket::create(&mut state.sockets(), family);
        Ok((answered(made)?,))
    })?;
    types.func_wrap_async(
        "[static]udp-socket.create",
        |mut store: Store<'_>, (family,): (sockets::IpAddressFamily,)| {
            Box::new(async move {
                let state = store.data_mut();
                state.count_socket()?;
                let made = sockets::HostUdpSocket::create(&mut state.sockets(), family).await;
                Ok((answered(made)?,))
            })
        },
    )?;
    types.resource("tcp-socket", ResourceType::host::<TcpSocket>(), |mut store, rep| {
        let state = store.data_mut();
        state.count_socket_dropped();
        sockets::HostTcpSocket::drop(&mut state.sockets(), Resource::new_own(rep))
    })?;
    types.resource("udp-socket", ResourceType::host::<UdpSocket>(), |mut store, rep| {
        let state = store.data_mut();
        state.count_socket_dropped();
        sockets::HostUdpSocket::drop(&mut state.sockets(), Resource::new_own(rep))
    })
}

fn answered<T>(result: wasmtime_wasi::p3::sockets::SocketResult<T>) -> Result<Result<T, sockets::ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}

/// A deterministic guest's clock is moved on by its waits.
fn link_clocks(linker: &mut Linker<HostState>) -> Result<()> {
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.3.0")?;
    clock.func_wrap_concurrent("wait-for", |accessor: &Accessor<HostState>, (length,): (u64,)| {
        Box::pin(async move {
            let until = accessor.with(|mut store| store.data_mut().guest_time().saturating_add(length));
            wait(accessor, until, length).await;
            Ok(())
        })
    })?;
    clock.func_wrap_concurrent("wait-until", |accessor: &Accessor<HostState>, (until,): (u64,)| {
        Box::pin(async move {
            let now = accessor.with(|mut store| store.data_mut().guest_time());
            wait(accessor, until, until.saturating_sub(now)).await;
            Ok(())
        })
    })
}

async fn wait(accessor: &Accessor<HostState>, until: u64, length: u64) {
    match accessor.with(|mut store| store.data_mut().virtual_clock()) {
        Some(clock) => clock.wait(until).await,
        None if length > 0 => tokio::time::sleep(Duration::from_nanos(length)).await,
        None => {}
    }
}
