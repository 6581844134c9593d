//! `${name.field[0]}`: whose value it is, which type it has, and whether that fits.

use std::fmt;

use taskhost_model::ValueType;
use taskhost_model::assign::{self, Fit, Mismatch};

use super::{FileCheck, TaskTypes};
use crate::diagnostic::Diagnostic;
use crate::flow::{Conversion, Reference, Source, Step};
use crate::names::listed;
use crate::source::Span;
use crate::written::{ReferenceWritten, StepWritten};

/// Who wants a value, for messages.
#[derive(Clone, Copy)]
pub(super) enum Who<'w> {
    Argument { task: &'w str, parameter: &'w str, mapped: bool },
    When { task: &'w str },
    Default { parameter: &'w str },
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Argument { task, parameter, mapped: false } => write!(f, "argument `{parameter}` of task `{task}`"),
            Who::Argument { task, parameter, mapped: true } => {
                write!(f, "mapped argument `{parameter}` of task `{task}`")
            }
            Who::When { task } => write!(f, "`when` of task `{task}`"),
            Who::Default { parameter } => write!(f, "the default of parameter `{parameter}`"),
        }
    }
}

/// A reference that was followed to a type.
pub(super) struct Followed {
    pub(super) source: Source,
    pub(super) path: Vec<Step>,
    pub(super) ty: ValueType,
}

impl FileCheck<'_, '_, '_> {
    /// A reference where a value of a known type is wanted; none if it does not fit, or if its type is unknown.
    pub(super) fn fit_reference(
        &mut self,
        written: &ReferenceWritten,
        span: Option<Span>,
        wanted: &ValueType,
        who: Who<'_>,
    ) -> Option<Reference> {
        let span = written.span.or(span);
        let followed = self.follow(written, span)?;
        let mut reference = Reference {
            source: followed.source,
            path: followed.path,
            conversion: None,
            whole_result: false,
            none_if_skipped: matches!((followed.source, wanted), (Source::Task(_), ValueType::Option(_))),
        };
        let whole = self.whole_result(&reference, wanted);
        if let Some(Ok(conversion)) = whole {
            return Some(Reference { whole_result: true, conversion, ..reference });
        }
        match (assign::check(&followed.ty, wanted), whole) {
            (Ok(Fit::Same), _) => {}
            (Ok(Fit::Convert), _) => {
                reference.conversion = Some(Conversion { from: followed.ty, to: wanted.clone() });
            }
            (Err(_), Some(Err(whole))) => {
                let diagnostic = self.mismatch(written, span, wanted, &whole, who);
                let help = format!(
                    "to be given the failure, the parameter has to be `{whole}`; to be given only a value, `{}`",
                    followed.ty
                );
                self.push(match diagnostic.help {
                    None => diagnostic.with_help(help),
                    Some(_) => diagnostic,
                });
                return None;
            }
            (Err(_), _) => {
                self.push(self.mismatch(written, span, wanted, &followed.ty, who));
                return None;
            }
        }
        Some(reference)
    }

    /// The type of a reference, as it is; none if it is unknown or the path does not exist.
    pub(super) fn follow(&mut self, written: &ReferenceWritten, span: Option<Span>) -> Option<Followed> {
        let source = *self.names.get(&*written.name)?;
        let mut ty = match source {
            Source::Parameter(at) => self.parameter_types[at].clone()?,
            Source::Task(at) => self.task_types[at].as_ref()?.result.clone(),
        };
        let mut path = Vec::with_capacity(written.path.len());
        for (at, step) in written.path.iter().enumerate() {
            match take_step(&ty, step) {
                Some((step, inner)) => {
                    path.push(step);
                    ty = inner;
                }
                None => {
                    let before = ReferenceWritten { path: written.path[..at].to_vec(), ..written.clone() };
                    let diagnostic = self.no_step(&before, &ty, step, span);
                    self.push(diagnostic);
                    return None;
                }
            }
        }
        Some(Followed { source, path, ty })
    }

    fn no_step(
        &mut self,
        before: &ReferenceWritten,
        ty: &ValueType,
        step: &StepWritten,
        span: Option<Span>,
    ) -> Diagnostic {
        let (message, help) = match (step, ty) {
            (StepWritten::Field(name), ValueType::Record(fields)) => {
                let names = fields.iter().map(|field| &*field.name);
                (format!("`{before}` has no field `{name}`"), self.session.suggestions.help(name, names))
            }
            (StepWritten::Field(name), _) => {
                (format!("`{before}` is a `{ty}`, which has no field `{name}`"), reach_help(ty))
            }
            (StepWritten::Index(index), ValueType::Tuple(items)) => {
                let last = items.len().checked_sub(1);
                let help = last.map(|last| format!("its indexes go from 0 to {last}"));
                (format!("`{before}` has {} items, none at index {index}", items.len()), help)
            }
            (StepWritten::Index(_), _) => (format!("`{before}` is a `{ty}`, which cannot be indexed"), reach_help(ty)),
        };
        self.diagnostic("unknown-field", message, span).with_help_if(help)
    }

    /// For a consumer that wants a `result`, and a `${task}` as it is: how the task's whole result fits, or the type it would have.
    fn whole_result(&self, reference: &Reference, wanted: &ValueType) -> Option<Result<Option<Conversion>, ValueType>> {
        let (Source::Task(at), ValueType::Result { .. }) = (reference.source, wanted) else { return None };
        let task = self.task_types[at].as_ref()?;
        if task.mapped || !reference.path.is_empty() {
            return None;
        }
        let whole = task.whole();
        match assign::check(&whole, wanted) {
            Ok(Fit::Same) => Some(Ok(None)),
            Ok(Fit::Convert) => Some(Ok(Some(Conversion { from: whole, to: wanted.clone() }))),
            Err(_) => Some(Err(whole)),
        }
    }

    fn mismatch(
        &self,
        written: &ReferenceWritten,
        span: Option<Span>,
        wanted: &ValueType,
        given: &ValueType,
        who: Who<'_>,
    ) -> Diagnostic {
        let message = format!("{who} wants `{wanted}`, `{written}` gives `{given}`");
        let diagnostic = self.diagnostic("type-mismatch", message, span);
        let why = assign::check(given, wanted).err().and_then(|mismatch| inner_reason(&mismatch));
        let help = mismatch_help(wanted, given, who);
        match why {
            Some(why) => diagnostic.with_label(why).with_help_if(help),
            None => diagnostic.with_help_if(help),
        }
    }
}

