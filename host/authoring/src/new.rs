//! `taskhost new`: a folder with everything that a first task needs.

use std::fs;
use std::path::{Path, PathBuf};

use taskhost_flow::names;

use crate::error::Error;
use crate::languages::Language;
use crate::project::Project;
use crate::template::{self, Names};
use crate::wit::Wit;
use crate::{from_wit, toml_file};

/// Longest name, in characters: it is part of names of files, also of intermediate ones.
const NAME_LENGTH_MAX: usize = 64;

/// Words that mean something in WIT, `tasks`, the name of the interface, and the SDK's own name.
const RESERVED: [&str; 48] = [
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "error-context",
    "export",
    "f32",
    "f64",
    "flags",
    "float32",
    "float64",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "map",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "taskhost-task",
    "tasks",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "union",
    "use",
    "variant",
    "with",
    "world",
];

/// A project that is to be made.
pub struct New<'a> {
    /// Where; the last part is its name. It has to be new, or empty.
    pub folder: &'a Path,
    /// In which language.
    pub language: &'static dyn Language,
    /// A WIT of the author's own, as a file or as a folder with `deps`, instead of that of the template.
    pub from: Option<&'a Path>,
}

/// A project that was made.
#[derive(Debug)]
pub struct Created {
    /// The project.
    pub project: Project,
    /// Its files, from its folder on.
    pub files: Vec<PathBuf>,
    /// What the author should know.
    pub notes: Vec<String>,
}

/// Makes a project. If that fails, nothing is left of it.
pub fn create(new: &New<'_>) -> Result<Created, Error> {
    let folder = std::path::absolute(new.folder).map_err(|error| Error::file("find", new.folder, &error))?;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    check_name(name, new.language)?;
    let was_there = check_place(&folder, new.folder)?;
    let made = fill(new, &folder, name);
    if made.is_err() {
        remove(&folder, was_there);
    }
    made
}

fn fill(new: &New<'_>, folder: &Path, name: &str) -> Result<Created, Error> {
    let mut files = template::files(new.language, &Names::of(name))?;
    let mut notes = Vec::new();
    if let Some(from) = new.from {
        let own = from_wit::replace(&mut files, from)?;
        write(folder, &files)?;
        let wit = Wit::read_shown(&folder.join("wit"), None, &|path| own.place(folder, path))?;
        notes = from_wit::fit(&mut files, &wit, new.language, name);
        remove(folder, true);
    }
    write(folder, &files)?;
    let shown = new.folder.join(crate::project::FILE);
    let project = Project::read(&toml_file::read(&shown)?, folder)?;
    Ok(Created { project, files: files.into_iter().map(|(path, _)| path).collect(), notes })
}

fn check_name(name: &str, language: &dyn Language) -> Result<(), Error> {
    let wrong = |message: String, help: String| Err(Error::usage(message, help));
    let rule = "names are words of lower-case letters and digits joined by `-`, such as `word-count`";
    if name.is_empty() {
        return wrong("a project needs a name".to_owned(), rule.to_owned());
    }
    if !names::is_kebab(name) || name.contains(|c: char| c.is_ascii_uppercase()) {
        let near = names::to_kebab(name).filter(|kebab| kebab != name);
        let near = near.map_or(String::new(), |kebab| format!("write `{kebab}`; "));
        return wrong(format!("`{name}` is no name of a project"), format!("{near}{rule}"));
    }
    if name.chars().count() > NAME_LENGTH_MAX {
        return wrong(format!("the name has more than {NAME_LENGTH_MAX} letters"), "choose a shorter one".to_owned());
    }
    let is_word = RESERVED.contains(&name) || language.reserved().contains(&name);
    if is_word {
        let help = format!("choose another name, such as `my-{name}`");
        return wrong(format!("`{name}` means something else in WIT or in {}", language.title()), help);
    }
    Ok(())
}

/// Whether the folder is there already; an error if there is something in it.
fn check_place(folder: &Path, shown: &Path) -> Result<bool, Error> {
    let taken = |what: &str| {
        let message = format!("`{}` {what}", shown.display());
        Err(Error::usage(message, "choose another name, or an empty folder"))
    };
    match fs::read_dir(folder) {
        // A repository without files is empty enough.
        Ok(mut entries) => match entries.any(|entry| !entry.is_ok_and(|entry| entry.file_name() == ".git")) {
            true => taken("is not empty"),
            false => Ok(true),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => taken("is no folder"),
        Err(error) => Err(Error::file("read", shown, &error)),
    }
}

fn write(folder: &Path, files: &[(PathBuf, Vec<u8>)]) -> Result<(), Error> {
    for (path, bytes) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Error::file("make the folder", parent, &error))?;
        fs::write(&path, bytes).map_err(|error| Error::file("write", &path, &error))?;
    }
    Ok(())
}

/// Takes away what was written; a folder that was there stays, with its repository.
fn remove(folder: &Path, was_there: bool) {
    if !was_there {
        let _ = fs::remove_dir_all(folder);
        return;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name() != ".git") {
        let path = entry.path();
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages;

    #[test]
    fn a_name_that_means_something_else_is_told() {
        let rust = languages::find("rust").expect("Rust");
        let told = |name: &str| check_name(name, rust).err().map(|error| error.to_string());
        assert_eq!(told("word-count"), None);
        assert_eq!(
            told("WordCount").as_deref(),
            Some(
                "`WordCount` is no name of a project\nhelp: write `word-count`; names are words of lower-case letters and \
                 digits joined by `-`, such as `word-count`"
            )
        );
        assert_eq!(
            told("list").as_deref(),
            Some("`list` means something else in WIT or in Rust\nhelp: choose another name, such as `my-list`")
        );
        for bad in ["", "9lives", "a--b", "ä", "tasks", "match", "core", &"a".repeat(65)] {
            assert!(told(bad).is_some(), "{bad}");
        }
    }
}
