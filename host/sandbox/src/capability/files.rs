//! `read` and `write`: folders of the host, each a preopened directory of the guest.
//!
//! A folder is opened once, step by step and through no symbolic link, and from then on everything happens below its descriptor: WASI's
//! own path resolution (`openat2` with `RESOLVE_BENEATH` where the kernel has it) lets no `..`, link or race leave it. Beside the granted
//! folders a guest finds `/`, in which every path is refused: only so can the report say what it tried to open.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, LazyLock, Weak};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use taskhost_model::Limit;
use taskhost_model::grants::{Access, FolderGrant};
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemView};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, HostDescriptor, MetadataHashValue, NewTimestamp,
    OpenFlags, PathFlags,
};
use wasmtime_wasi::{FsPerms, OpenMode};

use super::listing::{Listing, Order};
use super::refused::{quoted, shown};
use super::{Lane, metadata};
use crate::outcome::Stop;
use crate::state::HostState;

/// A folder, ready for the guests of a task.
pub(crate) struct Folder {
    guest_path: Arc<str>,
    dir: Dir,
}

impl Folder {
    /// A folder with everything in it, for a program.
    pub(crate) fn whole(path: &Path, guest_path: &str) -> io::Result<Folder> {
        let dir = Dir::new(File::open(path)?, FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE, false);
        Ok(Folder { guest_path: guest_path.into(), dir })
    }
}

/// Why a granted folder cannot be opened.
#[derive(Debug)]
pub(crate) struct FolderError {
    folder: String,
    reason: String,
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the granted folder `{}` {}", self.folder, self.reason)
    }
}

/// Opens the folders of a task's grants. Folders of our own are never granted, nor what holds them or lies in them.
pub(super) fn open(grants: &[FolderGrant], own: &[PathBuf]) -> Result<Vec<Folder>, FolderError> {
    for (at, grant) in grants.iter().enumerate() {
        if let Some(other) = grants[..at].iter().find(|other| grant.looks_like(other)) {
            let reason =
                format!("looks the same to a task as `{other}`: libraries drop the first slash; grant one of them");
            return Err(FolderError { folder: grant.to_string(), reason });
        }
    }
    let open = |grant: &FolderGrant| {
        let dir = open_one(grant)?;
        match own.iter().find(|own| leads_to(&dir.dir, own)) {
            None => Ok(Folder { guest_path: Arc::clone(&grant.guest_path), dir }),
            Some(own) => Err(FolderError {
                folder: grant.guest_path.to_string(),
                reason: format!(
                    "leads to `{}`, where taskhost keeps its own files; grant a folder apart from it",
                    own.display()
                ),
            }),
        }
    };
    grants.iter().map(open).collect()
}

/// Whether one of two folders lies in the other, by whatever names.
fn leads_to(granted: &File, own: &Path) -> bool {
    let Ok(own) = File::open(own) else { return false };
    let (Some(above_granted), Some(above_own)) = (upwards(granted), upwards(&own)) else { return true };
    above_granted.first().is_some_and(|granted| above_own.contains(granted))
        || above_own.first().is_some_and(|own| above_granted.contains(own))
}

/// What tells a folder from others, and all above it; none if one of them cannot be looked at.
fn upwards(folder: &File) -> Option<Vec<(u64, u64)>> {
    let mut found = Vec::new();
    let mut folder = folder.try_clone().ok()?;
    loop {
        let stat = rustix::fs::fstat(&folder).ok()?;
        let place = (stat.st_dev as u64, stat.st_ino as u64);
        if found.last() == Some(&place) {
            return Some(found);
        }
        found.push(place);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        folder = File::from(rustix::fs::openat(&folder, "..", flags, Mode::empty()).ok()?);
    }
}

fn open_one(grant: &FolderGrant) -> Result<Dir, FolderError> {
    let wrong = |reason: String| FolderError { folder: grant.guest_path.to_string(), reason };
    let base = grant
        .base
        .as_deref()
        .map_or(Path::new("/"), |base| if base.as_os_str().is_empty() { Path::new(".") } else { base });
    let mut folder =
        File::open(base).map_err(|error| wrong(format!("cannot be opened: `{}`: {error}", base.display())))?;
    let mut place = if grant.base.is_some() { PathBuf::new() } else { PathBuf::from("/") };
    for step in grant.steps() {
        place.push(step);
        folder = open_step(&folder, step, grant.access).map_err(|why| wrong(told(&folder, step, &place, &why)))?;
    }
    let perms = match grant.access {
        Access::Read => (FsPerms::ReadOnly, OpenMode::READ),
        Access::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
    };
    Ok(Dir::new(folder, perms.0, perms.1, false))
}

