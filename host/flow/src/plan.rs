//! [`Plan`]: a checked flow together with the values of its parameters, ready to be run.

use std::fmt;
use std::sync::Arc;

use taskhost_model::assign::{self, Fit};
use taskhost_model::{Value, ValueType, json};

use crate::flow::{Flow, Parameter};
use crate::names::Suggestions;

/// A flow and one value for each of its parameters. Holding one *means* that the values fit.
#[derive(Clone, Debug)]
pub struct Plan {
    flow: Arc<Flow>,
    parameters: Vec<Value>,
}

impl Plan {
    /// The flow.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// One for each parameter of the flow, in its order.
    pub fn parameters(&self) -> &[Value] {
        &self.parameters
    }

    /// A subflow whose arguments were fitted by the check of the flow around it; one for each parameter, in order.
    pub fn for_subflow(flow: Arc<Flow>, parameters: Vec<Value>) -> Plan {
        debug_assert_eq!(flow.parameters.len(), parameters.len(), "one value for each parameter");
        Plan { flow, parameters }
    }
}

/// The value of a parameter, in the form in which it came.
#[derive(Clone, PartialEq, Debug)]
pub enum Given {
    /// From a command line: a `string` as it is, anything else as JSON.
    Text(String),
    /// From a file of parameters.
    Json(serde_json::Value),
    /// From code, with its type.
    Value(Value, ValueType),
}

/// What is wrong with one given parameter, or one that is not given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParameterError {
    /// The parameter's name.
    pub parameter: String,
    /// The kind of mistake, kebab-case; stable.
    pub code: &'static str,
    /// What is wrong; stands alone.
    pub message: String,
    /// What to do instead.
    pub help: Option<String>,
}

/// Every mistake among the parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanError(pub Vec<ParameterError>);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let newline = if at > 0 { "\n" } else { "" };
            write!(f, "{newline}error[{}]: {}", error.code, error.message)?;
            if let Some(help) = &error.help {
                write!(f, "\nhelp: {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for PlanError {}

/// Gives a flow its parameters.
pub fn plan(flow: &Arc<Flow>, given: Vec<(String, Given)>) -> Result<Plan, PlanError> {
    let mut values: Vec<Option<Value>> = vec![None; flow.parameters.len()];
    let mut seen = vec![false; flow.parameters.len()];
    let mut errors = Vec::new();
    let mut suggestions = Suggestions::new();
    for (name, given) in given {
        let Some(at) = flow.parameters.iter().position(|parameter| *parameter.name == *name) else {
            errors.push(unknown(flow, name, &mut suggestions));
            continue;
        };
        if std::mem::replace(&mut seen[at], true) {
            let message = format!("parameter `{name}` is given twice");
            errors.push(ParameterError { parameter: name, code: "duplicate-parameter", message, help: None });
            continue;
        }
        match read(&flow.parameters[at], given) {
            Ok(value) => values[at] = Some(value),
            Err(error) => errors.push(error),
        }
    }
    for ((parameter, value), seen) in flow.parameters.iter().zip(&mut values).zip(seen) {
        if !seen {
            *value = parameter.default.clone();
            errors.extend(value.is_none().then(|| missing(parameter)));
        }
    }
    match values.into_iter().collect::<Option<Vec<_>>>() {
        Some(parameters) if errors.is_empty() => Ok(Plan { flow: flow.clone(), parameters }),
        _ => Err(PlanError(errors)),
    }
}

fn unknown(flow: &Flow, name: String, suggestions: &mut Suggestions) -> ParameterError {
    let names = flow.parameters.iter().map(|parameter| &*parameter.name);
    let help = suggestions.help(&name, names).unwrap_or_else(|| "it has no parameters".to_owned());
    let message = format!("flow `{}` has no parameter `{name}`", flow.name);
    ParameterError { parameter: name, code: "unknown-parameter", message, help: Some(help) }
}

fn missing(parameter: &Parameter) -> ParameterError {
    let about = if parameter.description.is_empty() { String::new() } else { format!(": {}", parameter.description) };
    ParameterError {
        parameter: parameter.name.to_string(),
        code: "missing-parameter",
        message: format!("parameter `{}` is missing, a `{}`{about}", parameter.name, parameter.ty),
        help: Some(format!("give it with `-p {}=…`", parameter.name)),
    }
}

fn read(parameter: &Parameter, given: Given) -> Result<Value, ParameterError> {
    let ty = &parameter.ty;
    let error = |reason: String| ParameterError {
        parameter: parameter.name.to_string(),
        code: "bad-parameter",
        message: format!("parameter `{}`: {reason}", parameter.name),
        help: (!parameter.description.is_empty()).then(|| parameter.description.to_string()),
    };
    let read = match given {
        Given::Text(text) => json::from_argument(&text, ty),
        Given::Json(json) => json::from_value(&json, ty),
        Given::Value(value, from) => {
            return match assign::check(&from, ty) {
                Ok(Fit::Same) => Ok(value),
                Ok(Fit::Convert) => Ok(assign::convert(&value, &from, ty)),
                Err(_) => Err(error(format!("wanted `{ty}`, the value given is `{from}`"))),
            };
        }
    };
    read.map_err(|wrong| match &*wrong.path {
        "" => error(wrong.message),
        path => error(format!("at `{path}`: {}", wrong.message)),
    })
}
