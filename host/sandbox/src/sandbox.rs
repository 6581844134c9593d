//! [`Sandbox`]: components by digest, ready to run. The catalog of the flow check, and the executor of a pool.

use std::any::Any;
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use taskhost_model::limits::COMPONENT_BYTES_MAX;
use taskhost_model::seams::{Blobs, Catalog, CatalogError, Executor, PreparedTask, Vault};
use taskhost_model::task_run::Bytes;
use taskhost_model::{Area, ComponentSignature, Digest, TaskCall, TaskFailure};
use tokio::runtime::{Handle, Runtime};
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::capability::{self, Capabilities, Lane};
use crate::compile::{self, CompileCache, CompileError, Compiler, EngineKind, TrustedCache};
use crate::engine_config;
use crate::error::SandboxError;
use crate::execute::Prepared;
use crate::state::HostState;
use crate::{docs, imports, inspect};

/// How a sandbox is set up.
#[derive(Clone, Default)]
pub struct SandboxOptions {
    /// Where compiled components are kept; none keeps them in memory only.
    pub cache_folder: Option<PathBuf>,
    /// Where the key lies that shows which compiled components are ours; none keeps them in memory only.
    pub data_folder: Option<PathBuf>,
    /// Where components are compiled.
    pub compiler: Compiler,
    /// Guests alive at once: those that compute and those that wait.
    pub instances: usize,
    /// Keeps blobs; without it no task may have any.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Knows the secrets that tasks are granted; without it none is known.
    pub vault: Option<Arc<dyn Vault>>,
}

/// A component that is about to be compiled.
#[derive(Clone, Copy, Debug)]
pub struct Compiling<'a> {
    /// Where it was read from, if it was a file.
    pub path: Option<&'a Path>,
    /// Its size, in bytes: a megabyte takes about half a second.
    pub size_bytes: u64,
}

/// Told when a component is about to be compiled; what it gives is dropped when that is over.
type CompileWatch = Box<dyn Fn(Compiling<'_>) -> Box<dyn Any> + Send + Sync>;

/// Runs guests. One for a process.
pub struct Sandbox {
    cache: Option<TrustedCache>,
    /// Where what is ours lies: no task is granted them.
    own_folders: Vec<PathBuf>,
    compiler: Compiler,
    compile_watch: OnceLock<CompileWatch>,
    instances: usize,
    blobs: Option<Arc<dyn Blobs>>,
    vault: Option<Arc<dyn Vault>>,
    general: Engine,
    concurrent: OnceLock<Result<Engine, String>>,
    linkers: Mutex<HashMap<Lane, Arc<Linker<HostState>>>>,
    loaded: Mutex<HashMap<Digest, Arc<Loaded>>>,
    /// Where components were read from.
    files: Mutex<HashMap<Digest, PathBuf>>,
    /// Held while a component is compiled, so that others who ask for it wait instead of compiling it, too.
    loading: Mutex<HashMap<Digest, Arc<Mutex<()>>>>,
    /// Timers and sockets of waiting guests; guests never run on its thread.
    reactor: Reactor,
}

/// A component whose imports are all there.
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    pub(crate) component: Component,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) lane: Lane,
    /// The same for [`Lane::Waiting`], if a task's grants make it wait.
    waiting: OnceLock<InstancePre<HostState>>,
    /// What its imports are for.
    pub(crate) areas: Vec<Area>,
    pub(crate) has_network: bool,
    /// Of a component that knows blobs.
    pub(crate) blobs: Option<Arc<dyn Blobs>>,
    pub(crate) signature: Arc<ComponentSignature>,
}

/// A component looked at closely.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Tasks with their doc comments, imports, size and digest.
    pub signature: ComponentSignature,
    /// The WIT text that the component carries, or that lies beside it.
    pub wit: Option<String>,
    /// How its tasks are run, for people.
    pub lane: &'static str,
}

