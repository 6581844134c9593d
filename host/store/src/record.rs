//! [`RunRecord`]: all that a run was started with, so that it can be resumed, shown and compared when its files have changed.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use taskhost_model::codec::{Offload, Resolve, decode_value_or_reference, encode_value_or_reference};
use taskhost_model::{ArtifactRef, Digest, FlowRunId, Value, ValueType};

use crate::error::{At, StoreError};

/// What a run was started with.
#[derive(Clone, PartialEq, Debug)]
pub struct RunRecord {
    /// The run.
    pub id: FlowRunId,
    /// Name of the flow.
    pub flow: String,
    /// When it was started, in milliseconds since 1970.
    pub started: u64,
    /// Words that the user gave it.
    pub labels: Vec<String>,
    /// Path of the flow's file; empty for a flow that was built in code.
    pub file: String,
    /// The flow's file and those of its subflows.
    pub files: Vec<RecordedFile>,
    /// The components that it uses.
    pub components: Vec<RecordedComponent>,
    /// What its parameters were.
    pub parameters: Vec<RecordedParameter>,
    /// The run whose results it began with.
    pub from: Option<FlowRunId>,
    /// Options of the command that matter when it is resumed, as the command likes.
    pub options: serde_json::Value,
    /// Version of taskhost that started it.
    pub taskhost: String,
    /// What tasks give, by their paths with `*` for indexes: values in a journal do not tell the names of their fields.
    pub result_types: Vec<(String, ValueType)>,
    /// The flow's outputs, in its order.
    pub outputs: Vec<(String, ValueType)>,
}

/// A file as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedFile {
    /// Its path.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A component as it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedComponent {
    /// Its short name in the flow.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its digest.
    pub digest: Digest,
}

/// A parameter's value.
#[derive(Clone, PartialEq, Debug)]
pub struct RecordedParameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ValueType,
    /// Its value.
    pub value: Value,
}

/// The part of a record that is kept as one JSON text.
#[derive(Serialize, Deserialize)]
struct Stored {
    file: String,
    components: Vec<RecordedComponent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    options: serde_json::Value,
    taskhost: String,
    result_types: Vec<(String, String)>,
    #[serde(default)]
    outputs: Vec<(String, String)>,
}

/// Kind, position, name, type and value of what a run was given.
pub(crate) type GivenRow<'a> = (&'static str, usize, &'a str, String, Vec<u8>);

