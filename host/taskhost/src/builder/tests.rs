//! What a builder promises, against a catalog that is written here: no component is needed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use taskhost_flow::{Checked, Diagnostics, Flow, FlowSource, OnFailure, RunnerKind, Surroundings};
use taskhost_model::powers::Area;
use taskhost_model::seams::{Catalog, CatalogError};
use taskhost_model::signature::ImportedInterface;
use taskhost_model::{ComponentSignature, Digest, Limit, TaskSignature, Value, ValueType};

use super::argument::{IntoArgument, record, reference, text, value};
use super::handle::Action;
use super::*;

struct Table;

const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("random-num", "stop: u32", "result<u32, string>"),
    ("sum", "numbers: list<u32>", "u64"),
    ("greet", "greeting: string, times: option<u8>", "string"),
    ("months", "csv: list<u8>", "list<record { name: string, mean: f64 }>"),
    ("coldest", "month: record { name: string, mean: f64 }", "f64"),
    ("is-warm", "mean: f64", "bool"),
];

impl Catalog for Table {
    fn signature(&self, path: &Path) -> Result<Arc<ComponentSignature>, CatalogError> {
        if !path.ends_with("numbers.wasm") {
            return Err(CatalogError { message: "does not exist".into(), help: None });
        }
        let parameter = |text: &str| {
            let (name, ty) = text.split_once(": ").expect("name: type");
            (name.into(), ty.parse().expect("a type"))
        };
        let task = |(name, parameters, result): &(&str, &str, &str)| TaskSignature {
            interface: Some("demo:numbers/tasks".into()),
            function: (*name).into(),
            parameters: parameters
                .split(", ")
                .filter(|_| !parameters.contains('{'))
                .map(parameter)
                .chain(parameters.contains('{').then(|| parameter(parameters)))
                .collect(),
            result: Some(result.parse().expect("a type")),
            docs: None,
        };
        let files = ImportedInterface { name: "wasi:filesystem/types@0.2.6".into(), functions: Vec::new() };
        Ok(Arc::new(ComponentSignature {
            digest: Digest::of(b"numbers"),
            size_bytes: 7,
            tasks: FUNCTIONS.iter().map(task).collect(),
            unusable: Vec::new(),
            imports: if path.ends_with("outside/numbers.wasm") { vec![files] } else { Vec::new() },
        }))
    }
}

impl Surroundings for Table {
    fn subflow(&self, _path: &Path) -> Result<Arc<FlowSource>, String> {
        Err("does not exist".into())
    }

    fn default_file(&self, _path: &Path) -> Result<Vec<u8>, String> {
        Err("does not exist".into())
    }
}

fn checked(flow: &FlowBuilder) -> Result<Checked, Diagnostics> {
    flow.build().check(|file| taskhost_flow::check(file, &Table, &Table))
}

fn flow_of(flow: &FlowBuilder) -> Arc<Flow> {
    checked(flow).unwrap_or_else(|mistakes| panic!("{mistakes}")).flow
}

fn mistakes(flow: &FlowBuilder) -> Vec<String> {
    checked(flow).expect_err("mistakes").iter().map(ToString::to_string).collect()
}

fn numbers() -> Component {
    Component::at("numbers.wasm")
}

fn names(flow: &Flow) -> Vec<&str> {
    flow.tasks.iter().map(|task| &*task.name).collect()
}

