//! [`Wit`]: what a project's `wit/` says, resolved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_flow::{Diagnostic, FlowSource};
use wit_bindgen_core::wit_parser::{PackageId, ParseError, Resolve, ResolveError, WorldId};
use wit_component::WitPrinter;

use crate::error::Error;
use crate::project::Project;

/// A world with all that it needs.
pub struct Wit {
    /// All packages.
    pub resolve: Resolve,
    /// The author's own package.
    pub package: PackageId,
    /// The world that the component is.
    pub world: WorldId,
    /// The text of the author's own package, with its comments.
    pub text: String,
    /// The files that it was read from.
    pub files: Vec<PathBuf>,
}

impl Wit {
    /// What a project's `wit/` says.
    pub fn read(project: &Project) -> Result<Wit, Error> {
        let folder = project.folder.join("wit");
        if !folder.is_dir() {
            let help = "put the WIT of the component into `wit/world.wit`".to_owned();
            return Err(Error::rejected(format!("there is no folder `{}`", folder.display()), Some(help)));
        }
        let shown = |path: &Path| match path.strip_prefix(&project.folder) {
            Ok(inside) => project.source.beside(inside),
            Err(_) => path.to_owned(),
        };
        Wit::read_shown(&folder, project.world.as_ref().map(|world| &*world.value), &shown)
    }

    /// What a folder or a file of WIT says; `world` may be left out where there is only one.
    pub fn read_path(path: &Path, world: Option<&str>) -> Result<Wit, Error> {
        Wit::read_shown(path, world, &Path::to_owned)
    }

    /// The same; `shown` is the path by which a message names a file.
    pub(crate) fn read_shown(path: &Path, world: Option<&str>, shown: &dyn Fn(&Path) -> PathBuf) -> Result<Wit, Error> {
        let mut resolve = Resolve::default();
        let pushed = resolve.push_path(path);
        let (package, sources) = match pushed {
            Ok(pushed) => pushed,
            Err(error) => {
                let reasons: Vec<_> = error.chain().collect();
                return Err(mistake(&resolve, &reasons, shown));
            }
        };
        let world = resolve.select_world(&[package], world).map_err(|error| no_world(&resolve, package, &error))?;
        let files: Vec<PathBuf> = sources.paths().map(Path::to_owned).collect();
        let text = text(&resolve, package, &sources)?;
        Ok(Wit { resolve, package, world, text, files })
    }

    /// The world's name.
    pub fn world_name(&self) -> &str {
        &self.resolve.worlds[self.world].name
    }
}

/// A mistake of the author, with its place if the parser knows it.
fn mistake(
    resolve: &Resolve,
    reasons: &[&(dyn std::error::Error + 'static)],
    shown: &dyn Fn(&Path) -> PathBuf,
) -> Error {
    let placed = reasons.iter().find_map(|reason| {
        let parsed = reason.downcast_ref::<ParseError>().map(|error| (error.kind().span(), error.to_string()));
        parsed.or_else(|| reason.downcast_ref::<ResolveError>().map(|error| (error.kind().span(), error.to_string())))
    });
    let placed = placed.and_then(|(span, message)| Some((resolve.source_map.resolve_span(span)?, message)));
    let Some((place, message)) = placed else {
        // What can be done about it stands in the last reason; those before say in which folder.
        return Error::rejected(reasons.last().map_or(String::new(), ToString::to_string), None);
    };
    let path = Path::new(place.path);
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let source = Arc::new(FlowSource::new(shown(path), text));
    // What is hinted at, or listed, stands on lines of its own.
    let rest = |lines: &str| lines.lines().map(str::trim).collect::<Vec<_>>().join(", ");
    let (message, help) = match message.split_once('\n') {
        Some((first, lines)) if first.ends_with(':') => (format!("{first} {}", rest(lines)), None),
        Some((first, hint)) => (first.to_owned(), Some(rest(hint))),
        None => (message, None),
    };
    let mistake = Diagnostic::error("bad-wit", message, &source, Some(place.range.into()));
    Error::Rejected(mistake.with_help_if(help).into())
}

/// None, or several and nobody says which.
fn no_world(resolve: &Resolve, package: PackageId, error: &dyn std::fmt::Display) -> Error {
    let worlds: Vec<&str> = resolve.packages[package].worlds.keys().map(String::as_str).collect();
    let help = match worlds[..] {
        [] => {
            let interface = resolve.packages[package].interfaces.keys().next().map_or("tasks", String::as_str);
            format!("add one: `world {{name}} {{ include taskhost:task/imports@0.1.0; export {interface}; }}`")
        }
        [only] => format!("there is only `{only}`: name it in `[component]` of `taskhost.toml`"),
        _ => format!("say which in `[component]` of `taskhost.toml`: `world = \"{}\"`", worlds[0]),
    };
    let message = match worlds.is_empty() {
        true => "the WIT has no world".to_owned(),
        false => format!("{error:#}"),
    };
    Error::rejected(message, Some(help.replace("{name}", &resolve.packages[package].name.name)))
}

/// As it stands where it is one file; of several, as one.
fn text(
    resolve: &Resolve,
    package: PackageId,
    sources: &wit_bindgen_core::wit_parser::PackageSourceMap,
) -> Result<String, Error> {
    let own: Vec<&Path> = sources.package_paths(package).into_iter().flatten().collect();
    if let [file] = own[..] {
        return std::fs::read_to_string(file).map_err(|error| Error::file("read", file, &error));
    }
    let mut printer = WitPrinter::default();
    printer
        .print(resolve, package, &[])
        .map_err(|error| Error::internal(format!("failed to print the WIT: {error:#}")))?;
    Ok(printer.output.to_string())
}
