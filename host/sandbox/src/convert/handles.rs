//! Blobs on their way into and out of a guest: a value of the host names a blob by its digest, a guest holds a handle.
//!
//! Two steps each way. Outside a call, where the store is at hand, [`with_numbers`] puts each blob into the store's table of resources and
//! [`without_numbers`] takes it out again; between them a blob is its number there, a [`Value::U32`]. Inside the call, where the guest's own
//! table is at hand, [`hand_over`] and [`take_over`] turn numbers into handles of the guest and back; `lift_lower` treats a handle as the
//! 32-bit number that it is. A handle that a guest makes up, or gives twice, is refused by its table.

use std::sync::Arc;

use taskhost_model::{List, Value};
use wasmtime::component::__internal::{ComponentTypes, InterfaceType, LiftContext, LowerContext};
use wasmtime::component::ResourceType;
use wasmtime::{Result, bail, format_err};

use super::lift_lower::Arguments;
use super::shape::{Cases, Kind, Shape};
use crate::capability::BlobHandle;

/// What becomes of a blob, given as the value that stands for it and, inside a call, its type.
type Exchange<'a> = dyn FnMut(&Value, Option<InterfaceType>) -> Result<Value> + 'a;

/// The arguments with the numbers of their blobs.
pub(crate) fn with_numbers(arguments: Arguments, mut number: impl FnMut(&Value) -> Result<u32>) -> Result<Arguments> {
    let Kind::Tuple(parts) = &arguments.shape.kind else { bail!("parameters are a tuple") };
    let mut exchange = |blob: &Value, _: Option<InterfaceType>| number(blob).map(Value::U32);
    let values = parts.iter().zip(&arguments.values);
    let values =
        values.map(|(part, value)| exchanged(&part.shape, value, None, &mut exchange)).collect::<Result<_>>()?;
    Ok(Arguments { values, shape: arguments.shape })
}

/// The result with its blobs, by their numbers.
pub(crate) fn without_numbers(
    shape: &Shape,
    result: &Value,
    mut blob: impl FnMut(u32) -> Result<Value>,
) -> Result<Value> {
    exchanged(shape, result, None, &mut |value, _| match value {
        Value::U32(number) => blob(*number),
        _ => Err(mismatch()),
    })
}

/// The arguments with handles of the guest for numbers.
pub(super) fn hand_over<T>(
    arguments: &Arguments,
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
) -> Result<Vec<Value>> {
    let (Kind::Tuple(parts), InterfaceType::Tuple(index)) = (&arguments.shape.kind, ty) else {
        bail!("parameters are a tuple")
    };
    let types = cx.types;
    let mut exchange = |value: &Value, ty: Option<InterfaceType>| {
        let Value::U32(number) = value else { return Err(mismatch()) };
        let handle = match ty {
            Some(InterfaceType::Own(table)) if is_blob(cx.resource_type(table)) => {
                cx.guest_resource_lower_own(table, *number)
            }
            Some(InterfaceType::Borrow(table)) if is_blob(cx.resource_type(table)) => {
                cx.guest_resource_lower_borrow(table, *number)
            }
            _ => Err(mismatch()),
        };
        handle.map(Value::U32)
    };
    let items = parts.iter().zip(&arguments.values).zip(types[index].types.iter());
    items
        .map(|((part, value), ty)| match part.shape.has_blobs {
            true => exchanged(&part.shape, value, Some((types, *ty)), &mut exchange),
            false => Ok(value.clone()),
        })
        .collect()
}

/// The result with numbers for handles of the guest.
pub(super) fn take_over(shape: &Shape, result: Value, cx: &mut LiftContext<'_>, ty: InterfaceType) -> Result<Value> {
    let types = Arc::clone(cx.types);
    // A function's results are a tuple, of one item.
    let InterfaceType::Tuple(results) = ty else { bail!("results are a tuple") };
    let ty = *types[results].types.first().ok_or_else(mismatch)?;
    exchanged(shape, &result, Some((&types, ty)), &mut |value, ty| match (value, ty) {
        (Value::U32(handle), Some(InterfaceType::Own(table))) if is_blob(cx.resource_type(table)) => {
            Ok(Value::U32(cx.guest_resource_lift_own(table, *handle)?.0))
        }
        _ => Err(mismatch()),
    })
}

