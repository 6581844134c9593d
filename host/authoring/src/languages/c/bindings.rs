//! The WIT in C, in `bindings/`: a type for each type, a function for each function.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use wit_bindgen_c::{Enabled, Opts};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::{
    CloneMaps, Function, Handle, PackageName, Resolve, Type, TypeDefKind, World, WorldId, WorldItem, WorldKey,
};

use crate::error::Error;
use crate::wit::Wit;

/// What all that belongs to no interface begins with, in each project.
const WORLD: &str = "task";

/// Writes what is not there yet. What is there stays as it is, with its time, unless the WIT is newer: `make` compares their times.
pub(super) fn write(wit: &Wit, folder: &Path) -> Result<(), Error> {
    let folder = folder.join("bindings");
    fs::create_dir_all(&folder).map_err(|error| Error::file("make the folder", &folder, &error))?;
    let wit_time = wit.files.iter().filter_map(|file| time(file)).max();
    for (name, bytes) in generate(&wit.resolve, wit.world)?.iter() {
        let path = folder.join(name);
        let is_current = time(&path) >= wit_time && fs::read(&path).is_ok_and(|present| present == bytes);
        if !is_current {
            fs::write(&path, bytes).map_err(|error| Error::file("write", &path, &error))?;
        }
    }
    Ok(())
}

fn time(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The header that declares all of it.
pub(super) fn header(wit: &Wit) -> Result<String, Error> {
    let files = generate(&wit.resolve, wit.world)?;
    let header = files.iter().find(|(name, _)| *name == format!("{WORLD}.h"));
    Ok(header.map_or(String::new(), |(_, bytes)| String::from_utf8_lossy(bytes).into_owned()))
}

/// The world with all that the SDK calls, as far as it is there: what nobody calls is no import of the component.
fn with_contract(resolve: &Resolve, world: WorldId) -> Result<Resolve, Error> {
    let mut resolve = resolve.clone();
    let is_contract = |name: &PackageName| name.namespace == "taskhost" && name.name == "task";
    let contract = resolve.packages.iter().find(|(_, package)| is_contract(&package.name));
    if let Some(imports) = contract.and_then(|(_, package)| package.worlds.get("imports").copied()) {
        let wrong = |error| Error::rejected(format!("`taskhost:task` does not fit the world: {error:#}"), None);
        resolve.merge_worlds(imports, world, &mut CloneMaps::default()).map_err(wrong)?;
    }
    Ok(resolve)
}

fn generate(resolve: &Resolve, world: WorldId) -> Result<Files, Error> {
    let resolve = &with_contract(resolve, world)?;
    // Borrows that a function was given are dropped when it returns. The generator cannot do that for those in lists: there the author
    // drops all of them.
    let has_lists = exported(resolve, &resolve.worlds[world])
        .flat_map(|function| &function.params)
        .any(|parameter| has_borrow_in_list(resolve, &parameter.ty, false));
    let options = Opts {
        rename_world: Some(WORLD.to_owned()),
        rename: renames(resolve, world),
        autodrop_borrows: if has_lists { Enabled::No } else { Enabled::Yes },
        ..Opts::default()
    };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve.clone(), world, &mut files)
        .map_err(|error| Error::rejected(format!("failed to make bindings for `wit/`: {error:#}"), None))?;
    Ok(files)
}

/// Interfaces of the world's own package are called by their own name alone, where that can be no other one's: not that of an interface
/// which stands in the world itself, and not that of what belongs to no interface.
fn renames(resolve: &Resolve, id: WorldId) -> Vec<(String, String)> {
    let world = &resolve.worlds[id];
    let items = || world.imports.iter().chain(&world.exports);
    let inline = items().filter_map(|(key, _)| match key {
        WorldKey::Name(name) => Some(snake(name)),
        WorldKey::Interface(_) => None,
    });
    let taken: Vec<String> = inline.chain([WORLD.to_owned()]).collect();
    let mut renames = Vec::new();
    for (key, _) in items() {
        let WorldKey::Interface(id) = key else { continue };
        let interface = &resolve.interfaces[*id];
        let Some(name) = interface.name.as_deref().map(snake) else { continue };
        let rename = (resolve.name_world_key(key), name);
        if interface.package == world.package && !taken.contains(&rename.1) && !renames.contains(&rename) {
            renames.push(rename);
        }
    }
    renames
}

/// A name as C has it.
pub(super) fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// The functions that a world exports.
pub(super) fn exported<'r>(resolve: &'r Resolve, world: &'r World) -> impl Iterator<Item = &'r Function> {
    world.exports.values().flat_map(|item| match item {
        WorldItem::Interface { id, .. } => resolve.interfaces[*id].functions.values().collect(),
        WorldItem::Function(function) => vec![function],
        WorldItem::Type { .. } => vec![],
    })
}

fn has_borrow_in_list(resolve: &Resolve, ty: &Type, in_list: bool) -> bool {
    let Type::Id(id) = ty else { return false };
    let has = |ty: &Type| has_borrow_in_list(resolve, ty, in_list);
    let has_as_item = |ty: &Type| has_borrow_in_list(resolve, ty, true);
    match &resolve.types[*id].kind {
        TypeDefKind::Handle(Handle::Borrow(_)) => in_list,
        TypeDefKind::List(item) | TypeDefKind::FixedLengthList(item, _) => has_as_item(item),
        TypeDefKind::Map(key, value) => has_as_item(key) || has_as_item(value),
        TypeDefKind::Type(inner) | TypeDefKind::Option(inner) => has(inner),
        TypeDefKind::Record(record) => record.fields.iter().any(|field| has(&field.ty)),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().any(has),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty.as_ref()).any(has),
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).any(has),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "
        package my:shop@0.1.0;

        interface things { resource thing; }
        interface tasks-of-mine { use things.{thing}; count: func(things: list<option<borrow<thing>>>) -> u32; }
        interface task { run: func(); }
        interface both { run: func(); }

        world shop {
            import things;
            import both: interface { stop: func(); }
            export tasks-of-mine;
            export task;
            export both;
        }
    ";

    fn world() -> (Resolve, WorldId) {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("world.wit", WIT).expect("it is WIT");
        let world = resolve.select_world(&[package], None).expect("there is one world");
        (resolve, world)
    }

    #[test]
    fn interfaces_of_the_own_package_have_short_names_that_are_their_own() {
        let (resolve, world) = world();
        let pair = |long: &str, short: &str| (long.to_owned(), short.to_owned());
        assert_eq!(
            renames(&resolve, world),
            [pair("my:shop/things@0.1.0", "things"), pair("my:shop/tasks-of-mine@0.1.0", "tasks_of_mine")]
        );
    }

    #[test]
    fn there_are_bindings_for_borrows_in_a_list() {
        let (resolve, world) = world();
        let files = generate(&resolve, world).expect("bindings");
        let names: Vec<&str> = files.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["task.c", "task.h", "task_component_type.o"]);
    }
}
