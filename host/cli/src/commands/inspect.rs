//! `taskhost inspect`: what a component offers and asks for.

use serde_json::{Value as Json, json};
use taskhost::Inspection;
use taskhost_model::task_run::Bytes;
use taskhost_model::{ComponentSignature, TaskSignature};

use crate::args::InspectArgs;
use crate::commands::{self, compiling};
use crate::error::{CliError, Exit};
use crate::file;
use crate::output::{self, DIM, STRONG, styled, visible};
use crate::progress::Voice;
use crate::render::{powers, signature};

pub(crate) fn run(args: &InspectArgs) -> Result<Exit, CliError> {
    file::is_there(&args.component)?;
    let host = commands::host_to_look(&args.host)?;
    compiling::tell(&host, Voice::Normal);
    let inspection = host.inspect(&args.component).map_err(|error| {
        CliError::rejected(format!("component `{}` {}", args.component.display(), error.message), error.help)
    })?;
    output::stdout(&match args.json {
        true => format!("{:#}\n", json_of(&inspection)),
        false => text(&args.component.display().to_string(), &inspection, args.verbose),
    })?;
    Ok(Exit::Fine)
}

fn text(path: &str, inspection: &Inspection, is_verbose: bool) -> String {
    let component = &inspection.signature;
    let mut out = format!("{}  {}\n", styled(STRONG, path), styled(DIM, Bytes(component.size_bytes)));
    out.push_str(&format!("digest     {}\nsignature  none\n", component.digest));
    if is_verbose {
        out.push_str(&format!("calls      {}\n", inspection.lane));
    }
    out.push_str(&tasks(component));
    out.push_str(&format!("\n{}\n", styled(STRONG, "asks for")));
    out.push_str(&asks_for(component, is_verbose));
    out
}

/// Tasks below their interfaces, with their doc comments.
fn tasks(component: &ComponentSignature) -> String {
    let mut out = String::new();
    let mut interface = None;
    for task in &component.tasks {
        if interface != Some(&task.interface) {
            interface = Some(&task.interface);
            let name = task.interface.as_deref().unwrap_or("functions outside interfaces");
            out.push_str(&format!("\n{}\n", styled(STRONG, name)));
        }
        for line in task.docs.iter().flat_map(|docs| docs.lines()) {
            out.push_str(&format!("  {}\n", styled(DIM, format!("/// {}", visible(line)).trim_end())));
        }
        out.push_str(&format!("  {}\n", signature::line(task)));
    }
    if component.tasks.is_empty() {
        out.push_str("\nno tasks: it exports no function that can be called\n");
    }
    if !component.unusable.is_empty() {
        out.push_str(&format!("\n{}\n", styled(STRONG, "not callable")));
    }
    for (name, reason) in &component.unusable {
        out.push_str(&format!("  {name}: {reason}\n"));
    }
    out
}

fn asks_for(component: &ComponentSignature, is_verbose: bool) -> String {
    let mut out = powers::of_component(&component.imports);
    if is_verbose && !component.imports.is_empty() {
        out.push_str(&format!("\n{}\n", styled(STRONG, "imports")));
        for interface in &component.imports {
            let functions: Vec<&str> = interface.functions.iter().map(|function| &**function).collect();
            out.push_str(&format!("  {}  {}\n", interface.name, styled(DIM, functions.join(", "))));
        }
    }
    out
}

fn json_of(inspection: &Inspection) -> Json {
    let component = &inspection.signature;
    let imports: Vec<Json> = component
        .imports
        .iter()
        .map(|interface| {
            let functions: Vec<&str> = interface.functions.iter().map(|function| &**function).collect();
            json!({ "interface": &*interface.name, "functions": functions })
        })
        .collect();
    let unusable: Vec<Json> =
        component.unusable.iter().map(|(name, reason)| json!({ "function": &**name, "reason": reason })).collect();
    let mut json = json!({
        "digest": component.digest.to_string(),
        "size-bytes": component.size_bytes,
        "signature": null,
        "tasks": component.tasks.iter().map(task_json).collect::<Vec<_>>(),
        "unusable": unusable,
        "imports": imports,
    });
    if let (Json::Object(all), Json::Object(powers)) = (&mut json, powers::component_json(&component.imports)) {
        all.extend(powers);
    }
    json
}

fn task_json(task: &TaskSignature) -> Json {
    let parameters: Vec<Json> =
        task.parameters.iter().map(|(name, ty)| json!({ "name": &**name, "type": ty.to_string() })).collect();
    json!({
        "interface": task.interface.as_deref(),
        "function": &*task.function,
        "parameters": parameters,
        "result": task.result.as_ref().map(ToString::to_string),
        "docs": task.docs,
    })
}
