//! `taskhost build`: a project's component, by the tools of its language.

use serde_json::json;
use taskhost_authoring::build::Built;
use taskhost_authoring::{Progress as _, Project};
use taskhost_model::ComponentSignature;
use taskhost_model::seams::Catalog as _;
use taskhost_model::task_run::Bytes;

use crate::args::authoring::BuildArgs;
use crate::commands;
use crate::commands::authoring::{self, Steps};
use crate::commands::run::or_as_json;
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::output::{self, DIM, STRONG, styled};
use crate::render;

pub(crate) fn run(args: &BuildArgs) -> Result<Exit, CliError> {
    let voice = args.voice.voice();
    interrupt::work(|| match args.making.watch {
        true => authoring::watched(&args.folder, voice, |project| once(args, project)),
        false => or_as_json(
            args.json,
            Project::find(&args.folder).map_err(CliError::from).and_then(|project| once(args, &project)),
        ),
    })
}

fn once(args: &BuildArgs, project: &Project) -> Result<Exit, CliError> {
    let steps = Steps::new(args.voice.voice());
    let made = make(args, project, &steps);
    steps.finish();
    let (built, signature) = made?;
    output::stdout(&match args.json {
        true => format!("{:#}\n", json_of(project, &built, &signature)),
        false => text(project, &built, &signature),
    })?;
    Ok(Exit::Fine)
}

fn make(
    args: &BuildArgs,
    project: &Project,
    steps: &Steps,
) -> Result<(Built, std::sync::Arc<ComponentSignature>), CliError> {
    let built = authoring::built(project, &args.making, steps)?;
    // Compiled now, so that the first call need not wait, and a component that cannot be used is known here.
    if built.has_changed {
        steps.step("compiling for the sandbox");
    }
    let host = commands::host_to_look(&args.host)?;
    let signature = host.sandbox().signature(&built.component).map_err(|error| {
        let component = authoring::component_shown(project);
        CliError::rejected(format!("component `{component}` {}", error.message), error.help)
    })?;
    Ok((built, signature))
}

fn text(project: &Project, built: &Built, signature: &ComponentSignature) -> String {
    let state = match built.has_changed {
        true => render::duration(built.took),
        false => "up to date".to_owned(),
    };
    let component = authoring::component_shown(project);
    let mut out = format!("{}  {}  {}\n", styled(STRONG, &component), Bytes(built.size_bytes), styled(DIM, state));
    for task in &signature.tasks {
        out.push_str(&format!("  {}\n", render::signature::line(task)));
    }
    out
}

fn json_of(project: &Project, built: &Built, signature: &ComponentSignature) -> serde_json::Value {
    json!({
        "state": "built",
        "component": authoring::component_shown(project),
        "digest": signature.digest.to_string(),
        "size-bytes": built.size_bytes,
        "has-changed": built.has_changed,
        "wall-time-seconds": built.took.as_secs_f64(),
        "tasks": signature.tasks.iter().map(|task| task.function.to_string()).collect::<Vec<_>>(),
    })
}
