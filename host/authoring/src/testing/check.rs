//! From tests as they are written to tests that fit the component. Each becomes a flow of one task, which the flow's own check looks at;
//! what that says is told in the words of a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskhost_flow::written::{
    Action, ComponentWritten, Expression, ExpressionKind, ParameterWritten, Spanned, TaskWritten, Text,
};
use taskhost_flow::{Checked, Diagnostic, Diagnostics, FlowFile, FlowSource, Severity, Span};
use taskhost_model::{ComponentSignature, TaskSignature, ValueType, json};

use super::parse::TASK;
use super::{Expected, ExpectedWritten, Test, TestHost, TestWritten, Tests, TestsFile};
use crate::error::Error;
use crate::project::Project;

/// What is expected, as a parameter of the flow: a default that has to fit the result's type.
const RESULT: &str = "the-result";

/// Phrases about the flow of a test, and what they are to the author of the test.
const PHRASES: [(&str, &str); 9] = [
    ("the default of parameter `the-result`", "`returns`"),
    (" of task `the-test`", ""),
    ("task `the-test`", "the test"),
    (
        "`default-file` gives a `string`, a `list<u8>` or a `blob`, parameter `the-result` is",
        "`returns-file` is for a `string`, a `list<u8>` or a `blob`, the result is",
    ),
    (
        "`default-file` gives a `string`, a `list<u8>` or a `blob`, parameter",
        "`with-file` is for a `string`, a `list<u8>` or a `blob`, the argument",
    ),
    ("use `default`", "write the value into `with` or `returns`"),
    ("use `type = \"list<u8>\"`", "only a `list<u8>` or a `blob` has such a content"),
    ("leaves the flow's folder", "leaves the project's folder"),
    ("folders below the flow", "folders below the project"),
];

impl TestsFile {
    /// Checks all tests against the component. What is wrong with any of them is told before one of them runs.
    pub fn check(self, project: &Project, host: &dyn TestHost) -> Result<Tests, Error> {
        let component = PathBuf::from("components").join(format!("{}.wasm", project.name));
        let path = self.source.beside(&component);
        let signature = host.signature(&path).map_err(|error| {
            Error::rejected(format!("component `{}` {}", path.display(), error.message), error.help)
        })?;
        let subject = Subject { name: &project.name, path: &component, signature: &signature, source: &self.source };
        let (mut tests, mut mistakes, mut warnings) = (Vec::new(), self.mistakes, Vec::new());
        for written in self.tests {
            match subject.test(written, host) {
                Ok((test, notes)) => {
                    tests.push(test);
                    warnings.extend(notes);
                }
                Err(more) => mistakes.extend(more),
            }
        }
        if !mistakes.is_empty() {
            return Err(Diagnostics::new(mistakes).into());
        }
        Ok(Tests { source: self.source, tests, warnings: Diagnostics::new(warnings) })
    }
}

/// What is tested.
struct Subject<'a> {
    name: &'a Arc<str>,
    path: &'a Path,
    signature: &'a ComponentSignature,
    source: &'a Arc<FlowSource>,
}

