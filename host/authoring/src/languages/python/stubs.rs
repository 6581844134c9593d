//! `src/tasks.py` for a WIT of the author's own: a class for each interface, with a method for each function.

use std::collections::BTreeSet;

use wit_bindgen_core::wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Type, TypeDefKind, TypeOwner, WorldItem, WorldKey,
};

use crate::template::Names;
use crate::wit::Wit;

/// Words that componentize-py writes with a `_` behind them.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The whole module; none for what is not written down here: resources of one's own, streams, futures, interfaces without a name.
pub(super) fn module(wit: &Wit) -> Option<String> {
    let world = &wit.resolve.worlds[wit.world];
    let mut scope = Scope { wit, modules: BTreeSet::new(), types: BTreeSet::new() };
    let mut classes = String::new();
    let mut plain = Vec::new();
    for (key, item) in &world.exports {
        match item {
            WorldItem::Function(function) => plain.push(function),
            WorldItem::Interface { id, .. } => {
                let interface = &wit.resolve.interfaces[*id];
                let WorldKey::Interface(_) = key else { return None };
                let class = pascal(interface.name.as_deref()?);
                classes.push_str(&scope.class(
                    &class,
                    &format!("exports.{class}"),
                    &mut interface.functions.values(),
                )?);
            }
            WorldItem::Type { .. } => {}
        }
    }
    if !plain.is_empty() {
        classes.push_str(&scope.class("WitWorld", "wit_world.WitWorld", &mut plain.into_iter())?);
    }
    let mut imports = String::new();
    if !scope.types.is_empty() {
        let names: Vec<&str> = scope.types.iter().copied().collect();
        imports.push_str(&format!("from componentize_py_types import {}\n", names.join(", ")));
    }
    if classes.contains("(wit_world.") {
        imports.push_str("import wit_world\n");
    }
    if classes.contains("(exports.") {
        imports.push_str("from wit_world import exports\n");
    }
    for side in ["exports", "imports"] {
        let modules: Vec<&str> =
            scope.modules.iter().filter(|(of, _)| *of == side).map(|(_, module)| module.as_str()).collect();
        if !modules.is_empty() {
            imports.push_str(&format!("from wit_world.{side} import {}\n", modules.join(", ")));
        }
    }
    let name = wit.world_name();
    Some(format!(
        "\"\"\"The tasks of {name}: a class for each interface of the WIT, with a method for each function.\"\"\"\n\n{imports}{classes}"
    ))
}

/// What the module has to import for the types that it names.
struct Scope<'w> {
    wit: &'w Wit,
    /// `exports` or `imports`, and the module there.
    modules: BTreeSet<(&'static str, String)>,
    /// Of `componentize_py_types`.
    types: BTreeSet<&'static str>,
}

impl Scope<'_> {
    fn class(&mut self, name: &str, base: &str, functions: &mut dyn Iterator<Item = &Function>) -> Option<String> {
        let mut out = format!("\n\nclass {name}({base}):\n");
        for (at, function) in functions.enumerate() {
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
        let mut parameters = "self".to_owned();
        for parameter in &function.params {
            parameters.push_str(&format!(", {}: {}", ident(&parameter.name), self.ty(&parameter.ty)?));
        }
        let result = match &function.result {
            None => "None".to_owned(),
            Some(ty) => self.returned(ty)?,
        };
        let (python, name) = (ident(&function.name), &function.name);
        Some(format!(
            "    {word} {python}({parameters}) -> {result}:\n        raise NotImplementedError(\"`{name}` is not written yet\")\n"
        ))
    }

    /// An err is raised, and no part of what a method returns.
    fn returned(&mut self, ty: &Type) -> Option<String> {
        if let Type::Id(id) = ty
            && let TypeDefKind::Result(result) = &self.wit.resolve.types[*id].kind
        {
            return result.ok.as_ref().map_or(Some("None".to_owned()), |ok| self.ty(ok));
        }
        self.ty(ty)
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
            Type::Id(id) => {
                let definition = &self.wit.resolve.types[*id];
                match (&definition.kind, &definition.name) {
                    (TypeDefKind::Type(ty), _) => self.ty(ty)?,
                    (
                        TypeDefKind::Record(_)
                        | TypeDefKind::Variant(_)
                        | TypeDefKind::Enum(_)
                        | TypeDefKind::Flags(_)
                        | TypeDefKind::Resource,
                        Some(name),
                    ) => self.named(name, definition.owner)?,
                    (kind, _) => self.unnamed(kind)?,
                }
            }
        })
    }

    fn named(&mut self, name: &str, owner: TypeOwner) -> Option<String> {
        let TypeOwner::Interface(id) = owner else { return None };
        let module = self.wit.resolve.interfaces[id].name.as_deref().map(snake)?;
        let side = if self.is_exported(id) { "exports" } else { "imports" };
        self.modules.insert((side, module.clone()));
        Some(format!("{module}.{}", pascal(name)))
    }

    fn is_exported(&self, id: InterfaceId) -> bool {
        let exports = &self.wit.resolve.worlds[self.wit.world].exports;
        exports.values().any(|item| matches!(item, WorldItem::Interface { id: exported, .. } if *exported == id))
    }

    fn unnamed(&mut self, kind: &TypeDefKind) -> Option<String> {
        Some(match kind {
            TypeDefKind::List(Type::U8) => "bytes".to_owned(),
            TypeDefKind::List(item) => format!("list[{}]", self.ty(item)?),
            TypeDefKind::Option(inner) if self.is_option(inner) => {
                self.types.insert("Some");
                format!("Some[{}] | None", self.ty(inner)?)
            }
            TypeDefKind::Option(inner) => format!("{} | None", self.ty(inner)?),
            TypeDefKind::Result(result) => {
                self.types.insert("Result");
                let mut side = |ty: &Option<Type>| ty.as_ref().map_or(Some("None".to_owned()), |ty| self.ty(ty));
                format!("Result[{}, {}]", side(&result.ok)?, side(&result.err)?)
            }
            TypeDefKind::Tuple(tuple) => {
                let items: Option<Vec<String>> = tuple.types.iter().map(|ty| self.ty(ty)).collect();
                format!("tuple[{}]", items?.join(", "))
            }
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => self.ty(&Type::Id(*id))?,
            _ => return None,
        })
    }

    fn is_option(&self, ty: &Type) -> bool {
        let Type::Id(id) = ty else { return false };
        match &self.wit.resolve.types[*id].kind {
            TypeDefKind::Option(_) => true,
            TypeDefKind::Type(ty) => self.is_option(ty),
            _ => false,
        }
    }
}

fn snake(name: &str) -> String {
    Names::of(&name.to_ascii_lowercase()).snake
}

fn pascal(name: &str) -> String {
    Names::of(&name.to_ascii_lowercase()).pascal
}

fn ident(name: &str) -> String {
    let snake = snake(name);
    if KEYWORDS.contains(&&*snake) { format!("{snake}_") } else { snake }
}
