//! [`Project`]: a folder with a `taskhost.toml`, which says what the component is called, in which language it is written, and which
//! tools build it.
//!
//! ```toml
//! [component]
//! name = "greeter"          # → components/greeter.wasm
//! language = "rust"
//! world = "greeter"         # of wit/; left out where there is only one
//!
//! [tools]                   # exactly this version, or this and later ones
//! cargo = ">=1.87"
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_flow::written::{Spanned, Text};
use taskhost_flow::{Diagnostics, FlowSource, Span, names, parse};

use crate::error::Error;
use crate::languages::{self, Language};
use crate::toml_file::{self, Entry, TomlFile};
use crate::tools::Pin;

/// The file that makes a folder a project.
pub const FILE: &str = "taskhost.toml";

/// A project, as its `taskhost.toml` says.
#[derive(Clone)]
pub struct Project {
    /// Where it lies, from the root of the file system on: tools are started there.
    pub folder: PathBuf,
    /// The component's name.
    pub name: Arc<str>,
    /// What it is written in.
    pub language: &'static dyn Language,
    /// The world of `wit/` that it is; none if there is only one anyway.
    pub world: Option<Text>,
    /// The versions of tools that it wants.
    pub pins: Vec<PinWritten>,
    /// `taskhost.toml`, for messages.
    pub source: Arc<FlowSource>,
}

/// An entry of `[tools]`.
#[derive(Clone, Debug)]
pub struct PinWritten {
    /// Which tool.
    pub tool: Arc<str>,
    /// Which versions of it.
    pub pin: Pin,
    /// Where the version stands.
    pub span: Span,
}

impl Project {
    /// The project that `folder` lies in: its own, or the nearest above it.
    pub fn find(folder: &Path) -> Result<Project, Error> {
        let absolute = std::path::absolute(folder).map_err(|error| Error::file("find", folder, &error))?;
        if !absolute.is_dir() {
            let shown = folder.display();
            let message = match absolute.exists() {
                true => format!("`{shown}` is no folder"),
                false => format!("there is no folder `{shown}`"),
            };
            return Err(Error::usage(message, "name the folder of a project, one with a `taskhost.toml`"));
        }
        let found = absolute.ancestors().find(|folder| folder.join(FILE).is_file());
        let Some(found) = found else {
            let message = format!("there is no `{FILE}` in `{}` nor above it", folder.display());
            return Err(Error::usage(message, "make a project with `taskhost new NAME --lang LANGUAGE`"));
        };
        // As the user knows the place: messages of mistakes name it.
        let shown = if found == absolute { folder.join(FILE) } else { found.join(FILE) };
        let shown = shown.strip_prefix(".").map(Path::to_owned).unwrap_or(shown);
        Project::read(&toml_file::read(&shown)?, found)
    }

    /// The project in `folder`, by the text of its `taskhost.toml`.
    pub fn read(source: &Arc<FlowSource>, folder: &Path) -> Result<Project, Error> {
        let table = parse::parse_table(source)?;
        let mut file = TomlFile::new(source);
        let (mut component, mut pins) = (None, Vec::new());
        for entry in file.known(&format!("`{FILE}`"), &["component", "tools"], &table) {
            match entry.key {
                "component" => component = Some(Component::read(&mut file, &entry)),
                _ => pins = read_pins(&mut file, &entry),
            }
        }
        if component.is_none() {
            file.error("missing-key", format!("`{FILE}` has no `[component]`"), None).help =
                Some("add `[component]` with `name` and `language`".to_owned());
        }
        let component = component.unwrap_or_default();
        if let Some(language) = component.language {
            check_tools(&mut file, language, &pins);
        }
        let read = component.name.zip(component.language).map(|(name, language)| Project {
            folder: folder.to_owned(),
            name: name.value,
            language,
            world: component.world,
            pins,
            source: source.clone(),
        });
        Ok(file.done(read)?)
    }

    /// The component that building it makes.
    pub fn component(&self) -> PathBuf {
        self.folder.join("components").join(format!("{}.wasm", self.name))
    }

