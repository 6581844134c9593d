//! Parameters given to a flow: what fits, and every message when it does not.

mod support;

use std::sync::Arc;

use serde_json::json;
use support::accepted;
use taskhost_flow::{Flow, Given, Plan, PlanError, plan};
use taskhost_model::{Value, ValueType};

fn flow() -> Arc<Flow> {
    accepted(
        r#"
[parameters]
stop = { type = "u32", default = 5, description = "upper bound, exclusive" }
name = { type = "string" }
rows = { type = "list<record { id: u8 }>", default = [] }
maybe = { type = "option<bool>" }
[components]
t = "t.wasm"
[tasks.a]
call = "t.take-string"
with.text = "${stop} ${name} ${rows} ${maybe}"
"#,
        "",
    )
}

fn given(list: &[(&str, Given)]) -> Result<Plan, PlanError> {
    plan(&flow(), list.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect())
}

fn text(text: &str) -> Given {
    Given::Text(text.to_owned())
}

#[test]
fn what_is_not_given_has_its_default() {
    let plan = given(&[("name", text("5"))]).expect("a plan");
    assert_eq!(plan.parameters()[0], Value::U32(5));
    assert_eq!(plan.parameters()[1], Value::string("5"));
    assert_eq!(plan.parameters()[3], Value::NONE);
    assert_eq!(plan.flow().parameters.len(), 4);
}

#[test]
fn parameters_come_from_the_command_line_from_json_and_from_code() {
    let plan = given(&[
        ("stop", Given::Value(Value::U8(7), ValueType::U8)),
        ("name", Given::Json(json!("x"))),
        ("rows", text(r#"[{"id": 3}]"#)),
        ("maybe", Given::Json(json!(true))),
    ])
    .expect("a plan");
    assert_eq!(plan.parameters()[0], Value::U32(7));
    assert_eq!(plan.parameters()[3], Value::some(Value::Bool(true)));
}

#[test]
fn every_mistake_is_told_at_once() {
    let error = given(&[
        ("stopp", text("1")),
        ("stop", text("-1")),
        ("stop", text("1")),
        ("rows", text(r#"[{"id": 300}]"#)),
        ("maybe", Given::Value(Value::string("x"), ValueType::String)),
        ("zebra", text("1")),
    ])
    .expect_err("mistakes");
    let expected = "\
error[unknown-parameter]: flow `flow` has no parameter `stopp`
help: did you mean `stop`?
error[bad-parameter]: parameter `stop`: -1 does not fit `u32` (0 to 4294967295)
help: upper bound, exclusive
error[duplicate-parameter]: parameter `stop` is given twice
error[bad-parameter]: parameter `rows`: at `[0].id`: 300 does not fit `u8` (0 to 255)
error[bad-parameter]: parameter `maybe`: wanted `option<bool>`, the value given is `string`
error[unknown-parameter]: flow `flow` has no parameter `zebra`
help: there are `stop`, `name`, `rows`, `maybe`
error[missing-parameter]: parameter `name` is missing, a `string`
help: give it with `-p name=…`";
    assert_eq!(error.to_string(), expected);
}
