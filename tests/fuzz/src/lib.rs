//! Fuzz targets and the loop that feeds them: inputs are mutated from a corpus of real ones, by a seed that is printed and can be given.
//!
//! A target must not panic, hang or abort, whatever it is given. [`run`] stops after a while; `TASKHOST_FUZZ_SECONDS` and
//! `TASKHOST_FUZZ_SEED` set how long and from where. An input that makes a target panic is kept in `corpus/<target>/`, so that it is
//! tried first from then on; `TASKHOST_FUZZ_INPUT` names a file that is tried alone. `cargo xtask fuzz` sets all of these.
//!
//! ```
//! use std::time::Duration;
//!
//! taskhost_fuzz::run("flow", Duration::from_millis(50), &[b"name = \"a\"".to_vec()], taskhost_fuzz::flow_parser);
//! ```

#![expect(clippy::print_stdout, reason = "a fuzzer tells its seed")]

mod grants;
mod hostile;
mod mutate;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use taskhost_flow::flow::Flow;
use taskhost_flow::{FlowSource, Surroundings};
use taskhost_model::ComponentSignature;
use taskhost_model::seams::{Catalog, CatalogError};
use taskhost_sandbox::{Sandbox, SandboxOptions};

pub use grants::grants;
pub use hostile::{HostileGuest, corpus as hostile_corpus, hostile_results};
pub use mutate::Mutator;
pub use value::value_codec;

/// How long each target runs when nothing else is said.
const SECONDS_DEFAULT: u64 = 8;

/// How long each target runs.
pub fn duration() -> Duration {
    let seconds = std::env::var("TASKHOST_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(SECONDS_DEFAULT))
}

/// Where the mutations start; another one each time unless it is given.
pub fn seed() -> u64 {
    let given = std::env::var("TASKHOST_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    given
        .unwrap_or_else(|| u64::from(std::process::id()) << 32 | u64::from(Instant::now().elapsed().subsec_nanos()) | 1)
}

/// Where the inputs of a target are kept.
fn corpus_folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The inputs that are kept for a target.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(corpus_folder(target)).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

/// Feeds `target` with mutations of `corpus` and of what is kept for it, until the time is over; gives the number of inputs.
pub fn run(name: &str, time: Duration, corpus: &[Vec<u8>], mut target: impl FnMut(&[u8])) -> u64 {
    if let Some(path) = std::env::var_os("TASKHOST_FUZZ_INPUT") {
        println!("fuzzing `{name}` with one input");
        target(&std::fs::read(path).expect("the file that TASKHOST_FUZZ_INPUT names"));
        return 1;
    }
    let corpus: Vec<Vec<u8>> = self::corpus(name).into_iter().chain(corpus.iter().cloned()).collect();
    let seed = seed();
    println!("fuzzing `{name}` for {time:?} with TASKHOST_FUZZ_SEED={seed}");
    let mut mutator = Mutator::new(seed);
    let started = Instant::now();
    let mut inputs = 0;
    let mut first = corpus.iter().cloned();
    loop {
        let input = match first.next() {
            Some(input) => input,
            None if started.elapsed() < time => mutator.next(&corpus),
            None => break,
        };
        try_input(name, &input, &mut target);
        inputs += 1;
    }
    println!("`{name}` took {inputs} inputs");
    inputs
}

/// How long a target may take for one input.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps an input that makes the target panic, or take too long, and says how to try it again.
fn try_input(name: &str, input: &[u8], target: &mut impl FnMut(&[u8])) {
    let started = Instant::now();
    let panic = catch_unwind(AssertUnwindSafe(|| target(input))).err();
    let took = started.elapsed();
    if panic.is_none() && took < PATIENCE {
        return;
    }
    // FNV-1a: a name that is the same for the same input.
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let path = corpus_folder(name).join(format!("crash-{hash:016x}"));
    let kept = std::fs::create_dir_all(corpus_folder(name)).and_then(|()| std::fs::write(&path, input));
    println!("`{name}` failed after {took:?} on {:?}", String::from_utf8_lossy(input));
    match kept {
        Ok(()) => println!("the input is kept; again: cargo xtask fuzz --only {name} --input {}", path.display()),
        Err(error) => println!("the input could not be kept in {}: {error}", path.display()),
    }
    match panic {
        Some(panic) => resume_unwind(panic),
        None => panic!("an input took {took:?}"),
    }
}

/// A catalog and surroundings in which nothing exists: what is fuzzed is how a flow is read and checked.
struct Nothing;

impl Catalog for Nothing {
    fn signature(&self, _: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
        Err(CatalogError { message: "is missing".to_owned(), help: None })
    }
}

impl Surroundings for Nothing {
    fn subflow(&self, _: &Path) -> Result<Arc<FlowSource>, String> {
        Err("there is none".to_owned())
    }

    fn default_file(&self, _: &Path) -> Result<Vec<u8>, String> {
        Err("there is none".to_owned())
    }
}

/// Reads and checks a flow.
pub fn flow_parser(bytes: &[u8]) {
    check_flow(bytes, &Nothing);
}

/// Reads and checks a flow whose components exist.
pub fn check_flow(bytes: &[u8], catalog: &dyn Catalog) -> Option<Arc<Flow>> {
    let source = Arc::new(FlowSource::from_bytes("flow.toml", bytes.to_vec()).ok()?);
    let file = taskhost_flow::parse(&source).ok()?;
    Some(taskhost_flow::check(file, &Nothing, catalog).ok()?.flow)
}

/// Loads components from bytes.
pub struct Loader {
    sandbox: Arc<Sandbox>,
    file: std::path::PathBuf,
}

impl Loader {
    /// A sandbox without a cache, and a file to load from.
    pub fn new() -> Loader {
        let sandbox = Sandbox::new(SandboxOptions { instances: 16, ..SandboxOptions::default() }).expect("a sandbox");
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("taskhost-fuzz-{}-{}.wasm", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Loader { sandbox, file: std::env::temp_dir().join(name) }
    }

    /// The component loader's target.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<ComponentSignature>, CatalogError> {
        std::fs::write(&self.file, bytes).expect("a file in the temporary folder");
        self.sandbox.signature(&self.file)
    }
}

impl Default for Loader {
    fn default() -> Loader {
        Loader::new()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
