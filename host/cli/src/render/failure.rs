//! A failed task run for people: which task, what happened, and who can fix it.

use taskhost_model::TaskFailure;

use crate::output::{BAD, DIM, HELP, styled, visible};

/// What a failure's message needs to know of its task.
pub(crate) struct Failed<'a> {
    /// The task run: `clean`, or `clean[3]` for a mapped task.
    pub run: String,
    /// The task's name in its flow.
    pub task: &'a str,
    /// The component that it calls, by its short name, if it has one.
    pub component: Option<&'a str>,
    /// Whether it runs a subflow.
    pub is_subflow: bool,
    /// Whether the limit that it met stands in the flow's `[defaults]`.
    pub is_limit_by_default: bool,
    /// The file of its flow; none for a function called without one.
    pub flow: Option<&'a str>,
}

/// What happened, below each other if it takes several lines.
pub(crate) fn text(failed: &Failed, failure: &TaskFailure, is_verbose: bool) -> String {
    let (message, rest) = message(failure);
    let mut out = format!("{} `{}` {message}\n", styled(BAD, "task failed:"), failed.run);
    for line in rest {
        out.push_str(&format!("  {line}\n"));
    }
    if let TaskFailure::Trapped { backtrace, .. } = failure
        && is_verbose
        && !backtrace.trim().is_empty()
    {
        let lines = backtrace.lines().map(|line| format!("  {}\n", visible(line)));
        out.push_str(&styled(DIM, lines.collect::<String>()));
    }
    out
}

/// The way out, as a line.
pub(crate) fn help_line(help: &str) -> String {
    format!("{} {help}\n", styled(HELP, "help:"))
}

/// What happened: the first line reads after the task's name, the others stand below it.
fn message(failure: &TaskFailure) -> (String, Vec<String>) {
    let text = visible(failure.to_string().trim_end()).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    (lines.next().unwrap_or_default(), lines.collect())
}

/// Who can fix it, and how.
pub(crate) fn help(failed: &Failed, failure: &TaskFailure, is_verbose: bool) -> String {
    let component = failed.component.map_or("the component".to_owned(), |name| format!("component `{name}`"));
    let (task, in_flow) = (failed.task, failed.flow.map_or(String::new(), |flow| format!(" in {flow}")));
    match failure {
        TaskFailure::Returned(_) if failed.is_subflow => {
            format!("look at the failed task inside `{task}`; a task that takes its `result` would go on")
        }
        TaskFailure::Returned(_) => {
            format!("the task itself says so: look at its arguments{in_flow}, or ask the author of {component}")
        }
        TaskFailure::Trapped { .. } => {
            let more = if is_verbose { "" } else { "; `--verbose` shows where" };
            format!("this is a bug in {component}, for its author to fix{more}")
        }
        TaskFailure::Exited(_) => {
            format!("the author of {component} should return a value, or an `err` of a `result`, instead of exiting")
        }
        TaskFailure::LimitReached(limit) if failed.flow.is_none() => {
            format!("raise it with `--limit {}=…`, or give it less to do", limit.key().trim_start_matches("limits."))
        }
        TaskFailure::LimitReached(limit) if failed.is_limit_by_default => {
            format!(
                "raise `{0}` at `[defaults]`, or set it at `[tasks.{task}]`{in_flow}, or give the task less to do",
                limit.key()
            )
        }
        TaskFailure::LimitReached(limit) => {
            format!("raise `{}` at `[tasks.{task}]`{in_flow}, or give the task less to do", limit.key())
        }
        TaskFailure::Lost(reason) if reason.starts_with("no worker") => {
            "start one: `taskhost worker --address …`, with the labels that the task wants; or wait longer: `--worker-wait`".to_owned()
        }
        TaskFailure::Lost(_) => "run the flow again".to_owned(),
        TaskFailure::Ungrantable(reason) if reason.contains("(`--memory`)") => {
            format!("lower `limits.memory` of `{task}`{in_flow}, or start a worker with more `--memory` and labels to choose it by")
        }
        TaskFailure::Ungrantable(reason) if reason.contains("`taskhost worker --allow`") => {
            format!("start the workers with what `{task}` is to be given: `taskhost worker --allow KEY=VALUE`; or take it out of its `allow`{in_flow}")
        }
        TaskFailure::Ungrantable(_) if failed.flow.is_none() => "correct `--allow`, or make what it names".to_owned(),
        TaskFailure::Ungrantable(_) => format!("correct `allow` of `{task}`{in_flow}, or make what it names"),
        TaskFailure::Unusable(_) if failed.flow.is_none() => format!("build {component} anew"),
        TaskFailure::Unusable(_) => format!("build {component} anew, or let `{task}` call another one"),
        TaskFailure::BadArguments(_) if failed.flow.is_none() => "correct the arguments".to_owned(),
        TaskFailure::BadArguments(_) => format!("correct the arguments of `{task}`{in_flow}"),
        TaskFailure::Withheld(_) => {
            format!(
                "results are stored and shown, so no secret may be in them: the author of {component} should leave it out"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use taskhost_model::Limit;

    use super::*;

    fn shown(failure: TaskFailure, is_verbose: bool) -> String {
        let failed = Failed {
            run: "clean[3]".into(),
            task: "clean",
            component: Some("weather"),
            is_subflow: false,
            is_limit_by_default: false,
            flow: Some("flow.toml"),
        };
        let text = text(&failed, &failure, is_verbose) + &help_line(&help(&failed, &failure, is_verbose));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_limit_names_the_key_that_raises_it() {
        assert_eq!(
            shown(TaskFailure::LimitReached(Limit::Memory(64 << 20)), false),
            "task failed: `clean[3]` needed more than its 64 MiB of memory (`limits.memory`)\n\
             help: raise `limits.memory` at `[tasks.clean]` in flow.toml, or give the task less to do\n"
        );
    }

    #[test]
    fn a_trap_shows_the_guests_words_and_its_backtrace_only_when_asked() {
        let trap = || TaskFailure::Trapped { message: "panicked:\nboom".into(), backtrace: "0: main\n1: start".into() };
        let brief = shown(trap(), false);
        assert_eq!(
            brief,
            "task failed: `clean[3]` panicked:\n  boom\n\
             help: this is a bug in component `weather`, for its author to fix; `--verbose` shows where\n"
        );
        assert!(shown(trap(), true).contains("  0: main\n  1: start\n"));
    }

    #[test]
    fn a_result_that_is_kept_back_is_not_told_as_an_error_of_the_task() {
        let text = shown(TaskFailure::Withheld("its result holds the value of a secret".into()), false);
        assert_eq!(
            text,
            "task failed: `clean[3]` returned what is not handed on: its result holds the value of a secret\n\
             help: results are stored and shown, so no secret may be in them: the author of component `weather` should leave it out\n"
        );
    }

    #[test]
    fn an_error_of_the_task_is_its_own() {
        let text = shown(TaskFailure::Returned("no column `t`\u{1b}[0m".into()), false);
        assert!(text.starts_with("task failed: `clean[3]` returned an error: no column `t`\\u{1b}[0m\n"), "{text}");
    }
}
