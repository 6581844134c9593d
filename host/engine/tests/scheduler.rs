//! What the scheduler promises, in a small notation: `what happens -> what follows`.
//!
//! Happens: `start`, `cancel`, `drain`, `a[0] elapsed`, `a done`, `a fails`, `a traps`, `a cancelled`, also for a part of a map (`a[2] done`, `a[0..3] fails`).
//! Follows: `wait 1000 for a[0]` (milliseconds), `start a`, `start a[0..3]`, `withdraw a[0..3]`, the tasks that end without success (`fail a`, `skip a`, `not-run a (b)`,
//! `cancel a`), and `finish` with the failed paths or `cancelled`; `nothing` if nothing does.

mod support;

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use support::{call, collect, flow, map_over, numbers, output, plan, position, result_of, subflow_task, task};
use taskhost_engine::Scheduler;
use taskhost_engine::scheduler::{Input, Output, WaitId};
use taskhost_flow::flow::{self, Flow, RunnerChoice, RunnerKind, Step};
use taskhost_model::{
    Ending, FlowRunEnding, FlowRunId, Origin, RequestId, Retry, RunEvent, TaskFailure, TaskRunOutcome, TaskRunReport,
    TaskState, Value,
};

struct Play {
    scheduler: Scheduler,
    open: Vec<(RequestId, String, Range<u32>, bool)>,
    events: Vec<RunEvent>,
    ending: Option<FlowRunEnding>,
    arguments: HashMap<String, Vec<Value>>,
    waits: HashMap<String, WaitId>,
}

const ID: fn() -> FlowRunId = || FlowRunId::new(0, 0);

impl Play {
    fn new(flow: Flow, capacity: usize) -> Play {
        let scheduler = Scheduler::new(ID(), &plan(flow), Box::new(move |_| capacity));
        Play { scheduler, open: vec![], events: vec![], ending: None, arguments: HashMap::new(), waits: HashMap::new() }
    }

    fn step(&mut self, input: Input) -> Vec<String> {
        let mut out = Vec::new();
        self.scheduler.on(input, &mut out);
        out.into_iter().filter_map(|output| self.told(output)).collect()
    }

    fn told(&mut self, output: Output) -> Option<String> {
        match output {
            Output::Start { request, .. } => {
                let mapped = !request.mapped.is_empty();
                let (id, task) = (request.id, request.task.to_string());
                self.arguments.insert(task.clone(), request.arguments.to_vec());
                self.open.push((id, task.clone(), request.indexes.clone(), mapped));
                Some(format!("start {}", name(&task, &request.indexes, mapped)))
            }
            Output::Wait { id, delay, task, index, .. } => {
                self.waits.insert(format!("{task}[{index}]"), id);
                Some(format!("wait {} for {task}[{index}]", delay.as_millis()))
            }
            Output::Withdraw { request, .. } => {
                let (_, task, indexes, mapped) = self.open.iter().find(|open| open.0 == request).expect("open");
                Some(format!("withdraw {}", name(task, indexes, *mapped)))
            }
            Output::Record(event) => {
                self.events.push(event.clone());
                match event {
                    RunEvent::TaskEnded { task, state } => match state {
                        TaskState::Succeeded => None,
                        TaskState::Failed => Some(format!("fail {task}")),
                        TaskState::Skipped => Some(format!("skip {task}")),
                        TaskState::NotRun(cause) => Some(format!("not-run {task} ({cause})")),
                        TaskState::Cancelled => Some(format!("cancel {task}")),
                    },
                    _ => None,
                }
            }
            Output::Finish(ending) => {
                let text = match &ending {
                    FlowRunEnding::Succeeded(_) => "finish".to_owned(),
                    FlowRunEnding::Failed(paths) => format!("finish failed {}", paths.join(" ")),
                    FlowRunEnding::Cancelled => "finish cancelled".to_owned(),
                };
                self.ending = Some(ending);
                Some(text)
            }
        }
    }

