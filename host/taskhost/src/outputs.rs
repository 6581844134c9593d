//! [`Outputs`]: what a flow run gave, to be read as Rust values.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use taskhost_flow::Flow;
use taskhost_model::{Value, ValueType, json};

use crate::typed::{FromValue, TypeMismatch, TypedValue};

/// The outputs of a flow run that succeeded, in the order of the flow.
#[derive(Clone, Debug)]
pub struct Outputs(Vec<Output>);

#[derive(Clone, Debug)]
struct Output {
    name: Arc<str>,
    ty: ValueType,
    value: Option<Value>,
}

impl Outputs {
    /// `values` are those of a run of `flow`.
    pub fn new(flow: &Flow, values: Vec<Option<Value>>) -> Outputs {
        let output = |(output, value): (&taskhost_flow::flow::Output, Option<Value>)| Output {
            name: output.name.clone(),
            ty: output.ty.clone(),
            value,
        };
        Outputs(flow.outputs.iter().zip(values).map(output).collect())
    }

    /// An output as a Rust value. The output of a skipped task can be read as an `Option`.
    pub fn output<T: FromValue>(&self, name: &str) -> Result<T, OutputError> {
        let output = self.find(name)?;
        let typed = match &output.value {
            None => return T::skipped().ok_or_else(|| OutputError::Skipped(name.into())),
            Some(value) => TypedValue::new(value.clone(), output.ty.clone()),
        };
        typed.get().map_err(|mismatch| OutputError::Mismatch(name.into(), mismatch))
    }

    /// An output as any type that `serde` can read from JSON; of a skipped task it is `null`.
    pub fn output_as<T: DeserializeOwned>(&self, name: &str) -> Result<T, OutputError> {
        let output = self.find(name)?;
        let text = output.value.as_ref().map_or("null".into(), |value| json::to_string(value, &output.ty));
        serde_json::from_str(&text).map_err(|error| {
            let wanted = format!("a `{}` ({error})", std::any::type_name::<T>());
            OutputError::Mismatch(name.into(), TypeMismatch::new(wanted, &output.ty))
        })
    }

    /// An output with its type; none if its task was skipped, or if there is no such output.
    pub fn get(&self, name: &str) -> Option<TypedValue> {
        let output = self.find(name).ok()?;
        Some(TypedValue::new(output.value.clone()?, output.ty.clone()))
    }

    /// Names and values, in the order of the flow; no value for one whose task was skipped.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<TypedValue>)> {
        self.0.iter().map(|output| {
            let typed = |value: &Value| TypedValue::new(value.clone(), output.ty.clone());
            (&*output.name, output.value.as_ref().map(typed))
        })
    }

    fn find(&self, name: &str) -> Result<&Output, OutputError> {
        let found = self.0.iter().find(|output| &*output.name == name);
        found.ok_or_else(|| OutputError::Unknown {
            name: name.into(),
            known: self.0.iter().map(|output| output.name.to_string()).collect(),
        })
    }
}

/// Why an output cannot be read as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutputError {
    /// The flow has no such output.
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The task behind it was skipped.
    Skipped(String),
    /// Its type is another one.
    Mismatch(String, TypeMismatch),
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputError::Unknown { name, known } if known.is_empty() => {
                write!(f, "no output named `{name}`: the flow declares none")
            }
            OutputError::Unknown { name, known } => {
                write!(f, "no output named `{name}`; there are: `{}`", known.join("`, `"))
            }
            OutputError::Skipped(name) => {
                write!(f, "output `{name}` has no value because its task was skipped; read it as an `Option`")
            }
            OutputError::Mismatch(name, mismatch) if mismatch.at.is_empty() => write!(f, "output `{name}`: {mismatch}"),
            OutputError::Mismatch(name, mismatch) => {
                write!(f, "output `{name}{}`: `{}` is not {}", mismatch.at, mismatch.found, mismatch.wanted)
            }
        }
    }
}

impl std::error::Error for OutputError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs() -> Outputs {
        let output = |name: &str, ty: &str, value| Output { name: name.into(), ty: ty.parse().expect("a type"), value };
        let months = Value::List(taskhost_model::List::from_values(&ValueType::String, [Value::string("May")]));
        Outputs(vec![
            output("total", "u64", Some(Value::U64(7))),
            output("skipped", "string", None),
            output("report", "record { months: list<string> }", Some(Value::record([months]))),
        ])
    }

    fn message<T: fmt::Debug>(result: Result<T, OutputError>) -> String {
        result.expect_err("an error").to_string()
    }

    #[test]
    fn outputs_are_read_as_rust_values() {
        let outputs = outputs();
        assert_eq!(outputs.output::<u64>("total"), Ok(7));
        assert_eq!(outputs.output::<Option<String>>("skipped"), Ok(None));
        let report = outputs.get("report").expect("a value");
        assert_eq!(report.get_field::<Vec<String>>("months"), Ok(vec!["May".to_owned()]));
        assert_eq!(outputs.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["total", "skipped", "report"]);
    }

    #[test]
    fn an_output_that_is_something_else_is_a_clear_error() {
        let outputs = outputs();
        assert_eq!(message(outputs.output::<u8>("total")), "output `total`: `u64` is not a `u8`");
        assert_eq!(
            message(outputs.output::<u8>("totl")),
            "no output named `totl`; there are: `total`, `skipped`, `report`"
        );
        let skipped = "output `skipped` has no value because its task was skipped; read it as an `Option`";
        assert_eq!(message(outputs.output::<String>("skipped")), skipped);
    }
}
