//! Blobs: bulk data that guests read and write in pieces, by reference.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use taskhost_model::grants::Grants;
use taskhost_model::seams::{BlobError, BlobReader, BlobWriter, Blobs, Vault};
use taskhost_model::{ArtifactRef, Limit, Limits, List, TaskFailure, Value, ValueType};
use taskhost_sandbox::SandboxOptions;

mod support;

use support::Guest;

/// Keeps blobs in memory, under digests that are no digests.
#[derive(Default)]
struct Memory {
    blobs: Arc<Mutex<HashMap<ArtifactRef, Arc<Vec<u8>>>>>,
    unfinished: Arc<AtomicUsize>,
}

struct Making {
    bytes: Vec<u8>,
    blobs: Arc<Mutex<HashMap<ArtifactRef, Arc<Vec<u8>>>>>,
    unfinished: Arc<AtomicUsize>,
}

struct Content(Arc<Vec<u8>>);

fn name_of(bytes: &[u8]) -> ArtifactRef {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&hasher.finish().to_le_bytes());
    ArtifactRef { digest, length: bytes.len() as u64 }
}

impl Memory {
    fn put(&self, bytes: &[u8]) -> Value {
        let name = name_of(bytes);
        self.blobs.lock().expect("not poisoned").insert(name, Arc::new(bytes.to_vec()));
        Value::Blob(name.into())
    }

    fn get(&self, value: &Value) -> Vec<u8> {
        let Value::Blob(name) = value else { panic!("{value:?} is no blob") };
        self.blobs.lock().expect("not poisoned").get(&**name).expect("it is kept").to_vec()
    }
}

impl Blobs for Memory {
    fn create(&self) -> Result<Box<dyn BlobWriter>, BlobError> {
        self.unfinished.fetch_add(1, Ordering::Relaxed);
        let (blobs, unfinished) = (Arc::clone(&self.blobs), Arc::clone(&self.unfinished));
        Ok(Box::new(Making { bytes: Vec::new(), blobs, unfinished }))
    }

    fn open(&self, blob: &ArtifactRef) -> Result<Arc<dyn BlobReader>, BlobError> {
        match self.blobs.lock().expect("not poisoned").get(blob) {
            Some(bytes) => Ok(Arc::new(Content(Arc::clone(bytes)))),
            None => Err(BlobError { message: "it is gone".to_owned(), help: Some("bring it back".to_owned()) }),
        }
    }
}

