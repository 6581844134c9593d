//! Fuzz targets and the loop that feeds them: inputs are mutated from a corpus of real ones, by a seed that is printed and can be given.
//!
//! A target must not panic, hang or abort, whatever it is given. [`run`] stops after a while; `TASKHOST_FUZZ_SECONDS` and
//! `TASKHOST_FUZZ_SEED` set how long and from where.
//!
//! ```
//! use std::time::Duration;
//!
//! taskhost_fuzz::run("parser", Duration::from_millis(50), &[b"name = \"a\"".to_vec()], taskhost_fuzz::flow_parser);
//! ```

#![expect(clippy::print_stdout, reason = "a fuzzer tells its seed")]

mod hostile;
mod mutate;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use taskhost_flow::flow::Flow;
use taskhost_flow::{FlowSource, Surroundings};
use taskhost_model::ComponentSignature;
use taskhost_model::seams::{Catalog, CatalogError};
use taskhost_sandbox::{Sandbox, SandboxOptions};

pub use hostile::{HostileGuest, corpus as hostile_corpus, hostile_results};
pub use mutate::Mutator;

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

/// Feeds `target` with mutations of `corpus` until the time is over; gives the number of inputs.
pub fn run(name: &str, time: Duration, corpus: &[Vec<u8>], mut target: impl FnMut(&[u8])) -> u64 {
    let seed = seed();
    println!("fuzzing `{name}` for {time:?} with TASKHOST_FUZZ_SEED={seed}");
    let mut mutator = Mutator::new(seed);
    let started = Instant::now();
    corpus.iter().for_each(|input| target(input));
    let mut inputs = corpus.len() as u64;
    while started.elapsed() < time {
        target(&mutator.next(corpus));
        inputs += 1;
    }
    println!("`{name}` took {inputs} inputs");
    inputs
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
