//! What a flow may say, and what the check makes of it.

mod support;

use std::time::Duration;

use support::{PARALLEL, accepted, check_in};
use taskhost_flow::flow::{Conversion, Flow, Input, Reference, Source, Step, TextPart};
use taskhost_flow::{OnFailure, RunnerKind, TaskKind};
use taskhost_model::{List, Value, ValueType};

fn task<'f>(flow: &'f Flow, name: &str) -> &'f taskhost_flow::Task {
    flow.tasks.iter().find(|task| &*task.name == name).expect("a task")
}

fn ty(text: &str) -> ValueType {
    text.parse().expect("a type")
}

/// A flow of tasks of `t.wasm`, each given as its table.
fn tasks(tasks: &[(&str, &str)]) -> String {
    let tables: Vec<String> = tasks.iter().map(|(name, keys)| format!("[tasks.{name}]\n{keys}\n")).collect();
    format!("components.t = \"t.wasm\"\n{}", tables.concat())
}

fn reference(input: &Input) -> &Reference {
    match input {
        Input::Reference(reference) => reference,
        other => panic!("{other:?}"),
    }
}

#[test]
fn front_page_flow_is_accepted_and_resolved() {
    let flow = accepted(PARALLEL, "");
    assert_eq!(&*flow.name, "parallel-execution");
    assert_eq!(flow.parameters[0].ty, ValueType::U32);
    assert_eq!(flow.parameters[0].default, Some(Value::U32(5)));
    let names: Vec<&str> = flow.tasks.iter().map(|task| &*task.name).collect();
    assert_eq!(names, ["number-1", "number-2", "number-3", "sum-numbers"]);
    let sum = task(&flow, "sum-numbers");
    assert_eq!(sum.needs, [0, 1, 2]);
    let Input::List { element, items } = &sum.inputs[0] else { panic!("{:?}", sum.inputs) };
    assert_eq!((element, items.len()), (&ValueType::U32, 3));
    assert_eq!(reference(&items[1]).source, Source::Task(1));
    assert_eq!(reference(&flow.tasks[0].inputs[0]).source, Source::Parameter(0));
    assert_eq!(flow.outputs[0].ty, ValueType::U64);
    assert_eq!(flow.components[0].path.to_str(), Some("components/numbers.wasm"));
}

#[test]
fn wide_integers_and_options_take_narrower_values_and_say_how() {
    let flow = accepted(
        &tasks(&[
            ("a", "call = \"t.give-u32\""),
            ("b", "call = \"t.take-u64\"\nwith.n = \"${a}\""),
            ("c", "call = \"t.take-maybe\"\nwith.n = \"${a}\""),
            ("d", "call = \"t.take-maybe\""),
        ]),
        "",
    );
    let conversion = |to| Some(Conversion { from: ValueType::U32, to });
    assert_eq!(reference(&task(&flow, "b").inputs[0]).conversion, conversion(ValueType::U64));
    let maybe = reference(&task(&flow, "c").inputs[0]);
    assert_eq!(maybe.conversion, conversion(ty("option<u32>")));
    assert!(maybe.none_if_skipped);
    assert_eq!(task(&flow, "d").inputs[0], Input::Literal(Value::NONE));
}

#[test]
fn fields_and_indexes_reach_into_results() {
    let flow = accepted(
        &tasks(&[
            ("a", "call = \"t.give-person\""),
            ("b", "call = \"t.take-string\"\nwith.text = \"${a.tags[1]}\""),
            ("c", "call = \"t.give-pair\""),
            ("d", "call = \"t.take-u32\"\nwith.n = \"${c[0]}\""),
        ]),
        "",
    );
    assert_eq!(reference(&task(&flow, "b").inputs[0]).path, [Step::Item(2), Step::Index(1)]);
    assert_eq!(reference(&task(&flow, "d").inputs[0]).path, [Step::Item(0)]);
}

#[test]
fn references_inside_text_are_put_in_as_text() {
    let flow = accepted(
        &tasks(&[("a", "call = \"t.give-u32\""), ("b", "call = \"t.take-string\"\nwith.text = \"$${a} is ${a}!\"")]),
        "",
    );
    let Input::Text(parts) = &task(&flow, "b").inputs[0] else { panic!() };
    assert_eq!(parts[0], TextPart::Literal("${a} is ".into()));
    assert!(matches!(&parts[1], TextPart::Reference(reference, ValueType::U32) if reference.source == Source::Task(0)));
    assert_eq!(parts[2], TextPart::Literal("!".into()));
}

