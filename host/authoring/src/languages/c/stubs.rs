//! `src/tasks.c` or `src/tasks.cpp` for a WIT of the author's own: a definition for each function that the bindings declare, and that is to be
//! written.

use wit_bindgen_core::wit_parser::{Function, FunctionKind, InterfaceId, Resolve, Type, TypeDefKind, WorldItem};

use super::bindings;
use crate::error::Error;
use crate::wit::Wit;

/// What stands in the header before the functions that the component exports, and what before those for freeing.
const EXPORTED: &str = "// Exported Functions from ";
const OTHERS: &str = "// Helper Functions";

/// How the two languages call what the SDK has for all that is not written yet.
pub(super) struct Words {
    /// The SDK's header.
    pub(super) header: &'static str,
    /// Makes a text the task's error.
    pub(super) fail: &'static str,
    /// Ends the task run.
    pub(super) abort: &'static str,
}

/// The whole file.
pub(super) fn tasks(wit: &Wit, words: &Words) -> Result<String, Error> {
    let header = bindings::header(wit)?;
    let declared = declarations(&header);
    let functions: Vec<&Function> = bindings::exported(&wit.resolve, &wit.resolve.worlds[wit.world]).collect();
    let definitions = declared.iter().map(|declaration| definition(declaration, &functions, &wit.resolve, words));
    let definitions = definitions.collect::<Vec<_>>().join("\n");
    Ok(format!("/// The tasks of {}.\n\n#include <{}>\n\n{definitions}", wit.world_name(), words.header))
}

/// Whether the SDK's fake host has all that the bindings call: the contract, and nothing that takes a host of components, which are functions
/// that wait and resources of one's own.
pub(super) fn has_fake_host(wit: &Wit) -> bool {
    let world = &wit.resolve.worlds[wit.world];
    let is_of_contract = |id: InterfaceId| wit.resolve.id_of(id).is_some_and(|id| id.starts_with("taskhost:task/"));
    let functions = |id: InterfaceId| wit.resolve.interfaces[id].functions.values();
    world.imports.values().all(|item| match item {
        WorldItem::Interface { id, .. } => is_of_contract(*id) || functions(*id).next().is_none(),
        WorldItem::Function(_) => false,
        WorldItem::Type { .. } => true,
    }) && bindings::exported(&wit.resolve, world).all(|function| function.kind == FunctionKind::Freestanding)
}

/// A program for native tests that has none yet.
pub(super) fn tests(words: &Words) -> String {
    format!(
        "/// Tests of the tasks as an ordinary program, with a host that is faked: `make test`.\n\n#undef NDEBUG\n#include <assert.h>\n\
         #include <stdio.h>\n\n#include <{}>\n#include <taskhost/testing.h>\n\nint main() {{\n  testing_reset();\n  \
         puts(\"0 passed, 0 failed\");\n}}\n",
        words.header
    )
}

/// The functions that a header declares for the component's exports, one in each line.
fn declarations(header: &str) -> Vec<&str> {
    let exported = header.split_once(EXPORTED).map_or("", |(_, rest)| rest);
    let exported = exported.split_once(OTHERS).map_or(exported, |(before, _)| before);
    exported.lines().filter_map(|line| line.strip_suffix(");")).filter(|line| line.contains('(')).collect()
}

