//! [`Packages`]: what is installed into a project's virtual environment: componentize-py, and what `pyproject.toml` names.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use taskhost_flow::{FlowSource, parse};
use toml::Spanned as TomlSpanned;
use toml::de::{DeTable, DeValue};

use super::{COMPONENTIZE_PY, PACKAGE};
use crate::error::Error;
use crate::toml_file::{self, Entry, TomlFile};
use crate::tools::venv::{PYTHON, Venv, get_python};
use crate::tools::{Run, Site, Tool};

/// Where packages are named, as Python's own standards say.
pub(super) const PYPROJECT: &str = "pyproject.toml";

/// What was installed, inside of the virtual environment, so that both go together.
pub(super) const INSTALLED: &str = ".taskhost/venv/taskhost-installed.txt";

/// The group of dependencies that unit tests and editors want, and the component does not.
const GROUP: &str = "dev";

/// The SDK and the bindings want this one.
const PYTHON_OF_PROJECT: Tool = Tool {
    programs: &["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"],
    pin: ">=3.11",
    get: |site| get_python(site, "install Python 3.11 or later"),
    ..PYTHON
};

/// Packages as pip names them.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Packages(Vec<String>);

impl Packages {
    /// Those that the project names. Without a `pyproject.toml` it is componentize-py alone.
    pub(super) fn wanted(site: &Site<'_>) -> Result<Packages, Error> {
        let mut all = vec![format!("{PACKAGE}=={}", site.pin(&COMPONENTIZE_PY)?.version())];
        // As the user knows the place.
        let path = site.project.source.beside(PYPROJECT.as_ref());
        if path.exists() {
            let source = toml_file::read(&path)?;
            all.extend(named(&source)?);
        }
        Ok(Packages(all))
    }

    /// Whether these, and no others, were installed here.
    pub(super) fn are_installed(&self, site: &Site<'_>) -> bool {
        let is_there = Venv::of_project(site).program(PACKAGE).exists();
        is_there && fs::read_to_string(installed(site)).is_ok_and(|text| text == self.mark(site))
    }

    /// Installs them, unless they are there. Nothing is started then.
    pub(super) fn install(&self, site: &Site<'_>) -> Result<(), Error> {
        if self.are_installed(site) {
            return Ok(());
        }
        let venv = Venv::of_project(site);
        if venv.folder().exists() && !works(site, &venv)? {
            let folder = venv.folder();
            fs::remove_dir_all(folder).map_err(|error| Error::file("delete", folder, &error))?;
        }
        venv.make(site, &PYTHON_OF_PROJECT)?;
        // Taken away first: what is installed half is not installed.
        let _ = fs::remove_file(installed(site));
        venv.install(site, &self.0)?;
        let place = installed(site);
        fs::write(&place, self.mark(site)).map_err(|error| Error::file("write", &place, &error))
    }

    /// With the folder: programs in a virtual environment name it, and work nowhere else.
    fn mark(&self, site: &Site<'_>) -> String {
        let folder = Venv::of_project(site);
        let lines = [folder.folder().display().to_string()].into_iter().chain(self.0.iter().cloned());
        lines.map(|line| line + "\n").collect()
    }
}

fn installed(site: &Site<'_>) -> PathBuf {
    site.project.folder.join(INSTALLED)
}

/// Whether a virtual environment is whole, and lies where it was made: a project may have been moved, its Python may be gone, and somebody may
/// have stopped it while it was made.
fn works(site: &Site<'_>, venv: &Venv) -> Result<bool, Error> {
    let mark = fs::read_to_string(installed(site)).unwrap_or_default();
    let was_made_elsewhere = mark.lines().next().is_some_and(|folder| folder != venv.folder().display().to_string());
    if was_made_elsewhere || !venv.program("python").exists() {
        return Ok(false);
    }
    let pip = Run::new("ask pip for its version", venv.program("python")).args(["-m", "pip", "--version"]).quiet();
    match pip.go(site) {
        Ok(_) => Ok(true),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(_) => Ok(false),
    }
}

