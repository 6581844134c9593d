//! `src/lib.rs` for a WIT of the author's own: a function without a body for each function, with the types that `world!` gives it.

use wit_bindgen_core::name_package_module;
use wit_bindgen_core::wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeOwner, WorldItem, WorldKey,
};

use crate::template::Names;
use crate::wit::Wit;

/// Words that the generator writes with a `_` behind them.
const KEYWORDS: [&str; 51] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while", "abstract", "become", "box", "do",
    "final", "gen", "macro", "override", "priv", "try", "typeof", "unsized", "virtual", "yield",
];

/// The interfaces of `taskhost:task` whose types are those of the SDK.
const CONTRACT: &str = "taskhost:task/";

/// The whole file; none for what is not written down here: resources of one's own, streams, futures.
pub(super) fn library(wit: &Wit) -> Option<String> {
    let world = &wit.resolve.worlds[wit.world];
    let mut modules = Vec::new();
    let mut impls = String::new();
    let name = Names::of(&wit.world_name().to_ascii_lowercase()).pascal;
    let plain: Vec<&Function> = world
        .exports
        .values()
        .filter_map(|item| match item {
            WorldItem::Function(function) => Some(function),
            _ => None,
        })
        .collect();
    if !plain.is_empty() {
        impls.push_str(&implementation(wit, "Guest", &name, &plain, None)?);
    }
    for (key, item) in &world.exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        let functions: Vec<&Function> = wit.resolve.interfaces[*id].functions.values().collect();
        let path = module(&wit.resolve, key, *id)?;
        let (_, short) = path.rsplit_once("::").unwrap_or(("", &path));
        let implemented = implementation(wit, &format!("{short}::Guest"), &name, &functions, Some((*id, short)))?;
        impls.push_str(&implemented);
        modules.push(path);
    }
    let uses: String = modules.iter().map(|path| format!("use exports::{path};\n")).collect();
    let world_name = wit.world_name();
    Some(format!(
        "//! The tasks of {world_name}.\n\n{uses}{}taskhost_task::world!({{ world: \"{world_name}\" }});\n\nstruct {name};\n\n{impls}\
         export!({name});\n",
        if uses.is_empty() { "" } else { "\n" }
    ))
}

/// Where the bindings of an exported interface are, below `exports`.
fn module(resolve: &Resolve, key: &WorldKey, id: InterfaceId) -> Option<String> {
    Some(match key {
        WorldKey::Name(name) => ident(name),
        WorldKey::Interface(_) => {
            let interface = &resolve.interfaces[id];
            let package = interface.package?;
            let name = &resolve.packages[package].name;
            let module = name_package_module(resolve, package);
            format!(
                "{}::{}::{}",
                ident(&name.namespace),
                ident(&module.replace('_', "-")),
                ident(interface.name.as_deref()?)
            )
        }
    })
}

fn implementation(
    wit: &Wit,
    of: &str,
    name: &str,
    functions: &[&Function],
    inside: Option<(InterfaceId, &str)>,
) -> Option<String> {
    let scope = Scope { wit, inside };
    let mut out = format!("impl {of} for {name} {{\n");
    for (at, function) in functions.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&scope.function(function)?);
    }
    Some(out + "}\n\n")
}

/// Where a type is named.
struct Scope<'w> {
    wit: &'w Wit,
    /// The interface that is implemented, with the name of its module here.
    inside: Option<(InterfaceId, &'w str)>,
}

impl Scope<'_> {
    fn function(&self, function: &Function) -> Option<String> {
        let word = match function.kind {
            FunctionKind::Freestanding => "fn",
            FunctionKind::AsyncFreestanding => "async fn",
            _ => return None,
        };
        let mut parameters = Vec::new();
        for parameter in &function.params {
            parameters.push(format!("{}: {}", ident(&parameter.name), self.ty(&parameter.ty)?));
        }
        let result = match &function.result {
            Some(ty) => format!(" -> {}", self.ty(ty)?),
            None => String::new(),
        };
        // Named in the message, so that the compiler does not find them unused.
        let given = function.params.iter().map(|parameter| format!("{{{}:?}}", ident(&parameter.name)));
        let given = given.collect::<Vec<_>>().join(", ");
        let name = ident(&function.name);
        Some(format!(
            "    {word} {name}({}){result} {{\n        todo!(\"{}({given})\")\n    }}\n",
            parameters.join(", "),
            function.name
        ))
    }

    fn ty(&self, ty: &Type) -> Option<String> {
        Some(match ty {
            Type::Bool => "bool".to_owned(),
            Type::U8 => "u8".to_owned(),
            Type::U16 => "u16".to_owned(),
            Type::U32 => "u32".to_owned(),
            Type::U64 => "u64".to_owned(),
            Type::S8 => "i8".to_owned(),
            Type::S16 => "i16".to_owned(),
            Type::S32 => "i32".to_owned(),
            Type::S64 => "i64".to_owned(),
            Type::F32 => "f32".to_owned(),
            Type::F64 => "f64".to_owned(),
            Type::Char => "char".to_owned(),
            Type::String => "String".to_owned(),
            Type::ErrorContext => return None,
            Type::Id(id) => {
                let definition = &self.wit.resolve.types[*id];
                match &definition.name {
                    Some(name) => self.named(name, definition.owner, &definition.kind)?,
                    None => self.unnamed(&definition.kind)?,
                }
            }
        })
    }

    fn named(&self, name: &str, owner: TypeOwner, kind: &TypeDefKind) -> Option<String> {
        let rust = Names::of(&name.to_ascii_lowercase()).pascal;
        match owner {
            // Of the interface that is implemented, or used in it: the generator gives both names there.
            TypeOwner::Interface(id) if self.inside.is_some_and(|(inside, _)| inside == id) => {
                if matches!(kind, TypeDefKind::Resource) {
                    return None;
                }
                let (_, module) = self.inside?;
                Some(format!("{module}::{rust}"))
            }
            TypeOwner::World(_) => Some(rust),
            TypeOwner::Interface(id) => {
                let whole = self.wit.resolve.id_of(id)?;
                whole.starts_with(CONTRACT).then(|| format!("taskhost_task::{rust}"))
            }
            TypeOwner::None => None,
        }
    }

    fn unnamed(&self, kind: &TypeDefKind) -> Option<String> {
        Some(match kind {
            TypeDefKind::List(item) => format!("Vec<{}>", self.ty(item)?),
            TypeDefKind::Option(inner) => format!("Option<{}>", self.ty(inner)?),
            TypeDefKind::Result(result) => {
                let side = |ty: &Option<Type>| ty.as_ref().map_or(Some("()".to_owned()), |ty| self.ty(ty));
                format!("Result<{}, {}>", side(&result.ok)?, side(&result.err)?)
            }
            TypeDefKind::Tuple(tuple) => {
                let mut items = String::new();
                for ty in &tuple.types {
                    items.push_str(&self.ty(ty)?);
                    items.push_str(", ");
                }
                format!("({})", if tuple.types.len() > 1 { items.trim_end_matches(", ") } else { items.trim_end() })
            }
            TypeDefKind::Handle(Handle::Own(id)) => self.ty(&Type::Id(*id))?,
            TypeDefKind::Handle(Handle::Borrow(id)) => format!("&{}", self.ty(&Type::Id(*id))?),
            _ => return None,
        })
    }
}

/// A name as the generator writes it.
fn ident(name: &str) -> String {
    let snake = Names::of(&name.to_ascii_lowercase()).snake;
    if KEYWORDS.contains(&&*snake) { format!("{snake}_") } else { snake }
}
