//! `taskhost check`: every mistake of a flow, or what would run and what each task may touch.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use taskhost_flow::flow::{ComponentUse, OnFailure, Parameter, RunnerChoice};
use taskhost_flow::{Diagnostics, Flow, Task, TaskKind};
use taskhost_model::task_run::Bytes;
use taskhost_model::{ValueType, json};

use crate::args::CheckArgs;
use crate::commands::{self, compiling, read};
use crate::error::{CliError, Exit};
use crate::output::{self, DIM, GOOD, STRONG, styled, visible};
use crate::progress::Voice;
use crate::render::{self, powers, settings};

/// Most lines of a list: a flow may have 100,000 tasks.
const SHOWN_MAX: usize = 60;

pub(crate) fn run(args: &CheckArgs) -> Result<Exit, CliError> {
    let host = commands::host_to_look(&args.host)?;
    compiling::tell(&host, Voice::Normal);
    let checked = read::flow_file(&args.flow).and_then(|file| Ok(host.check_file(file)?));
    match (checked, args.json) {
        (Ok(checked), false) => {
            output::stderr(&render::diagnostics::text(&checked.notes));
            output::stdout(&text(&args.flow.display().to_string(), &checked.flow))?;
            Ok(Exit::Fine)
        }
        (Ok(checked), true) => {
            output::stdout(&format!("{:#}\n", json_of(&checked.notes, Some(&checked.flow))))?;
            Ok(Exit::Fine)
        }
        (Err(CliError::Diagnostics(mistakes)), true) => {
            output::stdout(&format!("{:#}\n", json_of(&mistakes, None)))?;
            Ok(Exit::Rejected)
        }
        (Err(error), true) => {
            if let Some(mistakes) = error.mistakes_json() {
                output::stdout(&format!("{:#}\n", json!({ "ok": false, "mistakes": mistakes, "flow": null })))?;
            }
            Err(error)
        }
        (Err(error), false) => Err(error),
    }
}

/// Everything for programs; a flow with mistakes is none.
fn json_of(mistakes: &Diagnostics, flow: Option<&Flow>) -> Json {
    json!({
        "ok": flow.is_some(),
        "mistakes": render::diagnostics::json(mistakes),
        "flow": flow.map(flow_json),
    })
}

fn flow_json(flow: &Flow) -> Json {
    let parameters = flow.parameters.iter().map(|parameter| {
        let default = parameter.default.as_ref().map(|value| json::to_value(value, &parameter.ty));
        json!({ "name": &*parameter.name, "type": parameter.ty.to_string(), "default": default })
    });
    let outputs = flow.outputs.iter().map(|output| json!({ "name": &*output.name, "type": output.ty.to_string() }));
    let components = components(flow).into_iter().map(|component| {
        json!({
            "name": &*component.name,
            "path": component.path.display().to_string(),
            "digest": component.signature.digest.to_string(),
        })
    });
    json!({
        "name": &*flow.name,
        "description": &*flow.description,
        "parameters": parameters.collect::<Vec<_>>(),
        "tasks": powers::tasks(flow).iter().map(powers::task_json).collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "components": components.collect::<Vec<_>>(),
        "tag-limits": flow.tag_limits.iter().map(|(tag, most)| (tag.to_string(), json!(most))).collect::<serde_json::Map<_, _>>(),
        "runner": flow.runner.as_ref().map_or("threads", |runner| runner.kind.name()),
    })
}

fn text(path: &str, flow: &Flow) -> String {
    let counts = [
        render::count(flow.tasks.len() as u64, "task"),
        render::count(flow.parameters.len() as u64, "parameter"),
        render::count(flow.outputs.len() as u64, "output"),
    ];
    let mut out = format!("{}: {} ({path}), {}\n", styled(GOOD, "ok"), styled(STRONG, &flow.name), counts.join(", "));
    if !flow.description.is_empty() {
        let _ = writeln!(out, "{}", visible(&flow.description));
    }
    section(&mut out, "parameters", flow.parameters.iter().map(parameter));
    section(&mut out, "tasks", flow.tasks.iter().map(|task| self::task(flow, task)));
    let outputs = flow.outputs.iter().map(|output| row(&output.name, ty(&output.ty), String::new()));
    section(&mut out, "outputs", outputs);
    let components = components(flow);
    section(&mut out, "components", components.iter().copied().map(component));
    let _ =
        writeln!(out, "\n{}  {}", styled(STRONG, "runner"), flow.runner.as_ref().map_or("threads".to_owned(), runner));
    let tasks = powers::tasks(flow);
    out.push_str(&powers::section(&tasks));
    out.push_str(&settings::section(flow, &tasks));
    out
}

