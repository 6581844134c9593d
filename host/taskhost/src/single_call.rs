//! A flow of one task around one function: what `taskhost call` runs.

use std::path::Path;
use std::sync::Arc;

use taskhost_flow::written::{Action, ComponentWritten, Expression, ParameterWritten, Spanned, TaskWritten};
use taskhost_flow::{FlowFile, FlowSource};
use taskhost_model::{ComponentSignature, TaskSignature, ValueType};

/// The flow that calls `function`, with a parameter for each of the function's that is given or has to be.
pub(crate) fn flow(component: &Path, signature: &ComponentSignature, function: &str, given: &[&str]) -> FlowFile {
    let file_name = component.file_name().map_or(component, Path::new);
    let mut file = FlowFile::new(Arc::new(FlowSource::new(component, "")));
    file.name = Some("call".into());
    file.components = vec![ComponentWritten { name: "component".into(), path: Spanned::new(file_name) }];
    let task_name = if given.contains(&"call") { "the-call" } else { "call" };
    let call: Arc<str> = format!("component.{function}").into();
    let mut task = TaskWritten::new(task_name, Action::Call(Spanned::new(call)));
    for (name, ty) in find(signature, function).into_iter().flat_map(|task| &task.parameters) {
        if given.contains(&&**name) || !matches!(ty, ValueType::Option(_)) {
            let mut parameter = ParameterWritten::new(&**name);
            parameter.ty = Some(Spanned::new(ty.clone()));
            file.parameters.push(parameter);
            task.with.push(((&**name).into(), Expression::reference(name.clone())));
        }
    }
    file.tasks = vec![task];
    file.outputs = vec![("result".into(), Expression::reference(task_name))];
    file
}

/// The function that is meant, if it is clear; if not, the check says what is wrong.
fn find<'a>(signature: &'a ComponentSignature, function: &str) -> Option<&'a TaskSignature> {
    let (interface, name) = match function.rsplit_once('.') {
        Some((interface, name)) => (Some(interface), name),
        None => (None, function),
    };
    let mut found = signature
        .tasks
        .iter()
        .filter(|task| &*task.function == name && (interface.is_none() || task.interface_short() == interface));
    found.next().filter(|_| found.next().is_none())
}
