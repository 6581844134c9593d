//! The table of keys and the parser know the same keys.

use std::fmt::Write as _;
use std::sync::Arc;

use taskhost_flow::keys::{KEYS, Key, Kind, Table};
use taskhost_flow::{FlowSource, json_schema, parse};

/// A value of the right shape.
fn example(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Name | Kind::Path | Kind::Names | Kind::Expression => "\"a\"".to_owned(),
        Kind::Type => "\"u32\"".to_owned(),
        Kind::Bool | Kind::Cache => "true".to_owned(),
        Kind::Count | Kind::Integer(..) | Kind::Factor | Kind::Retry => "1".to_owned(),
        Kind::Size => "\"1 MiB\"".to_owned(),
        Kind::Duration => "\"1s\"".to_owned(),
        Kind::Choice(words) => format!("\"{}\"", words[0]),
        Kind::Texts => "[\"a\"]".to_owned(),
        Kind::Expressions
        | Kind::TextsByName
        | Kind::CountsByName
        | Kind::Tables(_)
        | Kind::Components
        | Kind::Table(_) => "{}".to_owned(),
        Kind::Runner => "\"threads\"".to_owned(),
    }
}

/// A flow with nothing but this key, and what it needs.
fn flow_with(key: &Key) -> String {
    let (before, open, close) = match key.table {
        Table::Flow => ("", "", ""),
        Table::Parameter => ("", "parameters.p = { ", " }"),
        Table::Component => ("", "components.c = { ", " }"),
        Table::Task if ["call", "flow"].contains(&key.name) => ("", "tasks.t = { ", " }"),
        Table::Task => ("", "tasks.t = { call = \"c.f\", ", " }"),
        Table::Defaults => ("", "defaults = { ", " }"),
        Table::Limits => ("", "defaults.limits = { ", " }"),
        Table::Allow => ("", "defaults.allow = { ", " }"),
        Table::Retry => ("", "defaults.retry = { ", " }"),
        Table::FlowLimits => ("", "limits = { ", " }"),
        Table::Runner if key.name == "kind" => ("", "runner = { ", " }"),
        Table::Runner if key.name == "labels" => ("", "runner = { kind = \"nats\", ", " }"),
        Table::Runner => ("", "runner = { kind = \"threads\", ", " }"),
    };
    let mut text = String::new();
    writeln!(text, "{before}{open}{} = {}{close}", key.name, example(key.kind)).expect("a string");
    text
}

#[test]
fn every_key_is_read_or_rejected_by_name() {
    for key in KEYS {
        let text = flow_with(key);
        let read = parse(&Arc::new(FlowSource::new("flow.toml", &*text)));
        let file = read.unwrap_or_else(|diagnostics| panic!("{text}{diagnostics}"));
        let messages: Vec<&str> = file.mistakes.iter().map(|mistake| &*mistake.message).collect();
        match key.available {
            true => assert!(messages.is_empty(), "{text}{messages:?}"),
            false => assert_eq!(messages, [format!("`{}` is not available in this version", key.name)]),
        }
    }
}

#[test]
fn schema_follows_its_draft() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$ref"], "#/$defs/flow");
    assert_eq!(schema["$defs"]["task"]["additionalProperties"], false);
}
