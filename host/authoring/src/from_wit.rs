//! `taskhost new --from`: a WIT of the author's own in place of the template's, and what else has to fit it.

use std::fs;
use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::{Function, Resolve, Type, TypeDefKind, WorldItem};

use crate::error::Error;
use crate::languages::Language;
use crate::template::Names;
use crate::wit::Wit;

/// Where the WIT came from, so that its mistakes are told there.
pub(crate) struct Own {
    from: PathBuf,
    is_folder: bool,
    /// What `world.wit` was called there, if it was called otherwise.
    world_file: Option<PathBuf>,
}

/// Puts the author's WIT in place of the template's: one file, or a folder with `deps`.
pub(crate) fn replace(files: &mut Vec<(PathBuf, Vec<u8>)>, from: &Path) -> Result<Own, Error> {
    let metadata = fs::metadata(from).map_err(|error| Error::file("read", from, &error))?;
    files.retain(|(path, _)| path != Path::new("wit/world.wit"));
    let mut own = Vec::new();
    let mut world_file = None;
    if metadata.is_dir() {
        collect(from, Path::new("wit"), &mut own)?;
        world_file = name_world(&mut own);
    } else {
        own.push((PathBuf::from("wit/world.wit"), read(from)?));
    }
    // Its own copy of the contract is as good as ours, and two of them would be a mistake.
    let has_contract = own.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("package taskhost:task"));
    if has_contract {
        files.retain(|(path, _)| !path.starts_with("wit/deps/taskhost-task"));
    }
    files.extend(own);
    Ok(Own { from: from.to_owned(), is_folder: metadata.is_dir(), world_file })
}

/// What the world stands in is called `world.wit` in every project: the Rust SDK looks for it there. Gives what it was called.
fn name_world(own: &mut [(PathBuf, Vec<u8>)]) -> Option<PathBuf> {
    let wanted = Path::new("wit/world.wit");
    let is_of_package = |path: &Path| path.parent() == wanted.parent();
    let has_world =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().any(|line| line.trim_start().starts_with("world "));
    if own.iter().any(|(path, _)| path == wanted) {
        return None;
    }
    let (path, _) = own.iter_mut().find(|(path, bytes)| is_of_package(path) && has_world(bytes))?;
    std::mem::replace(path, wanted.to_owned()).file_name().map(PathBuf::from)
}

fn collect(folder: &Path, inside: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<(), Error> {
    let wrong = |error: std::io::Error| Error::file("read", folder, &error);
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let inside = inside.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            collect(&path, &inside, all)?;
        } else if path.extension().is_some_and(|extension| extension == "wit") {
            all.push((inside, read(&path)?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::file("read", path, &error))
}

impl Own {
    /// Where the author has a file that lies in the new folder.
    pub(crate) fn place(&self, folder: &Path, path: &Path) -> PathBuf {
        let inside = path.strip_prefix(folder.join("wit")).unwrap_or(path);
        let inside = match &self.world_file {
            Some(name) if inside == Path::new("world.wit") => name,
            _ => inside,
        };
        if self.is_folder { self.from.join(inside) } else { self.from.clone() }
    }
}

/// Makes the other files fit the WIT, as far as that goes; gives what is left to the author.
pub(crate) fn fit(files: &mut Vec<(PathBuf, Vec<u8>)>, wit: &Wit, language: &dyn Language, name: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let tasks = tasks(wit);
    match language.stubs(wit) {
        Some(stubs) => {
            let gone: Vec<&PathBuf> = stubs.left_out.iter().chain(stubs.files.iter().map(|(path, _)| path)).collect();
            files.retain(|(path, _)| !gone.contains(&path));
            let names = Names::of(name);
            files.extend(stubs.files.into_iter().map(|(path, text)| (path, names.fill(&text).into_bytes())));
        }
        None => notes.push(format!(
            "the sources and their tests are still those of the template: fit them to `wit/`, whose functions in {} \
             `taskhost build` writes down as bindings",
            language.title()
        )),
    }
    if wit.world_name() != name {
        let line = format!("language = \"{}\"\n", language.name());
        let with_world = format!("{line}world = \"{}\"\n", wit.world_name());
        change(files, "taskhost.toml", |text| text.replacen(&line, &with_world, 1));
    }
    change(files, "tests.toml", |_| tests(&tasks, &wit.resolve));
    match tasks.first() {
        Some(task) => change(files, "flow.toml", |_| flow(name, task)),
        None => files.retain(|(path, _)| path != Path::new("flow.toml")),
    }
    change(files, "README.md", |text| without_example(&text, name));
    if !uses_contract(wit) && !language.brings_contract() {
        notes.push(
            "the world does not include `taskhost:task/imports@0.1.0`: its tasks cannot log or say how far they are with the \
             SDK; add `include taskhost:task/imports@0.1.0;` to the world"
                .to_owned(),
        );
    }
    notes
}

/// A function that can be called: as `call` names it, and itself.
type Task<'w> = (String, &'w Function);

/// The functions that the world exports; an interface's name stands before those of all but the first interface that has one so called.
fn tasks(wit: &Wit) -> Vec<Task<'_>> {
    let mut all: Vec<Task<'_>> = Vec::new();
    let mut add = |interface: Option<&str>, name: &str, function| {
        let is_taken = all.iter().any(|(other, _)| other == name);
        let called = match interface {
            Some(interface) if is_taken => format!("{interface}.{name}"),
            _ => name.to_owned(),
        };
        all.push((called, function));
    };
    for item in wit.resolve.worlds[wit.world].exports.values() {
        match item {
            WorldItem::Function(function) => add(None, &function.name, function),
            WorldItem::Interface { id, .. } => {
                let interface = &wit.resolve.interfaces[*id];
                let functions = interface.functions.iter().filter(|(name, _)| !name.starts_with('['));
                functions.for_each(|(name, function)| add(interface.name.as_deref(), name, function));
            }
            WorldItem::Type { .. } => {}
        }
    }
    all
}

