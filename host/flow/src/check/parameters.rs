//! Parameters: types as declared, or as they follow from the tasks that they feed; defaults that fit.

use taskhost_model::{List, Value, ValueType, assign};

use super::FileCheck;
use super::expression::has_references;
use super::reference::Who;
use crate::diagnostic::Diagnostic;
use crate::flow::{Input, Source};
use crate::source::Span;
use crate::written::{Expression, ExpressionKind, ParameterWritten, PartWritten, ReferenceWritten, Text};

/// Different types wanted of one parameter that are compared; a parameter with more has no common type.
const WANTED_TYPES_MAX: usize = 64;

/// What the tasks want of one parameter.
#[derive(Clone, Default)]
struct Uses<'f> {
    /// Each different type once: where, and by which task.
    wanted: Vec<(ValueType, Option<Span>, &'f str)>,
    /// It is put into a text.
    in_text: bool,
    /// It feeds something whose type is unknown because of another mistake.
    unknown: bool,
}

impl<'f> FileCheck<'f, '_, '_> {
    pub(super) fn find_parameter_types(&mut self) {
        let untyped = self.file.parameters.iter().any(|parameter| parameter.ty.is_none());
        let uses = if untyped { self.uses() } else { vec![Uses::default(); self.file.parameters.len()] };
        for (parameter, uses) in self.file.parameters.iter().zip(uses) {
            let unreadable = self.file.unreadable.contains(&parameter.name.value);
            let ty = match &parameter.ty {
                _ if unreadable => None,
                Some(ty) => Some(ty.value.clone()),
                None => self.infer(parameter, uses),
            };
            self.parameter_types.push(ty);
        }
    }