impl Sandbox {
    /// Sets up the engines. Takes a few milliseconds.
    pub fn new(options: SandboxOptions) -> Result<Arc<Sandbox>, SandboxError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| SandboxError {
            message: format!("could not {what}: {error}"),
            help: Some("a smaller `--concurrency` needs less address space and fewer mappings".to_owned()),
        };
        let general =
            engine_config::general(options.instances).map_err(|error| failed("set up the sandbox", &error))?;
        let reactor = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("taskhost-reactor")
            .enable_all()
            .build()
            .map_err(|error| failed("start the sandbox's timers", &error))?;
        Ok(Arc::new(Sandbox {
            own_folders: options.cache_folder.iter().chain(&options.data_folder).cloned().collect(),
            cache: options.cache_folder.zip(options.data_folder).map(|(cache, data)| TrustedCache::new(cache, data)),
            compiler: options.compiler,
            compile_watch: OnceLock::new(),
            instances: options.instances,
            blobs: options.blobs,
            vault: options.vault,
            general,
            concurrent: OnceLock::new(),
            linkers: Mutex::default(),
            loaded: Mutex::default(),
            files: Mutex::default(),
            loading: Mutex::default(),
            reactor: Reactor(Some(reactor)),
        }))
    }

    /// Where compiled components are kept.
    pub fn cache(&self) -> Option<&CompileCache> {
        self.cache.as_ref().map(TrustedCache::files)
    }

    /// Has `watch` told when a component is about to be compiled, since that may take seconds; what it gives is dropped when that is over. Only
    /// the first one is told.
    pub fn watch_compiling(&self, watch: impl Fn(Compiling<'_>) -> Box<dyn Any> + Send + Sync + 'static) {
        let _ = self.compile_watch.set(Box::new(watch));
    }

    /// To be called on each thread that runs guests; the thread may run them as long as the guard lives.
    pub fn enter_thread(&self) -> Box<dyn Any> {
        // The guard borrows its handle; one handle for each compute thread is kept for the life of the process.
        let handle: &'static Handle = Box::leak(Box::new(self.reactor.get().handle().clone()));
        Box::new(handle.enter())
    }

    /// Everything about the component in the file at `path`.
    pub fn inspect(&self, path: &Path) -> Result<Inspection, CatalogError> {
        let bytes = read(path)?;
        let loaded = self.load(&bytes, Some(path))?;
        let mut signature = (*loaded.signature).clone();
        let wit = docs::wit_of(&bytes).or_else(|| docs::wit_beside(path));
        if let Some(wit) = &wit {
            docs::add(&mut signature, wit);
        }
        Ok(Inspection { signature, wit, lane: loaded.lane.name() })
    }

    /// Whether the component is loaded.
    pub fn is_loaded(&self, digest: &Digest) -> bool {
        self.loaded(digest).is_some()
    }

    /// Loads a component from its bytes.
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Digest, CatalogError> {
        Ok(self.load(bytes, None)?.signature.digest)
    }

    /// The bytes of a component that was loaded from a file, read anew. The error reads after "component `x` …".
    pub fn component_bytes(&self, digest: &Digest) -> Result<Vec<u8>, CatalogError> {
        let error = |message: String| CatalogError { message, help: Some("start again".to_owned()) };
        let path = locked(&self.files).get(digest).cloned();
        let path = path.ok_or_else(|| error(format!("({digest}) was not read from a file here")))?;
        let bytes = read(&path)?;
        if Digest::of(&bytes) != *digest {
            return Err(error(format!("has changed on disk since it was checked: `{}`", path.display())));
        }
        Ok(bytes)
    }

    /// The component in a file.
    pub(crate) fn loaded_file(&self, path: &Path) -> Result<Arc<Loaded>, CatalogError> {
        self.load(&read(path)?, Some(path))
    }

    /// Waits for something on this thread, which must not be one that runs guests.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.reactor.get().block_on(work)
    }

    /// Compiles a component, or finds it, and links its imports.
    fn load(&self, bytes: &[u8], path: Option<&Path>) -> Result<Arc<Loaded>, CatalogError> {
        let digest = Digest::of(bytes);
        if let Some(loaded) = self.loaded(&digest) {
            return Ok(loaded);
        }
        check_header(bytes)?;
        let turn = Arc::clone(locked(&self.loading).entry(digest).or_default());
        let held = locked(&turn);
        // Somebody else may have compiled it while we waited.
        let loaded = self.loaded(&digest).map_or_else(|| self.load_new(bytes, digest, path).map(Arc::new), Ok);
        if let Ok(loaded) = &loaded {
            locked(&self.loaded).insert(digest, Arc::clone(loaded));
        }
        drop(held);
        locked(&self.loading).remove(&digest);
        loaded
    }

    fn loaded(&self, digest: &Digest) -> Option<Arc<Loaded>> {
        locked(&self.loaded).get(digest).cloned()
    }

    fn load_new(&self, bytes: &[u8], digest: Digest, path: Option<&Path>) -> Result<Loaded, CatalogError> {
        // Whether a component is async shows only in its types; the general engine refuses the async ones.
        let (engine, component, lane) = match self.compile((&self.general, EngineKind::General), &digest, bytes, path) {
            Ok(component) if !inspect::is_async(&self.general, &component) => (&self.general, component, None),
            Err(failed @ CompileError::Failed(_)) => return Err(failed.into()),
            general => {
                let engine = self.concurrent()?;
                match self.compile((engine, EngineKind::Concurrent), &digest, bytes, path) {
                    Ok(component) => (engine, component, Some(Lane::Concurrent)),
                    Err(failed @ CompileError::Failed(_)) => return Err(failed.into()),
                    Err(invalid) => return Err(general.err().unwrap_or(invalid).into()),
                }
            }
        };
        // The memory that instances share is made here, once, and not by the first task run: it has 13 MB in Python. If this fails, that one says so.
        let _ = component.initialize_copy_on_write_image();
        let signature = inspect::signature(engine, &component, digest, bytes.len() as u64);
        imports::check(&signature.imports)?;
        let lane = lane.unwrap_or_else(|| lane_of(&signature));
        let pre =
            self.linker(engine, lane)?.instantiate_pre(&component).map_err(|error| imports::unlinkable(&error))?;
        let areas = Area::of_all(&signature.imports);
        Ok(Loaded {
            engine: engine.clone(),
            component,
            pre,
            lane,
            waiting: OnceLock::new(),
            has_network: areas.contains(&Area::Network),
            blobs: self.blobs.clone().filter(|_| capability::blobs::is_imported(&signature.imports)),
            areas,
            signature: Arc::new(signature),
        })
    }

    /// The component as linked for a lane.
    pub(crate) fn linked(&self, loaded: &Loaded, lane: Lane) -> Result<(Lane, InstancePre<HostState>), CatalogError> {
        if lane == loaded.lane {
            return Ok((lane, loaded.pre.clone()));
        }
        if let Some(pre) = loaded.waiting.get() {
            return Ok((lane, pre.clone()));
        }
        let linker = self.linker(&loaded.engine, lane)?;
        let pre = linker.instantiate_pre(&loaded.component).map_err(|error| imports::unlinkable(&error))?;
        Ok((lane, loaded.waiting.get_or_init(|| pre).clone()))
    }

    fn compile(
        &self,
        engine: (&Engine, EngineKind),
        digest: &Digest,
        bytes: &[u8],
        path: Option<&Path>,
    ) -> Result<Component, CompileError> {
        let watch = || {
            let watch = self.compile_watch.get()?;
            Some(watch(Compiling { path, size_bytes: bytes.len() as u64 }))
        };
        compile::compile(&self.compiler, self.cache.as_ref(), engine, digest, bytes, &watch)
    }

    fn concurrent(&self) -> Result<&Engine, CatalogError> {
        let engine = self.concurrent.get_or_init(|| {
            engine_config::concurrent(self.instances).map_err(|error| format!("cannot run here: {error}"))
        });
        engine.as_ref().map_err(|message| CatalogError { message: message.clone(), help: None })
    }

    fn linker(&self, engine: &Engine, lane: Lane) -> Result<Arc<Linker<HostState>>, CatalogError> {
        let mut linkers = self.linkers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linker) = linkers.get(&lane) {
            return Ok(Arc::clone(linker));
        }
        let linker = capability::linker(engine, lane)
            .map_err(|error| CatalogError { message: format!("cannot be linked: {error:#}"), help: None })?;
        let linker = Arc::new(linker);
        linkers.insert(lane, Arc::clone(&linker));
        Ok(linker)
    }
}

