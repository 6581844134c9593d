//! How tasks run, where that differs from what is so by default: limits, `strict`, retries, reuse, priority, tags. `check` says it.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use taskhost_flow::{Flow, Task, TaskKind};
use taskhost_model::task_run::Bytes;
use taskhost_model::{Limits, Retry, Reuse};

use super::powers::{FlowTask, listed};
use crate::output::{STRONG, styled};

/// Most different settings that are told.
const GROUPS_MAX: usize = 16;

/// The section of `check`; empty if nothing differs.
pub(crate) fn section(flow: &Flow, tasks: &[FlowTask]) -> String {
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for task in tasks {
        let words = words(task.task).join(", ");
        if !words.is_empty() {
            let at = *at.entry(words).or_insert_with_key(|words| {
                groups.push((words.clone(), Vec::new()));
                groups.len() - 1
            });
            groups[at].1.push(&task.path);
        }
    }
    if groups.is_empty() && flow.tag_limits.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", styled(STRONG, "how tasks run"));
    for (words, names) in groups.iter().take(GROUPS_MAX) {
        let names = match names.len() == tasks.len() && names.len() > 1 {
            true => format!("every task ({})", super::grouped(names.len() as u64)),
            false => listed(names.iter().copied()),
        };
        out.push_str(&format!("  {names}: {words}\n"));
    }
    if groups.len() > GROUPS_MAX {
        out.push_str(&format!("  … and {} more such lines; `--json` lists all\n", groups.len() - GROUPS_MAX));
    }
    for (tag, most) in &flow.tag_limits {
        out.push_str(&format!(
            "  of all with the tag {tag}, at most {} at one time\n",
            super::count(u64::from(*most), "task run")
        ));
    }
    out
}

/// What differs from the default, each in some words.
fn words(task: &Task) -> Vec<String> {
    let mut words = Vec::new();
    if let TaskKind::Call(call) = &task.kind {
        words.extend(limits(&call.limits));
        words.extend(call.cache.map(|reuse| match reuse {
            Reuse::Always => "results are reused".to_owned(),
            Reuse::Within(time) => format!("results are reused for {time:?}"),
        }));
    }
    words.extend(retries(&task.retry));
    if task.strict {
        words.push("strict".to_owned());
    }
    if task.priority != 0 {
        words.push(format!("priority {}", task.priority));
    }
    if !task.tags.is_empty() {
        let tags = if task.tags.len() == 1 { "tag" } else { "tags" };
        words.push(format!("{tags} {}", task.tags.join(" and ")));
    }
    words
}

fn limits(limits: &Limits) -> Vec<String> {
    let default = Limits::DEFAULT;
    let time = |key, time: Duration, default| (time != default).then(|| format!("{key} {time:?}"));
    let bytes = |key, bytes: u64, default| (bytes != default).then(|| format!("{key} {}", Bytes(bytes)));
    let number =
        |key, number: u32, default| (number != default).then(|| format!("{key} {}", super::grouped(number.into())));
    let all = [
        time("timeout", limits.wall_time_max, default.wall_time_max),
        bytes("memory", limits.memory_bytes_max, default.memory_bytes_max),
        time("cpu", limits.cpu_time_max, default.cpu_time_max),
        bytes("output", limits.output_bytes_max, default.output_bytes_max),
        bytes("result", limits.result_bytes_max, default.result_bytes_max),
        bytes("blobs", limits.blob_bytes_max, default.blob_bytes_max),
        number("log-lines", limits.log_lines_max, default.log_lines_max),
        number("files", limits.files_max, default.files_max),
        number("sockets", limits.sockets_max, default.sockets_max),
        number("handles", limits.handles_max, default.handles_max),
    ];
    all.into_iter().flatten().collect()
}

fn retries(retry: &Retry) -> Option<String> {
    let delay = match retry.delay {
        Duration::ZERO => String::new(),
        delay if retry.backoff > 1.0 => {
            format!(" (delay {delay:?}, times {} up to {:?})", retry.backoff, retry.delay_max)
        }
        delay => format!(" (delay {delay:?})"),
    };
    (retry.attempts > 1).then(|| format!("at most {} attempts{delay}", retry.attempts))
}

/// The same for programs, with what is so by default.
pub(crate) fn json(task: &Task) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("priority".to_owned(), task.priority.into());
    object.insert("tags".to_owned(), json!(task.tags));
    if let TaskKind::Call(call) = &task.kind {
        object.insert("limits".to_owned(), limits_json(&call.limits));
        object.insert("strict".to_owned(), task.strict.into());
        object.insert("retry".to_owned(), retry_json(&task.retry));
        object.insert("cache".to_owned(), call.cache.is_some().into());
        let within = call.cache.and_then(|reuse| match reuse {
            Reuse::Always => None,
            Reuse::Within(time) => Some(time.as_secs_f64()),
        });
        object.insert("cache-seconds".to_owned(), json!(within));
    }
    object
}

fn limits_json(limits: &Limits) -> Json {
    json!({
        "memory-bytes": limits.memory_bytes_max,
        "cpu-seconds": limits.cpu_time_max.as_secs_f64(),
        "timeout-seconds": limits.wall_time_max.as_secs_f64(),
        "output-bytes": limits.output_bytes_max,
        "result-bytes": limits.result_bytes_max,
        "blob-bytes": limits.blob_bytes_max,
        "log-lines": limits.log_lines_max,
        "files": limits.files_max,
        "sockets": limits.sockets_max,
        "handles": limits.handles_max,
    })
}

fn retry_json(retry: &Retry) -> Json {
    json!({
        "attempts": retry.attempts,
        "delay-seconds": retry.delay.as_secs_f64(),
        "backoff": retry.backoff,
        // Of a task that is not repeated there is no longest delay.
        "max-delay-seconds": (retry.attempts > 1).then_some(retry.delay_max.as_secs_f64()),
        "jitter": retry.jitter,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        assert!(limits(&Limits::DEFAULT).is_empty());
        let own = Limits { memory_bytes_max: 64 << 20, wall_time_max: Duration::from_secs(5), ..Limits::DEFAULT };
        assert_eq!(limits(&own), ["timeout 5s", "memory 64 MiB"]);
        assert_eq!(retries(&Retry::NEVER), None);
        let seconds = Duration::from_secs;
        let retry = Retry { attempts: 3, delay: seconds(1), backoff: 2.0, delay_max: seconds(60), jitter: true };
        assert_eq!(retries(&retry).as_deref(), Some("at most 3 attempts (delay 1s, times 2 up to 60s)"));
        assert_eq!(retries(&Retry { backoff: 1.0, ..retry }).as_deref(), Some("at most 3 attempts (delay 1s)"));
    }
}
