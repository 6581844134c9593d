//! The files of a new project: a language's template, its SDK, and the WIT of `taskhost:task`, all of them in this program.
//!
//! Placeholders in texts and in names of files are all the logic there is: `{{name}}`, `{{snake}}`, `{{pascal}}`, `{{camel}}`. A file whose
//! name would mean something to our own tools ends in `.template`, which falls away.

use std::path::PathBuf;

use crate::error::Error;
use crate::languages::Language;

/// A file: its path in its folder, and its bytes.
type File = (&'static str, &'static [u8]);

/// Written by `embed.rs`.
mod embedded {
    use super::File;

    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// The ending of a template's file that is no file of that kind yet.
const ENDING: &str = ".template";

/// A project's name in the ways in which languages write names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    /// `word-count`, as the user gave it.
    pub kebab: String,
    /// `word_count`
    pub snake: String,
    /// `WordCount`
    pub pascal: String,
    /// `wordCount`
    pub camel: String,
}

impl Names {
    /// Of a kebab-case name.
    pub fn of(kebab: &str) -> Names {
        let pascal: String = kebab.split('-').map(capitalised).collect();
        let mut words = kebab.split('-');
        let first = words.next().unwrap_or_default().to_owned();
        let camel = first + &words.map(capitalised).collect::<String>();
        Names { kebab: kebab.to_owned(), snake: kebab.replace('-', "_"), pascal, camel }
    }

    /// A text with this name in place of the placeholders.
    pub fn fill(&self, text: &str) -> String {
        let placeholders = [
            ("{{name}}", &self.kebab),
            ("{{snake}}", &self.snake),
            ("{{pascal}}", &self.pascal),
            ("{{camel}}", &self.camel),
        ];
        placeholders.iter().fold(text.to_owned(), |text, (placeholder, name)| text.replace(placeholder, name))
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

/// All files of a new project, by their paths in it.
pub fn files(language: &dyn Language, names: &Names) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    let missing = |what: &str| Error::internal(format!("this version has no {what} for {}", language.title()));
    let template = find(embedded::TEMPLATES, language.name()).ok_or_else(|| missing("template"))?;
    let sdk = find(embedded::SDKS, language.sdk()).ok_or_else(|| missing("SDK"))?;
    let mut all: Vec<(PathBuf, Vec<u8>)> = template.iter().map(|file| filled(file, names)).collect();
    all.extend(sdk.iter().map(|(path, bytes)| (PathBuf::from("sdk").join(path), bytes.to_vec())));
    let contract = PathBuf::from("wit/deps/taskhost-task");
    all.extend(embedded::WIT.iter().map(|(path, bytes)| (contract.join(path), bytes.to_vec())));
    Ok(all)
}

fn find(groups: &'static [(&str, &[File])], name: &str) -> Option<&'static [File]> {
    groups.iter().find(|(group, _)| *group == name).map(|(_, files)| *files)
}

fn filled((path, bytes): &File, names: &Names) -> (PathBuf, Vec<u8>) {
    let path = names.fill(path.strip_suffix(ENDING).unwrap_or(path));
    let bytes = match std::str::from_utf8(bytes) {
        Ok(text) => names.fill(text).into_bytes(),
        Err(_) => bytes.to_vec(),
    };
    (path.into(), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages;

    #[test]
    fn a_name_is_written_as_each_language_does() {
        let names = Names::of("word-count-2");
        assert_eq!(
            names.fill("{{name}} {{snake}} {{pascal}} {{camel}} {{other}}"),
            "word-count-2 word_count_2 WordCount2 wordCount2 {{other}}"
        );
    }

    #[test]
    fn a_template_has_what_every_project_has() {
        for language in languages::ALL {
            let files = files(language, &Names::of("word-count")).expect("files");
            let wanted = [
                "taskhost.toml",
                "tests.toml",
                "flow.toml",
                "README.md",
                ".gitignore",
                "wit/world.wit",
                "wit/deps/taskhost-task/task.wit",
            ];
            for path in wanted {
                assert!(files.iter().any(|(file, _)| file.as_os_str() == path), "{}: {path}", language.name());
            }
            for (path, bytes) in &files {
                let text = String::from_utf8_lossy(bytes);
                for left in ["{{name}}", "{{snake}}", "{{pascal}}", "{{camel}}"] {
                    let is_left = text.contains(left) || path.to_string_lossy().contains(left);
                    assert!(!is_left, "{}: {}: {left}", language.name(), path.display());
                }
            }
        }
    }
}