impl BlobWriter for Making {
    fn append(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<ArtifactRef, BlobError> {
        let name = name_of(&self.bytes);
        self.blobs.lock().expect("not poisoned").insert(name, Arc::new(self.bytes.clone()));
        Ok(name)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.unfinished.fetch_sub(1, Ordering::Relaxed);
    }
}

impl BlobReader for Content {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, BlobError> {
        let rest = &self.0[(offset as usize).min(self.0.len())..];
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

struct Knows(&'static str);

impl Vault for Knows {
    fn secret(&self, _: &str) -> Option<Arc<str>> {
        Some(self.0.into())
    }
}

fn guest() -> (Guest, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let vault: Arc<dyn Vault> = Arc::new(Knows("open-sesame-1234"));
    let options =
        SandboxOptions { instances: 64, blobs: Some(memory.clone()), vault: Some(vault), ..SandboxOptions::default() };
    (Guest::with_options("blobs", options), memory)
}

fn text_of(guest: &Guest, blob: Value) -> String {
    match guest.call("text", vec![blob]) {
        Value::Result(Ok(Some(text))) => match &*text {
            Value::String(text) => text.to_string(),
            other => panic!("{other:?} is no text"),
        },
        other => panic!("{other:?} is no text"),
    }
}

#[test]
fn a_function_with_blobs_is_a_task_with_the_type_blob() {
    let (guest, _) = guest();
    let task = |name: &str| {
        let task = guest.tasks.iter().find(|task| &*task.function == name).expect("it is a task");
        let parameters: Vec<String> = task.parameters.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        format!("({}) -> {}", parameters.join(", "), task.result.as_ref().expect("it has a result"))
    };
    assert_eq!(task("step"), "(data: blob) -> result<blob, string>");
    assert_eq!(task("sum"), "(data: blob) -> u64", "a borrowed blob is a blob");
    assert_eq!(task("split"), "(data: blob, parts: u32) -> list<blob>");
    assert_eq!(task("wrap"), "(name: string, content: option<blob>) -> record { name: string, content: option<blob> }");
}

#[test]
fn what_one_task_writes_another_one_reads() {
    let (guest, memory) = guest();
    let blob = guest.call("from-text", vec![Value::string("hello, blob")]);
    assert_eq!(memory.get(&blob), b"hello, blob");
    assert_eq!(guest.call("same", vec![blob.clone()]), blob);
    assert_eq!(guest.call("length", vec![blob.clone()]), Value::F64(11.0));
    assert_eq!(text_of(&guest, blob), "hello, blob");
}

#[test]
fn more_than_a_guests_memory_goes_through_in_pieces() {
    let (mut guest, memory) = guest();
    guest.limits.memory_bytes_max = 8 << 20;
    let made = guest.run("make", vec![Value::U32(40), Value::U32(7)]);
    let blob = match made.ending {
        taskhost_model::Ending::Returned(blob) => blob,
        other => panic!("{other:?}"),
    };
    assert!(made.usage.memory_bytes_peak < 8 << 20, "{} bytes", made.usage.memory_bytes_peak);
    assert_eq!(made.usage.bytes_out >> 20, 40, "what is appended is counted");
    let Value::Result(Ok(Some(stepped))) = guest.call("step", vec![blob.clone()]) else { panic!("no blob") };
    let (before, after) = (memory.get(&blob), memory.get(&stepped));
    assert_eq!(before.len(), 40 << 20);
    assert!(before.iter().zip(&after).all(|(before, after)| before.wrapping_add(1) == *after));
    let sum: u64 = before.iter().map(|byte| u64::from(*byte)).sum();
    assert_eq!(guest.call("sum", vec![blob]), Value::U64(sum));
}

#[test]
fn blobs_may_stand_in_lists_options_records_tuples_and_variants() {
    let (guest, memory) = guest();
    let whole = memory.put(b"abcdefghij");
    let Value::List(parts) = guest.call("split", vec![whole.clone(), Value::U32(4)]) else { panic!("no list") };
    let texts: Vec<String> = parts.iter().map(|part| text_of(&guest, part)).collect();
    assert_eq!(texts, ["abc", "def", "ghi", "j"]);
    let joined = guest.call("join", vec![Value::List(parts.clone())]);
    assert_eq!(memory.get(&joined), b"abcdefghij");

    let named = guest.call("wrap", vec![Value::string("it"), Value::some(whole.clone())]);
    assert_eq!(named, Value::record([Value::string("it"), Value::some(whole.clone())]));
    assert_eq!(guest.call("unwrap", vec![named]), Value::some(whole.clone()));
    let empty = Value::record([Value::string("it"), Value::NONE]);
    assert_eq!(guest.call("unwrap", vec![empty]), Value::NONE);

    let both = Value::tuple([Value::U8(5), Value::some(Value::List(parts))]);
    let lengths = guest.call("lengths", vec![Value::Variant(1, Some(whole.into())), both]);
    let expected = [10.0, 5.0, 3.0, 3.0, 3.0, 1.0].map(Value::F64);
    assert_eq!(lengths, Value::List(List::from_values(&ValueType::F64, expected.to_vec())));
    let none = Value::tuple([Value::U8(5), Value::NONE]);
    let lengths = guest.call("lengths", vec![Value::Variant(0, Some(Value::U32(8).into())), none]);
    assert_eq!(lengths, Value::List(List::from_values(&ValueType::F64, [8.0, 5.0].map(Value::F64).to_vec())));
}

#[test]
fn a_piece_is_read_anywhere_and_ends_at_the_end() {
    let (guest, memory) = guest();
    let blob = memory.put(b"0123456789");
    let read = |offset: f64, most: u32| {
        let bytes = guest.call("read", vec![blob.clone(), Value::F64(offset), Value::U32(most)]);
        let Value::List(bytes) = bytes else { panic!("no bytes") };
        String::from_utf8(bytes.as_bytes().expect("bytes").to_vec()).expect("digits")
    };
    assert_eq!(read(0.0, 4), "0123");
    assert_eq!(read(7.0, 100), "789");
    assert_eq!(read(10.0, 4), "");
    assert_eq!(read(1e300, u32::MAX), "");
    for offset in [-1.0, 0.5, f64::NAN, f64::NEG_INFINITY] {
        let failure = guest.failure("read", vec![blob.clone(), Value::F64(offset), Value::U32(1)]);
        assert!(
            matches!(&failure, TaskFailure::Trapped { message, .. } if message.contains("whole number")),
            "{failure:?}"
        );
    }
}

#[test]
fn what_a_guest_writes_and_holds_is_limited() {
    let (mut guest, memory) = guest();
    guest.limits = Limits { blob_bytes_max: 3 << 20, files_max: 8, ..Limits::DEFAULT };
    assert_eq!(guest.call("waste", vec![Value::U32(3)]), Value::U32(3));
    let failure = guest.failure("waste", vec![Value::U32(4)]);
    assert_eq!(failure, TaskFailure::LimitReached(Limit::Blobs(3 << 20)));
    // Dropped ones take no room …
    assert_eq!(guest.call("drop-writers", vec![Value::U32(100)]), Value::U32(100));
    // … and held ones do.
    let failure = guest.failure("hold-writers", vec![Value::U32(9)]);
    assert_eq!(failure, TaskFailure::LimitReached(Limit::Files(8)));
    assert_eq!(memory.unfinished.load(Ordering::Relaxed), 0, "nothing is left over");
}

#[test]
fn a_blob_with_a_secret_in_it_is_never_finished() {
    let (mut guest, memory) = guest();
    guest.grants = Grants { secrets: vec!["token".into()], ..Grants::default() };
    for size in [1, 5, 1000] {
        let failure = guest.failure("setting", vec![Value::string("token"), Value::U32(size)]);
        assert!(matches!(failure, TaskFailure::Withheld(_)), "in pieces of {size}: {failure:?}");
    }
    assert!(memory.blobs.lock().expect("not poisoned").is_empty());
    // Anything else may be written.
    let text = "open-sesame-123 and more";
    let blob = guest.call("in-pieces", vec![Value::string(text), Value::U32(3)]);
    assert_eq!(memory.get(&blob), text.as_bytes());
}

#[test]
fn a_blob_that_is_gone_loses_the_task_run_and_tells_the_way_out() {
    let (guest, _) = guest();
    let gone = Value::Blob(ArtifactRef { digest: [9; 32], length: 5 }.into());
    // Who only hands it on never notices.
    assert_eq!(guest.call("same", vec![gone.clone()]), gone);
    let failure = guest.failure("text", vec![gone]);
    let expected = "failed to keep a blob: it is gone; bring it back";
    assert!(matches!(&failure, TaskFailure::Lost(why) if why == expected), "{failure:?}");
}

#[test]
fn handles_that_are_made_up_or_given_twice_are_refused() {
    let (guest, memory) = guest();
    for handle in [0, 1, 2, 77, u32::MAX] {
        let failure = guest.failure("forge", vec![Value::U32(handle)]);
        assert!(matches!(failure, TaskFailure::Trapped { .. }), "handle {handle}: {failure:?}");
    }
    let blob = memory.put(b"only one");
    let failure = guest.failure("twice", vec![blob.clone()]);
    assert!(matches!(failure, TaskFailure::Trapped { .. }), "{failure:?}");
    let failure = guest.failure("writer-as-blob", vec![]);
    assert!(matches!(failure, TaskFailure::Trapped { .. }), "{failure:?}");
    assert_eq!(text_of(&guest, blob), "only one", "and the next task run is fine");
}

#[test]
fn without_a_place_for_blobs_no_task_has_any() {
    let guest = Guest::new("blobs");
    let failure = guest.failure("from-text", vec![Value::string("x")]);
    assert!(matches!(&failure, TaskFailure::Lost(why) if why.contains("not kept here")), "{failure:?}");
}