impl TaskTypes {
    /// The task's result with its failure: what a consumer that wants a `result` is given. A function that returns no `result`
    /// fails with a message.
    fn whole(&self) -> ValueType {
        let ok = match &self.success {
            ValueType::Tuple(items) if items.is_empty() => None,
            success => Some(success.clone()),
        };
        ValueType::result(ok, self.error.clone().unwrap_or(Some(ValueType::String)))
    }
}

fn take_step(ty: &ValueType, step: &StepWritten) -> Option<(Step, ValueType)> {
    match (step, ty) {
        (StepWritten::Field(name), _) => ty.field(name).map(|(at, ty)| (Step::Item(at), ty.clone())),
        (StepWritten::Index(index), ValueType::Tuple(items)) => {
            items.get(*index).map(|ty| (Step::Item(*index), ty.clone()))
        }
        (StepWritten::Index(index), ValueType::List(element)) => Some((Step::Index(*index), (**element).clone())),
        _ => None,
    }
}

/// What the two types alone do not tell: where inside they differ, or why one does not feed the other.
pub(super) fn inner_reason(mismatch: &Mismatch) -> Option<String> {
    match mismatch.path.is_empty() {
        true => mismatch.reason.clone(),
        false => Some(mismatch.to_string()),
    }
}

fn mismatch_help(wanted: &ValueType, given: &ValueType, who: Who<'_>) -> Option<String> {
    match (given, who) {
        (ValueType::List(element), Who::Argument { parameter, mapped: false, .. })
            if assign::check(element, wanted).is_ok() =>
        {
            Some(format!("to run the task once for each element, add `map = [\"{parameter}\"]`"))
        }
        (_, Who::Argument { parameter, mapped: true, .. }) if matches!(wanted, ValueType::List(element) if assign::check(given, element).is_ok()) => {
            Some(format!("give each run the same value by leaving `{parameter}` out of `map`, or give a list"))
        }
        (ValueType::Option(inner), _) if assign::check(inner, wanted).is_ok() => {
            Some("the value may be missing; give one that is always there, or take an `option`".to_owned())
        }
        (_, Who::When { .. }) => Some("`when` is a reference to a `bool`".to_owned()),
        _ if is_integer(wanted) && is_integer(given) => {
            Some("a wide integer is not narrowed silently; change one of the two types".to_owned())
        }
        (ValueType::Record(fields), _) => {
            let fitting = fields.iter().filter(|field| assign::check(&field.ty, wanted).is_ok());
            listed(fitting.map(|field| &*field.name)).map(|list| format!("its fields that would fit: {list}"))
        }
        _ => None,
    }
}

fn reach_help(ty: &ValueType) -> Option<String> {
    let help = match ty {
        ValueType::Option(_) => {
            "an `option` may be empty, so nothing in it can be referred to; give it to a task whole"
        }
        ValueType::Tuple(_) => "items of a tuple are reached by `[0]`",
        ValueType::List(_) => "elements of a list are reached by `[0]`",
        ValueType::Record(_) => "fields of a record are reached by `.name`",
        _ => return None,
    };
    Some(help.to_owned())
}

fn is_integer(ty: &ValueType) -> bool {
    use ValueType::{S8, S16, S32, S64, U8, U16, U32, U64};
    matches!(ty, S8 | S16 | S32 | S64 | U8 | U16 | U32 | U64)
}