    fn happens(&mut self, text: &str) -> Vec<String> {
        let (what, how) = match text.trim().split_once(' ') {
            None if text.trim() == "start" => return self.step(Input::Start),
            None if text.trim() == "drain" => return self.step(Input::Drain),
            None => return self.step(Input::Cancel),
            Some((run, how)) if how.trim() == "elapsed" => return self.step(Input::Elapsed(self.waits[run])),
            Some(parts) => parts,
        };
        let (task, part) = match what.rsplit_once('[') {
            Some((task, part)) if what.ends_with(']') => (task, Some(part.trim_end_matches(']'))),
            _ => (what, None),
        };
        let mut found: Vec<_> = self.open.iter().filter(|open| open.1 == task).cloned().collect();
        if let Some(part) = part {
            let wanted = range(part);
            found.retain(|open| open.2.start <= wanted.start && wanted.end <= open.2.end);
            found.iter_mut().for_each(|open| open.2 = wanted.clone());
        }
        assert!(!found.is_empty(), "nothing of `{what}` was started");
        found.into_iter().flat_map(|(request, _, indexes, _)| self.report(request, indexes, how)).collect()
    }

    fn report(&mut self, request: RequestId, indexes: Range<u32>, how: &str) -> Vec<String> {
        let first = indexes.start;
        let outcomes = indexes.map(|index| TaskRunOutcome::without_usage(ending(index, how)));
        let outcomes = outcomes.collect();
        self.step(Input::Ended(TaskRunReport { flow_run: ID(), request, first, outcomes, origin: Origin::Run }))
    }

    fn follow(mut self, script: &str) -> Play {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (happens, follows) = line.split_once("->").expect("an arrow");
            let told = self.happens(happens).join(", ");
            let told = if told.is_empty() { "nothing" } else { &told };
            assert_eq!(told, follows.trim(), "after `{}`", happens.trim());
        }
        self
    }

    fn outputs(&self) -> Vec<Option<Value>> {
        match &self.ending {
            Some(FlowRunEnding::Succeeded(outputs)) => outputs.clone(),
            other => panic!("no outputs: {other:?}"),
        }
    }

    fn failure(&self, task: &str) -> String {
        let failure = self.events.iter().find_map(|event| match event {
            RunEvent::TaskRunsEnded { task: told, failures, .. } if &**told == task => {
                failures.first().map(|(_, failure)| failure)
            }
            RunEvent::TaskRefused { task: told, failure } if &**told == task => Some(failure),
            _ => None,
        });
        failure.expect("a failure").to_string()
    }
}

fn name(task: &str, indexes: &Range<u32>, mapped: bool) -> String {
    if mapped { format!("{task}[{}..{}]", indexes.start, indexes.end) } else { task.to_owned() }
}

fn range(text: &str) -> Range<u32> {
    match text.split_once("..") {
        Some((start, end)) => start.parse().expect("a number")..end.parse().expect("a number"),
        None => text.parse().map(|at: u32| at..at + 1).expect("a number"),
    }
}

fn ending(index: u32, how: &str) -> Ending {
    match how.trim() {
        "done" => Ending::Returned(Value::ok(Some(Value::U32(index)))),
        "fails" => Ending::Returned(Value::err(Some(Value::string("no luck")))),
        "traps" => Ending::Failed(TaskFailure::Trapped { message: "panicked".into(), backtrace: String::new() }),
        "is-unusable" => Ending::Failed(TaskFailure::Unusable("no such function".to_owned())),
        "cancelled" => Ending::Cancelled,
        other => panic!("`{other}` does not happen"),
    }
}

fn check_schedule(tasks: &[(&str, &[&str])], capacity: usize, script: &str) {
    Play::new(flow(tasks), capacity).follow(script);
}

fn list(values: impl IntoIterator<Item = Value>, element: &str) -> Value {
    Value::List(taskhost_model::List::from_values(&element.parse().expect("a type"), values))
}

#[test]
fn diamond_starts_both_arms_and_joins_once() {
    check_schedule(
        &[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])],
        2,
        "start  -> start a
         a done -> start b, start c
         c done -> nothing
         b done -> start d
         d done -> finish",
    );
}