impl RunRecord {
    /// Of a run of which nothing is known.
    pub fn empty(id: FlowRunId, started: u64) -> RunRecord {
        RunRecord {
            id,
            flow: String::new(),
            started,
            labels: Vec::new(),
            file: String::new(),
            files: Vec::new(),
            components: Vec::new(),
            parameters: Vec::new(),
            from: None,
            options: serde_json::Value::Null,
            taskhost: String::new(),
            result_types: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Writes all but what the table of runs has.
    pub(crate) fn write(&self, number: i64, given: &[GivenRow<'_>], connection: &Connection) -> rusqlite::Result<()> {
        let stored = Stored {
            file: self.file.clone(),
            components: self.components.clone(),
            from: self.from.map(|id| id.to_string()),
            options: self.options.clone(),
            taskhost: self.taskhost.clone(),
            result_types: texts(&self.result_types),
            outputs: texts(&self.outputs),
        };
        let text = serde_json::to_string(&stored).expect("text, numbers and JSON have a JSON form");
        connection.execute("INSERT INTO records (run, record) VALUES (?, ?)", params![number, text])?;
        let mut insert = connection
            .prepare_cached("INSERT INTO given (run, kind, position, name, type, value) VALUES (?, ?, ?, ?, ?, ?)")?;
        for (kind, position, name, ty, value) in given {
            insert.execute(params![number, kind, *position as i64, name, ty, value])?;
        }
        Ok(())
    }

    /// Its parameters and files, encoded, and the blobs that they name.
    pub(crate) fn given(&self, offload: &mut Offload<'_>) -> (Vec<GivenRow<'_>>, Vec<ArtifactRef>) {
        let mut blobs = Vec::new();
        let mut rows = Vec::with_capacity(self.parameters.len() + self.files.len());
        for (at, parameter) in self.parameters.iter().enumerate() {
            let mut value = Vec::new();
            blobs.extend(encode_value_or_reference(&parameter.value, &mut value, offload));
            rows.push(("parameter", at, &*parameter.name, parameter.ty.to_string(), value));
        }
        for (at, file) in self.files.iter().enumerate() {
            let mut text = Vec::new();
            encode_value_or_reference(&Value::string(&*file.text), &mut text, offload);
            rows.push(("file", at, &*file.path, "string".to_owned(), text));
        }
        (rows, blobs)
    }

    /// Reads the record of a run.
    pub(crate) fn read(
        id: FlowRunId,
        connection: &Connection,
        file: &Path,
        resolve: &mut Resolve<'_>,
    ) -> Result<RunRecord, StoreError> {
        let damaged = |detail: String| StoreError::Damaged {
            file: file.to_owned(),
            detail: format!("the record of run `{id}`: {detail}"),
        };
        let row = connection
            .query_row(
                "SELECT number, flow, started_ms, labels, record FROM runs JOIN records ON run = number WHERE id = ?",
                [id.to_string()],
                |row| {
                    let started: i64 = row.get(2)?;
                    Ok((row.get(0)?, row.get(1)?, started, row.get::<_, String>(3)?, row.get::<_, String>(4)?))
                },
            )
            .optional()
            .at(file)?;
        let (number, flow, started, labels, text) = row.ok_or_else(|| StoreError::UnknownRun(id.to_string()))?;
        let number: i64 = number;
        let stored: Stored = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        let mut record = RunRecord {
            id,
            flow,
            started: started.max(0) as u64,
            labels: serde_json::from_str(&labels).map_err(|error| damaged(error.to_string()))?,
            file: stored.file,
            files: Vec::new(),
            components: stored.components,
            parameters: Vec::new(),
            // A run that cannot be named is none.
            from: stored.from.and_then(|id| id.parse().ok()),
            options: stored.options,
            taskhost: stored.taskhost,
            result_types: Vec::new(),
            outputs: Vec::new(),
        };
        let types = |texts: Vec<(String, String)>| {
            let parsed = texts.into_iter().map(|(name, text)| match text.parse() {
                Ok(ty) => Ok((name, ty)),
                Err(error) => Err(damaged(format!("`{text}`: {error}"))),
            });
            parsed.collect::<Result<Vec<(String, ValueType)>, StoreError>>()
        };
        record.result_types = types(stored.result_types)?;
        record.outputs = types(stored.outputs)?;
        for (kind, name, ty, value) in given(number, connection).at(file)? {
            let value =
                decode_value_or_reference(&value, resolve).map_err(|error| damaged(format!("`{name}`: {error}")))?;
            match (kind.as_str(), value) {
                ("file", Value::String(text)) => {
                    record.files.push(RecordedFile { path: name, text: (*text).to_owned() });
                }
                (_, value) => {
                    let ty: ValueType = ty.parse().map_err(|error| damaged(format!("`{ty}`: {error}")))?;
                    if !value.has_type(&ty) {
                        return Err(damaged(format!("the value of `{name}` is no `{ty}`")));
                    }
                    record.parameters.push(RecordedParameter { name, ty, value });
                }
            }
        }
        Ok(record)
    }
}

fn texts(types: &[(String, ValueType)]) -> Vec<(String, String)> {
    types.iter().map(|(name, ty)| (name.clone(), ty.to_string())).collect()
}

type Given = (String, String, String, Vec<u8>);

fn given(number: i64, connection: &Connection) -> rusqlite::Result<Vec<Given>> {
    let mut select =
        connection.prepare_cached("SELECT kind, name, type, value FROM given WHERE run = ? ORDER BY kind, position")?;
    let rows = select.query_map([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    rows.collect()
}
