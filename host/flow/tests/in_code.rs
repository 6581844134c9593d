//! Flows that are built in code, without a file.

mod support;

use std::sync::Arc;

use support::{Files, catalog, picture};
use taskhost_flow::written::{ComponentWritten, ParameterWritten, Spanned, TaskWritten};
use taskhost_flow::{Action, Expression, ExpressionKind, FlowFile, FlowSource, check};
use taskhost_model::{Value, ValueType};

fn flow() -> FlowFile {
    let mut flow = FlowFile::new(Arc::new(FlowSource::new("in-code", "")));
    flow.components.push(ComponentWritten { name: "t".into(), path: Spanned::new("t.wasm") });
    flow
}

fn task(name: &str, call: &str, with: &[(&str, Expression)]) -> TaskWritten {
    let mut task = TaskWritten::new(name, Action::Call(call.into()));
    task.with = with.iter().map(|(name, expression)| ((*name).into(), expression.clone())).collect();
    task
}

#[test]
fn values_with_their_types_are_arguments() {
    let mut file = flow();
    let five = Expression::given(Value::U8(5), ValueType::U8);
    file.tasks.push(task("a", "t.take-u32", &[("n", five.clone())]));
    let list = Expression::new(ExpressionKind::Array(vec![Expression::reference("a"), five]));
    file.tasks.push(task("b", "t.take-numbers", &[("numbers", list)]));
    file.outputs.push(("total".into(), Expression::reference("b")));
    let flow = check(file, &Files::default(), &catalog()).expect("a good flow").flow;
    assert_eq!(&*flow.name, "in-code");
    assert_eq!(flow.tasks[0].inputs, [taskhost_flow::Input::Literal(Value::U32(5))]);
    assert_eq!(flow.tasks[1].needs, [0]);
}

#[test]
fn a_flow_may_stand_inside_another() {
    let mut inner = flow();
    inner.parameters.push(ParameterWritten::new("n"));
    inner.tasks.push(task("a", "t.take-u32", &[("n", Expression::reference("n"))]));
    inner.outputs.push(("out".into(), Expression::reference("a")));
    let mut outer = flow();
    outer.components.clear();
    let mut sub = TaskWritten::new("sub", Action::Inline(Box::new(inner)));
    sub.with.push(("n".into(), Expression::given(Value::U32(1), ValueType::U32)));
    outer.tasks.push(sub);
    let flow = check(outer, &Files::default(), &catalog()).expect("a good flow").flow;
    assert_eq!(flow.tasks[0].result_type.to_string(), "record { out: u32 }");
}

#[test]
fn mistakes_are_told_without_places() {
    let mut file = flow();
    file.tasks.push(task("a_b", "t.take-u32", &[("n", Expression::given(Value::string("x"), ValueType::String))]));
    file.tasks.push(task("c", "t.add", &[("a", Expression::reference("d")), ("a", Expression::reference("a_b"))]));
    file.tasks.push(task("c", "t.give-u32", &[]));
    file.outputs.push(("o".into(), Expression::reference("c")));
    file.outputs.push(("o".into(), Expression::reference("c")));
    file.parameters.push(ParameterWritten::new("p"));
    let diagnostics = check(file, &Files::default(), &catalog()).expect_err("mistakes");
    let expected = [
        "[bad-name] `a_b` is no name: names begin with a letter and are words joined by `-`, each in lower case (or all in upper case) | write `a-b`",
        "[duplicate-name] two tasks are named `c` | rename one of them",
        "[duplicate-name] two outputs are named `o` | rename one of them",
        "[unknown-name] no task or parameter named `d` | the flow has `p`, `a_b`, `c`, `c`",
        "[untyped-parameter] parameter `p` has no `type`, and none follows from the tasks that it feeds | \
         add its type, such as `type = \"u32\"`, or remove the parameter",
        "[type-mismatch] argument `n` of task `a_b` wants `u32`, the value given is `string`",
        "[duplicate-argument] argument `a` of task `c` is given twice",
        "[missing-argument] task `c` lacks the argument `b: u32` of `t.add` | add `with.b = …`",
    ];
    assert_eq!(picture(&diagnostics).lines().collect::<Vec<_>>(), expected);
}
