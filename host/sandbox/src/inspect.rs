//! What a component offers and asks for: from wasmtime's reflection to [`ComponentSignature`].

use std::sync::Arc;

use taskhost_model::signature::ImportedInterface;
use taskhost_model::{Case, ComponentSignature, Digest, Field, TaskSignature, ValueType};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::ResourceType;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

use crate::capability::blobs;

/// What toolchains leak beside an author's own: QuickJS a function, Python an interface with a function of that name.
const LEAKED_FUNCTION: &str = "init";
const LEAKED_INTERFACE: &str = "exports";

/// The signature, without doc comments.
pub(crate) fn signature(engine: &Engine, component: &Component, digest: Digest, size_bytes: u64) -> ComponentSignature {
    let ty = component.component_type();
    let blob = blob_type(engine, component);
    let mut signature =
        ComponentSignature { digest, size_bytes, tasks: Vec::new(), unusable: Vec::new(), imports: Vec::new() };
    for (name, export) in ty.exports(engine) {
        match &export.ty {
            ComponentItem::ComponentFunc(func) if name != LEAKED_FUNCTION => {
                add(&mut signature, None, name, func, blob)
            }
            ComponentItem::ComponentInstance(instance) if !name.starts_with("wasi:") => {
                for (function, export) in instance.exports(engine) {
                    if (name, function) == (LEAKED_INTERFACE, LEAKED_FUNCTION) {
                        continue;
                    }
                    if let ComponentItem::ComponentFunc(func) = &export.ty {
                        add(&mut signature, Some(name), function, func, blob);
                    }
                }
            }
            _ => {}
        }
    }
    signature.imports = imports(engine, component);
    signature
}

/// Interfaces that the component imports, with the functions that it uses of each. One of types alone asks for nothing.
fn imports(engine: &Engine, component: &Component) -> Vec<ImportedInterface> {
    component
        .component_type()
        .imports(engine)
        .filter(|(_, import)| !is_of_types(engine, &import.ty))
        .map(|(name, import)| {
            let functions = match &import.ty {
                ComponentItem::ComponentInstance(instance) => instance
                    .exports(engine)
                    .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                    .map(|(function, _)| function.into())
                    .collect(),
                _ => Vec::new(),
            };
            ImportedInterface { name: name.into(), functions }
        })
        .collect()
}

fn is_of_types(engine: &Engine, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::Type(_) => true,
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
        }
        _ => false,
    }
}

/// Whether any exported or imported function is async (WASI 0.3): such a component needs the concurrent engine.
pub(crate) fn is_async(engine: &Engine, component: &Component) -> bool {
    fn any(engine: &Engine, item: &ComponentItem) -> bool {
        match item {
            ComponentItem::ComponentFunc(func) => func.async_(),
            ComponentItem::ComponentInstance(instance) => {
                instance.exports(engine).any(|(_, item)| any(engine, &item.ty))
            }
            _ => false,
        }
    }
    let ty = component.component_type();
    ty.exports(engine).any(|(_, item)| any(engine, &item.ty))
        || ty.imports(engine).any(|(_, item)| any(engine, &item.ty))
}

/// Whether this exported function is async.
pub(crate) fn is_async_function(
    engine: &Engine,
    component: &Component,
    interface: Option<&str>,
    function: &str,
) -> bool {
    let is_async = |item: ComponentItem| matches!(item, ComponentItem::ComponentFunc(func) if func.async_());
    let ty = component.component_type();
    match interface.map(|interface| ty.get_export(engine, interface).map(|export| export.ty)) {
        None => ty.get_export(engine, function).is_some_and(|export| is_async(export.ty)),
        Some(Some(ComponentItem::ComponentInstance(instance))) => {
            instance.get_export(engine, function).is_some_and(|export| is_async(export.ty))
        }
        Some(_) => false,
    }
}

/// The resource that a blob is to this component.
fn blob_type(engine: &Engine, component: &Component) -> Option<ResourceType> {
    let ty = component.component_type();
    let mut imports = ty.imports(engine).filter(|(name, _)| blobs::is_interface(name));
    imports.find_map(|(_, import)| match import.ty {
        ComponentItem::ComponentInstance(instance) => match instance.get_export(engine, "blob")?.ty {
            ComponentItem::Resource(ty) => Some(ty),
            _ => None,
        },
        _ => None,
    })
}

