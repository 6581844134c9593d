//! [`Wit`]: what a project's `wit/` says, resolved.

use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::{PackageId, Resolve, WorldId};
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
        let mut wit = Wit::read_path(&folder, project.world.as_ref().map(|world| &*world.value))?;
        // Messages and the component have paths from the project's folder on.
        wit.files.sort();
        Ok(wit)
    }

    /// What a folder or a file of WIT says; `world` may be left out where there is only one.
    pub fn read_path(path: &Path, world: Option<&str>) -> Result<Wit, Error> {
        let mut resolve = Resolve::default();
        // Mistakes come with their place and the text there.
        let wrong = |error: &dyn std::fmt::Display| Error::rejected(format!("{error:#}"), None);
        let (package, sources) = resolve.push_path(path).map_err(|error| wrong(&format!("{error:?}")))?;
        let world = resolve.select_world(&[package], world).map_err(|error| {
            let help = "name the world in `[component]` of `taskhost.toml`: `world = \"…\"`".to_owned();
            Error::rejected(format!("{error:#}"), Some(help))
        })?;
        let files: Vec<PathBuf> = sources.paths().map(Path::to_owned).collect();
        let text = text(&resolve, package, &sources)?;
        Ok(Wit { resolve, package, world, text, files })
    }

    /// The world's name.
    pub fn world_name(&self) -> &str {
        &self.resolve.worlds[self.world].name
    }
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
