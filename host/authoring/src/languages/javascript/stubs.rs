//! `src/tasks.ts` or `src/tasks.js` for a WIT of the author's own: an object for each interface, with a function for each of its functions.

use std::path::PathBuf;

use wit_bindgen_core::wit_parser::{Function, FunctionKind, WorldItem, WorldKey};

use super::super::Stubs;
use crate::template::Names;
use crate::wit::Wit;

/// Words that cannot be names of constants.
const WORDS: [&str; 47] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
];

/// The module, and the template's tests left out.
pub(super) fn of(wit: &Wit, has_types: bool) -> Stubs {
    let ending = if has_types { "ts" } else { "js" };
    let left_out = vec![PathBuf::from(format!("tests/tasks.test.{ending}"))];
    Stubs { files: vec![(PathBuf::from(format!("src/tasks.{ending}")), module(wit, has_types))], left_out }
}

fn module(wit: &Wit, has_types: bool) -> String {
    let world = &wit.resolve.worlds[wit.world];
    let (mut imports, mut body, mut plain) = (String::new(), String::new(), Vec::new());
    for (key, item) in &world.exports {
        match item {
            WorldItem::Function(function) => plain.push(function),
            WorldItem::Interface { id, .. } => {
                let interface = &wit.resolve.interfaces[*id];
                let name = match key {
                    WorldKey::Name(name) => name,
                    WorldKey::Interface(_) => interface.name.as_deref().unwrap_or_default(),
                };
                let functions = interface.functions.values().filter(|function| is_free(function));
                let functions: Vec<String> = functions.map(method).collect();
                let (file, ty) = (name, Names::of(name).pascal);
                imports.push_str(&format!("import type {{ {ty} }} from '../bindings/{file}';\n"));
                let value = format!("{{\n{}}}", functions.join("\n"));
                body.push_str(&exported(name, &value, &ty, file, has_types));
            }
            WorldItem::Type { .. } => {}
        }
    }
    if !plain.is_empty() {
        let types: Vec<String> = plain.iter().map(|function| Names::of(&function.name).pascal).collect();
        imports.push_str(&format!("import type {{ {} }} from '../bindings/world';\n", types.join(", ")));
        for (function, ty) in plain.into_iter().zip(types) {
            let (head, parameters) = (asynchronous(function), parameters(function));
            let value = format!("{head}({parameters}) => {{\n  {}\n}}", thrown(function));
            body.push_str(&exported(&function.name, &value, &ty, "world", has_types));
        }
    }
    let name = wit.world_name();
    let imports = if has_types { format!("\n{imports}") } else { String::new() };
    format!(
        "// The tasks of {name}: an object for each interface of the WIT, with a function for each of its functions.\n{imports}{body}"
    )
}

/// A value under a name of the WIT, which may be a word of JavaScript.
fn exported(name: &str, value: &str, ty: &str, file: &str, has_types: bool) -> String {
    let camel = Names::of(name).camel;
    let is_word = WORDS.contains(&&*camel);
    let own = if is_word { format!("{camel}_") } else { camel.clone() };
    let word = if is_word { "const" } else { "export const" };
    let export = if is_word { format!("export {{ {own} as {camel} }};\n") } else { String::new() };
    match has_types {
        true => format!("\n{word} {own}: {ty} = {value};\n{export}"),
        false => format!("\n/** @type {{import('../bindings/{file}').{ty}}} */\n{word} {own} = {value};\n{export}"),
    }
}

fn method(function: &Function) -> String {
    let name = Names::of(&function.name).camel;
    format!("  {}{name}({}) {{\n    {}\n  }},\n", asynchronous(function), parameters(function), thrown(function))
}

fn thrown(function: &Function) -> String {
    format!("throw new Error('`{}` is not written yet');", function.name)
}

fn asynchronous(function: &Function) -> &'static str {
    if function.kind.is_async() { "async " } else { "" }
}

fn parameters(function: &Function) -> String {
    let names = function.params.iter().map(|parameter| {
        let camel = Names::of(&parameter.name).camel;
        if WORDS.contains(&&*camel) { format!("{camel}_") } else { camel }
    });
    names.collect::<Vec<_>>().join(", ")
}

fn is_free(function: &Function) -> bool {
    matches!(function.kind, FunctionKind::Freestanding | FunctionKind::AsyncFreestanding)
}
