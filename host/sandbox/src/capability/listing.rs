//! Listings of folders, read piece by piece: the host holds little of a huge folder, and no thread while the guest does not ask.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult};
use wasmtime_wasi::p3::bindings::filesystem::types as p3;
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn_blocking};

use crate::state::HostState;

/// Bytes of a listing that the system is asked for at once; at most some 1,300 entries.
const PIECE_BYTES: usize = 32 << 10;

/// Entries of a task run's listings that have to be sorted, and so held whole: all of them together.
const SORTED_MAX: usize = 1 << 16;

/// In which order a folder's entries come.
#[derive(Clone)]
pub(super) enum Order {
    /// As the file system has them.
    Any,
    /// By name: the same wherever the folder was made. With the entries that all such listings of the task run hold.
    ByName(Arc<AtomicUsize>),
}

pub(super) struct Entry {
    /// None if it is no UTF-8, and so no name for a guest.
    pub(super) name: Option<String>,
    pub(super) kind: FileType,
}

/// A listing under way.
pub(super) struct Listing {
    /// Opened anew, since its position is its own; it counts as an open file of the guest.
    folder: Arc<File>,
    order: Order,
    here: VecDeque<Entry>,
    is_whole: bool,
    held: Held,
    awaited: Option<AbortOnDropJoinHandle<io::Result<Piece>>>,
}

struct Piece {
    entries: VecDeque<Entry>,
    is_last: bool,
    held: Held,
}

/// Entries that count among those of the task run's sorted listings.
#[derive(Default)]
struct Held(usize, Option<Arc<AtomicUsize>>);

impl Held {
    fn add(&mut self, entries: usize, all: &Arc<AtomicUsize>) -> io::Result<()> {
        self.1.get_or_insert_with(|| Arc::clone(all));
        self.0 += entries;
        if all.fetch_add(entries, Ordering::Relaxed) + entries > SORTED_MAX {
            return Err(rustix::io::Errno::NOMEM.into());
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(all) = &self.1 {
            all.fetch_sub(self.0, Ordering::Relaxed);
        }
    }
}

impl Listing {
    pub(super) fn open(folder: &File, order: Order) -> io::Result<Listing> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = File::from(rustix::fs::openat(folder, ".", flags, Mode::empty())?);
        Ok(Listing {
            folder: Arc::new(folder),
            order,
            here: VecDeque::new(),
            is_whole: false,
            held: Held::default(),
            awaited: None,
        })
    }

    pub(super) fn folder(&self) -> &Arc<File> {
        &self.folder
    }