/// `declaration` ends before its closing bracket.
fn definition(declaration: &str, functions: &[&Function], resolve: &Resolve, words: &Words) -> String {
    let (before, parameters) = declaration.split_once('(').unwrap_or((declaration, ""));
    let called = before.rsplit([' ', '*']).next().unwrap_or_default();
    // Names in C end with those of the WIT; of several that fit it is the longest.
    let is_it = |function: &&&Function| called.ends_with(&format!("_{}", bindings::snake(&function.name)));
    let function = functions.iter().filter(is_it).max_by_key(|function| function.name.len());
    let name = function.map_or(called, |function| &function.name);
    let has_text_as_err = function.is_some_and(|function| has_text_as_err(resolve, function.result.as_ref()));
    let names = parameters.split(',').filter_map(|parameter| parameter.rsplit([' ', '*']).next());
    let names: Vec<&str> = names.filter(|name| *name != "void").collect();
    let mut out = docs(function.and_then(|function| function.docs.contents.as_deref()));
    out.push_str(&format!("{declaration}) {{\n"));
    let used = if has_text_as_err { names.last().copied() } else { None };
    for name in names.iter().filter(|name| Some(**name) != used) {
        out.push_str(&format!("  (void){name};\n"));
    }
    match used {
        Some(err) => out.push_str(&format!("  return {}({err}, \"`{name}` is not written yet\");\n}}\n", words.fail)),
        None => out.push_str(&format!("  {}(\"`{name}` is not written yet\");\n}}\n", words.abort)),
    }
    out
}

fn docs(docs: Option<&str>) -> String {
    let lines = docs.unwrap_or_default().trim().lines().map(|line| format!("/// {line}"));
    // A comment's line that ends so would go on in the next one.
    lines.map(|line| format!("{}\n", line.trim_end().trim_end_matches('\\').trim_end())).collect()
}

fn has_text_as_err(resolve: &Resolve, ty: Option<&Type>) -> bool {
    let Some(Type::Id(id)) = ty else { return false };
    match &resolve.types[*id].kind {
        TypeDefKind::Result(result) => result.err.is_some_and(|err| is_text(resolve, err)),
        TypeDefKind::Type(ty) => has_text_as_err(resolve, Some(ty)),
        _ => false,
    }
}

fn is_text(resolve: &Resolve, ty: Type) -> bool {
    match ty {
        Type::String => true,
        Type::Id(id) => matches!(resolve.types[id].kind, TypeDefKind::Type(ty) if is_text(resolve, ty)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "
        package my:shop@0.1.0;
        interface tasks {
            type reason = string;
            /// Says whether there is one.
            near: func(name: string, %in: list<u8>) -> bool;
            get-near: func() -> result<u8, reason>;
            other: func(err: string) -> result<_, u8>;
        }
        world shop { export tasks; export run: func(); }
    ";

    const TASKS: &str = "/// The tasks of shop.

#include <taskhost/task.h>

void exports_task_run(void) {
  task_abort(\"`run` is not written yet\");
}

/// Says whether there is one.
bool exports_tasks_near(task_string_t *name, task_list_u8_t *in) {
  (void)name;
  (void)in;
  task_abort(\"`near` is not written yet\");
}

bool exports_tasks_get_near(uint8_t *ret, exports_tasks_reason_t *err) {
  (void)ret;
  return task_fail(err, \"`get-near` is not written yet\");
}

bool exports_tasks_other(task_string_t *err_, uint8_t *err) {
  (void)err_;
  (void)err;
  task_abort(\"`other` is not written yet\");
}
";

    fn wit(text: &str) -> Wit {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("world.wit", text).expect("it is WIT");
        let world = resolve.select_world(&[package], None).expect("there is one world");
        Wit { resolve, package, world, text: text.to_owned(), files: Vec::new() }
    }

    #[test]
    fn there_are_native_tests_where_the_fake_host_does() {
        let has_fake_host = |text: &str| has_fake_host(&wit(text));
        assert!(has_fake_host(WIT));
        assert!(!has_fake_host(&WIT.replace("world shop {", "world shop { import now: func() -> u64;")));
        assert!(!has_fake_host(&WIT.replace("near: func", "near: async func")));
        assert!(!has_fake_host(&WIT.replace("type reason", "resource r { constructor(); } type reason")));
    }

    #[test]
    fn each_function_that_is_declared_is_defined() {
        let wit = wit(WIT);
        let words = Words { header: "taskhost/task.h", fail: "task_fail", abort: "task_abort" };
        assert_eq!(tasks(&wit, &words).expect("stubs"), TASKS);
    }
}