fn tests(tasks: &[Task<'_>], resolve: &Resolve) -> String {
    let mut out = "# What `taskhost test` calls, and what it expects. Take away the `#` and fill in the values; `taskhost test --update`\n\
                   # writes down what a function returns.\n"
        .to_owned();
    for (called, function) in tasks {
        out.push_str(&format!("\n# [[tests]]\n# name = \"{called} does what it should\"\n# call = \"{called}\"\n"));
        for param in &function.params {
            out.push_str(&format!("# with.{} = {}\n", param.name, example(&param.ty, resolve, 0)));
        }
        if has_value(function, resolve) {
            out.push_str("# returns = \"…\"\n");
        }
    }
    out
}

/// Whether there is something to compare when it succeeds.
fn has_value(function: &Function, resolve: &Resolve) -> bool {
    let Some(ty) = &function.result else { return false };
    match ty {
        Type::Id(id) => !matches!(&resolve.types[*id].kind, TypeDefKind::Result(result) if result.ok.is_none()),
        _ => true,
    }
}

/// A value of a type as TOML, for people to change.
fn example(ty: &Type, resolve: &Resolve, depth: usize) -> String {
    let inner = |ty: &Type| if depth > 4 { "…".to_owned() } else { example(ty, resolve, depth + 1) };
    match ty {
        Type::Bool => "true".to_owned(),
        Type::F32 | Type::F64 => "1.5".to_owned(),
        Type::Char | Type::String => "\"a\"".to_owned(),
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Type(ty) | TypeDefKind::Option(ty) => inner(ty),
            TypeDefKind::List(ty) => format!("[{}]", inner(ty)),
            TypeDefKind::Tuple(tuple) => {
                format!("[{}]", tuple.types.iter().map(inner).collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Record(record) => {
                let field = |(name, ty): (&String, &Type)| format!("{name} = {}", inner(ty));
                let fields = record.fields.iter().map(|known| field((&known.name, &known.ty)));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Enum(cases) => format!("\"{}\"", cases.cases[0].name),
            TypeDefKind::Flags(flags) => format!("[\"{}\"]", flags.flags[0].name),
            TypeDefKind::Variant(variant) => match (&variant.cases[0].name, &variant.cases[0].ty) {
                (name, None) => format!("\"{name}\""),
                (name, Some(ty)) => format!("{{ {name} = {} }}", inner(ty)),
            },
            TypeDefKind::Result(result) => match &result.ok {
                Some(ty) => format!("{{ ok = {} }}", inner(ty)),
                None => "\"ok\"".to_owned(),
            },
            _ => "\"…\"".to_owned(),
        },
        _ => "1".to_owned(),
    }
}

/// A flow of one task, with a parameter for each of the function's.
fn flow(name: &str, (called, function): &Task<'_>) -> String {
    let mut out = format!("name = \"{name}\"\n");
    for param in &function.params {
        out.push_str(&format!("\n[parameters.{}]\n", param.name));
    }
    out.push_str(&format!("\n[components]\n{name} = \"components/{name}.wasm\"\n\n"));
    // Tasks and parameters share their names.
    let is_taken = function.params.iter().any(|param| param.name == function.name);
    let task = if is_taken { "the-task" } else { &function.name };
    out.push_str(&format!("[tasks.{task}]\ncall = \"{name}.{called}\"\n"));
    for param in &function.params {
        out.push_str(&format!("with.{0} = \"${{{0}}}\"\n", param.name));
    }
    if function.result.is_some() {
        out.push_str(&format!("\n[outputs]\nresult = \"${{{task}}}\"\n"));
    }
    out
}

/// Commands that call the template's function are of no use.
fn without_example(readme: &str, name: &str) -> String {
    let call = format!("taskhost call components/{name}.wasm");
    let line = |line: &str| match line {
        line if line.starts_with(&call) => format!("taskhost inspect components/{name}.wasm\n"),
        line if line.starts_with("taskhost run flow.toml") => "taskhost run flow.toml\n".to_owned(),
        line => format!("{line}\n"),
    };
    readme.lines().map(line).collect()
}

fn change(files: &mut [(PathBuf, Vec<u8>)], path: &str, how: impl FnOnce(String) -> String) {
    if let Some((_, bytes)) = files.iter_mut().find(|(known, _)| known == Path::new(path)) {
        *bytes = how(String::from_utf8_lossy(bytes).into_owned()).into_bytes();
    }
}

fn uses_contract(wit: &Wit) -> bool {
    let world = &wit.resolve.worlds[wit.world];
    world.imports.keys().any(|key| wit.resolve.name_world_key(key).starts_with("taskhost:task/log@"))
}
