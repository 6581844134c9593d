//! A flow of one task around one function: what `taskhost call` runs.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use taskhost_flow::written::{Action, ComponentWritten, Expression, ParameterWritten, Spanned, TaskWritten};
use taskhost_flow::{Diagnostics, FlowFile, FlowSource};
use taskhost_model::{ComponentSignature, TaskSignature, ValueType};

/// What a single call may use and touch, in the words of a flow's task. Folders are relative to the current one.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CallSettings {
    /// `timeout`, and keys of `limits`: `("memory", "1 GiB")`.
    pub limits: Vec<(String, String)>,
    /// Keys of `allow`, each as often as needed: `("read", "data")`; `("config", "key=value")`.
    pub allow: Vec<(String, String)>,
    /// `deterministic`
    pub is_deterministic: bool,
    /// `strict`
    pub is_strict: bool,
}

impl CallSettings {
    /// As the text of a task in a flow, so that it is read as any other, with the same words for a mistake.
    fn text(&self) -> String {
        let mut out = "[tasks.call]\ncall = \"component.function\"\n".to_owned();
        for (key, value) in self.limits.iter().filter(|(key, _)| key == "timeout") {
            let _ = writeln!(out, "{key} = {}", scalar(value));
        }
        for (key, _) in
            [("deterministic", self.is_deterministic), ("strict", self.is_strict)].iter().filter(|key| key.1)
        {
            let _ = writeln!(out, "{key} = true");
        }
        if self.limits.iter().any(|(key, _)| key != "timeout") {
            out.push_str("[tasks.call.limits]\n");
        }
        for (key, value) in self.limits.iter().filter(|(key, _)| key != "timeout") {
            let _ = writeln!(out, "{} = {}", bare_or_quoted(key), scalar(value));
        }
        self.allow_text(&mut out);
        out
    }

    fn allow_text(&self, out: &mut String) {
        let mut lists: Vec<(&str, Vec<String>)> = Vec::new();
        let mut config = String::new();
        for (key, value) in &self.allow {
            match (&**key, value.split_once('=')) {
                ("config", Some((name, value))) => {
                    let _ = writeln!(config, "{} = {}", bare_or_quoted(name), quoted(value));
                }
                _ => match lists.iter_mut().find(|(known, _)| known == key) {
                    Some((_, values)) => values.push(quoted(value)),
                    None => lists.push((key, vec![quoted(value)])),
                },
            }
        }
        if !lists.is_empty() {
            out.push_str("[tasks.call.allow]\n");
        }
        for (key, values) in lists {
            let _ = writeln!(out, "{} = [{}]", bare_or_quoted(key), values.join(", "));
        }
        if !config.is_empty() {
            let _ = write!(out, "[tasks.call.allow.config]\n{config}");
        }
    }
}

/// A number as it is, anything else as a text.
fn scalar(value: &str) -> String {
    let is_number = value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    if is_number { value.to_owned() } else { quoted(value) }
}

fn bare_or_quoted(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { key.to_owned() } else { quoted(key) }
}

/// A TOML string: JSON's, but that TOML wants one more character escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// The flow that calls `function`, with a parameter for each of the function's that is given or has to be.
pub(crate) fn flow(
    component: &Path,
    signature: &ComponentSignature,
    function: &str,
    given: &[&str],
    settings: &CallSettings,
) -> Result<FlowFile, Diagnostics> {
    // The path says where relative folders begin, and where a mistake is: in the current folder, on the command line.
    let source = Arc::new(FlowSource::new("command line", settings.text()));
    let mut file = taskhost_flow::parse(&source)?;
    file.name = Some("call".into());
    file.components = vec![ComponentWritten { name: "component".into(), path: Spanned::new(component) }];
    let task_name = if given.contains(&"call") { "the-call" } else { "call" };
    let call: Arc<str> = format!("component.{function}").into();
    let action = Action::Call(Spanned::new(call));
    let mut task = match file.tasks.pop() {
        Some(written) => TaskWritten { name: task_name.into(), action, ..written },
        None => TaskWritten::new(task_name, action),
    };
    for (name, ty) in find(signature, function).into_iter().flat_map(|task| &task.parameters) {
        if given.contains(&&**name) || !matches!(ty, ValueType::Option(_)) {
            let mut parameter = ParameterWritten::new(&**name);
            parameter.ty = Some(Spanned::new(ty.clone()));
            file.parameters.push(parameter);
            task.with.push(((&**name).into(), Expression::reference(name.clone())));
        }
    }
    file.tasks = vec![task];
    file.outputs = vec![("result".into(), Expression::reference(task_name))];
    Ok(file)
}

/// The function that is meant, if it is clear; if not, the check says what is wrong.
fn find<'a>(signature: &'a ComponentSignature, function: &str) -> Option<&'a TaskSignature> {
    let (interface, name) = match function.rsplit_once('.') {
        Some((interface, name)) => (Some(interface), name),
        None => (None, function),
    };
    let mut found = signature
        .tasks
        .iter()
        .filter(|task| &*task.function == name && (interface.is_none() || task.interface_short() == interface));
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_as_a_task_of_a_flow() {
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let settings = CallSettings {
            limits: [("memory", "1GiB"), ("timeout", "5s"), ("files", "3")].map(pair).to_vec(),
            allow: [("read", "a"), ("network", "b:1"), ("read", "\"\n"), ("config", "k=v=w")].map(pair).to_vec(),
            is_deterministic: true,
            is_strict: false,
        };
        assert_eq!(
            settings.text(),
            "[tasks.call]\ncall = \"component.function\"\ntimeout = \"5s\"\ndeterministic = true\n\
             [tasks.call.limits]\nmemory = \"1GiB\"\nfiles = 3\n\
             [tasks.call.allow]\nread = [\"a\", \"\\\"\\n\"]\nnetwork = [\"b:1\"]\n\
             [tasks.call.allow.config]\nk = \"v=w\"\n"
        );
    }

    #[test]
    fn no_word_of_the_command_line_can_say_more_than_its_key() {
        for odd in ["a]\n[tasks.other]", "\u{7f}\u{1b}", "\\", "=", ""] {
            let settings = CallSettings {
                allow: vec![(odd.to_owned(), odd.to_owned()), ("config".to_owned(), format!("{odd}={odd}"))],
                limits: vec![(odd.to_owned(), odd.to_owned())],
                ..CallSettings::default()
            };
            let tables = toml::de::DeTable::parse(&settings.text()).expect("TOML").get_ref().len();
            assert_eq!(tables, 1, "{}", settings.text());
        }
    }
}