#[test]
fn functional_and_imperative_builders_give_the_same_flow_as_toml() {
    let functional = FlowBuilder::new("parallel-execution");
    let stop = functional.parameter("stop").of_type::<u32>().default(5);
    let draws: Vec<_> = (0..3).map(|_| functional.call(&numbers(), "random-num").with("stop", &stop)).collect();
    let sum = functional.call(&numbers(), "sum").with("numbers", &draws);
    functional.output("total", &sum);

    let imperative = FlowBuilder::new("parallel-execution");
    imperative.component("numbers", numbers().path());
    imperative.parameter("stop").of_wit_type("u32").default(5);
    for name in ["random-num-1", "random-num-2", "random-num-3"] {
        imperative.bind(name, "stop", reference("stop"));
        imperative.add_task(name, "numbers.random-num");
    }
    imperative.add_task("sum", Action::call(&numbers(), "sum"));
    imperative.bind("sum", "numbers", ["random-num-1", "random-num-2", "random-num-3"].map(reference));
    imperative.output("total", reference("sum"));

    let tasks = ["random-num-1", "random-num-2", "random-num-3"]
        .map(|name| format!("[tasks.{name}]\ncall = \"numbers.random-num\"\nwith.stop = \"${{stop}}\"\n"));
    let toml = format!(
        "name = \"parallel-execution\"\nparameters.stop = {{ type = \"u32\", default = 5 }}\ncomponents.numbers = {:?}\n{}\
         [tasks.sum]\ncall = \"numbers.sum\"\nwith.numbers = [\"${{random-num-1}}\", \"${{random-num-2}}\", \"${{random-num-3}}\"]\n\
         [outputs]\ntotal = \"${{sum}}\"\n",
        numbers().path(),
        tasks.concat(),
    );
    let file = taskhost_flow::parse(&Arc::new(FlowSource::new("flow.toml", toml))).expect("valid TOML");
    let written = taskhost_flow::check(file, &Table, &Table).expect("a good flow").flow;
    // But for the file, of which one that was built has none.
    let in_code = "parallel-execution (built in code)";
    let shown = format!("{written:#?}").replace("\"flow.toml\"", &format!("{in_code:?}"));
    assert_eq!(format!("{:#?}", flow_of(&functional)), shown);
    assert_eq!(format!("{:#?}", flow_of(&imperative)), shown);
}

#[test]
fn tasks_are_named_after_their_functions_and_avoid_taken_names() {
    let flow = FlowBuilder::new("names");
    let stop = flow.parameter("sum").of_type::<u32>();
    let first = flow.call(&numbers(), "random-num").with("stop", &stop);
    let second = flow.call(&numbers(), "tasks.random-num").with("stop", &stop).named("random-num-1");
    let third = flow.call(&numbers(), "random-num").with("stop", &stop);
    let sum = flow.call(&numbers(), "sum").with("numbers", [&first, &second, &third]);
    flow.output("total", sum);
    assert_eq!(names(&flow_of(&flow)), ["random-num-2", "random-num-1", "random-num-3", "sum-1"]);
}

#[test]
fn everything_of_a_task_in_toml_can_be_said_in_code() {
    let flow = FlowBuilder::new("everything");
    flow.describe("All settings.").runner(RunnerKind::Sequential).default_limit(Limit::Cpu(Duration::from_secs(5)));
    let csv = flow.parameter("csv").of_type::<Vec<u8>>().default(vec![1u8, 2]).describe("Bytes");
    let months = flow.call(&numbers(), "months").with("csv", &csv).limit(Limit::Memory(1 << 20));
    let warm = flow.call(&numbers(), "is-warm").with("mean", months.index(0).field("mean"));
    let coldest = flow
        .call(&numbers(), "coldest")
        .with_each("month", &months)
        .when(&warm)
        .after(&warm)
        .on_failure(OnFailure::Collect)
        .timeout(Duration::from_secs(1))
        .runner(RunnerKind::Threads)
        .allow_read("data")
        .allow_read("more")
        .allow_config("unit", "celsius")
        .describe("One for each month");
    flow.output("all", &coldest).output("first", months.index(0).field("name"));
    let flow = flow_of(&flow);
    let task = &flow.tasks[2];
    assert!(task.is_mapped() && task.when.is_some() && task.on_failure == OnFailure::Collect);
    assert_eq!(task.runner.as_ref().map(|choice| choice.kind), Some(RunnerKind::Threads));
    let taskhost_flow::TaskKind::Call(call) = &task.kind else { panic!("a call") };
    assert_eq!((call.limits.cpu_time_max, call.limits.wall_time_max), (Duration::from_secs(5), Duration::from_secs(1)));
    assert_eq!(call.grants.folders.iter().map(ToString::to_string).collect::<Vec<_>>(), ["data", "more"]);
    assert_eq!(call.grants.config.get("unit").map(|value| &**value), Some("celsius"));
    assert_eq!(flow.parameters[0].default, Some(Value::List(taskhost_model::List::bytes(vec![1, 2]))));
    assert_eq!(flow.outputs[1].ty, ValueType::String);
}

