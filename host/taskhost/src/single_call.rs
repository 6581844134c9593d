//! A flow of one task around one function: what `taskhost call` runs.

use std::path::Path;
use std::sync::Arc;

use taskhost_flow::written::{Action, ComponentWritten, Expression, ParameterWritten, Spanned, TaskWritten};
use taskhost_flow::{Diagnostics, FlowFile};
use taskhost_model::{ComponentSignature, TaskSignature, ValueType};

use crate::call_settings::SettingsWritten;

/// What the one task is called, unless a parameter is called so.
pub(crate) const TASK: &str = "call";
pub(crate) const TASK_INSTEAD: &str = "the-call";

/// The component that it calls.
pub(crate) const COMPONENT: &str = "component";

/// The flow that calls `function`, with a parameter for each of the function's that is given or has to be.
pub(crate) fn flow(
    component: &Path,
    signature: &ComponentSignature,
    function: &str,
    given: &[&str],
    settings: &SettingsWritten,
) -> Result<FlowFile, Diagnostics> {
    let mut file = settings.parse()?;
    file.name = Some("call".into());
    file.components = vec![ComponentWritten { name: COMPONENT.into(), path: Spanned::new(component) }];
    // Tasks and parameters share their names.
    let task_name = if given.contains(&TASK) { TASK_INSTEAD } else { TASK };
    let call: Arc<str> = format!("{COMPONENT}.{function}").into();
    let action = Action::Call(Spanned::new(call));
    let mut task = match file.tasks.pop() {
        Some(written) => TaskWritten { name: task_name.into(), action, ..written },
        None => TaskWritten::new(task_name, action),
    };
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
    Ok(file)
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
