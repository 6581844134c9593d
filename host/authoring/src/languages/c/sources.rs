//! [`Source`]: a file that is compiled, and with which flags.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// A file of C or C++.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Source {
    /// From the project's folder on, with slashes.
    pub(super) path: String,
    /// Ours: of the SDK, or of the bindings.
    is_ours: bool,
}

impl Source {
    pub(super) fn ours(path: &str) -> Source {
        Source { path: path.to_owned(), is_ours: true }
    }

    pub(super) fn is_cpp(&self) -> bool {
        [".cpp", ".cc", ".cxx"].iter().any(|ending| self.path.ends_with(ending))
    }

    /// The flags of the project are for the author's files, without the standard of the other language: clang takes that for a mistake.
    /// Ours are compiled the same in each project, and their warnings are none of the author's business.
    pub(super) fn flags<'f>(&self, of_project: &'f [String]) -> Vec<&'f str> {
        let of_sdk = ["-w", "-I.", "-Isdk/include"].into_iter();
        match (self.is_ours, self.is_cpp()) {
            (true, true) => of_sdk.chain(["-std=gnu++20", "-fno-exceptions"]).collect(),
            (true, false) => of_sdk.chain(["-std=gnu11"]).collect(),
            (false, is_cpp) => {
                let is_of_other = |flag: &str| flag.starts_with("-std=") && flag.contains("++") != is_cpp;
                of_project.iter().map(String::as_str).filter(|flag| !is_of_other(flag)).collect()
            }
        }
    }
}

/// The SDK's files, as far as they are wanted.
pub(super) fn of_sdk(wants_malloc: bool, has_cpp: bool) -> Vec<Source> {
    let files = [("abort.c", true), ("task.c", true), ("memory.c", wants_malloc), ("abort.cpp", has_cpp)].into_iter();
    files.filter(|(_, is_wanted)| *is_wanted).map(|(file, _)| Source::ours(&format!("sdk/src/{file}"))).collect()
}

/// All files of C and C++ in `src/` and below it.
pub(super) fn of_author(folder: &Path) -> Result<Vec<Source>, Error> {
    let mut found = Vec::new();
    walk(&folder.join("src"), "src", &mut found)?;
    if found.is_empty() {
        let help = "`.c`, `.cpp`, `.cc` and `.cxx` files in `src/` and below it are compiled".to_owned();
        return Err(Error::rejected("there is nothing to compile in `src/`", Some(help)));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(folder: &Path, shown: &str, found: &mut Vec<Source>) -> Result<(), Error> {
    let failed = |error| Error::file("read the folder", folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Hidden files are of editors. Links to folders are not followed: they may lead around in a circle.
        if name.starts_with('.') {
            continue;
        }
        let source = Source { path: format!("{shown}/{name}"), is_ours: false };
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&entry.path(), &source.path, found)?;
        } else if source.is_cpp() || source.path.ends_with(".c") {
            found.push(source);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_gets_its_own_standard() {
        let flags = ["-std=gnu11", "-std=c++20", "-O2", "-I."].map(str::to_owned);
        let flags_of = |path: &str| Source { path: path.to_owned(), is_ours: false }.flags(&flags).join(" ");
        assert_eq!(flags_of("src/a.c"), "-std=gnu11 -O2 -I.");
        assert_eq!(flags_of("src/a.cc"), "-std=c++20 -O2 -I.");
    }

    #[test]
    fn what_is_ours_is_compiled_by_flags_of_ours() {
        let flags = ["-std=gnu17", "-Werror"].map(str::to_owned);
        assert_eq!(Source::ours("sdk/src/task.c").flags(&flags).join(" "), "-w -I. -Isdk/include -std=gnu11");
    }
}