    /// The next entry, if there is one.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Entry>>> {
        loop {
            if let Some(entry) = self.here.pop_front() {
                return Poll::Ready(Ok(Some(entry)));
            }
            if self.is_whole {
                return Poll::Ready(Ok(None));
            }
            let awaited = self.awaited.get_or_insert_with(|| {
                let (folder, order) = (Arc::clone(&self.folder), self.order.clone());
                spawn_blocking(move || read(&folder, &order))
            });
            let Poll::Ready(piece) = Pin::new(awaited).poll(context) else { return Poll::Pending };
            self.awaited = None;
            match piece {
                Ok(piece) => (self.here, self.is_whole, self.held) = (piece.entries, piece.is_last, piece.held),
                Err(error) => {
                    self.is_whole = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    pub(super) async fn next(&mut self) -> io::Result<Option<Entry>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }
}

fn read(folder: &File, order: &Order) -> io::Result<Piece> {
    let mut piece = read_piece(folder)?;
    let Order::ByName(all) = order else { return Ok(piece) };
    piece.held.add(piece.entries.len(), all)?;
    while !piece.is_last {
        let more = read_piece(folder)?;
        piece.held.add(more.entries.len(), all)?;
        piece.entries.extend(more.entries);
        piece.is_last = more.is_last;
    }
    piece.entries.make_contiguous().sort_by(|a, b| a.name.cmp(&b.name));
    Ok(piece)
}

/// As many entries as the system gives at once.
fn read_piece(folder: &File) -> io::Result<Piece> {
    let mut buffer = vec![MaybeUninit::uninit(); PIECE_BYTES];
    let mut raw = RawDir::new(folder, &mut buffer);
    let mut entries = VecDeque::new();
    while let Some(entry) = raw.next() {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            let kind = match entry.file_type() {
                // Some file systems do not say; one that is gone by now is as good as unknown.
                FileType::Unknown => rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
                kind => kind,
            };
            entries.push_back(Entry { name: name.to_str().ok().map(str::to_owned), kind });
        }
        // The next would ask the system again.
        if raw.is_buffer_empty() {
            return Ok(Piece { entries, is_last: false, held: Held::default() });
        }
    }
    Ok(Piece { entries, is_last: true, held: Held::default() })
}

/// A listing as a stream of WASI 0.3, and where its end is told.
pub(super) struct ListingStream {
    pub(super) listing: Listing,
    pub(super) ending: Option<tokio::sync::oneshot::Sender<Result<(), p3::ErrorCode>>>,
}

impl ListingStream {
    fn end(&mut self, ending: Result<(), p3::ErrorCode>) -> StreamResult {
        if let Some(tell) = self.ending.take() {
            // The guest may not want to know.
            let _ = tell.send(ending);
        }
        StreamResult::Dropped
    }
}

impl StreamProducer<HostState> for ListingStream {
    type Item = p3::DirectoryEntry;
    type Buffer = Option<p3::DirectoryEntry>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, HostState>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        // A read of nothing asks whether there may be something.
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        Poll::Ready(Ok(match self.listing.poll_next(context) {
            Poll::Pending if finish => StreamResult::Cancelled,
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(None)) => self.end(Ok(())),
            Poll::Ready(Ok(Some(Entry { name: None, .. }))) => self.end(Err(p3::ErrorCode::IllegalByteSequence)),
            Poll::Ready(Ok(Some(Entry { name: Some(name), kind }))) => {
                destination.set_buffer(Some(p3::DirectoryEntry { type_: kind_of(kind), name }));
                StreamResult::Completed
            }
            Poll::Ready(Err(error)) => self.end(Err(error.into())),
        }))
    }
}

fn kind_of(kind: FileType) -> p3::DescriptorType {
    match kind {
        FileType::RegularFile => p3::DescriptorType::RegularFile,
        FileType::Directory => p3::DescriptorType::Directory,
        FileType::Symlink => p3::DescriptorType::SymbolicLink,
        FileType::Fifo => p3::DescriptorType::Fifo,
        FileType::Socket => p3::DescriptorType::Socket,
        FileType::CharacterDevice => p3::DescriptorType::CharacterDevice,
        FileType::BlockDevice => p3::DescriptorType::BlockDevice,
        FileType::Unknown => p3::DescriptorType::Other(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &File, order: Order) -> io::Result<(Vec<String>, usize)> {
        let (mut names, mut pieces) = (Vec::new(), 0);
        let opened = Listing::open(folder, order.clone())?;
        loop {
            let piece = read(&opened.folder, &order)?;
            pieces += 1;
            names.extend(piece.entries.into_iter().filter_map(|entry| entry.name));
            if piece.is_last {
                return Ok((names, pieces));
            }
        }
    }

    #[test]
    fn a_large_folder_comes_in_pieces_that_lose_nothing() -> io::Result<()> {
        let place = std::env::temp_dir().join(format!("taskhost-listing-{}", std::process::id()));
        std::fs::create_dir(&place)?;
        let wanted: Vec<String> = (0..3_000).map(|at| format!("file-{at:05}")).collect();
        let made = wanted.iter().try_for_each(|name| File::create(place.join(name)).map(|_| ()));
        let folder = File::open(&place)?;
        let (any, sorted) = (names(&folder, Order::Any), names(&folder, Order::ByName(Arc::default())));
        std::fs::remove_dir_all(&place)?;
        made?;
        let (mut any, pieces) = any?;
        assert!(pieces > 1, "the folder should be larger than a piece");
        any.sort();
        assert_eq!(any, wanted);
        assert_eq!(sorted?, (wanted, 1));
        Ok(())
    }

    #[test]
    fn sorted_listings_hold_only_so_many_entries_together() {
        let all: Arc<AtomicUsize> = Arc::default();
        let mut first = Held::default();
        first.add(SORTED_MAX, &all).expect("room");
        let mut second = Held::default();
        assert!(second.add(1, &all).is_err());
        drop(second);
        drop(first);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