#[test]
fn literals_take_the_wanted_type() {
    let flow = accepted(
        &tasks(&[
            ("a", "call = \"t.take-f64\"\nwith.x = 1"),
            ("b", "call = \"t.take-f64\"\nwith.x = -inf"),
            ("c", "call = \"t.take-u64\"\nwith.n = 18446744073709551615"),
            ("d", "call = \"t.take-numbers\"\nwith.numbers = [1, 0x10]"),
            ("e", "call = \"t.take-colour\"\nwith.colour = \"green\""),
            ("f", "call = \"t.take-person\"\nwith.person = { age = 3, tags = [], name = \"x\" }"),
            ("g", "call = \"t.take-bytes\"\nwith.bytes = [1, 2]"),
            ("h", "call = \"t.take-pair\"\nwith.pair = [7, \"x\"]"),
            ("i", "call = \"t.take-result\"\nwith.r = { err = \"no\" }"),
        ]),
        "",
    );
    let literal = |name| match &task(&flow, name).inputs[0] {
        Input::Literal(value) => value.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(literal("a"), Value::F64(1.0));
    assert_eq!(literal("b"), Value::F64(f64::NEG_INFINITY));
    assert_eq!(literal("c"), Value::U64(u64::MAX));
    assert_eq!(literal("d"), Value::List(List::from_values(&ValueType::U32, [Value::U32(1), Value::U32(16)])));
    assert_eq!(literal("e"), Value::Enum(1));
    let tags = Value::List(List::from_values(&ValueType::String, []));
    assert_eq!(literal("f"), Value::record([Value::string("x"), Value::U8(3), tags]));
    assert_eq!(literal("g"), Value::List(List::bytes(vec![1, 2])));
    assert_eq!(literal("h"), Value::tuple([Value::U32(7), Value::string("x")]));
    assert_eq!(literal("i"), Value::err(Some(Value::string("no"))));
}

#[test]
fn references_stand_inside_lists_records_tuples_and_options() {
    let flow = accepted(
        &tasks(&[
            ("a", "call = \"t.give-u32\""),
            ("s", "call = \"t.give-string\""),
            ("b", "call = \"t.take-pair\"\nwith.pair = [\"${a}\", \"${s}!\"]"),
            ("c", "call = \"t.take-person\"\nwith.person = { tags = [\"x\", \"${s}\"], name = \"${s}\", age = 1 }"),
            ("d", "call = \"t.take-maybes\"\nwith.numbers = [\"${a}\", 5]"),
        ]),
        "",
    );
    assert!(matches!(&task(&flow, "b").inputs[0], Input::Tuple(items) if matches!(items[1], Input::Text(_))));
    let Input::Record(fields) = &task(&flow, "c").inputs[0] else { panic!() };
    assert!(matches!(
        (&fields[0], &fields[1], &fields[2]),
        (Input::Reference(_), Input::Literal(Value::U8(1)), Input::List { .. })
    ));
    let Input::List { items, .. } = &task(&flow, "d").inputs[0] else { panic!() };
    assert_eq!(items[1], Input::Literal(Value::some(Value::U32(5))));
}

#[test]
fn map_gives_a_list_and_collect_a_list_of_results() {
    let flow = accepted(
        &tasks(&[
            ("list", "call = \"t.give-list\""),
            ("a", "call = \"t.add\"\nwith = { a = \"${list}\", b = 1 }\nmap = [\"a\"]"),
            ("b", "call = \"t.add\"\nwith = { a = [1, 2], b = \"${a}\" }\nmap = [\"b\", \"a\"]"),
            ("c", "call = \"t.may-fail\"\nwith.n = \"${list}\"\nmap = \"n\"\non-failure = \"collect\""),
            ("d", "call = \"t.take-results\"\nwith.all = \"${c}\""),
            ("e", "call = \"t.take-u32\"\nwith.n = \"${a[0]}\""),
        ]),
        "",
    );
    assert_eq!(task(&flow, "a").result_type, ty("list<u32>"));
    assert_eq!(task(&flow, "a").success_type, ValueType::U32);
    assert_eq!(*task(&flow, "a").mapped, [0]);
    assert_eq!(*task(&flow, "b").mapped, [1, 0]);
    assert_eq!(task(&flow, "c").result_type, ty("list<result<u32, string>>"));
    assert_eq!(task(&flow, "c").on_failure, OnFailure::Collect);
    assert!(!task(&flow, "c").failure_handled);
}

#[test]
fn a_consumer_that_wants_a_result_gets_it_whole() {
    let flow = accepted(
        &tasks(&[
            ("a", "call = \"t.may-fail\"\nwith.n = 1"),
            ("b", "call = \"t.take-result\"\nwith.r = \"${a}\""),
            ("c", "call = \"t.give-u32\""),
            ("d", "call = \"t.take-result\"\nwith.r = \"${c}\""),
            ("e", "call = \"t.take-u32\"\nwith.n = \"${a}\""),
        ]),
        "",
    );
    assert!(task(&flow, "a").failure_handled && task(&flow, "c").failure_handled);
    for name in ["b", "d"] {
        let reference = reference(&task(&flow, name).inputs[0]);
        assert!(reference.whole_result, "{name}");
        assert_eq!(reference.conversion, None, "{name}");
    }
    assert!(!reference(&task(&flow, "e").inputs[0]).whole_result);
}

#[test]
fn what_may_be_skipped_is_told_and_an_option_takes_its_place() {
    let flow = accepted(
        &(tasks(&[
            ("yes", "call = \"t.give-bool\""),
            ("a", "call = \"t.give-u32\"\nwhen = \"${yes}\""),
            ("b", "call = \"t.take-u32\"\nwith.n = \"${a}\""),
            ("c", "call = \"t.take-maybe\"\nwith.n = \"${a}\""),
            ("d", "call = \"t.give-u32\"\nafter = [\"b\"]"),
        ]) + "[outputs]\nc = \"${c}\"\nb = \"${b}\"\n"),
        "
        9:11 note[skipped-with] `b` is skipped when `a` is | ${a} | take an `option` to run anyway
        15:10 note[skipped-with] `d` is skipped when `b` is | \"b\"",
    );
    assert_eq!(task(&flow, "d").after, [2]);
    assert!(reference(&task(&flow, "c").inputs[0]).none_if_skipped);
    assert_eq!(flow.outputs[0].ty, ValueType::U32);
    assert_eq!(flow.outputs[1].ty, ty("option<u32>"));
    assert!(reference(&flow.outputs[1].input).none_if_skipped);
}

#[test]
fn types_of_parameters_follow_from_their_uses() {
    let flow = accepted(
        &(tasks(&[
            ("a", "call = \"t.take-u64\"\nwith.n = \"${n}\""),
            ("b", "call = \"t.take-u32\"\nwith.n = \"${n}\""),
            ("c", "call = \"t.take-u32\"\nwith.n = \"${list}\"\nmap = [\"n\"]"),
            ("d", "call = \"t.take-string\"\nwith.text = \"Hello, ${name}\""),
            ("e", "call = \"t.give-u32\"\nwhen = \"${flag}\""),
            ("f", "call = \"t.take-pair\"\nwith.pair = [\"${item}\", \"x\"]"),
            ("g", "call = \"t.take-maybe\"\nwith.n = \"${maybe}\""),
        ]) + "[parameters]\nn = {}\nlist = { default = [1] }\nname = {}\nflag = { default = true }\nitem = {}\nmaybe = {}\n"),
        "",
    );
    let types: Vec<String> = flow.parameters.iter().map(|parameter| parameter.ty.to_string()).collect();
    assert_eq!(types, ["u32", "list<u32>", "string", "bool", "u32", "option<u32>"]);
    assert_eq!(flow.parameters[3].default, Some(Value::Bool(true)));
    assert_eq!(flow.parameters[5].default, Some(Value::NONE));
}

#[test]
fn limits_come_from_the_task_then_the_flow_then_the_built_in_ones() {
    let flow = accepted(
        &(tasks(&[
            ("a", "call = \"t.give-u32\"\ntimeout = \"5s\"\nlimits = { memory = \"1 GiB\" }"),
            ("b", "call = \"t.give-u32\""),
            ("c", "call = \"t.give-u32\""),
        ]) + "[defaults]\ntimeout = \"1m\"\nlimits.cpu = \"10s\"\n"),
        "",
    );
    let call = |name: &str| match &task(&flow, name).kind {
        TaskKind::Call(call) => call.clone(),
        TaskKind::Subflow(_) => panic!(),
    };
    let (a, b) = (call("a").limits, call("b").limits);
    assert_eq!(
        (a.memory_bytes_max, a.wall_time_max, a.cpu_time_max),
        (1 << 30, Duration::from_secs(5), Duration::from_secs(10))
    );
    assert_eq!((b.memory_bytes_max, b.wall_time_max), (256 << 20, Duration::from_secs(60)));
    assert!(std::sync::Arc::ptr_eq(&call("b"), &call("c")), "equal calls are shared");
}

#[test]
fn runners_are_a_name_or_a_table() {
    let flow = accepted(
        "runner = { kind = \"threads\", workers = 2, concurrency = 50 }\ncomponents.t = { path = \"t.wasm\" }\n\
         [tasks.a]\ncall = \"t.tasks.give-u32\"\nrunner = \"sequential\"\n[tasks.b]\ncall = \"t.demo:one/first@1.0.0.same\"\n",
        "",
    );
    let runner = flow.runner.clone().expect("a runner");
    assert_eq!((runner.kind, runner.workers, runner.concurrency), (RunnerKind::Threads, Some(2), Some(50)));
    assert_eq!(flow.tasks[0].runner.as_ref().map(|runner| runner.kind), Some(RunnerKind::Sequential));
}

#[test]
fn what_is_not_used_is_warned_of() {
    accepted(
        "[parameters.p]\ntype = \"u32\"\n[components]\nt = \"t.wasm\"\nbroken = \"broken.wasm\"\n[tasks.a]\ncall = \"t.give-u32\"\n",
        "
        1:13 warning[unused-parameter] parameter `p` is not used, but each run must be given it: it has no default | p | remove it
        5:1 warning[unused-component] component `broken` is not used | broken | remove it",
    );
}

#[test]
fn an_empty_flow_is_named_after_its_file() {
    let told = "warning[no-tasks] the flow has no tasks, so a run of it does nothing | add one: `[tasks.name]` with `call = \"component.function\"`";
    assert_eq!(&*accepted("", told).name, "flow");
}

#[test]
fn a_default_file_is_text_or_bytes() {
    let files = support::Files([("data/x.csv", "a,b")].into());
    let text = tasks(&[
        ("a", "call = \"t.take-string\"\nwith.text = \"${text}\""),
        ("b", "call = \"t.take-bytes\"\nwith.bytes = \"${bytes}\""),
    ]) + "[parameters]\ntext = { default-file = \"data/x.csv\" }\nbytes = { default-file = \"data/x.csv\" }\n";
    let flow = check_in(&text, &files).expect("a good flow").flow;
    assert_eq!(flow.parameters[0].default, Some(Value::string("a,b")));
    assert_eq!(flow.parameters[1].default, Some(Value::List(List::bytes(b"a,b".to_vec()))));
}

#[test]
fn an_output_that_cannot_do_without_a_task_that_may_be_skipped_is_an_option() {
    let gate = "components.t = \"t.wasm\"\n[tasks]\nyes.call = \"t.give-bool\"\n\
                gate = { call = \"t.give-u32\", when = \"${yes}\" }\nsure.call = \"t.give-u32\"\n[outputs]\n";
    let outputs = [
        ("\"x ${gate}\"", "option<string>"),
        ("\"x ${sure}\"", "string"),
        ("[\"x ${gate}\", \"y\"]", "option<list<string>>"),
        ("{ a = \"x ${gate}\", b = 1 }", "option<record { a: string, b: s64 }>"),
        ("[\"${gate}\"]", "list<option<u32>>"),
        ("{ a = \"${gate}\" }", "record { a: option<u32> }"),
    ];
    for (written, ty) in outputs {
        let flow = accepted(&format!("{gate}out = {written}\n"), "");
        assert_eq!(flow.outputs[0].ty.to_string(), ty, "{written}");
        assert_eq!(matches!(flow.outputs[0].input, Input::Some(_)), ty.starts_with("option"), "{written}");
    }
}

#[test]
fn how_to_run_anyway_depends_on_where_the_value_stands() {
    accepted(
        r#"
components.t = "t.wasm"
[tasks]
yes.call = "t.give-bool"
gate = { call = "t.give-u32", when = "${yes}" }
gates = { call = "t.give-list", when = "${yes}" }
text = { call = "t.take-string", with.text = "x ${gate}" }
list = { call = "t.take-numbers", with.numbers = ["${gate}", 1] }
maybes = { call = "t.take-maybes", with.numbers = ["${gate}", 1] }
mapped = { call = "t.take-u32", map = "n", with.n = "${gates}" }
"#,
        r#"
7:49 note[skipped-with] `text` is skipped when `gate` is | ${gate} | a text cannot do without its parts; to run anyway, let a task that takes an `option` come between
8:52 note[skipped-with] `list` is skipped when `gate` is | ${gate} | the value stands inside a larger one, which cannot do without it; to run anyway, let a task that takes an `option` come between
10:54 note[skipped-with] `mapped` is skipped when `gates` is | ${gates} | `map` cannot do without its list; to run anyway, let a task that takes an `option` come between
"#,
    );
}

#[test]
fn limits_of_a_flow_that_is_run_as_a_task_are_told_whichever_they_are() {
    let files = support::Files([("inner.toml", "components.t = \"t.wasm\"\ntasks.a.call = \"t.give-u32\"\n")].into());
    for key in ["memory = 1", "blobs = 1", "log-lines = 1", "files = 1", "sockets = 1", "handles = 1"] {
        let text = format!("[tasks.a]\nflow = \"inner.toml\"\nlimits.{key}\n");
        let told = support::picture(&check_in(&text, &files).expect_err("a mistake"));
        assert!(told.starts_with("3:1 [unavailable-key] task `a` runs a flow"), "{told}");
    }
}