/// A folder to write into is made if it is not there.
fn open_step(folder: &File, step: &str, access: Access) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let open = || rustix::fs::openat(folder, step, flags, Mode::empty()).map(File::from);
    match open() {
        Err(rustix::io::Errno::NOENT) if access == Access::Write => {
            match rustix::fs::mkdirat(folder, step, Mode::from_raw_mode(0o777)) {
                // Another task run may have been quicker.
                Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(open()?),
                Err(error) => Err(error.into()),
            }
        }
        opened => Ok(opened?),
    }
}

fn told(folder: &File, step: &str, place: &Path, error: &io::Error) -> String {
    let is_link = rustix::fs::statat(folder, step, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink());
    match error.kind() {
        _ if is_link => {
            format!("leads through the symbolic link `{}`; grant the folder that it points to", place.display())
        }
        io::ErrorKind::NotFound => format!("does not exist: there is no `{}`", place.display()),
        io::ErrorKind::NotADirectory => {
            format!("is no folder: `{}` is a file; grant the folder that holds it", place.display())
        }
        _ => format!("cannot be opened: `{}`: {error}", place.display()),
    }
}

/// The folder behind `/`: empty and nameless, so that even a path that is not refused leads nowhere.
static NOWHERE: LazyLock<Option<Dir>> = LazyLock::new(|| {
    let name = format!("taskhost-nowhere-{}-{:p}", std::process::id(), &raw const NOWHERE);
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir(&path).ok()?;
    let folder = File::open(&path);
    // Gone as soon as it is open: nobody can put anything into a folder without a name.
    std::fs::remove_dir(&path).ok()?;
    Some(Dir::new(folder.ok()?, FsPerms::ReadOnly, OpenMode::READ, true))
});

/// The files that a guest has open. A file is open as long as a descriptor or a stream of it lives.
#[derive(Default)]
pub(crate) struct OpenFiles {
    files: Vec<Weak<File>>,
    /// Entries that sorted listings hold.
    sorted: Arc<AtomicUsize>,
}

impl OpenFiles {
    fn add(&mut self, file: &Arc<File>, most: u32) -> Result<(), Stop> {
        let most_here = most as usize;
        if self.files.len() >= most_here {
            self.files.retain(|file| file.strong_count() > 0);
        }
        self.files.push(Arc::downgrade(file));
        if self.files.len() > most_here { Err(Stop::Limit(Limit::Files(most))) } else { Ok(()) }
    }
}

pub(super) type Fd = Resource<Descriptor>;

impl HostState {
    fn folders(&self) -> &[Folder] {
        self.capabilities.as_ref().map_or(&[], |capabilities| &capabilities.folders)
    }

    /// What the guest finds preopened.
    pub(super) fn directories(&mut self) -> Result<Vec<(Fd, String)>> {
        let mut found: Vec<(Dir, String)> =
            self.folders().iter().map(|folder| (folder.dir.clone(), folder.guest_path.to_string())).collect();
        // A library takes both `.` and `/` for the place where all paths begin: where one is granted, the other has no room.
        let has_root = found.iter().any(|(_, path)| path == "." || path == "/");
        if let Some(nowhere) = NOWHERE.as_ref().filter(|_| !has_root && !self.is_program) {
            found.push((nowhere.clone(), "/".to_owned()));
        }
        let table = self.filesystem().table;
        found.into_iter().map(|(dir, path)| Ok((table.push(Descriptor::Dir(dir))?, path))).collect()
    }

    /// The path by which the guest knows a preopened folder; none for any other folder.
    fn base_of(&mut self, fd: &Fd) -> Result<Option<String>> {
        let Descriptor::Dir(Dir { dir, .. }) = self.filesystem().table.get(fd)? else { return Ok(None) };
        let dir = Arc::clone(dir);
        if NOWHERE.as_ref().is_some_and(|nowhere| Arc::ptr_eq(&nowhere.dir, &dir)) {
            return Ok(Some("/".to_owned()));
        }
        let found = self.folders().iter().find(|folder| Arc::ptr_eq(&folder.dir.dir, &dir));
        Ok(found.map(|folder| folder.guest_path.to_string()))
    }

