//! Embedders' promises, kept with the components of `example-tasks/` (`cargo xtask guests` builds them).

mod support;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use taskhost::flow::{Given, OnFailure, RunnerKind};
use taskhost::model::{Attachment, FlowRunEnding, RunEvent, TaskFailure, TaskState};
use taskhost::{
    Action, CallSettings, Component, FlowBuilder, FromValue, Happening, Host, HostErrorKind, IntoValue, RunError,
    RunOptions, TypeMismatch, TypedValue, reference,
};

/// One for all tests, as in a program: its threads and compiled components are shared.
static HOST: LazyLock<Host> = LazyLock::new(|| Host::new(support::options()).expect("a host"));

fn example(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../example-tasks")).join(path)
}

fn component(path: &str) -> Component {
    HOST.component(example(path)).unwrap_or_else(|error| panic!("{error}\n`cargo xtask guests` builds the components"))
}

fn numbers() -> Component {
    component("02-parallel-execution/components/numbers.wasm")
}

fn printer() -> Component {
    component("03-interleaving/components/printer.wasm")
}

fn shares() -> Component {
    component("06-failures/components/shares.wasm")
}

/// `stop` below 2 makes the random numbers known.
fn parallel() -> FlowBuilder {
    let flow = FlowBuilder::new("parallel-execution");
    let stop = flow.parameter("stop").default(5);
    let draws = [(); 3].map(|()| flow.call(&numbers(), "random-num").with("stop", &stop));
    flow.output("total", flow.call(&numbers(), "sum").with("numbers", &draws)).output("draws", draws);
    flow
}

#[test]
fn the_parallel_flow_runs_from_code_and_from_its_file() {
    for _ in 0..10 {
        let outputs = HOST.run(parallel()).expect("outputs");
        let draws: Vec<u32> = outputs.output("draws").expect("numbers");
        assert!(draws.iter().all(|number| *number < 5), "{draws:?}");
        assert_eq!(
            outputs.output::<u32>("draws").map_err(|error| error.to_string()),
            Err("output `draws`: `list<u32>` is not a `u32`".into())
        );
        assert_eq!(outputs.output::<u64>("total"), Ok(draws.iter().map(|number| u64::from(*number)).sum()));
    }
    let file = example("02-parallel-execution/flow.toml");
    let outputs = HOST.prepare(&file).expect("a good flow").give("stop", 1).run().expect("outputs");
    assert_eq!(outputs.output::<u64>("total"), Ok(0));
}

#[test]
fn an_imperative_flow_gives_the_same() {
    let flow = FlowBuilder::new("imperative");
    flow.component("numbers", numbers().path());
    flow.parameter("stop").default(1);
    flow.add_task("sum", "numbers.sum");
    for name in ["a", "b"] {
        flow.add_task(name, "numbers.random-num").runner(RunnerKind::Sequential);
        flow.bind(name, "stop", reference("stop"));
    }
    flow.bind("sum", "numbers", [reference("a"), reference("b")]);
    flow.set_order("b", "a");
    flow.output("total", reference("sum"));
    let run = HOST.prepare(&flow).expect("a good flow").start().expect("a flow run");
    let ended: Vec<String> = run.events().filter_map(succeeded).collect();
    assert_eq!(ended, ["b", "a", "sum"]);
    assert_eq!(run.wait().expect("outputs").output::<u64>("total"), Ok(0));
}