#[test]
fn a_strict_task_can_say_that_it_does_without() {
    let component = Component::at("outside/numbers.wasm");
    let flow = FlowBuilder::new("strict");
    let sum = flow.call(&component, "sum").with("numbers", vec![1u32]).strict();
    assert!(mistakes(&flow)[0].contains("not allowed to read or write files"));
    sum.without(Area::Files);
    assert!(flow_of(&flow).tasks.len() == 1);
}

#[test]
fn arguments_are_made_of_literals_text_records_and_references() {
    let flow = FlowBuilder::new("arguments");
    let name = flow.parameter("name").default("Ada");
    let none: Option<u8> = None;
    let greet = flow.call(&numbers(), "greet").with("greeting", text(("Hello, ", &name, "! ", 7))).with("times", none);
    let again = flow.call(&numbers(), "greet").with("greeting", &greet).with("times", Some(2));
    let month = flow.call(&numbers(), "coldest").with("month", record().field("name", &name).field("mean", 1.5));
    let json = flow.call(&numbers(), "coldest").with("month", serde_json::json!({ "name": "May", "mean": 2.5 }));
    let typed = flow.call(&numbers(), "sum").with("numbers", value(vec![1u32, 2]));
    flow.output("a", again).output("b", month).output("c", json).output("d", typed);
    assert_eq!(flow_of(&flow).tasks.len(), 5);
}

#[test]
fn a_dollar_brace_in_plain_text_is_no_reference() {
    let flow = FlowBuilder::new("plain");
    let greet = flow.call(&numbers(), "greet").with("greeting", "${name}");
    flow.output("greeting", greet);
    let literal = taskhost_flow::Input::Literal(Value::string("${name}"));
    assert_eq!(flow_of(&flow).tasks[0].inputs[0], literal);
}

#[test]
fn all_mistakes_are_told_at_once_with_their_lines_of_rust() {
    let flow = FlowBuilder::new("mistakes");
    let line = line!() + 1;
    let sum = flow.call(&numbers(), "sum").with("numbers", "text");
    flow.call(&numbers(), "smu").named("wrong");
    flow.bind("nowhere", "stop", 1);
    flow.output("total", &sum).output("other", reference("smu"));
    let all = mistakes(&flow);
    let at = |offset: u32, code: &str| format!("builder/tests.rs:{}:{code}", line + offset);
    let found = |wanted: &str| {
        all.iter().any(|message| {
            let (file, rest) = message.split_once(':').unwrap_or_default();
            let (number, rest) = rest.split_once(':').unwrap_or_default();
            let code = rest.split(['[', ']']).nth(1).unwrap_or_default();
            format!("{file}:{number}:{code}").ends_with(wanted)
        })
    };
    for (offset, code) in [(1, "unknown-function"), (2, "unknown-task"), (3, "unknown-name")] {
        assert!(found(&at(offset, code)), "{code} at line {}: {all:#?}", line + offset);
    }
    assert!(all.iter().any(|message| message.contains(&format!("tests.rs:{line}:"))), "{all:#?}");
    assert_eq!(all.len(), 4, "{all:#?}");
}