#[test]
fn tasks_start_in_the_order_of_the_flow_as_there_is_room() {
    check_schedule(
        &[("a", &[]), ("b", &[]), ("c", &[]), ("d", &["a"])],
        1,
        "start  -> start a
         a done -> start b
         b done -> start c
         c done -> start d
         d done -> finish",
    );
}

#[test]
fn an_empty_flow_is_over_at_once() {
    check_schedule(&[], 1, "start -> finish");
}

#[test]
fn a_failure_keeps_dependents_from_running_and_lets_other_branches_go_on() {
    check_schedule(
        &[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("x", &[]), ("y", &["x"])],
        9,
        "start   -> start a, start x
         a traps -> fail a, not-run b (a), not-run c (a)
         x done  -> start y
         y done  -> finish failed a",
    );
}

#[test]
fn duplicate_and_late_reports_change_nothing() {
    check_schedule(
        &[("a", &[]), ("b", &["a"])],
        1,
        "start   -> start a
         a done  -> start b
         a done  -> nothing
         a fails -> nothing
         b done  -> finish
         b done  -> nothing
         cancel  -> nothing",
    );
}

#[test]
fn a_map_is_asked_for_in_ranges_and_gives_a_list_in_order() {
    let mut flow = flow(&[("m", &[]), ("last", &["m"])]);
    map_over(&mut flow.tasks[0], numbers(5));
    output(&mut flow, "all", result_of(0));
    let play = Play::new(flow, 2).follow(
        "start       -> start m[0..2]
         m[1] done   -> start m[2..3]
         m[0] done   -> start m[3..4]
         m[3] done   -> start m[4..5]
         m[2] done   -> nothing
         m[4] done   -> start last
         last done   -> finish",
    );
    assert_eq!(play.outputs(), [Some(list((0..5).map(Value::U32), "u32"))]);
}

#[test]
fn an_empty_map_gives_an_empty_list() {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(0));
    output(&mut flow, "all", result_of(0));
    let play = Play::new(flow, 2).follow("start -> finish");
    assert_eq!(play.outputs(), [Some(list([], "u32"))]);
}

#[test]
fn a_large_map_is_refilled_in_large_ranges() {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(1_000_000));
    Play::new(flow, 400).follow(
        "start         -> start m[0..400]
         m[0..60] done -> nothing
         m[60..100] done -> start m[400..500]",
    );
}

#[test]
fn the_first_failure_stops_a_map() {
    let mut flow = flow(&[("m", &[]), ("after", &["m"])]);
    map_over(&mut flow.tasks[0], numbers(9));
    Play::new(flow, 3).follow(
        "start          -> start m[0..3]
         m[1] fails     -> withdraw m[0..3]
         m[0] done      -> nothing
         m[2] cancelled -> fail m, not-run after (m), finish failed m",
    );
}

#[test]
fn collect_keeps_failures_in_the_result() {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(3));
    collect(&mut flow.tasks[0]);
    output(&mut flow, "all", result_of(0));
    let play = Play::new(flow, 3).follow(
        "start      -> start m[0..3]
         m[1] fails -> nothing
         m[2] traps -> nothing
         m[0] done  -> finish",
    );
    let err = |text: &str| Value::err(Some(Value::string(text)));
    let values = [Value::ok(Some(Value::U32(0))), err("no luck"), err("panicked")];
    assert_eq!(play.outputs(), [Some(list(values, "result<u32, string>"))]);
}

#[test]
fn mapped_lists_of_unequal_length_fail_the_task_with_both_lengths() {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(3));
    map_over(&mut flow.tasks[0], numbers(4));
    let play = Play::new(flow, 3).follow("start -> fail m, finish failed m");
    let failure = play.failure("m");
    assert!(failure.contains("3 elements") && failure.ends_with("has 4 elements"), "{failure}");
}

