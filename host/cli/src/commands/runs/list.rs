//! `taskhost runs list`: the newest first.

use serde_json::{Value as Json, json};
use taskhost_store::{RunFilter, RunState, RunSummary};

use super::{moment, timestamp};
use crate::args::runs::RunsListArgs;
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, DIM, GOOD, STRONG, WARN, styled, visible, visible_line};
use crate::render::{self, count, duration, usage};

/// Runs that are listed for people unless they ask for more.
const LISTED: usize = 20;

/// Columns for the labels of a run.
const LABELS: usize = 30;

pub(super) fn run(args: &RunsListArgs) -> Result<Exit, CliError> {
    let filter = RunFilter {
        state: args.state.map(Into::into),
        flow: args.flow.clone(),
        label: args.label.clone(),
        since: args.since.map(|age| super::now().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))),
        limit: if args.json { args.limit } else { Some(args.limit.unwrap_or(LISTED) + 1) },
    };
    let (mut runs, damaged) = match super::open()? {
        Some(store) => store.readable_runs(&filter)?,
        None => Default::default(),
    };
    for error in &damaged {
        output::stderr(&format!("{} {}\n", styled(WARN, "warning:"), visible(&error.to_string())));
    }
    if args.json {
        let runs: Vec<Json> = runs.iter().map(json_of).collect();
        let damaged: Vec<String> = damaged.iter().map(ToString::to_string).collect();
        output::stdout(&format!("{:#}\n", json!({ "runs": runs, "damaged": damaged })))?;
        return Ok(Exit::Fine);
    }
    if runs.is_empty() {
        let is_any = args.state.is_none() && args.flow.is_none() && args.label.is_none() && args.since.is_none();
        let what = if is_any && args.limit != Some(0) { "yet" } else { "that fit" };
        output::stderr(&format!("no flow runs are recorded {what}\n"));
        return Ok(Exit::Fine);
    }
    let shown = args.limit.unwrap_or(LISTED);
    let has_more = runs.len() > shown;
    runs.truncate(shown);
    output::stdout(&table(&runs))?;
    if has_more {
        output::stderr(&styled(DIM, "there are more; `--limit N` lists them\n"));
    }
    Ok(Exit::Fine)
}

fn table(runs: &[RunSummary]) -> String {
    let flow = |run: &RunSummary| render::shortened(&visible(&run.flow), 30);
    let width = runs.iter().map(|run| flow(run).chars().count()).max().unwrap_or(0).max(4);
    let own_labels: Vec<String> = runs.iter().map(|run| render::shortened(&labels(run), LABELS)).collect();
    let labels_width = own_labels.iter().map(|labels| labels.chars().count()).max().unwrap_or(0);
    let labelled = |labels: &str| match labels_width {
        0 => String::new(),
        longest => format!("{labels:0$}  ", longest.max(6)),
    };
    let mut out = format!("{:16}  {:11}  {:width$}  {:19}  {:>11}  ", "ID", "STATE", "FLOW", "STARTED", "TOOK");
    out = styled(STRONG, out + &labelled("LABELS") + "TASK RUNS") + "\n";
    for (run, own_labels) in runs.iter().zip(&own_labels) {
        let line = format!(
            "{}  {}  {:width$}  {:19}  {:>11}  {}{}\n",
            run.id,
            state(run.state, 11),
            flow(run),
            moment(run.started),
            duration(run.elapsed),
            labelled(own_labels),
            task_runs(run)
        );
        out.push_str(&line);
    }
    out
}

/// `nightly, big`; empty for a run without labels.
pub(super) fn labels(run: &RunSummary) -> String {
    visible_line(&run.labels.join(", ")).into_owned()
}

/// `12 of 48, 2 failed`.
pub(super) fn task_runs(run: &RunSummary) -> String {
    let mut parts = vec![match run.runs_ended == run.runs {
        true => render::grouped(run.runs),
        false => format!("{} of {}", render::grouped(run.runs_ended), render::grouped(run.runs)),
    }];
    parts.extend((run.runs_failed > 0).then(|| format!("{} failed", render::grouped(run.runs_failed))));
    parts.extend((run.runs_cached > 0).then(|| format!("{} from the cache", render::grouped(run.runs_cached))));
    parts.extend((run.retries > 0).then(|| count(run.retries, "retry").replace("retrys", "retries")));
    parts.join(", ")
}

/// A state in its colour, so many columns wide.
pub(super) fn state(state: RunState, width: usize) -> String {
    let style = match state {
        RunState::Succeeded => GOOD,
        RunState::Failed => BAD,
        RunState::Cancelled | RunState::Interrupted => WARN,
        RunState::Running => STRONG,
    };
    styled(style, format!("{:width$}", state.word()))
}

/// For programs.
pub(super) fn json_of(run: &RunSummary) -> Json {
    json!({
        "run": run.id.to_string(),
        "flow": run.flow,
        "state": run.state.word(),
        "labels": run.labels,
        "started": timestamp(run.started),
        "ended": run.ended.and_then(timestamp),
        "wall-time-seconds": run.elapsed.as_secs_f64(),
        "resumed": run.resumed,
        "runs": { "all": run.runs, "ended": run.runs_ended, "failed": run.runs_failed, "cached": run.runs_cached },
        "retries": run.retries,
        "usage": usage::json(&run.usage),
        "failure": run.failure,
    })
}