#[test]
fn mistakes_in_code_read_as_those_in_toml() {
    let toml = "components.numbers = \"numbers.wasm\"\n[tasks.a]\ncall = \"numbers.sum\"\nwith.numbers = [\"${b}\", true]\nafter = [\"c\"]\n\
                [tasks.b]\ncall = \"numbers.greet\"\nwith.greeting = 5\nwith.tims = 2\n";
    let file = taskhost_flow::parse(&Arc::new(FlowSource::new("flow.toml", toml))).expect("valid TOML");
    let of_toml = taskhost_flow::check(file, &Table, &Table).expect_err("mistakes");

    let flow = FlowBuilder::new("flow");
    flow.component("numbers", "numbers.wasm");
    flow.add_task("a", "numbers.sum").with("numbers", (reference("b"), true));
    flow.set_order("c", "a");
    flow.add_task("b", "numbers.greet").with("greeting", 5).with("tims", 2);
    let of_code = checked(&flow).expect_err("mistakes");

    let words = |all: &Diagnostics| {
        let mut words: Vec<_> = all.iter().map(|one| (one.code, one.message.clone(), one.help.clone())).collect();
        words.sort();
        words
    };
    assert_eq!(words(&of_code), words(&of_toml));
}

#[test]
fn a_handle_of_another_flow_is_noticed() {
    let other = FlowBuilder::new("other");
    let stop = other.parameter("stop").default(5);
    let flow = FlowBuilder::new("flow");
    let draw = flow.call(&numbers(), "random-num").with("stop", &stop);
    flow.output("number", &draw);
    let all = mistakes(&flow);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert!(all[0].contains("[foreign-handle]: this handle belongs to another flow"), "{all:#?}");
}

#[test]
fn a_subflow_is_built_in_code_and_its_outputs_are_fields() {
    let inner = FlowBuilder::new("draw-one");
    let stop = inner.parameter("stop").of_type::<u32>();
    inner.output("number", inner.call(&numbers(), "random-num").with("stop", &stop));

    let outer = FlowBuilder::new("outer");
    let draw = outer.subflow(&inner).with_each("stop", [3, 4]).runner(RunnerKind::Sequential);
    outer.output("first", draw.index(0).field("number"));
    let flow = flow_of(&outer);
    assert_eq!(names(&flow), ["draw-one"]);
    assert_eq!(flow.outputs[0].ty, ValueType::U32);
}

#[test]
fn mistakes_inside_a_subflow_have_their_lines_too() {
    let inner = FlowBuilder::new("inner");
    let line = line!() + 1;
    inner.output("number", reference("nothing"));
    let outer = FlowBuilder::new("outer");
    outer.output("all", outer.subflow(&inner));
    let all = mistakes(&outer);
    assert!(all[0].contains(&format!("tests.rs:{line}:")) && all[0].contains("nothing"), "{all:#?}");
}

#[test]
fn an_argument_given_twice_and_a_type_that_is_none_are_mistakes() {
    let flow = FlowBuilder::new("twice");
    let stop = flow.parameter("stop").of_wit_type("u23").default(5);
    let draw = flow.call(&numbers(), "random-num").with("stop", &stop).with("stop", 3);
    flow.output("number", draw);
    let all = mistakes(&flow).concat();
    assert!(all.contains("argument `stop` of `random-num` is given twice"), "{all}");
    assert!(all.contains("`u23` is not a type"), "{all}");
}

#[test]
fn given_values_are_literals_or_keep_their_rust_type() {
    use taskhost_flow::Given;
    assert_eq!(5.into_argument().given(), Given::Json(serde_json::json!(5)));
    assert_eq!(f64::NAN.into_argument().given(), Given::Json(serde_json::json!("NaN")));
    let list = vec![Some("a"), None].into_argument().given();
    assert_eq!(list, Given::Json(serde_json::json!(["a", null])));
    let record = record().field("x", 1).field("y", vec![1u8]).into_argument().given();
    assert_eq!(record, Given::Json(serde_json::json!({ "x": 1, "y": "AQ==" })));
    assert!(matches!(vec![1u8].into_argument().given(), Given::Value(..)));
}