fn succeeded(happening: Happening) -> Option<String> {
    match happening {
        Happening::Event(timed) => match timed.event {
            RunEvent::TaskEnded { task, state: TaskState::Succeeded } => Some(task.to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn events_come_in_order_with_what_tasks_say_between_them() {
    let flow = FlowBuilder::new("lines");
    let print = flow.call(&printer(), "print-lines").with("text", "AAAA").with("times", 3).with("pause-ms", 1);
    flow.output("lines", print);
    let run = HOST.prepare(flow).expect("a good flow").start().expect("a flow run");
    let all: Vec<Happening> = run.events().collect();
    let words: Vec<String> = all.iter().map(word).collect();
    assert_eq!(
        words,
        ["started", "AAAA", "1 of 3", "AAAA", "2 of 3", "AAAA", "3 of 3", "runs ended", "ended", "flow run ended"]
    );
    let times: Vec<Duration> =
        all.iter().filter_map(|one| if let Happening::Event(event) = one { Some(event.at) } else { None }).collect();
    assert!(times.is_sorted(), "{times:?}");
}

fn word(happening: &Happening) -> String {
    match happening {
        Happening::Event(timed) => match &timed.event {
            RunEvent::TaskStarted { .. } => "started".into(),
            RunEvent::TaskRefused { .. } => "refused".into(),
            RunEvent::TaskRunsEnded { .. } => "runs ended".into(),
            RunEvent::RunRetried { .. } => "retried".into(),
            RunEvent::TaskEnded { .. } => "ended".into(),
            RunEvent::FlowRunEnded(_) => "flow run ended".into(),
            RunEvent::FlowRunResumed { .. } => "flow run resumed".into(),
        },
        Happening::Attachment { attachment: Attachment::Log { line, .. }, .. } => line.clone(),
        Happening::Attachment { attachment: Attachment::Progress { done, total, .. }, .. } => {
            format!("{done} of {total}")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn an_embedder_can_cancel_and_the_next_flow_is_fine() {
    let flow = FlowBuilder::new("long");
    let print = flow.call(&printer(), "print-lines").with("text", "x").with("times", 1000).with("pause-ms", 1000);
    flow.output("lines", &print);
    let started = Instant::now();
    let run = HOST.prepare(&flow).expect("a good flow").start().expect("a flow run");
    let mut events = run.events();
    assert!(events.any(|happening| matches!(happening, Happening::Attachment { .. })), "it prints before it waits");
    assert!(run.wait_timeout(Duration::from_millis(1)).is_none());
    run.cancel();
    let error = run.wait().expect_err("cancelled");
    assert!(matches!(&error, RunError::Cancelled(report) if report.ending == FlowRunEnding::Cancelled), "{error}");
    assert!(
        matches!(events.last(), Some(Happening::Event(last)) if last.event == RunEvent::FlowRunEnded(FlowRunEnding::Cancelled))
    );
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(HOST.run(parallel()).is_ok());
}

#[derive(Debug, PartialEq)]
struct Tally {
    succeeded: u32,
    total: u64,
    messages: Vec<String>,
}

impl FromValue for Tally {
    fn from_value(value: &TypedValue) -> Result<Tally, TypeMismatch> {
        Ok(Tally {
            succeeded: value.get_field("succeeded")?,
            total: value.get_field("total")?,
            messages: value.get_field("messages")?,
        })
    }
}

#[test]
fn failures_are_collected_and_records_are_read_into_types_of_ones_own() {
    let flow = FlowBuilder::new("failures");
    let share = flow.call(&shares(), "share").with_each("people", ["4", "ten", "8"]).on_failure(OnFailure::Collect);
    let count = flow.call(&shares(), "count").with("outcomes", &share);
    flow.output("tally", &count).output("shares", share);
    let outputs = HOST.run(flow).expect("outputs");
    let shares: Vec<Result<u32, String>> = outputs.output("shares").expect("results");
    assert_eq!((&shares[0], &shares[2]), (&Ok(250), &Ok(125)));
    let message = shares[1].clone().expect_err("no number");
    let tally = Tally { succeeded: 2, total: 375, messages: vec![message] };
    assert_eq!(outputs.output::<Tally>("tally"), Ok(tally));
    let json: std::collections::BTreeMap<String, serde_json::Value> = outputs.output_as("tally").expect("an object");
    assert_eq!((&json["failed"], &json["total"]), (&1.into(), &375.into()));
}

#[test]
fn a_failed_task_says_why() {
    let flow = FlowBuilder::new("failing");
    flow.output("share", flow.call(&shares(), "share").with("people", "nobody"));
    let error = HOST.run(flow).expect_err("no number");
    let RunError::Failed(report) = &error else { panic!("{error}") };
    assert_eq!(report.ending, FlowRunEnding::Failed(vec!["share".into()]));
    assert!(matches!(report.tasks[0].failures[0].failure, TaskFailure::Returned(_)));
    assert!(error.to_string().starts_with("task `share` failed: returned an error: "), "{error}");
}

#[test]
fn subflows_run_from_code_and_from_files() {
    let inner = FlowBuilder::new("draw-two");
    let stop = inner.parameter("stop").of_type::<u32>();
    let draws = [(); 2].map(|()| inner.call(&numbers(), "random-num").with("stop", &stop));
    inner.output("sum", inner.call(&numbers(), "sum").with("numbers", draws));

    let outer = FlowBuilder::new("outer");
    outer.folder(example(""));
    let built = outer.subflow(&inner).with_each("stop", [1, 1, 1]).runner(RunnerKind::Sequential);
    let file = outer.subflow(Action::flow_file("02-parallel-execution/flow.toml")).with("stop", 1);
    outer.output("built", built.index(2).field("sum")).output("file", file.field("total"));
    let outputs = HOST.run(outer).expect("outputs");
    assert_eq!((outputs.output::<u64>("built"), outputs.output::<u64>("file")), (Ok(0), Ok(0)));
}

#[test]
fn one_function_runs_without_a_flow() {
    let path = example("02-parallel-execution/components/numbers.wasm");
    let given = vec![("numbers".to_owned(), Given::Text("[1, 2, 39]".into()))];
    let plan = HOST.plan_call(&path, "sum", given, &CallSettings::default()).expect("a plan");
    let flow = plan.flow().clone();
    let report = HOST
        .start(plan, RunOptions::default(), std::sync::Arc::new(taskhost::model::seams::NoObserver))
        .expect("a flow run")
        .wait();
    let FlowRunEnding::Succeeded(values) = report.ending else { panic!("{:?}", report.ending) };
    assert_eq!(taskhost::Outputs::new(&flow, values).output::<u64>("result"), Ok(42));

    let message = |function: &str, given| {
        HOST.plan_call(&path, function, given, &CallSettings::default()).expect_err("a mistake").to_string()
    };
    assert!(message("sum", Vec::new()).contains("parameter `numbers` is missing"));
    assert!(message("smu", Vec::new()).contains("did you mean `sum`"), "{}", message("smu", Vec::new()));
    let surplus = vec![("numbers".to_owned(), Given::Text("[]".into())), ("more".to_owned(), Given::Text("1".into()))];
    assert!(message("sum", surplus).contains("has no parameter `more`"));
}

#[test]
fn parameters_that_do_not_fit_are_told_before_anything_runs() {
    let launch = || HOST.prepare(parallel()).expect("a good flow");
    let message = |result: Result<_, RunError>| {
        let error = result.map(|_: taskhost::Outputs| ()).expect_err("a mistake");
        assert!(matches!(error, RunError::Parameters(_)), "{error}");
        error.to_string()
    };
    for message in [message(launch().give("stop", "many").run()), message(launch().give("stop", -1).run())] {
        assert!(message.contains("`stop`") && message.contains("`u32`"), "{message}");
    }
    assert!(message(launch().give("stpo", 1).run()).contains("no parameter `stpo`"));
    assert!(message(launch().give("stop", 1).give("stop", 2).run()).contains("given twice"));
}

#[test]
fn what_is_no_flow_or_component_is_refused_with_its_reason() {
    let error = HOST.read_flow(&example("no-such.toml")).expect_err("no file");
    assert_eq!(error.kind, HostErrorKind::Usage);
    assert!(error.message.ends_with("no-such.toml` does not exist"), "{error}");
    let error = HOST.component(example("README.md")).expect_err("no component");
    assert_eq!(error.kind, HostErrorKind::Rejected);
    let error = HOST.run(example("no-such.toml")).expect_err("no file");
    assert!(matches!(error, RunError::Host(_)), "{error}");
}

#[test]
fn a_million_numbers_travel_without_becoming_a_million_values() {
    let flow = FlowBuilder::new("bulk");
    let list = flow.parameter("list").of_type::<Vec<u32>>();
    flow.output("sum", flow.call(&numbers(), "sum").with("numbers", &list)).output("list", &list);
    let numbers: Vec<u32> = (0..1_000_000).collect();
    let given = Given::Value(numbers.clone().into_value(), Vec::<u32>::value_type());
    let outputs = HOST.prepare(&flow).expect("a good flow").give_as("list", given).run().expect("outputs");
    assert_eq!(outputs.output::<u64>("sum"), Ok(499_999_500_000));
    assert_eq!(outputs.output::<Vec<u32>>("list"), Ok(numbers));
}