#[test]
fn an_index_past_the_end_fails_the_task_that_uses_it() {
    let mut flow = flow(&[("m", &[]), ("use", &["m"])]);
    map_over(&mut flow.tasks[0], numbers(2));
    if let flow::Input::Reference(reference) = &mut flow.tasks[1].inputs[0] {
        reference.path = vec![Step::Index(7)];
    }
    let play = Play::new(flow, 3).follow(
        "start  -> start m[0..2]
         m done -> fail use, finish failed use",
    );
    assert_eq!(play.failure("use"), "got arguments that do not fit: `m` has no element 7: its list has 2");
}

#[test]
fn an_index_past_the_end_in_an_output_fails_the_flow() {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(1));
    output(&mut flow, "seventh", flow::Reference { path: vec![Step::Index(6)], ..result_of(0) });
    Play::new(flow, 3).follow(
        "start  -> start m[0..1]
         m done -> fail outputs.seventh, finish failed outputs.seventh",
    );
}

#[test]
fn a_false_when_skips_the_task_and_consumers_without_an_option() {
    let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &[])]);
    flow.tasks[0].when = Some(flow::Input::Literal(Value::Bool(false)));
    if let flow::Input::Reference(reference) = &mut flow.tasks[2].inputs[0] {
        reference.none_if_skipped = true;
    }
    flow.tasks[3].after = vec![0];
    output(&mut flow, "a", result_of(0));
    let play = Play::new(flow, 3).follow(
        "start  -> skip a, skip b, skip d, start c
         c done -> finish",
    );
    assert_eq!(play.arguments["c"], [Value::NONE]);
    assert_eq!(play.outputs(), [None]);
}

#[test]
fn a_consumer_of_the_whole_result_runs_after_a_failure() {
    let make = || {
        let mut flow = flow(&[("a", &[]), ("b", &["a"])]);
        flow.tasks[0].failure_handled = true;
        if let flow::Input::Reference(reference) = &mut flow.tasks[1].inputs[0] {
            reference.whole_result = true;
        }
        flow
    };
    let cases = [
        ("fails", Value::err(Some(Value::string("no luck")))),
        ("traps", Value::err(Some(Value::string("panicked")))),
        ("done", Value::ok(Some(Value::U32(0)))),
    ];
    for (how, whole) in cases {
        let follows = if how == "done" { "start b" } else { "fail a, start b" };
        let script = format!("start -> start a\n a {how} -> {follows}\n b done -> finish");
        assert_eq!(Play::new(make(), 3).follow(&script).arguments["b"], [whole]);
    }
}

#[test]
fn a_handled_failure_is_no_cause_of_another_one() {
    let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("c", &[])]);
    flow.tasks[0].failure_handled = true;
    if let flow::Input::Reference(reference) = &mut flow.tasks[1].inputs[0] {
        reference.whole_result = true;
    }
    Play::new(flow, 3).follow(
        "start   -> start a, start c
         a fails -> fail a, start b
         c fails -> fail c
         b done  -> finish failed c",
    );
}

#[test]
fn a_handled_failure_fails_the_flow_when_another_consumer_needs_the_value() {
    let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("c", &["a"])]);
    flow.tasks[0].failure_handled = true;
    if let flow::Input::Reference(reference) = &mut flow.tasks[1].inputs[0] {
        reference.whole_result = true;
    }
    Play::new(flow, 3).follow(
        "start   -> start a
         a fails -> fail a, not-run c (a), start b
         b done  -> finish failed a",
    );
}

#[test]
fn cancelling_starts_nothing_new_and_waits_for_what_runs() {
    let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("m", &[])]);
    map_over(&mut flow.tasks[2], numbers(9));
    Play::new(flow, 3).follow(
        "start           -> start a, start m[0..2]
         cancel          -> cancel b
         a done          -> nothing
         m[0..2] cancelled -> cancel m, finish cancelled",
    );
}

#[test]
fn cancelling_before_the_start_ends_the_flow_run() {
    check_schedule(&[("a", &[])], 1, "cancel -> finish cancelled\n start -> nothing");
}

fn inner() -> Flow {
    let mut inner = flow(&[("clean", &[]), ("mean", &["clean"])]);
    let mean = result_of(position(&inner, "mean"));
    output(&mut inner, "mean", mean);
    inner
}

