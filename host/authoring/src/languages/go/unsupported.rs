//! What the WIT may say and Go's bindings cannot: told by its name, before a compiler tells it in its own words.

use wit_bindgen_core::wit_parser::{Function, Resolve, Type, TypeDefKind, WorldId, WorldItem};

/// The first thing of that kind, if there is one.
pub(super) fn find(resolve: &Resolve, id: WorldId) -> Option<String> {
    let world = &resolve.worlds[id];
    let exports = world.exports.values().map(|item| (item, true));
    exports.chain(world.imports.values().map(|item| (item, false))).find_map(|(item, is_export)| match item {
        WorldItem::Function(function) => in_function(resolve, function),
        WorldItem::Interface { id, .. } => {
            let interface = &resolve.interfaces[*id];
            let resource = interface.types.iter().find(|(_, ty)| {
                let definition = &resolve.types[**ty];
                is_export && matches!(definition.kind, TypeDefKind::Resource)
            });
            match resource {
                Some((name, _)) => Some(format!("`{name}` is a resource of the component's own")),
                None => interface.functions.values().find_map(|function| in_function(resolve, function)),
            }
        }
        WorldItem::Type { .. } => None,
    })
}

fn in_function(resolve: &Resolve, function: &Function) -> Option<String> {
    if function.kind.is_async() {
        return Some(format!("`{}` is asynchronous", function.name));
    }
    let types = function.params.iter().map(|parameter| &parameter.ty).chain(&function.result);
    let what = types.filter_map(|ty| in_type(resolve, ty)).next()?;
    Some(format!("`{}` has {what}", function.name))
}

fn in_type(resolve: &Resolve, ty: &Type) -> Option<&'static str> {
    let Type::Id(id) = ty else { return matches!(ty, Type::ErrorContext).then_some("an error context") };
    let of = |ty: &Type| in_type(resolve, ty);
    match &resolve.types[*id].kind {
        TypeDefKind::Stream(_) => Some("a stream"),
        TypeDefKind::Future(_) => Some("a future"),
        TypeDefKind::FixedLengthList(..) => Some("a list of a fixed length"),
        TypeDefKind::Map(..) => Some("a map"),
        TypeDefKind::Tuple(tuple) if tuple.types.len() > 16 => Some("a tuple of more than 16"),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().find_map(of),
        TypeDefKind::Type(inner) | TypeDefKind::Option(inner) | TypeDefKind::List(inner) => of(inner),
        TypeDefKind::Record(record) => record.fields.iter().find_map(|field| of(&field.ty)),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty.as_ref()).find_map(of),
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).find_map(of),
        _ => None,
    }
}
