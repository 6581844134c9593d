//! `taskhost build`: from a project to `components/NAME.wasm`, if there is anything to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::componentize;
use crate::error::Error;
use crate::fresh::{self, Basis};
use crate::languages::{self, Build};
use crate::tools::{Found, Site};
use crate::wit::Wit;

/// How a project is to be built.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct BuildOptions {
    /// Get tools that are missing, where that needs no rights beyond the user's own.
    pub install: bool,
    /// Build although nothing has changed.
    pub anew: bool,
}

/// A component that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Built {
    /// Its file.
    pub component: PathBuf,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether its file is another one than before.
    pub has_changed: bool,
    /// How long it took.
    pub took: Duration,
}

/// Builds a project. What was built before stays where it is until the new component is whole.
pub fn build(site: &Site<'_>, options: BuildOptions) -> Result<Built, Error> {
    let start = Instant::now();
    let project = site.project;
    let wit = Wit::read(project)?;
    if options.install {
        project.language.install(site)?;
    }
    if !options.anew && !project.language.knows_best() && fresh::is_fresh(site)? {
        let size_bytes = size(&project.component())?;
        return Ok(Built { component: project.component(), size_bytes, has_changed: false, took: start.elapsed() });
    }
    let tools = found_tools(site);
    // What changes while it is built is built next time.
    let basis = Basis::of(site, &tools)?;
    let bytes = component(site, &wit)?;
    let has_changed = place(&project.component(), &bytes)?;
    basis.remember(project, &bytes)?;
    Ok(Built { component: project.component(), size_bytes: bytes.len() as u64, has_changed, took: start.elapsed() })
}

/// Those that are there: a language may do with some of them, and tells what it cannot do without.
fn found_tools(site: &Site<'_>) -> Vec<(&'static str, Found)> {
    let tools = languages::all_tools(site.project.language);
    tools.filter_map(|tool| Some((tool.name, site.find(tool).ok()?))).collect()
}

fn component(site: &Site<'_>, wit: &Wit) -> Result<Vec<u8>, Error> {
    let project = site.project;
    let work = project.private_folder().join("build");
    fs::create_dir_all(&work).map_err(|error| Error::file("make the folder", &work, &error))?;
    let component = work.join(format!("{}.component.wasm", project.name));
    if let Err(error) = fs::remove_file(&component)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::file("delete", &component, &error));
    }
    project.language.build(&Build { site: *site, wit, component: component.clone(), work })?;
    let mut bytes = fs::read(&component).map_err(|error| Error::file("read", &component, &error))?;
    if !componentize::is_component(&bytes) {
        let message = format!("what was built is no component: `{}`", component.display());
        return Err(Error::internal(message));
    }
    componentize::add_text(&mut bytes, wit);
    Ok(bytes)
}

/// Puts the component where it belongs, in one step, and says whether that changed anything: an unchanged file keeps its time.
fn place(component: &Path, bytes: &[u8]) -> Result<bool, Error> {
    if fs::read(component).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    let folder = component.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Error::file("make the folder", folder, &error))?;
    let partial = component.with_extension("partial");
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, component))
        .map_err(|error| Error::file("write", component, &error))?;
    Ok(true)
}

fn size(path: &Path) -> Result<u64, Error> {
    Ok(fs::metadata(path).map_err(|error| Error::file("read", path, &error))?.len())
}