#[test]
fn a_mapped_subflow_makes_an_instance_for_each_element() {
    let mut flow = Flow::unchecked("outer");
    flow.tasks.push(subflow_task("months", inner()));
    map_over(&mut flow.tasks[0], numbers(2));
    output(&mut flow, "all", result_of(0));
    let play = Play::new(flow, 9).follow(
        "start                -> start months[0]/clean, start months[1]/clean
         months[1]/clean done -> start months[1]/mean
         months[0]/clean done -> start months[0]/mean
         months[0]/mean done  -> nothing
         months[1]/mean done  -> finish",
    );
    let record = || Value::record([Value::U32(0)]);
    assert_eq!(play.outputs(), [Some(list([record(), record()], "record { mean: u32 }"))]);
}

#[test]
fn a_subflow_runs_where_its_task_says_rather_than_where_its_file_does() {
    let choice = |kind| Some(RunnerChoice::from(kind));
    let sequential = || choice(RunnerKind::Sequential);
    let threads = || choice(RunnerKind::Threads);
    for (of_task, of_file, wanted) in [
        (sequential(), threads(), sequential()),
        (None, threads(), threads()),
        (sequential(), None, sequential()),
        (None, None, None),
    ] {
        let mut file = inner();
        file.runner = of_file.clone();
        let mut flow = Flow::unchecked("outer");
        flow.tasks.push(subflow_task("sub", file));
        flow.tasks[0].runner = of_task.clone();
        let mut out = Vec::new();
        Scheduler::new(ID(), &plan(flow), Box::new(|_| 1)).on(Input::Start, &mut out);
        let started = out.into_iter().find_map(|output| match output {
            Output::Start { runner, .. } => Some(runner),
            _ => None,
        });
        assert_eq!(started, Some(wanted), "task: {of_task:?}, file: {of_file:?}");
    }
}

#[test]
fn a_failure_in_a_subflow_fails_its_task_and_names_both() {
    let mut flow = flow(&[("sub", &[]), ("after", &["sub"])]);
    let mut sub = subflow_task("sub", inner());
    std::mem::swap(&mut flow.tasks[0], &mut sub);
    let play = Play::new(flow, 9).follow(
        "start           -> start sub/clean
         sub/clean fails -> fail sub/clean, not-run sub/mean (clean), fail sub, not-run after (sub), \
         finish failed sub/clean sub",
    );
    assert_eq!(play.failure("sub"), "returned an error: task `clean`: returned an error: no luck");
}

#[test]
fn few_instances_of_a_large_mapped_subflow_are_alive() {
    let mut flow = Flow::unchecked("outer");
    flow.tasks.push(subflow_task("months", inner()));
    map_over(&mut flow.tasks[0], numbers(100_000));
    let mut play = Play::new(flow, 10_000);
    assert_eq!(play.happens("start").len(), 256);
    assert_eq!(play.happens("months[7]/clean done"), ["start months[7]/mean"]);
    assert_eq!(play.happens("months[7]/mean done"), ["start months[256]/clean"]);
}

#[test]
fn a_chain_of_a_hundred_thousand_tasks_ends_without_recursion() {
    let mut flow = Flow::unchecked("chain");
    for at in 0..100_000_usize {
        let mut next = task(&format!("t{at}"));
        next.kind = call();
        next.after = at.checked_sub(1).into_iter().collect();
        flow.tasks.push(next);
    }
    let mut play = Play::new(flow, 4);
    play.happens("start");
    assert_eq!(play.happens("t0 fails").last().map(String::as_str), Some("finish failed t0"));
}

/// A second, then two.
fn retry(attempts: u32) -> Retry {
    Retry { attempts, delay: Duration::from_secs(1), backoff: 2.0, ..Retry::NEVER }
}