    pub(super) fn is_nowhere(&mut self, fd: &Fd) -> Result<bool> {
        Ok(match (self.filesystem().table.get(fd)?, NOWHERE.as_ref()) {
            (Descriptor::Dir(dir), Some(nowhere)) => Arc::ptr_eq(&dir.dir, &nowhere.dir),
            _ => false,
        })
    }

    /// Remembers that a path was refused.
    pub(super) fn refuse_path(&mut self, fd: &Fd, path: &str, call: PathCall) -> Result<()> {
        let base = self.base_of(fd)?;
        let path = plain(path);
        let whole = match base.as_deref() {
            None | Some(".") => path.to_owned(),
            // A C library asks for `data/x` and `/data/x` in the same way. It meant what is there.
            Some("/") if !is_in_root(path) => path.to_owned(),
            Some(base) => format!("{}/{path}", base.trim_end_matches('/')),
        };
        let grant = self.grant_for(&whole, call).unwrap_or_default();
        self.refused.note(format!("{} `{}`", call.verb, shown(&whole)), grant);
        Ok(())
    }

    /// What the flow would have to grant; none if it is not for a grant to allow, or if it is granted already.
    fn grant_for(&self, path: &str, call: PathCall) -> Option<String> {
        let steps = steps_of(path)?;
        let folder = if call.on_folder { &steps[..] } else { &steps[..steps.len().saturating_sub(1)] };
        let slash = if path.starts_with('/') { "/" } else { "" };
        let name = match (slash, folder.join("/")) {
            ("", joined) if joined.is_empty() => ".".to_owned(),
            (slash, joined) => format!("{slash}{joined}"),
        };
        // Some are never granted, and where one stands already it was something else, such as a link that leads out.
        let wanted = FolderGrant::new(&name, Path::new("."), call.access).ok()?;
        let holds = |own: &&FolderGrant| {
            wanted.steps().zip(own.steps()).all(|(a, b)| a == b) && own.steps().count() <= wanted.steps().count()
        };
        // Libraries go by the nearest folder.
        let nearest = self.request.call.grants.folders.iter().filter(holds).max_by_key(|own| own.steps().count());
        if nearest.is_some_and(|own| own.access >= call.access) {
            return None;
        }
        let key = if call.access == Access::Write { "write" } else { "read" };
        Some(format!("{key} = [{}]", quoted(&name)))
    }

    /// The granted folder that a path means which no library found by itself, such as `./data/x`, and the path in it.
    fn route(&self, path: &str) -> Option<(Dir, String)> {
        // What goes up may go up through a link, so only the system can follow it.
        let steps = steps_of(path).filter(|_| !path.split('/').any(|step| step == ".."))?;
        let own = |folder: &&Folder| {
            let mut own = folder.guest_path.split('/').filter(|step| !step.is_empty() && *step != ".");
            let mut theirs = steps.iter();
            own.all(|step| theirs.next() == Some(&step))
        };
        let folder = self.folders().iter().filter(own).max_by_key(|folder| folder.guest_path.len())?;
        let depth = folder.guest_path.split('/').filter(|step| !step.is_empty() && *step != ".").count();
        let rest = steps[depth..].join("/");
        Some((folder.dir.clone(), if rest.is_empty() { ".".to_owned() } else { rest }))
    }

    /// What a path call gave, with a note if it was refused.
    fn told_path<T>(
        &mut self,
        fd: &Fd,
        path: &str,
        call: PathCall,
        result: FsResult<T>,
    ) -> Result<Result<T, ErrorCode>> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(error) => {
                let code = error.downcast()?;
                if matches!(code, ErrorCode::NotPermitted) {
                    self.refuse_path(fd, path, call)?;
                }
                Ok(Err(code))
            }
        }
    }

    pub(super) fn opened(&mut self, fd: &Fd) -> Result<()> {
        let file = Arc::clone(match self.filesystem().table.get(fd)? {
            Descriptor::File(file) => &file.file,
            Descriptor::Dir(dir) => &dir.dir,
        });
        self.count_file(&file)
    }

    fn count_file(&mut self, file: &Arc<File>) -> Result<()> {
        let most = self.limits().files_max;
        Ok(self.open_files.add(file, most)?)
    }

    /// A listing of an opened folder; none if it is no folder.
    pub(super) fn list(&mut self, fd: &Fd) -> Result<Option<io::Result<Listing>>> {
        let Descriptor::Dir(Dir { dir, .. }) = self.filesystem().table.get(fd)? else { return Ok(None) };
        let dir = Arc::clone(dir);
        let order =
            if self.is_deterministic() { Order::ByName(Arc::clone(&self.open_files.sorted)) } else { Order::Any };
        let listing = Listing::open(&dir, order);
        if let Ok(listing) = &listing {
            self.count_file(listing.folder())?;
        }
        Ok(Some(listing))
    }
}