fn add(
    signature: &mut ComponentSignature,
    interface: Option<&str>,
    function: &str,
    func: &ComponentFunc,
    blob: Option<ResourceType>,
) {
    // Methods, constructors and the like belong to resources.
    if function.starts_with('[') {
        return;
    }
    match task(interface, function, func, blob) {
        Ok(task) => signature.tasks.push(task),
        Err(reason) => {
            let name = interface.map_or_else(|| function.to_owned(), |interface| format!("{interface}.{function}"));
            signature.unusable.push((name.into(), reason));
        }
    }
}

fn task(
    interface: Option<&str>,
    function: &str,
    func: &ComponentFunc,
    blob: Option<ResourceType>,
) -> Result<TaskSignature, String> {
    let parameters = func
        .params()
        .map(|(name, ty)| {
            value_type(&ty, blob)
                .map(|ty| (Arc::from(name), ty))
                .map_err(|what| format!("its parameter `{name}` is {what}"))
        })
        .collect::<Result<_, _>>()?;
    let mut results = func.results();
    let result =
        results.next().map(|ty| value_type(&ty, blob)).transpose().map_err(|what| format!("its result is {what}"))?;
    Ok(TaskSignature { interface: interface.map(Arc::from), function: function.into(), parameters, result, docs: None })
}

/// Our type for wasmtime's, or what it is that cannot travel between tasks.
fn value_type(ty: &Type, blob: Option<ResourceType>) -> Result<ValueType, &'static str> {
    Ok(match ty {
        Type::Bool => ValueType::Bool,
        Type::S8 => ValueType::S8,
        Type::U8 => ValueType::U8,
        Type::S16 => ValueType::S16,
        Type::U16 => ValueType::U16,
        Type::S32 => ValueType::S32,
        Type::U32 => ValueType::U32,
        Type::S64 => ValueType::S64,
        Type::U64 => ValueType::U64,
        Type::Float32 => ValueType::F32,
        Type::Float64 => ValueType::F64,
        Type::Char => ValueType::Char,
        Type::String => ValueType::String,
        Type::List(list) => ValueType::list(value_type(&list.ty(), blob)?),
        Type::Option(option) => ValueType::option(value_type(&option.ty(), blob)?),
        Type::Tuple(tuple) => {
            ValueType::Tuple(tuple.types().map(|ty| value_type(&ty, blob)).collect::<Result<_, _>>()?)
        }
        Type::Record(record) => ValueType::Record(
            record
                .fields()
                .map(|field| Ok(Field { name: field.name.into(), ty: value_type(&field.ty, blob)? }))
                .collect::<Result<_, &'static str>>()?,
        ),
        Type::Variant(variant) => ValueType::Variant(
            variant
                .cases()
                .map(|case| {
                    let ty = case.ty.as_ref().map(|ty| value_type(ty, blob)).transpose()?;
                    Ok(Case { name: case.name.into(), ty })
                })
                .collect::<Result<_, &'static str>>()?,
        ),
        Type::Enum(cases) => ValueType::Enum(cases.names().map(Arc::from).collect()),
        Type::Flags(flags) if flags.names().len() <= 32 => ValueType::Flags(flags.names().map(Arc::from).collect()),
        Type::Result(result) => {
            let side = |ty: Option<Type>| ty.as_ref().map(|ty| value_type(ty, blob)).transpose();
            ValueType::result(side(result.ok())?, side(result.err())?)
        }
        Type::Own(resource) | Type::Borrow(resource) if Some(*resource) == blob => ValueType::Blob,
        Type::Own(_) | Type::Borrow(_) => return Err("a resource, which lives in one instance only"),
        Type::Future(_) | Type::Stream(_) => return Err("a stream or future, which lives in one instance only"),
        Type::Flags(_) => return Err("a set of more than 32 flags"),
        _ => return Err("of a type that this version does not know"),
    })
}