#[test]
fn a_failed_attempt_is_tried_again_after_its_delay_and_the_last_failure_counts() {
    let make = || {
        let mut flow = flow(&[("a", &[]), ("b", &["a"])]);
        flow.tasks[0].retry = retry(3);
        flow
    };
    Play::new(make(), 1).follow(
        "start        -> start a
         a fails      -> wait 1000 for a[0]
         a[0] elapsed -> start a
         a done       -> start b
         b done       -> finish",
    );
    let play = Play::new(make(), 1).follow(
        "start        -> start a
         a traps      -> wait 1000 for a[0]
         a[0] elapsed -> start a
         a traps      -> wait 2000 for a[0]
         a[0] elapsed -> start a
         a fails      -> fail a, not-run b (a), finish failed a",
    );
    assert_eq!(play.failure("a"), "returned an error: no luck");
    let retried = play.events.iter().filter(|event| matches!(event, RunEvent::RunRetried { .. })).count();
    assert_eq!(retried, 2);
}

#[test]
fn a_failure_that_cannot_change_is_not_tried_again() {
    let mut flow = flow(&[("a", &[])]);
    flow.tasks[0].retry = retry(3);
    Play::new(flow, 1).follow("start -> start a\n a is-unusable -> fail a, finish failed a");
}

#[test]
fn a_run_that_waits_for_its_next_attempt_takes_no_room() {
    let mut flow = flow(&[("a", &[]), ("b", &[]), ("c", &[])]);
    flow.tasks[0].retry = retry(2);
    Play::new(flow, 1).follow(
        "start        -> start a
         a fails      -> wait 1000 for a[0], start b
         a[0] elapsed -> nothing
         b done       -> start a
         a done       -> start c
         c done       -> finish",
    );
}

#[test]
fn each_run_of_a_map_is_tried_again_by_itself() {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(4));
    flow.tasks[0].retry = retry(2);
    output(&mut flow, "all", result_of(0));
    let play = Play::new(flow, 9).follow(
        "start        -> start m[0..4]
         m[0..2] fails -> wait 1000 for m[0], wait 1000 for m[1]
         m[2..4] done -> nothing
         m[0] elapsed -> start m[0..1]
         m[1] elapsed -> start m[1..2]
         m[1] done    -> nothing
         m[0] done    -> finish",
    );
    assert_eq!(play.outputs(), [Some(list((0..4).map(Value::U32), "u32"))]);
}

#[test]
fn a_map_that_fails_does_not_try_its_other_runs_again() {
    let mut flow = flow(&[("m", &[])]);
    map_over(&mut flow.tasks[0], numbers(3));
    flow.tasks[0].retry = retry(2);
    Play::new(flow, 2).follow(
        "start        -> start m[0..2]
         m[0] fails   -> wait 1000 for m[0], start m[2..3]
         m[1] fails   -> wait 1000 for m[1]
         m[0] elapsed -> start m[0..1]
         m[0] fails   -> withdraw m[2..3]
         m[2] cancelled -> fail m, finish failed m
         m[1] elapsed -> nothing",
    );
}

#[test]
fn cancelling_or_draining_during_a_wait_ends_it() {
    for how in ["cancel", "drain"] {
        let mut flow = flow(&[("a", &[]), ("b", &["a"])]);
        flow.tasks[0].retry = retry(2);
        let script = format!(
            "start -> start a\n a fails -> wait 1000 for a[0]\n {how} -> cancel a, cancel b, finish cancelled\n a[0] elapsed -> nothing"
        );
        Play::new(flow, 1).follow(&script);
    }
}

#[test]
fn draining_takes_back_what_has_not_started_and_lets_what_runs_end() {
    let mut flow = flow(&[("a", &[]), ("b", &["a"]), ("c", &[])]);
    flow.tasks[2].retry = retry(2);
    let play = Play::new(flow, 3).follow(
        "start        -> start a, start c
         drain        -> withdraw a, withdraw c, cancel b
         a done       -> nothing
         cancel       -> nothing
         c fails      -> cancel c, finish cancelled",
    );
    let retried = play.events.iter().any(|event| matches!(event, RunEvent::RunRetried { attempt: 1, .. }));
    assert!(retried, "what is resumed knows of the attempt");
}

