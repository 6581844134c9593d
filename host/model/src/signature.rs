//! What a component offers as tasks, and what it asks of the host: the answer of the [`Catalog`](crate::seams::Catalog).

use std::sync::Arc;

use crate::digest::Digest;
use crate::types::ValueType;

/// A component as the flow check sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ComponentSignature {
    /// Identity of the bytes.
    pub digest: Digest,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// Its tasks, in the order of the component's exports.
    pub tasks: Vec<TaskSignature>,
    /// Exported functions that cannot be tasks, each with the reason.
    pub unusable: Vec<(Arc<str>, String)>,
    /// Interfaces that it imports, such as `wasi:cli/stdout@0.2.6`, with the functions that it uses of each.
    pub imports: Vec<ImportedInterface>,
}

/// An interface that a component imports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedInterface {
    /// Name with package and version, as in WIT.
    pub name: Arc<str>,
    /// The functions of it that the component imports.
    pub functions: Vec<Arc<str>>,
}

/// A function of a component that a flow may call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskSignature {
    /// The exported interface that holds the function, such as `demo:numbers/tasks@0.1.0`; none for a plain exported function.
    pub interface: Option<Arc<str>>,
    /// The function's name, kebab-case.
    pub function: Arc<str>,
    /// Names and types, in order.
    pub parameters: Vec<(Arc<str>, ValueType)>,
    /// What the function returns; none if it returns nothing.
    pub result: Option<ValueType>,
    /// Its doc comment, if the component carries its WIT.
    pub docs: Option<String>,
}

impl TaskSignature {
    /// The interface's own name without package and version (`tasks`), as it may stand in a flow's `call`.
    pub fn interface_short(&self) -> Option<&str> {
        let whole = self.interface.as_deref()?;
        let without_version = whole.split_once('@').map_or(whole, |(name, _)| name);
        Some(without_version.rsplit_once('/').map_or(without_version, |(_, name)| name))
    }

    /// What travels on when the function succeeds: `T` of `result<T, E>`, else the result; the empty tuple if there is none.
    pub fn success_type(&self) -> ValueType {
        let empty = || ValueType::tuple([]);
        match &self.result {
            None => empty(),
            Some(ValueType::Result { ok, .. }) => ok.as_ref().map_or_else(empty, |ok| (**ok).clone()),
            Some(ty) => ty.clone(),
        }
    }

    /// Whether the function returns a `result`, so that its `err` fails the task.
    pub fn is_fallible(&self) -> bool {
        matches!(self.result, Some(ValueType::Result { .. }))
    }
}