fn is_blob(ty: ResourceType) -> bool {
    ty == ResourceType::host::<BlobHandle>()
}

fn mismatch() -> wasmtime::Error {
    format_err!("a blob does not have its type")
}

type Typed<'a> = Option<(&'a ComponentTypes, InterfaceType)>;

/// The value with all its blobs exchanged. Its parts are looked at in order.
fn exchanged(shape: &Shape, value: &Value, ty: Typed<'_>, exchange: &mut Exchange<'_>) -> Result<Value> {
    if !shape.has_blobs {
        return Ok(value.clone());
    }
    Ok(match (&shape.kind, value) {
        (Kind::Blob, blob) => exchange(blob, ty.map(|(_, ty)| ty))?,
        (Kind::List { element, .. }, Value::List(list)) => {
            let ty = part_of(ty, 0)?;
            let items = list.values().ok_or_else(mismatch)?.iter();
            let items = items.map(|item| exchanged(element, item, ty, exchange)).collect::<Result<_>>()?;
            Value::List(List::unpacked(items))
        }
        (Kind::Record(parts), Value::Record(values)) | (Kind::Tuple(parts), Value::Tuple(values)) => {
            let items = parts.iter().zip(values.iter()).enumerate();
            let items = items
                .map(|(at, (part, value))| exchanged(&part.shape, value, part_of(ty, at)?, exchange))
                .collect::<Result<_>>()?;
            if matches!(shape.kind, Kind::Record(_)) { Value::Record(items) } else { Value::Tuple(items) }
        }
        (Kind::Variant(cases), Value::Variant(case, inner)) => {
            Value::Variant(*case, payload(cases, *case as usize, inner.as_ref(), ty, exchange)?)
        }
        (Kind::Option(cases), Value::Option(inner)) => {
            Value::Option(payload(cases, usize::from(inner.is_some()), inner.as_ref(), ty, exchange)?)
        }
        (Kind::Result(cases), Value::Result(Ok(inner))) => {
            Value::Result(Ok(payload(cases, 0, inner.as_ref(), ty, exchange)?))
        }
        (Kind::Result(cases), Value::Result(Err(inner))) => {
            Value::Result(Err(payload(cases, 1, inner.as_ref(), ty, exchange)?))
        }
        _ => return Err(mismatch()),
    })
}

fn payload(
    cases: &Cases,
    case: usize,
    inner: Option<&Arc<Value>>,
    ty: Typed<'_>,
    exchange: &mut Exchange<'_>,
) -> Result<Option<Arc<Value>>> {
    let shape = cases.payloads.get(case).ok_or_else(mismatch)?;
    match (shape, inner) {
        (Some(shape), Some(inner)) => Ok(Some(Arc::new(exchanged(shape, inner, part_of(ty, case)?, exchange)?))),
        (None, None) => Ok(None),
        _ => Err(mismatch()),
    }
}

/// The type of a field, an item, an element, or of what a case carries.
fn part_of(ty: Typed<'_>, at: usize) -> Result<Typed<'_>> {
    let Some((types, ty)) = ty else { return Ok(None) };
    let part = match ty {
        InterfaceType::List(index) => Some(types[index].element),
        InterfaceType::Record(index) => types[index].fields.get(at).map(|field| field.ty),
        InterfaceType::Tuple(index) => types[index].types.get(at).copied(),
        // A case without a payload has no part that anybody asks for.
        InterfaceType::Variant(index) => types[index].cases.get_index(at).and_then(|(_, ty)| *ty),
        InterfaceType::Option(index) => Some(types[index].ty),
        InterfaceType::Result(index) => {
            if at == 0 {
                types[index].ok
            } else {
                types[index].err
            }
        }
        _ => None,
    };
    part.map(|part| Some((types, part))).ok_or_else(mismatch)
}