    /// What only building needs: intermediate files, what was built from what. Ignored by git, and deleted without loss.
    pub fn private_folder(&self) -> PathBuf {
        self.folder.join(".taskhost")
    }

    /// The versions that it wants of a tool.
    pub fn pin(&self, tool: &str) -> Option<&PinWritten> {
        self.pins.iter().find(|pin| &*pin.tool == tool)
    }

    /// A mistake in its `taskhost.toml`.
    pub fn mistake(&self, code: &'static str, message: String, span: Option<Span>, help: Option<String>) -> Error {
        let mistake = taskhost_flow::Diagnostic::error(code, message, &self.source, span);
        Error::Rejected(Diagnostics::from(mistake.with_help_if(help)))
    }
}

/// `[component]`
#[derive(Default)]
struct Component {
    name: Option<Text>,
    language: Option<&'static dyn Language>,
    world: Option<Text>,
}

impl Component {
    fn read(file: &mut TomlFile, entry: &Entry<'_>) -> Component {
        let mut component = Component::default();
        let Some(table) = file.table(entry) else { return component };
        for entry in file.known("`[component]`", &["name", "language", "world"], table) {
            let Some(text) = file.text(&entry) else { continue };
            match entry.key {
                "name" => component.name = name(file, text),
                "language" => component.language = language(file, &text),
                _ => component.world = Some(text),
            }
        }
        let helps = [
            ("name", "add the component's name: `name = \"greeter\"` makes `components/greeter.wasm`".to_owned()),
            ("language", format!("add `language = \"…\"`; there are {}", languages::listed())),
        ];
        for (key, help) in helps.into_iter().filter(|(key, _)| table.get(*key).is_none()) {
            file.error("missing-key", format!("`[component]` has no `{key}`"), Some(entry.key_span)).help = Some(help);
        }
        component
    }
}

fn name(file: &mut TomlFile, text: Text) -> Option<Text> {
    if names::is_kebab(&text.value) {
        return Some(text);
    }
    let help = match names::to_kebab(&text.value) {
        Some(kebab) => format!("write `{kebab}`; {}", names::NAME_RULE),
        None => names::NAME_RULE.to_owned(),
    };
    file.error("bad-name", format!("`{}` is no name of a component", text.value), text.span).help = Some(help);
    None
}

fn language(file: &mut TomlFile, text: &Text) -> Option<&'static dyn Language> {
    let found = languages::find(&text.value);
    if found.is_none() {
        let names = languages::ALL.into_iter().map(|language| language.name());
        let message = format!("no language named `{}`", text.value);
        file.error("unknown-language", message, text.span).help = names::help(&text.value, names);
    }
    found
}

fn read_pins(file: &mut TomlFile, entry: &Entry<'_>) -> Vec<PinWritten> {
    let Some(table) = file.table(entry) else { return Vec::new() };
    let mut pins = Vec::new();
    for entry in file.entries(table) {
        let Some(Spanned { value, .. }) = file.text(&entry) else { continue };
        match value.parse::<Pin>() {
            Ok(pin) => pins.push(PinWritten { tool: entry.key.into(), pin, span: entry.value_span() }),
            Err(reason) => {
                file.error("bad-version", format!("`{value}` is no version: {reason}"), Some(entry.value_span()))
                    .help = Some(
                    "a version is `\"1.2.3\"`, exactly this one, or `\">=1.2\"`, this one or a later one".to_owned(),
                );
            }
        }
    }
    pins
}

fn check_tools(file: &mut TomlFile, language: &dyn Language, pins: &[PinWritten]) {
    let known = || language.tools().iter().map(|tool| tool.name);
    for pin in pins.iter().filter(|pin| !known().any(|name| name == &*pin.tool)) {
        let message = format!("building {} needs no tool `{}`", language.title(), pin.tool);
        file.error("unknown-tool", message, Some(pin.span)).help = names::help(&pin.tool, known());
    }
}

impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Project({:?}, {}, {})", self.folder, self.name, self.language.name())
    }
}
