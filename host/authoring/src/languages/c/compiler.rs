//! [`Compiler`]: a clang that makes wasm, with a libc for it. A WASI SDK, if there is one; else zig, else the system's.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tools::venv::Venv;
use crate::tools::{Found, Run, Site, Tool, get, nowhere};

/// Clang, a libc and a libc++ for wasm in one package, which comes with pip.
pub(super) const ZIG: Tool = Tool {
    name: PACKAGE,
    programs: &["zig"],
    version_arguments: &["version"],
    pin: "0.17.1",
    places: of_package,
    get: get::by_install,
};

const PACKAGE: &str = "ziglang";

/// Where zig's compiled libc is kept, several times larger than a project.
const ZIG_CACHE: &str = "ZIG_GLOBAL_CACHE_DIR";

/// A WASI SDK is as good as its clang.
pub(super) const SDK_CLANG: Tool = Tool {
    name: "wasi-sdk",
    programs: &[],
    version_arguments: &["--version"],
    pin: CLANG.pin,
    places: |_| {
        sdk_folders().map(|folder| folder.join("bin").join(format!("clang{}", env::consts::EXE_SUFFIX))).collect()
    },
    get: |_| format!("`{SDK_FOLDER}` names the folder of a WASI SDK"),
};

const SDK_FOLDER: &str = "WASI_SDK_PATH";

/// The system's.
pub(super) const CLANG: Tool = Tool {
    name: "clang",
    programs: &["clang", "clang-22", "clang-21", "clang-20", "clang-19"],
    version_arguments: &["--version"],
    pin: ">=19",
    places: nowhere,
    get: get::by_install,
};

/// A compiler that is there.
pub(super) struct Compiler {
    /// What it is called in messages.
    pub(super) title: String,
    program: PathBuf,
    kind: Kind,
}

enum Kind {
    Zig { cache: Option<PathBuf> },
    Clang { target: &'static str },
}

impl Compiler {
    /// The best one that is there.
    pub(super) fn find(site: &Site<'_>) -> Result<Compiler, Error> {
        if let Some(clang) = sdk(site)? {
            // Older ones know the target by its old name only.
            let libraries =
                clang.program.ancestors().nth(2).map(|sdk| sdk.join("share/wasi-sysroot/lib/wasm32-wasip1"));
            let is_new = libraries.is_some_and(|folder| folder.is_dir());
            let target = if is_new { "wasm32-wasip1" } else { "wasm32-wasi" };
            return Ok(Compiler::clang("the WASI SDK's clang", clang, target));
        }
        // Where there is neither, it is zig that is missed.
        match site.find(&ZIG) {
            Ok(zig) => Ok(Compiler::zig(site, zig)),
            Err(missing) => of_system(site).ok_or(missing),
        }
    }

    fn zig(site: &Site<'_>, found: Found) -> Compiler {
        let tools = site.system.tools_folder.clone().unwrap_or_else(|| site.project.private_folder());
        let cache = env::var_os(ZIG_CACHE).is_none().then(|| tools.join("zig-cache"));
        Compiler { title: format!("zig {}", found.version), program: found.program, kind: Kind::Zig { cache } }
    }

    fn clang(title: &str, found: Found, target: &'static str) -> Compiler {
        Compiler { title: format!("{title} {}", found.version), program: found.program, kind: Kind::Clang { target } }
    }

    /// A call of it, for C or for C++.
    pub(super) fn run(&self, doing: &str, is_cpp: bool) -> Run {
        match &self.kind {
            Kind::Zig { cache } => {
                let language = if is_cpp { "c++" } else { "cc" };
                let run = Run::new(doing, &self.program).args([language, "-target", "wasm32-wasi"]);
                match cache {
                    Some(cache) => run.env(ZIG_CACHE, cache),
                    None => run,
                }
            }
            Kind::Clang { target } => {
                let program = if is_cpp { cpp_of(&self.program) } else { self.program.clone() };
                Run::new(doing, program).arg(format!("--target={target}"))
            }
        }
    }

    /// Whether the SDK's `malloc` is better than that of the compiler's libc.
    pub(super) fn wants_malloc(&self) -> bool {
        matches!(self.kind, Kind::Zig { .. })
    }

    /// What it wants to be told when it links. The stack comes first, so that recursion too deep is noticed instead of overwriting data;
    /// and `malloc` begins with memory that need not be asked for. Zig does the one by itself, and the SDK's `malloc` the other.
    pub(super) fn link_flags(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Zig { .. } => &[],
            Kind::Clang { .. } => &["-Wl,--stack-first,--initial-heap=262144"],
        }
    }
}

/// Gets zig, unless there is a compiler that builds.
pub(super) fn install(site: &Site<'_>) -> Result<(), Error> {
    // A WASI SDK that the user names and that is not there is a mistake, and nothing to be replaced by zig.
    if sdk(site)?.is_some() || Compiler::find(site).is_ok() {
        return Ok(());
    }
    let pin = site.pin(&ZIG)?;
    let version = pin.version();
    Venv::shared(site, PACKAGE, version).install(site, &[format!("{PACKAGE}=={version}")])
}

/// The WASI SDK's clang. One that the user names has to be there.
fn sdk(site: &Site<'_>) -> Result<Option<Found>, Error> {
    match site.find(&SDK_CLANG) {
        Ok(found) => Ok(Some(found)),
        Err(error) => {
            if named_sdk().is_some() {
                Err(error)
            } else {
                Ok(None)
            }
        }
    }
}

fn named_sdk() -> Option<PathBuf> {
    env::var_os(SDK_FOLDER).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn sdk_folders() -> impl Iterator<Item = PathBuf> {
    std::iter::once(named_sdk().unwrap_or_else(|| PathBuf::from("/opt/wasi-sdk")))
}

/// The system's clang, if there is a libc for wasm as well; many systems have only the compiler.
fn of_system(site: &Site<'_>) -> Option<Compiler> {
    let found = site.find(&CLANG).ok()?;
    let library = if site.project.language.name() == "cpp" { "libc++.a" } else { "libc.a" };
    let compiler = Compiler::clang("clang", found, "wasm32-wasi");
    let run = compiler.run("ask clang for its libc", false).arg(format!("-print-file-name={library}")).quiet().answer();
    // A library that is not there is answered with its bare name.
    let has_library = run.go(site).is_ok_and(|said| Path::new(said.answer.trim()).is_absolute());
    has_library.then_some(compiler)
}

/// Zig's program in its package, where [`install`] puts that.
fn of_package(site: &Site<'_>) -> Vec<PathBuf> {
    let Ok(pin) = site.pin(&ZIG) else { return Vec::new() };
    let venv = Venv::shared(site, PACKAGE, pin.version());
    venv.of_package(&format!("{PACKAGE}/zig{}", env::consts::EXE_SUFFIX)).into_iter().collect()
}

/// The program for C++ beside that for C: `clang++-19` beside `clang-19`.
fn cpp_of(program: &Path) -> PathBuf {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    program.with_file_name(name.replacen("clang", "clang++", 1))
}