/// A type in a line with other things; `taskhost inspect` shows it whole.
fn ty(ty: &ValueType) -> String {
    render::shortened(&ty.to_string(), 72)
}

/// A name and what stands behind it.
struct Row {
    name: String,
    text: String,
    note: String,
}

fn row(name: &str, text: String, note: String) -> Row {
    Row { name: name.to_owned(), text, note }
}

fn section(out: &mut String, title: &str, rows: impl ExactSizeIterator<Item = Row>) {
    let all = rows.len();
    if all == 0 {
        return;
    }
    let rows: Vec<Row> = rows.take(SHOWN_MAX).collect();
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).min(32);
    let _ = writeln!(out, "\n{}", styled(STRONG, title));
    for row in rows {
        let note = if row.note.is_empty() { String::new() } else { format!("  {}", styled(DIM, row.note)) };
        let _ = writeln!(out, "  {:width$}  {}{note}", row.name, row.text);
    }
    if all > SHOWN_MAX {
        let _ = writeln!(out, "  … and {} more", render::grouped((all - SHOWN_MAX) as u64));
    }
}

fn parameter(parameter: &Parameter) -> Row {
    let default = match &parameter.default {
        Some(value) if value.size_bytes() > 200 => format!(" = ({})", Bytes(value.size_bytes())),
        Some(value) => format!(" = {}", visible(&json::to_string(value, &parameter.ty))),
        None => String::new(),
    };
    row(&parameter.name, format!("{}{default}", ty(&parameter.ty)), visible(&parameter.description).into_owned())
}

fn task(flow: &Flow, task: &Task) -> Row {
    let text = match &task.kind {
        TaskKind::Call(call) => format!("{}.{} -> {}", call.component_name, call.function, ty(&task.result_type)),
        TaskKind::Subflow(subflow) => format!("flow {} -> {}", subflow.name, ty(&task.result_type)),
    };
    let mut notes = Vec::new();
    if !task.mapped.is_empty() {
        notes.push("mapped".to_owned());
    }
    if task.on_failure == OnFailure::Collect {
        notes.push("collects failures".to_owned());
    }
    if task.when.is_some() {
        notes.push("may be skipped".to_owned());
    }
    notes.extend(task.runner.as_ref().map(|choice| format!("on {}", runner(choice))));
    if !task.needs.is_empty() {
        let names: Vec<&str> = task.needs.iter().take(6).map(|&needed| &*flow.tasks[needed].name).collect();
        let more = if task.needs.len() > names.len() { ", …" } else { "" };
        notes.push(format!("after {}{more}", names.join(", ")));
    }
    row(&task.name, text, notes.join("; "))
}

/// The components of a flow and its subflows, each file once.
fn components(flow: &Flow) -> Vec<&ComponentUse> {
    let (mut flows, mut found): (Vec<&Flow>, Vec<&ComponentUse>) = (vec![flow], Vec::new());
    let mut at = 0;
    while let Some(flow) = flows.get(at).copied() {
        for component in &flow.components {
            if !found.iter().any(|known| known.path == component.path) {
                found.push(component);
            }
        }
        for task in &flow.tasks {
            if let TaskKind::Subflow(subflow) = &task.kind
                && !flows.iter().any(|known| std::ptr::eq(*known, &**subflow))
            {
                flows.push(subflow);
            }
        }
        at += 1;
    }
    found
}

fn component(component: &ComponentUse) -> Row {
    let digest = component.signature.digest.to_string();
    let note = format!("{}, {}…", Bytes(component.signature.size_bytes), &digest[..19]);
    row(&component.name, component.path.display().to_string(), note)
}

fn runner(choice: &RunnerChoice) -> String {
    let mut text = choice.kind.name().to_owned();
    if let Some(workers) = choice.workers {
        let _ = write!(text, ", {}", render::count(u64::from(workers), "worker"));
    }
    if let Some(concurrency) = choice.concurrency {
        let _ = write!(text, ", at most {concurrency} task runs in flight");
    }
    if !choice.labels.is_empty() {
        let _ = write!(text, ", on workers with {}", choice.labels);
    }
    text
}
