//! Functions of components as lines of WIT.

use taskhost_model::TaskSignature;

/// `random-num: func(stop: u32) -> result<u32, string>`.
pub(crate) fn line(task: &TaskSignature) -> String {
    let parameters: Vec<String> = task.parameters.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
    let result = task.result.as_ref().map_or(String::new(), |ty| format!(" -> {ty}"));
    format!("{}: func({}){result}", task.function, parameters.join(", "))
}
