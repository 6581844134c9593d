//! Flows inside flows.

mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use support::{Files, check_in, picture, rejected_in};
use taskhost_flow::flow::{Input, Source};
use taskhost_flow::{FlowSource, Surroundings, TaskKind};

const INNER: &str = "
[parameters.n]
[parameters.greeting]
type = \"string\"
default = \"hi\"
[components]
t = \"../t.wasm\"
[tasks.double]
call = \"t.add\"
with = { a = \"${n}\", b = \"${n}\" }
[outputs]
twice = \"${double}\"
text = \"${greeting} ${n}\"
";

fn files(list: &[(&'static str, &'static str)]) -> Files {
    Files(list.iter().copied().collect::<HashMap<_, _>>())
}

#[test]
fn files_of_a_subflow_are_looked_up_beside_it() {
    rejected_in(
        "[tasks.a]\nflow = \"sub/inner.toml\"\n",
        &files(&[("sub/inner.toml", "[components]\nt = \"t.wasm\"\n[tasks.a]\ncall = \"t.give-u32\"\n[tasks.b]\nflow = \"c.toml\"\n"), ("sub/c.toml", "x = 1")]),
        "sub/inner.toml:2:5 [unusable-component] component `t` does not exist | \"t.wasm\" | build it, or fix the path
         sub/c.toml:1:1 [unknown-key] a flow has no key `x` | x | there are `name`, `description`, `parameters`, `components`, `tasks`, `defaults`, `runner`, `outputs` and 2 more",
    );
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

#[test]
fn a_subflow_is_checked_once_and_shared() {
    let inner = leak(&INNER.replace("../", ""));
    let checked = check_in(
        "[tasks.a]\nflow = \"inner.toml\"\nwith.n = 5\n\
         [tasks.b]\nflow = \"./inner.toml\"\nwith = { n = [1, 2], greeting = \"ho\" }\nmap = \"n\"\nrunner = \"sequential\"\n\
         [outputs]\ntwice = \"${a.twice}\"\nall = \"${b}\"\n",
        &files(&[("inner.toml", inner)]),
    )
    .unwrap_or_else(|diagnostics| panic!("{}", picture(&diagnostics)));
    let flow = checked.flow;
    let (TaskKind::Subflow(a), TaskKind::Subflow(b)) = (&flow.tasks[0].kind, &flow.tasks[1].kind) else { panic!() };
    assert!(Arc::ptr_eq(a, b));
    assert!(matches!(&flow.tasks[0].inputs[1], Input::Literal(value) if *value == taskhost_model::Value::string("hi")));
    assert_eq!(flow.outputs[0].ty.to_string(), "u32");
    assert_eq!(flow.outputs[1].ty.to_string(), "list<record { twice: u32, text: string }>");
    assert!(matches!(&a.outputs[0].input, Input::Reference(reference) if reference.source == Source::Task(0)));
}

#[test]
fn a_flow_that_reaches_itself_is_shown_as_a_path() {
    rejected_in(
        "[tasks.a]\nflow = \"b.toml\"\n",
        &files(&[
            ("b.toml", "[tasks.a]\nflow = \"x/../c.toml\"\n"),
            ("x/../c.toml", "[tasks.b]\nflow = \"./y/../c.toml\""),
        ]),
        "x/../c.toml:2:8 [subflow-recursion] flow `./y/../c.toml` runs itself: `c.toml → c.toml` | \"./y/../c.toml\" | a subflow cannot reach the flow that runs it; break the circle",
    );
    rejected_in(
        "[tasks.a]\nflow = \"b.toml\"\n[tasks.b]\nflow = \"flow.toml\"\n",
        &files(&[("b.toml", "[tasks.a]\nflow = \"./c.toml\"\n"), ("c.toml", "[tasks.a]\nflow = \"flow.toml\"\n")]),
        "c.toml:2:8 [subflow-recursion] flow `flow.toml` runs itself: `flow.toml → b.toml → c.toml → flow.toml` | \"flow.toml\" | a subflow cannot reach the flow that runs it; break the circle
         4:8 [subflow-recursion] flow `flow.toml` runs itself: `flow.toml → flow.toml` | \"flow.toml\" | a subflow cannot reach the flow that runs it; break the circle",
    );
}

#[test]
fn mistakes_of_a_subflow_are_told_once_and_bring_no_others() {
    rejected_in(
        "[tasks.a]\nflow = \"b.toml\"\nwith.nonsense = 1\n[tasks.b]\nflow = \"b.toml\"\nwith.x = \"${a.field}\"\n[tasks.c]\nflow = \"missing.toml\"\n[tasks.d]\nflow = \"e.toml\"\n",
        &files(&[("b.toml", "[tasks.x]\ncall = \"y.z\"\n"), ("e.toml", "[tasks")]),
        "b.toml:2:8 [unknown-component] no component named `y` | \"y.z\" | name its file under `[components]`: `y = \"components/y.wasm\"`
         8:8 [unusable-subflow] flow `missing.toml` does not exist | \"missing.toml\"
         e.toml:1:7 [syntax] not valid TOML: unclosed table, expected `]`",
    );
}

#[test]
fn arguments_and_limits_of_a_subflow_are_checked() {
    rejected_in(
        "[tasks.a]\nflow = \"inner.toml\"\nwith = { n = \"x\", gretting = \"x\" }\ntimeout = \"1s\"\n[tasks.b]\nflow = \"inner.toml\"\n",
        &files(&[("inner.toml", leak(&INNER.replace("../", "")))]),
        "3:14 [bad-literal] argument `n` of task `a`: wanted `u32`, found the string \"x\" | \"x\"
         3:19 [unknown-argument] `inner.toml` has no parameter `gretting` | gretting | did you mean `greeting`?
         4:1 [unavailable-key] task `a` runs a flow, for which `limits` and `timeout` are not available in this version | timeout | put them into the `[defaults]` of that flow
         5:8 [missing-argument] task `b` lacks the argument `n: u32` of `inner.toml` | b | add `with.n = …`",
    );
}

/// `1.toml` runs `2.toml` and so on.
struct Chain(usize);

impl Surroundings for Chain {
    fn subflow(&self, path: &Path) -> Result<Arc<FlowSource>, String> {
        let number: usize =
            path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).ok_or("no")?;
        let mut text = String::new();
        if number < self.0 {
            write!(text, "[tasks.a]\nflow = \"{}.toml\"\n", number + 1).expect("a string");
        }
        Ok(Arc::new(FlowSource::new(path, text)))
    }

    fn default_file(&self, _path: &Path) -> Result<Vec<u8>, String> {
        Err("does not exist".to_owned())
    }
}

#[test]
fn subflows_are_at_most_32_deep() {
    let check = |depth| {
        let source = Arc::new(FlowSource::new("flow.toml", "[tasks.a]\nflow = \"1.toml\"\n"));
        let file = taskhost_flow::parse(&source).expect("a flow");
        taskhost_flow::check(file, &Chain(depth), &support::catalog())
    };
    check(32).expect("just deep enough");
    let error = check(33).expect_err("too deep");
    assert_eq!(picture(&error), "32.toml:2:8 [subflow-depth] subflows are nested more than 32 deep | \"33.toml\"");
}

/// Each flow runs the next one twice.
struct Doubling;

impl Surroundings for Doubling {
    fn subflow(&self, path: &Path) -> Result<Arc<FlowSource>, String> {
        let source = Chain(30).subflow(path)?;
        let text = source.text().replace("tasks.a", "tasks.b");
        Ok(Arc::new(FlowSource::new(path, format!("{}{text}", source.text()))))
    }

    fn default_file(&self, _path: &Path) -> Result<Vec<u8>, String> {
        Err("does not exist".to_owned())
    }
}

#[test]
fn flows_that_multiply_are_refused_before_they_run() {
    let source = Arc::new(FlowSource::new("flow.toml", "[tasks.a]\nflow = \"1.toml\"\n"));
    let file = taskhost_flow::parse(&source).expect("a flow");
    let error = taskhost_flow::check(file, &Doubling, &support::catalog()).expect_err("a billion tasks");
    let told = picture(&error);
    assert!(told.contains("[too-many-tasks] with all its subflows, this flow has more than 1000000 tasks"), "{told}");
}
