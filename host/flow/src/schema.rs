//! [`json_schema`]: the JSON Schema of flow files, for editors, made from [`KEYS`](crate::keys::KEYS).
//!
//! It knows shapes, not meanings: what a name refers to and whether types agree is for [`check`](crate::check()).

use serde_json::{Map, Value, json};

use crate::keys::{self, Key, Kind, Table};

const NAME_PATTERN: &str = "^([a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(-([a-z0-9]+|[A-Z0-9]+))*$";

const TABLES: [(Table, &str); 10] = [
    (Table::Flow, "flow"),
    (Table::Parameter, "parameter"),
    (Table::Component, "component"),
    (Table::Task, "task"),
    (Table::Defaults, "defaults"),
    (Table::Limits, "limits"),
    (Table::Allow, "allow"),
    (Table::Runner, "runner"),
    (Table::Retry, "retry"),
    (Table::FlowLimits, "flow-limits"),
];

/// The JSON Schema (draft 2020-12) of a flow file. Keys of later versions are not in it.
pub fn json_schema() -> Value {
    let definitions: Map<String, Value> =
        TABLES.iter().map(|&(table, name)| (name.to_owned(), table_schema(table))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "taskhost flow",
        "$ref": "#/$defs/flow",
        "$defs": definitions,
    })
}

fn table_schema(table: Table) -> Value {
    let available = || keys::keys_of(table).filter(|key| key.available);
    let properties: Map<String, Value> = available().map(|key| (key.name.to_owned(), key_schema(key))).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    match table {
        Table::Task => schema["oneOf"] = json!([{ "required": ["call"] }, { "required": ["flow"] }]),
        Table::Parameter => schema["not"] = json!({ "required": ["default", "default-file"] }),
        Table::Component => schema["required"] = json!(["path"]),
        Table::Runner => schema["required"] = json!(["kind"]),
        Table::Flow | Table::Defaults | Table::Limits | Table::Allow | Table::Retry | Table::FlowLimits => {}
    }
    schema
}

fn key_schema(key: &Key) -> Value {
    let mut schema = kind_schema(key.kind);
    schema["description"] = json!(key.docs);
    schema
}

fn kind_schema(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Type | Kind::Path => json!({ "type": "string" }),
        Kind::Name => json!({ "type": "string", "pattern": NAME_PATTERN }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Factor => json!({ "type": "number", "minimum": 1, "maximum": 100 }),
        Kind::CountsByName => json!({
            "type": "object",
            "propertyNames": { "pattern": NAME_PATTERN },
            "additionalProperties": kind_schema(Kind::Count),
        }),
        Kind::Size => json!({ "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?(B|[kKMGT]B|[KMGT]iB)$" },
        ] }),
        Kind::Duration => json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?(ms|s|m|h|d)$" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Names => json!({ "anyOf": [
            { "type": "string", "pattern": NAME_PATTERN },
            { "type": "array", "items": { "type": "string", "pattern": NAME_PATTERN } },
        ] }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::TextsByName => json!({
            "type": "object",
            // A component decides how its settings are called.
            "propertyNames": { "minLength": 1 },
            "additionalProperties": { "type": "string" },
        }),
        Kind::Expression => json!({}),
        Kind::Expressions => json!({ "type": "object" }),
        Kind::Table(table) => reference(table),
        Kind::Tables(table) => json!({
            "type": "object",
            "propertyNames": { "pattern": NAME_PATTERN },
            "additionalProperties": reference(table),
        }),
        Kind::Components => json!({
            "type": "object",
            "propertyNames": { "pattern": NAME_PATTERN },
            "additionalProperties": { "anyOf": [{ "type": "string" }, reference(Table::Component)] },
        }),
        Kind::Runner => {
            let kind = keys::find(Table::Runner, "kind").expect("Invariant: a runner has a kind");
            json!({ "anyOf": [kind_schema(kind.kind), reference(Table::Runner)] })
        }
        Kind::Retry => {
            let attempts = keys::find(Table::Retry, "attempts").expect("Invariant: `retry` has attempts");
            json!({ "anyOf": [kind_schema(attempts.kind), reference(Table::Retry)] })
        }
        Kind::Cache => json!({ "anyOf": [kind_schema(Kind::Bool), kind_schema(Kind::Duration)] }),
    }
}

fn reference(table: Table) -> Value {
    let (_, name) = TABLES.iter().find(|(each, _)| *each == table).expect("Invariant: TABLES has every table");
    json!({ "$ref": format!("#/$defs/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_has_what_is_available_and_nothing_else() {
        let schema = json_schema();
        for key in keys::KEYS {
            let (_, table) = TABLES.iter().find(|(table, _)| *table == key.table).expect("a table");
            let property = &schema["$defs"][table]["properties"][key.name];
            assert_eq!(property.is_object(), key.available, "{table}.{}", key.name);
        }
        assert_eq!(schema["$defs"]["task"]["properties"]["map"]["anyOf"][1]["type"], "array");
        // `DB_URL` is a good name of a setting.
        assert_eq!(schema["$defs"]["allow"]["properties"]["config"]["propertyNames"], json!({ "minLength": 1 }));
    }
}