    /// What the tasks want of the parameters.
    fn uses(&self) -> Vec<Uses<'f>> {
        let mut uses = vec![Uses::default(); self.file.parameters.len()];
        for (task, callee) in self.file.tasks.iter().zip(&self.callees) {
            let parameters = callee.as_ref().map(|callee| callee.parameters()).unwrap_or_default();
            for (name, expression) in &task.with {
                let known = parameters.iter().find(|parameter| *parameter.name == name.value);
                let mapped = task.map.iter().any(|mapped| mapped.value == name.value);
                let wanted = known.map(|known| match mapped {
                    true => ValueType::list(known.ty.clone()),
                    false => known.ty.clone(),
                });
                self.note_uses(expression, wanted.as_ref(), &task.name.value, &mut uses);
            }
            if let Some(when) = &task.when {
                self.note_uses(when, Some(&ValueType::Bool), &task.name.value, &mut uses);
            }
        }
        uses
    }

    fn note_uses(&self, expression: &Expression, wanted: Option<&ValueType>, task: &'f str, uses: &mut [Uses<'f>]) {
        match (&expression.kind, wanted) {
            (ExpressionKind::Reference(reference), _) => {
                self.note_use(reference, expression.span, wanted, task, uses);
            }
            (ExpressionKind::Parts(parts), _) => {
                for part in parts {
                    if let PartWritten::Reference(reference) = part
                        && let Some(&Source::Parameter(at)) = self.names.get(&*reference.name)
                        && reference.path.is_empty()
                    {
                        uses[at].in_text = true;
                    }
                }
            }
            (ExpressionKind::Array(_) | ExpressionKind::Table(_), Some(ValueType::Option(inner))) => {
                self.note_uses(expression, Some(inner), task, uses);
            }
            (ExpressionKind::Array(items), Some(ValueType::List(element))) => {
                items.iter().for_each(|item| self.note_uses(item, Some(element), task, uses));
            }
            (ExpressionKind::Array(items), Some(ValueType::Tuple(types))) => {
                for (at, item) in items.iter().enumerate() {
                    self.note_uses(item, types.get(at), task, uses);
                }
            }
            (ExpressionKind::Array(items), _) => {
                items.iter().for_each(|item| self.note_uses(item, None, task, uses));
            }
            (ExpressionKind::Table(fields), _) => {
                for (name, field) in fields {
                    let ty = wanted.and_then(|wanted| wanted.field(&name.value)).map(|(_, ty)| ty);
                    self.note_uses(field, ty, task, uses);
                }
            }
            _ => {}
        }
    }

    fn note_use(
        &self,
        reference: &ReferenceWritten,
        span: Option<Span>,
        wanted: Option<&ValueType>,
        task: &'f str,
        uses: &mut [Uses<'f>],
    ) {
        let Some(&Source::Parameter(at)) = self.names.get(&*reference.name) else { return };
        match wanted {
            None => uses[at].unknown = true,
            Some(_) if !reference.path.is_empty() => {}
            Some(ty) => {
                let known = &mut uses[at].wanted;
                if known.len() <= WANTED_TYPES_MAX && !known.iter().any(|(other, ..)| other == ty) {
                    known.push((ty.clone(), reference.span.or(span), task));
                }
            }
        }
    }

    /// The type of a parameter without `type`: the one among those wanted that fits all of them.
    fn infer(&mut self, parameter: &ParameterWritten, uses: Uses<'f>) -> Option<ValueType> {
        let wanted = &uses.wanted;
        if wanted.is_empty() {
            return match (uses.unknown, uses.in_text) {
                (true, _) => None,
                (false, true) => Some(ValueType::String),
                (false, false) => self.no_type(parameter),
            };
        }
        let fits_all = |ty: &ValueType| wanted.iter().all(|(other, ..)| assign::check(ty, other).is_ok());
        if wanted.len() <= WANTED_TYPES_MAX
            && let Some((ty, ..)) = wanted.iter().find(|(ty, ..)| fits_all(ty))
        {
            return Some(ty.clone());
        }
        let diagnostic = self.conflict(&parameter.name, &uses);
        self.push(diagnostic);
        None
    }

    fn no_type(&mut self, parameter: &ParameterWritten) -> Option<ValueType> {
        // Its use may stand in what could not be read.
        if !self.file.mistakes.is_empty() {
            return None;
        }
        let name = &parameter.name.value;
        let message = format!("parameter `{name}` has no `type`, and none follows from the tasks that it feeds");
        let help = "add its type, such as `type = \"u32\"`, or remove the parameter";
        self.push(self.diagnostic("untyped-parameter", message, parameter.name.span).with_help(help));
        None
    }

    fn conflict(&self, name: &Text, uses: &Uses<'_>) -> Diagnostic {
        let (first, first_span, first_task) = &uses.wanted[0];
        let other = uses
            .wanted
            .iter()
            .skip(1)
            .find(|(ty, ..)| assign::check(first, ty).is_err() && assign::check(ty, first).is_err());
        let (second, second_span, second_task) = other.unwrap_or(&uses.wanted[1]);
        let message = format!(
            "parameter `{}` has no `type`, and its uses disagree: task `{first_task}` wants `{first}`, task `{second_task}` wants `{second}`",
            name.value
        );
        self.diagnostic("conflicting-uses", message, *second_span)
            .with_label(format!("wants `{second}`"))
            .with_related(*first_span, format!("wants `{first}`"))
            .with_help("give the parameter a `type`, or use two parameters")
    }

    /// The value of each parameter when none is given.
    pub(super) fn defaults(&mut self) -> Vec<Option<Value>> {
        let file = self.file;
        file.parameters.iter().enumerate().map(|(at, parameter)| self.default(at, parameter)).collect()
    }

    fn default(&mut self, at: usize, parameter: &ParameterWritten) -> Option<Value> {
        let name = &*parameter.name.value;
        if let Some(default) = &parameter.default {
            if has_references(default) {
                let message = format!("the default of parameter `{name}` refers to something else");
                let help = "a default is a literal; write `$${` for a literal `${`";
                self.push(self.diagnostic("bad-default", message, default.span).with_help(help));
                return None;
            }
            let ty = self.parameter_types[at].clone()?;
            return match self.fit(default, &ty, Who::Default { parameter: name })? {
                Input::Literal(value) => Some(value),
                _ => None,
            };
        }
        let ty = self.parameter_types[at].clone()?;
        match &parameter.default_file {
            Some(file) => self.default_file(name, file, &ty),
            // An `option` may be left out, here as in the parameters of functions.
            None => matches!(ty, ValueType::Option(_)).then_some(Value::NONE),
        }
    }

    fn default_file(&mut self, parameter: &str, file: &Text, ty: &ValueType) -> Option<Value> {
        let bytes = ValueType::list(ValueType::U8);
        if *ty != ValueType::String && *ty != bytes && *ty != ValueType::Blob {
            let message =
                format!("`default-file` gives a `string`, a `list<u8>` or a `blob`, parameter `{parameter}` is `{ty}`");
            self.push(self.diagnostic("bad-default", message, file.span).with_help("use `default`"));
            return None;
        }
        let path = self.file.source.beside(std::path::Path::new(&*file.value));
        if *ty == ValueType::Blob {
            return match self.session.surroundings.blob(&path) {
                Ok(named) => Some(Value::Blob(named.into())),
                Err(reason) => {
                    let message = format!("file `{}` {reason}", file.value);
                    self.push(self.diagnostic("unusable-file", message, file.span));
                    None
                }
            };
        }
        let problem = match self.session.surroundings.default_file(&path) {
            Ok(content) if *ty == bytes => return Some(Value::List(List::bytes(content))),
            Ok(content) => match String::from_utf8(content) {
                Ok(text) => return Some(Value::string(text)),
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    (format!("is not UTF-8 text (byte {at})"), Some("use `type = \"list<u8>\"`".to_owned()))
                }
            },
            Err(reason) => (reason, None),
        };
        let message = format!("file `{}` {}", file.value, problem.0);
        self.push(self.diagnostic("unusable-file", message, file.span).with_help_if(problem.1));
        None
    }
}