/// A runtime that may be dropped anywhere, on a thread of another runtime, too, where waiting for its end would be a panic.
struct Reactor(Option<Runtime>);

impl Reactor {
    fn get(&self) -> &Runtime {
        self.0.as_ref().expect("Invariant: it is taken out only when it is dropped")
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A component waits only if something that it imports can make it wait.
fn lane_of(signature: &ComponentSignature) -> Lane {
    let waits = signature.imports.iter().any(|interface| {
        interface.functions.iter().any(|function| capability::wasi::can_wait(&interface.name, function))
    });
    if waits { Lane::Waiting } else { Lane::Direct }
}

/// Reads a component's file.
fn read(path: &Path) -> Result<Vec<u8>, CatalogError> {
    let error = |message: String, help: &str| CatalogError { message, help: Some(help.to_owned()) };
    let metadata = match fs::metadata(path) {
        Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => {
            return Err(error(
                format!("is missing: there is no file `{}`", path.display()),
                "build it first, or correct the path; it is relative to the flow",
            ));
        }
        Err(failure) => {
            return Err(error(
                format!("cannot be read: `{}`: {failure}", path.display()),
                "check the file's permissions",
            ));
        }
        Ok(metadata) => metadata,
    };
    if !metadata.is_file() {
        return Err(error(format!("is no file: `{}`", path.display()), "name the `.wasm` file itself"));
    }
    let too_large = || {
        error(
            format!(
                "is too large: `{}` has {}, at most {} are read",
                path.display(),
                Bytes(metadata.len()),
                Bytes(COMPONENT_BYTES_MAX)
            ),
            "strip it of debug information",
        )
    };
    if metadata.len() > COMPONENT_BYTES_MAX {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    let file = fs::File::open(path);
    match file.and_then(|file| file.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes)) {
        // It may have grown since we asked for its size.
        Ok(_) if bytes.len() as u64 > COMPONENT_BYTES_MAX => Err(too_large()),
        Ok(_) => Ok(bytes),
        Err(failure) => {
            Err(error(format!("cannot be read: `{}`: {failure}", path.display()), "check the file's permissions"))
        }
    }
}

/// Tells the usual mistakes apart before a parser's message would.
fn check_header(bytes: &[u8]) -> Result<(), CatalogError> {
    let error =
        |message: &str, help: &str| Err(CatalogError { message: message.to_owned(), help: Some(help.to_owned()) });
    match bytes {
        [] => error("is empty: the file has no bytes", "build it again"),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => error(
            "is a core wasm module, not a component",
            "build it for `wasm32-wasip2`, or turn it into a component with `wasm-tools component new`",
        ),
        [0, b'a', b's', b'm', ..] => {
            error("is WebAssembly of a version that is not known here", "build it with a current toolchain")
        }
        _ => error("is no WebAssembly: its first bytes are not `\\0asm`", "name a `.wasm` component"),
    }
}

impl Catalog for Sandbox {
    fn signature(&self, path: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
        let signature = Arc::clone(&self.load(&read(path)?, Some(path))?.signature);
        locked(&self.files).insert(signature.digest, path.to_owned());
        Ok(signature)
    }
}

impl Executor for Sandbox {
    fn prepare(&self, call: &Arc<TaskCall>) -> Result<Arc<dyn PreparedTask>, TaskFailure> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&call.component).cloned();
        let loaded = loaded.ok_or_else(|| {
            TaskFailure::Unusable(format!(
                "component `{}` ({}) is not loaded here",
                call.component_name, call.component
            ))
        })?;
        let capabilities = Capabilities::prepare(call, self.vault.as_deref(), &self.own_folders)?;
        let linked = self.linked(&loaded, loaded.lane.with_grants(&loaded.areas, &call.grants));
        let linked = linked.map_err(|error| TaskFailure::Unusable(error.message))?;
        Ok(Arc::new(Prepared::new(loaded, linked, call, capabilities)?))
    }
}
