//! `--refresh TASK`: which tasks are carried out anew. A path as `taskhost runs show` tells it, or a name that means all of that name.

use taskhost_flow::Flow;
use taskhost_model::task_pattern::TaskPattern;

use crate::error::CliError;
use crate::output::visible;
use crate::render::hints;
use crate::tasks;

/// What was named; an error if a flow has no such task.
pub(super) fn named(texts: &[String], flow: &Flow) -> Result<Vec<String>, CliError> {
    texts.iter().try_for_each(|text| is_there(text, flow))?;
    Ok(texts.to_vec())
}

fn is_there(text: &str, flow: &Flow) -> Result<(), CliError> {
    let Some(pattern) = TaskPattern::parse(text) else {
        let help = "name one as in `clean`, `clean[3]`, `months/clean` or `months[*]/clean`";
        return Err(CliError::usage(format!("`{}` names no task", visible(text)), help));
    };
    if let (1, Some((name, _))) = (pattern.parts().len(), pattern.parts().next()) {
        return is_anywhere(name, flow);
    }
    let (mut inner, mut around) = (Some(flow), String::new());
    for (name, index) in pattern.parts() {
        let unknown = |help: String| {
            let message = format!("flow `{}` has no task `{}`", flow.name, visible(text));
            Err(CliError::usage(message, help))
        };
        let Some(here) = inner else {
            return unknown(format!("`{}` runs no flow, so there is nothing below it", around.trim_end_matches('/')));
        };
        let Some(task) = here.tasks.iter().find(|task| &*task.name == name) else {
            let near = hints::nearest(name, here.tasks.iter().map(|task| &*task.name));
            return unknown(match near {
                Some(near) => format!("did you mean `{around}{near}`?"),
                None => "name a task of the flow or of a subflow".to_owned(),
            });
        };
        if index.is_some_and(|index| index > 0) && !task.is_mapped() {
            return unknown(format!("`{around}{name}` is not mapped: it has no index"));
        }
        inner = tasks::subflow(task);
        around.push_str(name);
        around.push('/');
    }
    Ok(())
}

/// A name may be that of a task of the flow or of any subflow.
fn is_anywhere(name: &str, flow: &Flow) -> Result<(), CliError> {
    let mut names: Vec<&str> = Vec::new();
    let mut flows = vec![flow];
    let mut at = 0;
    while let Some(flow) = flows.get(at).copied() {
        for task in &flow.tasks {
            names.push(&task.name);
            if let Some(inner) = tasks::subflow(task)
                && !flows.iter().any(|known| std::ptr::eq(*known, inner))
            {
                flows.push(inner);
            }
        }
        at += 1;
    }
    if names.contains(&name) {
        return Ok(());
    }
    let near = hints::nearest(name, names.iter().copied());
    let help =
        near.map_or("name a task of the flow or of a subflow".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(CliError::usage(format!("flow `{}` has no task `{}`", flow.name, visible(name)), help))
}
