//! Outputs: nobody says which type they should have, so it follows from what is written.

use taskhost_model::{List, Value, ValueType};

use super::FileCheck;
use super::order::{Order, each_reference};
use crate::flow::{Conversion, Input, Output, Reference, Source};
use crate::source::Span;
use crate::written::{Expression, ExpressionKind, ReferenceWritten};

impl FileCheck<'_, '_, '_> {
    pub(super) fn outputs(&mut self, order: &Order) -> Vec<Option<Output>> {
        let file = self.file;
        let output = |(name, expression): &(crate::written::Text, Expression)| {
            let (input, ty) = self.natural(expression, order)?;
            let (input, ty) = perhaps_absent(input, ty, order);
            Some(Output { name: name.value.clone(), input, ty })
        };
        file.outputs.iter().map(output).collect()
    }

    /// An expression with the type that it has by itself.
    fn natural(&mut self, written: &Expression, order: &Order) -> Option<(Input, ValueType)> {
        let literal = |value, ty| Some((Input::Literal(value), ty));
        match &written.kind {
            ExpressionKind::Invalid => None,
            ExpressionKind::Reference(reference) => self.natural_reference(reference, written.span, order),
            ExpressionKind::Parts(parts) => Some((self.text(parts, written.span)?, ValueType::String)),
            ExpressionKind::Text(text) => literal(Value::String(text.clone()), ValueType::String),
            ExpressionKind::Bool(value) => literal(Value::Bool(*value), ValueType::Bool),
            ExpressionKind::Float(number) => literal(Value::F64(*number), ValueType::F64),
            ExpressionKind::Given(value, ty) => literal(value.clone(), ty.clone()),
            ExpressionKind::Integer(number) => match i64::try_from(*number) {
                Ok(number) => literal(Value::S64(number), ValueType::S64),
                Err(_) => literal(Value::U64(u64::try_from(*number).ok()?), ValueType::U64),
            },
            ExpressionKind::Datetime(text) => {
                let message = format!("{text} is a date or time, which no type is");
                let help = format!("write it as a string: `\"{text}\"`");
                self.push(self.diagnostic("bad-literal", message, written.span).with_help(help));
                None
            }
            ExpressionKind::Array(items) => self.natural_list(items, written.span, order),
            ExpressionKind::Table(fields) => {
                let parts: Vec<_> = fields.iter().map(|(_, field)| self.natural(field, order)).collect();
                let (inputs, types): (Vec<Input>, Vec<ValueType>) =
                    parts.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
                let names = fields.iter().map(|(name, _)| &*name.value);
                Some((fold(inputs), ValueType::record(names.zip(types))))
            }
        }
    }

    /// The value of a task that may be skipped is an `option`.
    fn natural_reference(
        &mut self,
        written: &ReferenceWritten,
        span: Option<Span>,
        order: &Order,
    ) -> Option<(Input, ValueType)> {
        let followed = self.follow(written, written.span.or(span))?;
        let skipped = matches!(followed.source, Source::Task(at) if order.may_be_skipped[at]);
        let ty = match (&followed.ty, skipped) {
            (ValueType::Option(_), _) | (_, false) => followed.ty.clone(),
            (ty, true) => ValueType::option(ty.clone()),
        };
        let conversion = (ty != followed.ty).then(|| Conversion { from: followed.ty.clone(), to: ty.clone() });
        let reference = Reference {
            source: followed.source,
            path: followed.path,
            conversion,
            whole_result: false,
            none_if_skipped: skipped,
        };
        Some((Input::Reference(reference), ty))
    }

    fn natural_list(&mut self, items: &[Expression], span: Option<Span>, order: &Order) -> Option<(Input, ValueType)> {
        let parts: Vec<_> = items.iter().map(|item| self.natural(item, order)).collect();
        let parts: Vec<(Input, ValueType)> = parts.into_iter().collect::<Option<_>>()?;
        let Some((_, element)) = parts.first() else {
            let message = "an empty list has no type";
            self.push(self.diagnostic("untyped-output", message, span).with_help("remove it, or refer to a list"));
            return None;
        };
        let element = element.clone();
        if let Some((_, other)) = parts.iter().find(|(_, ty)| *ty != element) {
            let message = format!("the elements of a list have one type, these are `{element}` and `{other}`");
            self.push(self.diagnostic("type-mismatch", message, span).with_help("use one output for each"));
            return None;
        }
        let ty = ValueType::list(element.clone());
        let items: Vec<Input> = parts.into_iter().map(|(input, _)| input).collect();
        match literals(&items) {
            Some(values) => Some((Input::Literal(Value::List(List::from_values(&element, values))), ty)),
            None => Some((Input::List { element, items }, ty)),
        }
    }
}

/// A text cannot do without the value of a task, and neither can what it stands in: if the task may be skipped, the whole is an `option`.
fn perhaps_absent(input: Input, ty: ValueType, order: &Order) -> (Input, ValueType) {
    let mut absent = false;
    each_reference(&input, &mut |reference| {
        if let (Source::Task(at), false) = (reference.source, reference.none_if_skipped) {
            absent |= order.may_be_skipped[at];
        }
    });
    match absent {
        true => (Input::Some(Box::new(input)), ValueType::option(ty)),
        false => (input, ty),
    }
}

fn literals(inputs: &[Input]) -> Option<Vec<Value>> {
    let value = |input: &Input| match input {
        Input::Literal(value) => Some(value.clone()),
        _ => None,
    };
    inputs.iter().map(value).collect()
}

fn fold(inputs: Vec<Input>) -> Input {
    literals(&inputs).map_or(Input::Record(inputs), |values| Input::Literal(Value::record(values)))
}
