//! Every example flow on every runner: equal outputs, and those that were worked out independently.

mod support;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use taskhost::flow::{RunnerChoice, RunnerKind};
use taskhost::{Host, Outputs, RunOptions};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn example(name: &str) -> PathBuf {
    root().join("example-tasks").join(name).join("flow.toml")
}

/// The outputs of a flow on each runner of this process, in the order of [`RunnerKind::ALL`]. Workers elsewhere have tests of their own.
fn on_each_runner(flow: &Path) -> Vec<Value> {
    let host = Host::new(support::options()).expect("a host");
    let run = |(kind, name): (RunnerKind, &str)| {
        let choice = RunnerChoice { workers: Some(2), ..kind.into() };
        let options = RunOptions { runner: choice.clone(), runner_override: Some(choice), ..RunOptions::default() };
        let launch = host.prepare(flow).unwrap_or_else(|error| panic!("{}: {error}", flow.display()));
        let outputs =
            launch.options(options).run().unwrap_or_else(|error| panic!("{} on {name}: {error}", flow.display()));
        json_of(&outputs)
    };
    RunnerKind::ALL.into_iter().filter(|(kind, _)| *kind != RunnerKind::Nats).map(run).collect()
}

fn json_of(outputs: &Outputs) -> Value {
    outputs
        .iter()
        .map(|(name, value)| (name.to_owned(), value.map_or(Value::Null, |value| parse(&value.to_json()))))
        .collect()
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("a value is told as JSON")
}

#[test]
fn examples_give_the_same_on_every_runner() {
    for name in ["01-hello", "03-interleaving", "04-etl", "05-subflow", "06-failures"] {
        let outputs = on_each_runner(&example(name));
        assert!(outputs[0].as_object().is_some_and(|outputs| !outputs.is_empty()), "{name} has outputs");
        assert!(outputs.iter().all(|other| *other == outputs[0]), "{name}: {outputs:#?}");
    }
}

#[test]
fn three_random_numbers_below_stop_add_up() {
    // 3 numbers of 0 to 4 each.
    for outputs in on_each_runner(&example("02-parallel-execution")) {
        assert!(outputs["total"].as_u64().is_some_and(|total| total <= 12), "{outputs}");
    }
}

#[test]
fn the_weather_report_is_what_python_makes_of_the_same_file() {
    // `example-tasks/04-etl/expected.py` made this with Python's standard library alone.
    let text = std::fs::read_to_string(root().join("example-tasks/04-etl/expected.json")).expect("readable");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let outputs = &on_each_runner(&example("04-etl"))[0];
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&outputs[name], value, "output `{name}`");
    }
}

#[test]
fn squares_and_their_sum_are_right() {
    let outputs = &on_each_runner(&example("05-subflow"))[0];
    // 1 + 4 + 9 + 16
    assert_eq!(*outputs, json!({ "squares": [1, 4, 9, 16], "total": 30, "same-total": 30 }));
}