/// The names in a path, without `.` and `..`; none if it goes up beyond its beginning.
fn steps_of(path: &str) -> Option<Vec<&str>> {
    let mut steps = Vec::new();
    for step in path.split('/').filter(|step| !step.is_empty() && *step != ".") {
        if step == ".." {
            steps.pop()?;
        } else {
            steps.push(step);
        }
    }
    Some(steps)
}

/// `./data/x` as `data/x`.
fn plain(path: &str) -> &str {
    let mut plain = path;
    while let Some(rest) = plain.strip_prefix("./") {
        plain = rest.trim_start_matches('/');
    }
    if plain.is_empty() { "." } else { plain }
}

/// Whether the first folder of a path is one of the host's root folder.
fn is_in_root(path: &str) -> bool {
    let first = Path::new(path).components().find(|part| matches!(part, Component::Normal(_)));
    first.is_some_and(|first| Path::new("/").join(first).exists())
}

/// What a call with a path is for.
#[derive(Clone, Copy)]
pub(super) struct PathCall {
    pub(super) verb: &'static str,
    pub(super) access: Access,
    /// Whether the path is that of the folder itself, not of something in it.
    pub(super) on_folder: bool,
}

const fn on_file(verb: &'static str, access: Access) -> PathCall {
    PathCall { verb, access, on_folder: false }
}

const READS: PathCall = on_file("look at", Access::Read);
const OPENS: PathCall = on_file("open", Access::Read);
const WRITES: PathCall = on_file("write to", Access::Write);
const MAKES: PathCall = on_file("make", Access::Write);
const DELETES: PathCall = on_file("delete", Access::Write);
const MOVES: PathCall = on_file("move", Access::Write);
const LINKS: PathCall = on_file("link", Access::Write);

/// What opening is for.
pub(super) fn opens(creates: bool, writes: bool, folder: bool) -> PathCall {
    let call = if creates || writes { WRITES } else { OPENS };
    PathCall { on_folder: folder, ..call }
}

fn opens_p2(oflags: OpenFlags, flags: DescriptorFlags) -> PathCall {
    opens(
        oflags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE),
        flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY),
        oflags.contains(OpenFlags::DIRECTORY),
    )
}

/// Replaces the functions that take a path.
pub(super) fn link(linker: &mut Linker<HostState>, lane: Lane) -> Result<()> {
    linker
        .instance(&wasi("preopens"))?
        .func_wrap("get-directories", |mut store: StoreContextMut<'_, HostState>, (): ()| {
            Ok((store.data_mut().directories()?,))
        })?;
    match lane {
        Lane::Direct => link_refusals(linker)?,
        Lane::Waiting | Lane::Concurrent => {
            link_paths(linker)?;
            metadata::link(linker)?;
        }
    }
    Ok(())
}

/// The version that wasmtime-wasi links; any 0.2 of a guest finds it.
pub(super) fn wasi(interface: &str) -> String {
    format!("wasi:filesystem/{interface}@0.2.12")
}

/// Each function that takes a path: its name, its arguments, which of them is the path, what it is for, what it gives.
macro_rules! each_path_call {
    ($each:ident) => {
        $each!("open-at", open_at, (path_flags: PathFlags, path: String, oflags: OpenFlags, flags: DescriptorFlags), path, opens_p2(oflags, flags), Fd);
        $each!("stat-at", stat_at, (path_flags: PathFlags, path: String), path, READS, DescriptorStat);
        $each!("metadata-hash-at", metadata_hash_at, (path_flags: PathFlags, path: String), path, READS, MetadataHashValue);
        $each!("readlink-at", readlink_at, (path: String), path, READS, String);
        $each!("create-directory-at", create_directory_at, (path: String), path, MAKES, ());
        $each!("unlink-file-at", unlink_file_at, (path: String), path, DELETES, ());
        $each!("remove-directory-at", remove_directory_at, (path: String), path, DELETES, ());
        $each!("set-times-at", set_times_at, (path_flags: PathFlags, path: String, accessed: NewTimestamp, modified: NewTimestamp), path, WRITES, ());
        $each!("symlink-at", symlink_at, (target: String, path: String), path, LINKS, ());
        $each!("rename-at", rename_at, (path: String, other: Fd, new_path: String), path, MOVES, ());
        $each!("link-at", link_at, (path_flags: PathFlags, path: String, other: Fd, new_path: String), path, LINKS, ());
    };
}