#[test]
fn tasks_of_higher_priority_start_first_and_a_subflow_hands_its_own_on() {
    let mut outer = flow(&[("a", &[]), ("b", &[]), ("c", &[]), ("sub", &[]), ("d", &[])]);
    let mut sub = subflow_task("sub", inner());
    sub.priority = 5;
    outer.tasks[3] = sub;
    for (task, priority) in [(1, -1), (2, 7), (4, 4)] {
        outer.tasks[task].priority = priority;
    }
    Play::new(outer, 1).follow(
        "start          -> start c
         c done         -> start sub/clean
         sub/clean done -> start sub/mean
         sub/mean done  -> start d
         d done         -> start a
         a done         -> start b
         b done         -> finish",
    );
}

fn tagged(flow: &mut Flow, task: &str, tags: &[&str]) {
    let at = position(flow, task);
    flow.tasks[at].tags = tags.iter().map(|tag| (*tag).into()).collect();
}

#[test]
fn no_more_runs_with_a_tag_run_at_once_than_its_limit_and_others_pass_them() {
    let mut flow = flow(&[("m", &[]), ("a", &[]), ("b", &[])]);
    map_over(&mut flow.tasks[0], numbers(5));
    tagged(&mut flow, "m", &["db"]);
    tagged(&mut flow, "a", &["db"]);
    flow.tag_limits = vec![("db".into(), 2)];
    Play::new(flow, 100).follow(
        "start   -> start m[0..2], start b
         m[0] done -> start m[2..3]
         m[2] done -> start m[3..4]
         m[1] done -> start m[4..5]
         m[3] done -> start a
         b done  -> nothing
         a done  -> nothing
         m[4] done -> finish",
    );
}

#[test]
fn a_task_with_two_tags_needs_room_for_both_and_holds_up_nobody_meanwhile() {
    let mut flow = flow(&[("x", &[]), ("y", &[]), ("xy", &[]), ("x-2", &[]), ("y-2", &[])]);
    for (task, tags) in [("x", &["x"][..]), ("y", &["y"]), ("xy", &["x", "y"]), ("x-2", &["x"]), ("y-2", &["y"])] {
        tagged(&mut flow, task, tags);
    }
    flow.tag_limits = vec![("x".into(), 1), ("y".into(), 1)];
    Play::new(flow, 100).follow(
        "start    -> start x, start y
         x done   -> start x-2
         y done   -> start y-2
         x-2 done -> nothing
         y-2 done -> start xy
         xy done  -> finish",
    );
}

#[test]
fn tags_of_a_subflow_task_hold_inside_and_a_subflows_own_limits_do_not() {
    let mut file = inner();
    tagged(&mut file, "mean", &["own"]);
    file.tag_limits = vec![("own".into(), 1)];
    let mut outer = Flow::unchecked("outer");
    outer.tasks.push(subflow_task("months", file));
    map_over(&mut outer.tasks[0], numbers(3));
    tagged(&mut outer, "months", &["db"]);
    outer.tag_limits = vec![("db".into(), 2)];
    Play::new(outer, 100).follow(
        "start                -> start months[0]/clean, start months[1]/clean
         months[0]/clean done -> start months[2]/clean
         months[1]/clean done -> start months[0]/mean
         months[2]/clean done -> start months[1]/mean
         months[0]/mean done  -> start months[2]/mean
         months[1]/mean done  -> nothing
         months[2]/mean done  -> finish",
    );
}

#[test]
fn of_several_failures_in_a_subflow_the_first_tasks_is_told_whichever_came_first() {
    for order in [["a", "b"], ["b", "a"]] {
        let mut outer = Flow::unchecked("outer");
        outer.tasks.push(subflow_task("sub", flow(&[("a", &[]), ("b", &[])])));
        let mut play = Play::new(outer, 9);
        play.happens("start");
        for task in order {
            play.happens(&format!("sub/{task} fails"));
        }
        assert_eq!(play.failure("sub"), "returned an error: task `a`: returned an error: no luck");
    }
}
