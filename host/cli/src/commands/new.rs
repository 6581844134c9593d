//! `taskhost new`: a project with a first task.

use serde_json::json;
use taskhost_authoring::new::{Created, New, create};

use crate::args::authoring::NewArgs;
use crate::commands::run::or_as_json;
use crate::error::{CliError, Exit};
use crate::output::{self, HELP, STRONG, styled, visible};

pub(crate) fn run(args: &NewArgs) -> Result<Exit, CliError> {
    or_as_json(args.json, make(args))
}

fn make(args: &NewArgs) -> Result<Exit, CliError> {
    let new = New { folder: &args.folder, language: args.lang.0, from: args.from.as_deref() };
    let created = create(&new)?;
    output::stdout(&match args.json {
        true => format!("{:#}\n", json_of(args, &created)),
        false => text(args, &created),
    })?;
    Ok(Exit::Fine)
}

fn text(args: &NewArgs, created: &Created) -> String {
    let folder = args.folder.display().to_string();
    let name = &created.project.name;
    let title = styled(STRONG, visible(&folder));
    let mut out = format!("{title}  a component in {}\n", args.lang.0.title());
    for note in &created.notes {
        out.push_str(&format!("{} {}\n", styled(HELP, "note:"), visible(note)));
    }
    let call = match args.from {
        None => format!("taskhost call components/{name}.wasm greet person='{{\"name\":\"Ada\"}}'"),
        Some(_) => format!("taskhost inspect components/{name}.wasm"),
    };
    let enter = if folder == "." { String::new() } else { format!("  cd {}\n", visible(&folder)) };
    out.push_str(&format!("\nnext, as in README.md:\n{enter}  taskhost build --install\n  taskhost test\n  {call}\n"));
    out
}

fn json_of(args: &NewArgs, created: &Created) -> serde_json::Value {
    json!({
        "state": "made",
        "folder": args.folder,
        "name": &*created.project.name,
        "language": args.lang.0.name(),
        "files": created.files,
        "notes": created.notes,
    })
}
