//! `src/tasks.py` for a WIT of the author's own: a class for each interface, and methods that are to be written, typed as the bindings are.

use std::collections::BTreeMap;

use wit_bindgen_core::wit_parser::{
    Function, FunctionKind, Handle, IndexMap, InterfaceId, Resolve, Result_, Type, TypeDefKind, TypeId, TypeOwner,
    WorldId, WorldItem, WorldKey,
};

use crate::template::Names;
use crate::wit::Wit;

/// Words that componentize-py writes with a `_` behind them.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The class for functions that the world exports without an interface.
const OF_WORLD: &str = "WitWorld";

/// The whole file; none for what is not written down here: resources of one's own, streams, futures, and what componentize-py does not know.
pub(super) fn tasks(wit: &Wit) -> Option<String> {
    let mut file = File { resolve: &wit.resolve, world: wit.world, imports: BTreeMap::new(), taken: Vec::new() };
    let classes = classes(wit);
    file.taken.extend(classes.iter().map(|class| class.name.clone()));
    let mut bodies = String::new();
    for class in &classes {
        bodies.push_str(&file.class(class)?);
    }
    let uses_module = |name: &str| classes.iter().any(|class| (class.name == OF_WORLD) == (name == "wit_world"));
    let mut imports = String::new();
    for (module, names) in &file.imports {
        imports.push_str(&format!("from {module} import {}\n", names.join(", ")));
    }
    if uses_module("wit_world") {
        imports.insert_str(0, "import wit_world\n");
    }
    if uses_module("exports") {
        // Sorted as editors do: before the modules below it.
        let at = imports.find("from wit_world").unwrap_or(imports.len());
        imports.insert_str(at, "from wit_world import exports\n");
    }
    Some(format!(
        "\"\"\"The tasks of {}: a class for each interface of the WIT, with a method for each function.\"\"\"\n\n{imports}{bodies}",
        wit.world_name()
    ))
}

/// A native test that holds for any WIT.
pub(super) fn tests(wit: &Wit) -> String {
    let mut names: Vec<String> = classes(wit).into_iter().map(|class| class.name).collect();
    names.sort();
    let calls: String = names.iter().map(|name| format!("    {name}()\n")).collect();
    format!(
        "\"\"\"The tasks as plain Python: no WebAssembly, no taskhost. `taskhost_task.testing` has a fake host for them.\"\"\"\n\n\
         from tasks import {}\n\n\n\
         def test_each_function_of_the_wit_has_a_method() -> None:\n{calls}",
        names.join(", ")
    )
}

/// A class of the author.
struct Class<'w> {
    name: String,
    functions: Vec<&'w Function>,
}

fn classes(wit: &Wit) -> Vec<Class<'_>> {
    let world = &wit.resolve.worlds[wit.world];
    let mut all = Vec::new();
    let plain = world.exports.values().filter_map(|item| match item {
        WorldItem::Function(function) => Some(function),
        _ => None,
    });
    let plain: Vec<&Function> = plain.collect();
    if !plain.is_empty() {
        all.push(Class { name: OF_WORLD.to_owned(), functions: plain });
    }
    for (key, item) in &world.exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        let functions: Vec<&Function> = wit.resolve.interfaces[*id].functions.values().collect();
        // One of types only has no class.
        if !functions.is_empty() {
            all.push(Class { name: pascal(&module(&wit.resolve, &world.exports, key)), functions });
        }
    }
    all
}

/// What a world imports, or what it exports.
type Items = IndexMap<WorldKey, WorldItem>;

/// What the bindings call an interface: by its package too, where another one of the same list is called so.
fn module(resolve: &Resolve, items: &Items, key: &WorldKey) -> String {
    let name = |key: &WorldKey| match key {
        WorldKey::Name(name) => name.clone(),
        WorldKey::Interface(id) => resolve.interfaces[*id].name.clone().unwrap_or_default(),
    };
    let own = name(key);
    let is_ambiguous = items.keys().any(|other| other != key && name(other) == own);
    match key {
        WorldKey::Interface(id) if is_ambiguous => {
            let package = resolve.interfaces[*id].package.map(|package| &resolve.packages[package].name);
            let package = package.map_or(String::new(), |name| format!("{}-{}-", name.namespace, name.name));
            snake(&format!("{package}{own}"))
        }
        _ => snake(&own),
    }
}