/// What a `pyproject.toml` names: `project.dependencies` and the group `dev`, with the groups that this one includes.
fn named(source: &Arc<FlowSource>) -> Result<Vec<String>, Error> {
    let table = parse::parse_table(source)?;
    let mut file = TomlFile::new(source);
    let mut all = Vec::new();
    for entry in file.entries(&table) {
        match entry.key {
            "project" => {
                let project = file.table(&entry);
                let dependencies = project.into_iter().flat_map(|project| file.entries(project));
                for entry in dependencies.collect::<Vec<_>>().iter().filter(|entry| entry.key == "dependencies") {
                    all.extend(items(&mut file, entry).into_iter().filter_map(|item| text(&mut file, item)));
                }
            }
            "dependency-groups" => {
                if let Some(groups) = file.table(&entry) {
                    all.extend(group(&mut file, groups, GROUP, &mut Vec::new()));
                }
            }
            _ => {}
        }
    }
    Ok(file.done(Some(all))?)
}

/// The packages of a group. Those that it includes are taken once, also where they lead around in a circle.
fn group<'t>(file: &mut TomlFile, groups: &'t DeTable<'t>, name: &str, seen: &mut Vec<String>) -> Vec<String> {
    if seen.iter().any(|known| known == name) {
        return Vec::new();
    }
    seen.push(name.to_owned());
    let mut all = Vec::new();
    let found = file.entries(groups).into_iter().find(|entry| entry.key == name);
    for item in found.map_or(Vec::new(), |entry| items(file, &entry)) {
        let included = item.get_ref().as_table().and_then(|table| table.get("include-group"));
        match included.and_then(|name| name.get_ref().as_str()) {
            Some(name) => all.extend(group(file, groups, name, seen)),
            None => all.extend(text(file, item)),
        }
    }
    all
}

fn items<'t>(file: &mut TomlFile, entry: &Entry<'t>) -> Vec<&'t TomlSpanned<DeValue<'t>>> {
    match entry.value.get_ref().as_array() {
        Some(items) => items.iter().collect(),
        None => {
            file.shape(entry.key, "an array of packages", entry.value);
            Vec::new()
        }
    }
}

fn text(file: &mut TomlFile, item: &TomlSpanned<DeValue<'_>>) -> Option<String> {
    let text = item.get_ref().as_str().map(str::to_owned);
    if text.is_none() {
        file.shape("dependencies", "packages such as `\"tabulate==0.9.0\"`", item);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        named(&Arc::new(FlowSource::new("pyproject.toml", text))).map_err(|error| error.to_string())
    }

    #[test]
    fn packages_of_the_project_and_of_its_group_dev_are_wanted() {
        let text = "
            [project]
            name = \"x\"
            dependencies = [\"tabulate==0.9.0\", \"tomli; python_version < '3.12'\"]

            [dependency-groups]
            dev = [{ include-group = \"test\" }, \"mypy==2.4.1\"]
            test = [\"pytest==9.2.0\", { include-group = \"dev\" }]
            docs = [\"sphinx\"]
        ";
        assert_eq!(
            read(text),
            Ok(["tabulate==0.9.0", "tomli; python_version < '3.12'", "pytest==9.2.0", "mypy==2.4.1"]
                .map(str::to_owned)
                .into())
        );
        assert_eq!(read("[tool.mypy]\nstrict = true\n"), Ok(Vec::new()));
    }

    #[test]
    fn a_mistake_in_them_is_told_with_its_place() {
        let told = read("[project]\ndependencies = \"tabulate\"\n").expect_err("it is no array");
        assert!(told.starts_with("pyproject.toml:2:16: error[wrong-shape]"), "{told}");
        let told = read("[project]\ndependencies = [1]\n").expect_err("it is no text");
        assert!(told.starts_with("pyproject.toml:2:17: error[wrong-shape]"), "{told}");
    }
}