/// For guests without a folder: every path is refused.
fn link_refusals(linker: &mut Linker<HostState>) -> Result<()> {
    let mut types = linker.instance(&wasi("types"))?;
    macro_rules! refuse {
        ($name:literal, $method:ident, ($($argument:ident: $ty:ty),*), $path:ident, $call:expr, $result:ty) => {
            types.func_wrap(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, HostState>, (fd, $($argument,)*): (Fd, $($ty,)*)| {
                    $(let _ = &$argument;)*
                    let call: PathCall = $call;
                    store.data_mut().refuse_path(&fd, &$path, call)?;
                    Ok((Err::<$result, ErrorCode>(ErrorCode::NotPermitted),))
                },
            )?;
        };
    }
    each_path_call!(refuse);
    Ok(())
}

/// For guests with folders: what happens outside of them is refused, and told.
fn link_paths(linker: &mut Linker<HostState>) -> Result<()> {
    let mut types = linker.instance(&wasi("types"))?;
    macro_rules! judge {
        ($name:literal, $method:ident, ($($argument:ident: $ty:ty),*), $path:ident, $call:expr, $result:ty) => {
            types.func_wrap_async(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, HostState>, (fd, $($argument,)*): (Fd, $($ty,)*)| {
                    Box::new(async move {
                        let state = store.data_mut();
                        let (mut fd, mut $path) = (fd, $path);
                        let (call, asked): (PathCall, String) = ($call, $path.clone());
                        let again = Fd::new_borrow(fd.rep());
                        let mut routed = None;
                        if state.is_nowhere(&fd)? {
                            let Some((dir, rest)) = state.route(&asked) else {
                                state.refuse_path(&fd, &asked, call)?;
                                return Ok((Err::<$result, ErrorCode>(ErrorCode::NotPermitted),));
                            };
                            fd = state.filesystem().table.push(Descriptor::Dir(dir))?;
                            routed = Some(fd.rep());
                            $path = rest;
                        }
                        judge!(@plain state, fd, $path, $method);
                        let result = HostDescriptor::$method(&mut state.filesystem(), fd, $($argument,)*).await;
                        if let Some(rep) = routed {
                            state.filesystem().table.delete(Fd::new_own(rep))?;
                        }
                        let result = state.told_path(&again, &asked, call, result)?;
                        let result = judge!(@seen state, result, $method);
                        judge!(@opened state, result, $method);
                        Ok((result,))
                    })
                },
            )?;
        };
        // A pipe or device would hold a thread of ours for as long as it likes.
        (@plain $state:ident, $fd:ident, $path:ident, open_at) => {
            let (again, follow) = (Fd::new_borrow($fd.rep()), PathFlags::SYMLINK_FOLLOW);
            if let Ok(stat) = HostDescriptor::stat_at(&mut $state.filesystem(), again, follow, $path.clone()).await
                && !matches!(stat.type_, DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink)
            {
                return Ok((Err(ErrorCode::NotPermitted),));
            }
        };
        (@plain $state:ident, $fd:ident, $path:ident, $method:ident) => {};
        (@seen $state:ident, $result:ident, stat_at) => {
            $result.map(|stat| $state.stat_for_guest(stat))
        };
        (@seen $state:ident, $result:ident, metadata_hash_at) => {
            $result.and_then(|hash| $state.hash_for_guest(hash))
        };
        (@seen $state:ident, $result:ident, $method:ident) => { $result };
        (@opened $state:ident, $result:ident, open_at) => {
            if let Ok(fd) = &$result {
                $state.opened(fd)?;
            }
        };
        (@opened $state:ident, $result:ident, $method:ident) => {};
    }
    each_path_call!(judge);
    Ok(())
}