impl Subject<'_> {
    /// One test and its warnings, or its mistakes.
    fn test(&self, written: TestWritten, host: &dyn TestHost) -> Result<(Test, Vec<Diagnostic>), Vec<Diagnostic>> {
        let place = written.name.span;
        let of_flow =
            |diagnostic: &Diagnostic| diagnostic.code == "unused-parameter" || diagnostic.severity == Severity::Note;
        let told = |diagnostics: Diagnostics| -> Vec<Diagnostic> {
            let of_test = diagnostics.into_iter().filter(|diagnostic| !of_flow(diagnostic));
            of_test.map(|diagnostic| self.in_words_of_a_test(diagnostic, place)).collect()
        };
        let mut mistakes = Vec::new();
        let flow = self.flow(&written, &mut mistakes);
        let checked = host.check(flow).map_err(told);
        let Checked { flow, notes } = match checked {
            Ok(checked) if mistakes.is_empty() => checked,
            Ok(_) => return Err(mistakes),
            Err(more) => {
                mistakes.extend(more);
                return Err(mistakes);
            }
        };
        let expected = flow.parameters.iter().find(|parameter| &*parameter.name == RESULT);
        let value = expected.and_then(|parameter| parameter.default.clone());
        let expected = match (written.expected, value) {
            (ExpectedWritten::Failure(text), _) => Expected::Failure(text.value),
            (ExpectedWritten::Value(_), Some(value)) => Expected::Value(value),
            (ExpectedWritten::Json(_), Some(value)) => Expected::Json(value),
            (ExpectedWritten::File(file), Some(value)) => {
                Expected::File(value, self.source.beside(Path::new(&*file.value)))
            }
            _ => Expected::Success,
        };
        let test = Test {
            name: written.name.value,
            line: place.map_or(1, |span| self.source.line_column(span.start).line),
            ty: flow.tasks[0].success_type.clone(),
            flow,
            expected,
            place: written.place,
            log: written.log.into_iter().map(|line| line.value).collect(),
        };
        Ok((test, told(notes)))
    }

    /// The flow of one task that a test is.
    fn flow(&self, written: &TestWritten, mistakes: &mut Vec<Diagnostic>) -> FlowFile {
        let mut file = FlowFile::new(self.source.clone());
        file.name = Some(Text::new("test"));
        let component = ComponentWritten { name: Spanned::new(self.name.clone()), path: Spanned::new(self.path) };
        file.components = vec![component];
        let function = self.function(&written.task);
        let mut task = written.task.clone();
        if let Action::Call(call) = &mut task.action {
            call.value = format!("{}.{}", self.name, call.value).into();
        }
        for (name, path) in &written.with_file {
            let mut parameter = ParameterWritten::new(name.clone());
            parameter.ty = type_of(function, &name.value).map(|ty| Spanned { value: ty.clone(), span: name.span });
            parameter.default_file = Some(path.clone());
            // A parameter that the function has not is told as an unknown argument.
            if parameter.ty.is_some() {
                file.parameters.push(parameter);
            }
            let kind = match type_of(function, &name.value) {
                Some(_) => Expression::reference(name.value.clone()).kind,
                None => ExpressionKind::Invalid,
            };
            task.with.push((name.clone(), Expression { kind, span: path.span }));
        }
        for (name, text) in &written.with_json {
            let who = format!("argument `{}`", name.value);
            let kind = match type_of(function, &name.value).map(|ty| self.json(text, ty, &who, mistakes)) {
                Some(Some(given)) => given,
                _ => ExpressionKind::Invalid,
            };
            task.with.push((name.clone(), Expression { kind, span: text.span }));
        }
        if let Some(function) = function {
            file.parameters.extend(self.expected(&written.expected, function, mistakes));
        }
        file.tasks = vec![task];
        file.outputs = vec![(Text::new("result"), Expression::reference(TASK))];
        file
    }

    fn in_words_of_a_test(&self, mut diagnostic: Diagnostic, place: Option<Span>) -> Diagnostic {
        let component = format!("`{}.", self.name);
        let said = |text: &str| {
            PHRASES.iter().fold(text.replace(&component, "`"), |text, (flow, test)| text.replace(flow, test))
        };
        diagnostic.message = said(&diagnostic.message);
        diagnostic.help = diagnostic.help.map(|help| said(&help));
        diagnostic.label = diagnostic.label.map(|label| said(&label));
        diagnostic.span = diagnostic.span.or(place);
        diagnostic
    }

    /// The function that is meant, if that is clear; if not, the check says what is wrong.
    fn function(&self, task: &TaskWritten) -> Option<&TaskSignature> {
        let Action::Call(call) = &task.action else { return None };
        let (interface, name) = match call.value.rsplit_once('.') {
            Some((interface, name)) => (Some(interface), name),
            None => (None, &*call.value),
        };
        let is_inside = |task: &TaskSignature| {
            interface.is_none() || task.interface_short() == interface || task.interface.as_deref() == interface
        };
        let mut found = self.signature.tasks.iter().filter(|task| &*task.function == name && is_inside(task));
        found.next().filter(|_| found.next().is_none())
    }

    fn expected(
        &self,
        expected: &ExpectedWritten,
        function: &TaskSignature,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<ParameterWritten> {
        let ty = function.success_type();
        let mut parameter = ParameterWritten::new(RESULT);
        parameter.ty = Some(Spanned::new(ty.clone()));
        match expected {
            ExpectedWritten::Value(expression) => parameter.default = Some(expression.clone()),
            ExpectedWritten::Json(text) => {
                let kind = self.json(text, &ty, "`returns-json`", mistakes)?;
                parameter.default = Some(Expression { kind, span: text.span });
            }
            ExpectedWritten::File(file) => parameter.default_file = Some(file.clone()),
            ExpectedWritten::Success | ExpectedWritten::Failure(_) => return None,
        }
        Some(parameter)
    }

    fn json(&self, text: &Text, ty: &ValueType, who: &str, mistakes: &mut Vec<Diagnostic>) -> Option<ExpressionKind> {
        match json::from_str(&text.value, ty) {
            Ok(value) => Some(ExpressionKind::Given(value, ty.clone())),
            Err(error) => {
                let message = format!("{who} is no JSON of type `{ty}`: {error}");
                mistakes.push(Diagnostic::error("bad-literal", message, self.source, text.span));
                None
            }
        }
    }
}

fn type_of<'f>(function: Option<&'f TaskSignature>, parameter: &str) -> Option<&'f ValueType> {
    function?.parameters.iter().find(|(name, _)| &**name == parameter).map(|(_, ty)| ty)
}