/// The file that is written, with what it imports so far.
struct File<'w> {
    resolve: &'w Resolve,
    world: WorldId,
    /// Names by modules, as they stand behind `import`.
    imports: BTreeMap<String, Vec<String>>,
    /// Names that mean something in the file.
    taken: Vec<String>,
}

impl File<'_> {
    fn class(&mut self, class: &Class<'_>) -> Option<String> {
        let module = if class.name == OF_WORLD { "wit_world" } else { "exports" };
        let mut out = format!("\n\nclass {}({module}.{}):\n", class.name, class.name);
        for (at, function) in class.functions.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            out.push_str(&self.method(function)?);
        }
        Some(out)
    }

    fn method(&mut self, function: &Function) -> Option<String> {
        let word = match function.kind {
            FunctionKind::Freestanding => "def",
            FunctionKind::AsyncFreestanding => "async def",
            _ => return None,
        };
        let mut parameters = vec!["self".to_owned()];
        for parameter in &function.params {
            let name = ident(&snake(&parameter.name));
            // The bindings have two of that name, which is no Python.
            if name == "self" {
                return None;
            }
            parameters.push(format!("{name}: {}", self.ty(&parameter.ty)?));
        }
        let result = match &function.result {
            None => "None".to_owned(),
            Some(ty) => match self.result_of(ty) {
                // `err` is raised.
                Some(result) => self.side(&result.ok)?,
                None => self.ty(ty)?,
            },
        };
        let name = ident(&snake(&function.name));
        Some(format!(
            "    {word} {name}({}) -> {result}:\n{}        raise NotImplementedError(\"`{}` is not written yet\")\n",
            parameters.join(", "),
            docstring(function.docs.contents.as_deref()),
            function.name
        ))
    }

    fn result_of(&self, ty: &Type) -> Option<Result_> {
        let Type::Id(id) = ty else { return None };
        match &self.resolve.types[*id].kind {
            TypeDefKind::Result(result) => Some(result.clone()),
            TypeDefKind::Type(ty) => self.result_of(ty),
            _ => None,
        }
    }

    fn side(&mut self, ty: &Option<Type>) -> Option<String> {
        ty.as_ref().map_or(Some("None".to_owned()), |ty| self.ty(ty))
    }

    fn ty(&mut self, ty: &Type) -> Option<String> {
        Some(match ty {
            Type::Bool => "bool".to_owned(),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::S8 | Type::S16 | Type::S32 | Type::S64 => {
                "int".to_owned()
            }
            Type::F32 | Type::F64 => "float".to_owned(),
            Type::Char | Type::String => "str".to_owned(),
            Type::ErrorContext => return None,
            Type::Id(id) => self.defined(*id)?,
        })
    }

    fn defined(&mut self, id: TypeId) -> Option<String> {
        let resolve = self.resolve;
        let definition = &resolve.types[id];
        Some(match &definition.kind {
            TypeDefKind::Type(ty) => self.ty(ty)?,
            TypeDefKind::List(Type::U8) => "bytes".to_owned(),
            TypeDefKind::List(item) => format!("list[{}]", self.ty(item)?),
            TypeDefKind::Option(inner) => match self.is_option(inner) {
                true => format!("{}[{}] | None", self.imported("componentize_py_types", "Some"), self.ty(inner)?),
                false => format!("{} | None", self.ty(inner)?),
            },
            TypeDefKind::Result(result) => {
                let (ok, err) = (self.side(&result.ok)?, self.side(&result.err)?);
                format!("{}[{ok}, {err}]", self.imported("componentize_py_types", "Result"))
            }
            TypeDefKind::Tuple(tuple) => {
                let items: Option<Vec<String>> = tuple.types.iter().map(|ty| self.ty(ty)).collect();
                format!("tuple[{}]", items?.join(", "))
            }
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => self.defined(*id)?,
            TypeDefKind::Record(_) | TypeDefKind::Variant(_) | TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => {
                self.named(definition.name.as_deref()?, definition.owner)?
            }
            TypeDefKind::Resource => {
                let TypeOwner::Interface(owner) = definition.owner else { return None };
                let is_of_host = self.module_of(owner)?.starts_with("wit_world.imports.");
                is_of_host.then(|| self.named(definition.name.as_deref()?, definition.owner))??
            }
            _ => return None,
        })
    }

    fn is_option(&self, ty: &Type) -> bool {
        let Type::Id(id) = ty else { return false };
        match &self.resolve.types[*id].kind {
            TypeDefKind::Option(_) => true,
            TypeDefKind::Type(ty) => self.is_option(ty),
            _ => false,
        }
    }

    fn named(&mut self, name: &str, owner: TypeOwner) -> Option<String> {
        let name = ident(&pascal(name));
        Some(match owner {
            TypeOwner::World(_) => self.imported("wit_world", &name),
            TypeOwner::Interface(id) => self.imported(&self.module_of(id)?, &name),
            TypeOwner::None => return None,
        })
    }

    /// The module with an interface's types: of one that is imported and exported the bindings have them once.
    fn module_of(&self, id: InterfaceId) -> Option<String> {
        let world = &self.resolve.worlds[self.world];
        let find = |items: &Items| {
            let is_it = |item: &WorldItem| matches!(item, WorldItem::Interface { id: other, .. } if *other == id);
            let key = items.iter().find(|(_, item)| is_it(item))?.0;
            Some(module(self.resolve, items, key))
        };
        let imported = find(&world.imports).map(|module| format!("wit_world.imports.{module}"));
        imported.or_else(|| Some(format!("wit_world.exports.{}", find(&world.exports)?)))
    }

    /// A name of a module, by that name or, where it means something else here, by a longer one.
    fn imported(&mut self, module: &str, name: &str) -> String {
        let (_, short) = module.rsplit_once('.').unwrap_or(("", module));
        let longer = format!("{}{name}", pascal(&short.replace('_', "-")));
        let ways = [(name.to_owned(), name.to_owned()), (format!("{name} as {longer}"), longer)];
        let names = self.imports.entry(module.to_owned()).or_default();
        if let Some((_, known)) = ways.iter().find(|(way, _)| names.contains(way)) {
            return known.clone();
        }
        let is_taken = self.taken.iter().any(|taken| taken == name);
        let [plain, renamed] = ways;
        let (way, known) = if is_taken { renamed } else { plain };
        names.push(way);
        names.sort();
        self.taken.push(known.clone());
        known
    }
}

/// The comment of a function, as Python has it.
fn docstring(docs: Option<&str>) -> String {
    let text = docs.unwrap_or_default().trim().replace('\\', "\\\\").replace("\"\"\"", "'''");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    match lines[..] {
        [] => String::new(),
        [line] => format!("        \"\"\"{}\"\"\"\n", spaced(line)),
        _ => {
            let indented = |line: &&str| if line.is_empty() { "\n".to_owned() } else { format!("        {line}\n") };
            let text: String = lines.iter().map(indented).collect();
            format!("        \"\"\"{}        \"\"\"\n", text.trim_start())
        }
    }
}

/// A quote at the end would belong to those that follow.
fn spaced(line: &str) -> String {
    if line.ends_with('"') { format!("{line} ") } else { line.to_owned() }
}

fn snake(name: &str) -> String {
    Names::of(&name.to_ascii_lowercase()).snake
}

fn pascal(name: &str) -> String {
    Names::of(&name.to_ascii_lowercase().replace('_', "-")).pascal
}

/// A name as the bindings write it.
fn ident(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "
        package my:shop@0.1.0;

        interface shapes {
            record point-2d { x: f64, class: option<string> }
            enum colour { light-green, %none }
        }

        interface tasks {
            use shapes.{colour as color};
            record more { age: option<u32> }
            variant none { %none, some(u8) }
            type names = list<string>;
            /// Has a
            ///
            /// \"comment\"
            %import: func(%lambda: names, in: list<u8>) -> result<more, string>;
            get-URL: func(a: option<option<u32>>, b: result<_, color>, c: tuple<char, s8>) -> result<_, u8>;
            later: async func() -> option<none>;
        }

        interface more { use tasks.{more}; check: func(a: more) -> bool; }

        interface types-only { type a = u8; }

        world shop {
            import shapes;
            export tasks;
            export more;
            export types-only;
            use shapes.{point-2d};
            export run: func(p: point-2d);
        }
    ";

    const TASKS: &str =
        "\"\"\"The tasks of shop: a class for each interface of the WIT, with a method for each function.\"\"\"

import wit_world
from componentize_py_types import Result, Some
from wit_world import exports
from wit_world.exports.tasks import More as TasksMore, None_
from wit_world.imports.shapes import Colour, Point2d


class WitWorld(wit_world.WitWorld):
    def run(self, p: Point2d) -> None:
        raise NotImplementedError(\"`run` is not written yet\")


class Tasks(exports.Tasks):
    def import_(self, lambda_: list[str], in_: bytes) -> TasksMore:
        \"\"\"Has a

        \"comment\"
        \"\"\"
        raise NotImplementedError(\"`import` is not written yet\")

    def get_url(self, a: Some[int | None] | None, b: Result[None, Colour], c: tuple[str, int]) -> None:
        raise NotImplementedError(\"`get-URL` is not written yet\")

    async def later(self) -> None_ | None:
        raise NotImplementedError(\"`later` is not written yet\")


class More(exports.More):
    def check(self, a: TasksMore) -> bool:
        raise NotImplementedError(\"`check` is not written yet\")
";

    fn wit(text: &str) -> Wit {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("world.wit", text).expect("it is WIT");
        let world = resolve.select_world(&[package], None).expect("there is one world");
        Wit { resolve, package, world, text: text.to_owned(), files: Vec::new() }
    }

    #[test]
    fn each_function_has_a_method_with_the_types_of_the_bindings() {
        let wit = wit(WIT);
        assert_eq!(tasks(&wit).as_deref(), Some(TASKS));
        assert!(tests(&wit).ends_with("    More()\n    Tasks()\n    WitWorld()\n"));
    }

    #[test]
    fn what_has_no_stub_is_left_to_the_author() {
        let with = |items: &str| {
            tasks(&wit(&format!("package my:a; interface tasks {{ {items} }} world a {{ export tasks; }}")))
        };
        assert_eq!(with("resource r; f: func(r: r);"), None);
        assert_eq!(with("f: func(self: u8);"), None);
        assert_eq!(with("f: func(a: list<u8, 4>);"), None);
        assert!(with("f: func();").is_some());
    }

    #[test]
    fn interfaces_of_one_name_are_told_apart_as_in_the_bindings() {
        let text = "
            package my:a;
            world a { export other:one/tasks@1.0.0; export tasks; import other:one/only@1.0.0; }
            interface tasks { f: func(); }
            package other:one@1.0.0 {
                interface only { record r { a: u8 } }
                interface tasks { use only.{r}; f: func(r: r); }
            }
        ";
        let stubs = tasks(&wit(text)).expect("stubs");
        assert!(stubs.contains("class OtherOneTasks(exports.OtherOneTasks):"), "{stubs}");
        assert!(stubs.contains("class MyATasks(exports.MyATasks):"), "{stubs}");
        assert!(stubs.contains("from wit_world.imports.only import R"), "{stubs}");
    }
}
