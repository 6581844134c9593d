//! Lift and lower of the Canonical ABI for values whose types are known only at run time.
//!
//! [`Arguments`] and [`Returned`] plug into `wasmtime::component::TypedFunc` by its doc-hidden traits `Lower` and `Lift`
//! (wasmtime is pinned to 48.0 for this). What a guest sees and gives is bounded here: pointers, lengths, alignments,
//! characters, case numbers, UTF-8 and the bytes that a result may take.
//!
//! # Safety argument
//!
//! The traits `ComponentType`, `Lower`, `Lift` and `ComponentNamedList` are `unsafe` because wasmtime trusts that
//! 1. `ComponentType::Lower` is nothing but an array of `ValRaw`, valid for every byte pattern: it is `[ValRaw; N]`;
//! 2. `linear_lower_to_flat` leaves its destination fully initialised: it writes all `FLAT_MAX` slots before it returns `Ok`;
//! 3. the array has room for the core function's parameters and results: `FLAT_MAX` is the ABI's own maximum for parameters,
//!    and a core function has at most `N` results, which [`crate::execute`] picks from the same shape (a result of more core
//!    values than the ABI allows travels by pointer, one slot). A trampoline reads and writes as many slots as the core type
//!    has, never more;
//! 4. a slot is read as the type it was written with: a guest's results are initialised by the trampoline, `N` of them, and a
//!    `ValRaw` may be read as any of its number types, all bit patterns being valid.
//!
//! Nothing else here is unsafe: guest memory is reached only through wasmtime's slices, with checked ranges. If a [`Shape`]
//! did not match the function's type, a guest would see wrong values, or the call would fail, but the host's memory would not be
//! touched. (`typecheck` therefore accepts everything; shapes are made from the component's own reflected types.)

#![expect(unsafe_code, reason = "implements wasmtime's unsafe traits; the argument is at the top of this file")]

use std::mem::MaybeUninit;
use std::sync::Arc;

use bytes::Bytes;
use taskhost_model::{Limit, List, Value};
use wasmtime::component::__internal::wasmtime_environ::component::{CanonicalOptionsDataModel, StringEncoding};
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, Lower};
use wasmtime::{Result, ValRaw, bail, format_err};

use super::handles;
use super::shape::{Cases, Kind, Part, Shape};
use crate::outcome::Stop;
use crate::turn::Turn;

/// Core parameters that travel in registers; more go through memory. `MAX_FLAT_PARAMS` of the Canonical ABI.
const FLAT_MAX: usize = 16;

/// So many parts of a result are lifted between two looks at the clock.
const CHARGES_A_LOOK: u32 = 4096;

/// The arguments of a call.
pub(crate) struct Arguments {
    /// The shape of all parameters together, a tuple.
    pub(crate) shape: Arc<Shape>,
    /// One for each parameter.
    pub(crate) values: Vec<Value>,
}

/// The result of a call that gives `N` core values.
pub(crate) struct Returned<const N: usize>(pub(crate) Value);

// SAFETY: `Lower` is an array of `ValRaw` (point 1).
unsafe impl ComponentType for Arguments {
    type Lower = [ValRaw; FLAT_MAX];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: adds nothing to `ComponentType`.
unsafe impl ComponentNamedList for Arguments {}

// SAFETY: every slot is written before `Ok` (point 2).
unsafe impl Lower for Arguments {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<[ValRaw; FLAT_MAX]>,
    ) -> Result<()> {
        let slots = dst.write([ValRaw::u64(0); FLAT_MAX]);
        let Kind::Tuple(parts) = &self.shape.kind else { bail!("parameters are a tuple") };
        if parts.len() != self.values.len() {
            bail!("{} arguments for {} parameters", self.values.len(), parts.len());
        }
        let handed_over = if self.shape.has_blobs { Some(handles::hand_over(self, cx, ty)?) } else { None };
        let values = handed_over.as_ref().unwrap_or(&self.values);
        if self.shape.flat_count() > FLAT_MAX {
            let at = cx.realloc(0, 0, self.shape.align as u32, self.shape.size)?;
            for (part, value) in parts.iter().zip(values) {
                store(cx, &part.shape, value, at + part.offset)?;
            }
            slots[0] = ValRaw::u64(at as u64);
            return Ok(());
        }
        let mut writer = FlatWriter { slots, next: 0 };
        for (part, value) in parts.iter().zip(values) {
            writer.lower(cx, &part.shape, value)?;
        }
        Ok(())
    }

    fn linear_lower_to_memory<T>(&self, _: &mut LowerContext<'_, T>, _: InterfaceType, _: usize) -> Result<()> {
        bail!("arguments are lowered flat")
    }
}

// SAFETY: `Lower` is an array of `ValRaw` (point 1).
unsafe impl<const N: usize> ComponentType for Returned<N> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: adds nothing to `ComponentType`.
unsafe impl<const N: usize> ComponentNamedList for Returned<N> {}

// SAFETY: reads `N` slots, as many as there are, in any number type (point 4).
unsafe impl<const N: usize> Lift for Returned<N> {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &[ValRaw; N]) -> Result<Self> {
        // `Lift` has no way to hand the shape over.
        let Some((shape, bytes_max)) = Turn::result() else { bail!("a result outside a turn") };
        let mut reader = Reader { cx, left: bytes_max, bytes_max, charges: 0 };
        let value = if shape.flat_count() > N {
            reader.load(&shape, src.first().map_or(0, ValRaw::get_u32) as usize)?
        } else {
            let mut slots = FlatReader { slots: src, next: 0 };
            reader.lift(&shape, &mut slots)?
        };
        Ok(Returned(if shape.has_blobs { handles::take_over(&shape, value, cx, ty)? } else { value }))
    }

    fn linear_lift_from_memory(_: &mut LiftContext<'_>, _: InterfaceType, _: &[u8]) -> Result<Self> {
        bail!("results are lifted flat")
    }
}

fn mismatch() -> wasmtime::Error {
    format_err!("a value does not have its parameter's type")
}

/// Puts a value into core parameters.
struct FlatWriter<'a> {
    slots: &'a mut [ValRaw; FLAT_MAX],
    next: usize,
}

impl FlatWriter<'_> {
    fn push(&mut self, bits: u64) -> Result<()> {
        *self.slots.get_mut(self.next).ok_or_else(|| format_err!("too many core parameters"))? = ValRaw::u64(bits);
        self.next += 1;
        Ok(())
    }

    fn lower<T>(&mut self, cx: &mut LowerContext<'_, T>, shape: &Shape, value: &Value) -> Result<()> {
        match (&shape.kind, value) {
            (Kind::String, Value::String(text)) => {
                let (at, units) = lower_string(cx, text)?;
                self.push_pair(at, units)
            }
            (Kind::Packed { .. } | Kind::List { .. }, Value::List(list)) => {
                let (at, length) = lower_list(cx, &shape.kind, list)?;
                self.push_pair(at, length)
            }
            (Kind::Record(parts), Value::Record(values)) | (Kind::Tuple(parts), Value::Tuple(values)) => {
                if parts.len() != values.len() {
                    return Err(mismatch());
                }
                parts.iter().zip(values.iter()).try_for_each(|(part, value)| self.lower(cx, &part.shape, value))
            }
            (Kind::Variant(cases) | Kind::Option(cases) | Kind::Result(cases), _) => {
                let (tag, payload) = case_of(value).ok_or_else(mismatch)?;
                let end = self.next + shape.flat_count;
                self.push(u64::from(tag))?;
                match (cases.payloads.get(tag as usize).ok_or_else(mismatch)?, payload) {
                    (Some(inner), Some(payload)) => self.lower(cx, inner, payload)?,
                    (None, None) => {}
                    _ => return Err(mismatch()),
                }
                self.next = end;
                Ok(())
            }
            (_, value) => {
                let bits = scalar_bits(&shape.kind, value).ok_or_else(mismatch)?;
                self.push(bits)
            }
        }
    }

    fn push_pair(&mut self, at: usize, length: usize) -> Result<()> {
        self.push(at as u64)?;
        self.push(length as u64)
    }
}

/// The case of a variant, option or result value, and what it carries.
fn case_of(value: &Value) -> Option<(u32, Option<&Value>)> {
    match value {
        Value::Variant(case, payload) => Some((*case, payload.as_deref())),
        Value::Option(inner) => Some((u32::from(inner.is_some()), inner.as_deref())),
        Value::Result(Ok(inner)) => Some((0, inner.as_deref())),
        Value::Result(Err(inner)) => Some((1, inner.as_deref())),
        _ => None,
    }
}

/// The bits of a value without pointers, sign-extended to 32 bits where the ABI wants that.
fn scalar_bits(kind: &Kind, value: &Value) -> Option<u64> {
    Some(match (kind, value) {
        (Kind::Bool, Value::Bool(v)) => u64::from(*v),
        (Kind::S8, Value::S8(v)) => u64::from(i32::from(*v) as u32),
        (Kind::U8, Value::U8(v)) => u64::from(*v),
        (Kind::S16, Value::S16(v)) => u64::from(i32::from(*v) as u32),
        (Kind::U16, Value::U16(v)) => u64::from(*v),
        (Kind::S32, Value::S32(v)) => u64::from(*v as u32),
        (Kind::U32, Value::U32(v)) => u64::from(*v),
        (Kind::S64, Value::S64(v)) => *v as u64,
        (Kind::U64, Value::U64(v)) => *v,
        (Kind::F32, Value::F32(v)) => u64::from(v.to_bits()),
        (Kind::F64, Value::F64(v)) => v.to_bits(),
        (Kind::Char, Value::Char(v)) => u64::from(u32::from(*v)),
        (Kind::Enum { cases }, Value::Enum(v)) if v < cases => u64::from(*v),
        (Kind::Flags { known }, Value::Flags(v)) => u64::from(*v & *known),
        (Kind::Blob, Value::U32(handle)) => u64::from(*handle),
        _ => return None,
    })
}

/// Guest memory from `at` on, `length` bytes.
fn memory_mut<'a, T>(cx: &'a mut LowerContext<'_, T>, at: usize, length: usize) -> Result<&'a mut [u8]> {
    at.checked_add(length)
        .and_then(|end| cx.as_slice_mut().get_mut(at..end))
        .ok_or_else(|| format_err!("an allocation of the guest lies outside its memory"))
}

/// Puts a value into guest memory at `at`, which the guest allocated for it.
fn store<T>(cx: &mut LowerContext<'_, T>, shape: &Shape, value: &Value, at: usize) -> Result<()> {
    match (&shape.kind, value) {
        (Kind::String, Value::String(text)) => {
            let (pointer, units) = lower_string(cx, text)?;
            store_pair(cx, at, pointer, units)
        }
        (Kind::Packed { .. } | Kind::List { .. }, Value::List(list)) => {
            let (pointer, length) = lower_list(cx, &shape.kind, list)?;
            store_pair(cx, at, pointer, length)
        }
        (Kind::Record(parts), Value::Record(values)) | (Kind::Tuple(parts), Value::Tuple(values)) => {
            if parts.len() != values.len() {
                return Err(mismatch());
            }
            for (part, value) in parts.iter().zip(values.iter()) {
                store(cx, &part.shape, value, at + part.offset)?;
            }
            Ok(())
        }
        (Kind::Variant(cases) | Kind::Option(cases) | Kind::Result(cases), _) => {
            let (tag, payload) = case_of(value).ok_or_else(mismatch)?;
            memory_mut(cx, at, cases.tag_size)?.copy_from_slice(&tag.to_le_bytes()[..cases.tag_size]);
            match (cases.payloads.get(tag as usize).ok_or_else(mismatch)?, payload) {
                (Some(inner), Some(payload)) => store(cx, inner, payload, at + cases.payload_offset),
                (None, None) => Ok(()),
                _ => Err(mismatch()),
            }
        }
        (kind, value) => {
            let bits = scalar_bits(kind, value).ok_or_else(mismatch)?;
            memory_mut(cx, at, shape.size)?.copy_from_slice(&bits.to_le_bytes()[..shape.size]);
            Ok(())
        }
    }
}

fn store_pair<T>(cx: &mut LowerContext<'_, T>, at: usize, pointer: usize, length: usize) -> Result<()> {
    let bytes = memory_mut(cx, at, 8)?;
    bytes[..4].copy_from_slice(&(pointer as u32).to_le_bytes());
    bytes[4..].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(())
}

fn is_utf8(encoding: &CanonicalOptionsDataModel, string: StringEncoding) -> bool {
    matches!(encoding, CanonicalOptionsDataModel::LinearMemory(_)) && string == StringEncoding::Utf8
}

/// Pointer and length in code units.
fn lower_string<T>(cx: &mut LowerContext<'_, T>, text: &str) -> Result<(usize, usize)> {
    let options = cx.options();
    if is_utf8(&options.data_model, options.string_encoding) {
        let at = cx.realloc(0, 0, 1, text.len())?;
        memory_mut(cx, at, text.len())?.copy_from_slice(text.as_bytes());
        return Ok((at, text.len()));
    }
    // UTF-16 and Latin-1 are wasmtime's own work.
    let mut pair = MaybeUninit::uninit();
    <str as Lower>::linear_lower_to_flat(text, cx, InterfaceType::String, &mut pair)?;
    // SAFETY: `Lower` promises a fully initialised destination on `Ok` (point 2, kept by wasmtime here).
    let [at, units] = unsafe { pair.assume_init() };
    Ok((at.get_u64() as usize, units.get_u64() as usize))
}

/// Pointer and number of elements.
fn lower_list<T>(cx: &mut LowerContext<'_, T>, kind: &Kind, list: &List) -> Result<(usize, usize)> {
    match kind {
        Kind::Packed { element_align, .. } => {
            let image = list.image().ok_or_else(mismatch)?;
            let at = cx.realloc(0, 0, *element_align as u32, image.len())?;
            memory_mut(cx, at, image.len())?.copy_from_slice(image);
            Ok((at, list.len()))
        }
        Kind::List { element, .. } => {
            let values = list.values().ok_or_else(mismatch)?;
            let size = values.len().checked_mul(element.size).ok_or_else(|| format_err!("a list is too long"))?;
            let at = cx.realloc(0, 0, element.align as u32, size)?;
            for (n, value) in values.iter().enumerate() {
                store(cx, element, value, at + n * element.size)?;
            }
            Ok((at, values.len()))
        }
        _ => Err(mismatch()),
    }
}

/// Takes a result out of a guest.
struct Reader<'a, 'b> {
    cx: &'a mut LiftContext<'b>,
    /// Bytes that the rest of the result may take.
    left: u64,
    bytes_max: u64,
    charges: u32,
}

struct FlatReader<'a> {
    slots: &'a [ValRaw],
    next: usize,
}

impl FlatReader<'_> {
    fn take(&mut self) -> Result<u64> {
        let slot = self.slots.get(self.next).ok_or_else(|| format_err!("too few core results"))?;
        self.next += 1;
        Ok(slot.get_u64())
    }
}

impl Reader<'_, '_> {
    /// Counts bytes that the host is about to hold. Now and then it looks at the clock: a small memory can hold lists that share their
    /// elements, and so make a large value.
    fn charge(&mut self, bytes: usize) -> Result<()> {
        self.charges = self.charges.wrapping_add(1);
        if self.charges.is_multiple_of(CHARGES_A_LOOK)
            && let Some(limit) = Turn::cpu_limit_passed()
        {
            return Err(Stop::Limit(limit).into());
        }
        match self.left.checked_sub(bytes as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Stop::Limit(Limit::Result(self.bytes_max)).into()),
        }
    }

    fn memory(&self, at: usize, length: usize) -> Result<&[u8]> {
        at.checked_add(length)
            .and_then(|end| self.cx.memory().get(at..end))
            .ok_or_else(|| format_err!("a pointer in the result lies outside the guest's memory"))
    }

    fn lift(&mut self, shape: &Shape, slots: &mut FlatReader<'_>) -> Result<Value> {
        match &shape.kind {
            Kind::String | Kind::Packed { .. } | Kind::List { .. } => {
                let (at, length) = (slots.take()? as u32, slots.take()? as u32);
                self.pointed(&shape.kind, at as usize, length as usize)
            }
            Kind::Record(parts) | Kind::Tuple(parts) => {
                self.charge(parts.len() * size_of::<Value>())?;
                let values = parts.iter().map(|part| self.lift(&part.shape, slots)).collect::<Result<_>>()?;
                Ok(if matches!(shape.kind, Kind::Record(_)) { Value::Record(values) } else { Value::Tuple(values) })
            }
            Kind::Variant(cases) | Kind::Option(cases) | Kind::Result(cases) => {
                let end = slots.next + shape.flat_count;
                let tag = slots.take()? as u32;
                let payload = match payload_of(cases, tag)? {
                    Some(inner) => {
                        self.charge(size_of::<Value>())?;
                        Some(self.lift(inner, slots)?)
                    }
                    None => None,
                };
                slots.next = end;
                Ok(with_case(&shape.kind, tag, payload))
            }
            kind => {
                // Integers narrower than a slot are wrapped, as the ABI says.
                let bits = slots.take()?;
                scalar(kind, bits)
            }
        }
    }

    fn load(&mut self, shape: &Shape, at: usize) -> Result<Value> {
        if !at.is_multiple_of(shape.align) {
            bail!("a pointer in the result is not aligned");
        }
        match &shape.kind {
            Kind::String | Kind::Packed { .. } | Kind::List { .. } => {
                let (pointer, length) = (self.number(at, 4)?, self.number(at + 4, 4)?);
                self.pointed(&shape.kind, pointer as usize, length as usize)
            }
            Kind::Record(parts) | Kind::Tuple(parts) => {
                self.charge(parts.len() * size_of::<Value>())?;
                let part = |part: &Part| self.load(&part.shape, at + part.offset);
                let values = parts.iter().map(part).collect::<Result<_>>()?;
                Ok(if matches!(shape.kind, Kind::Record(_)) { Value::Record(values) } else { Value::Tuple(values) })
            }
            Kind::Variant(cases) | Kind::Option(cases) | Kind::Result(cases) => {
                let tag = self.number(at, cases.tag_size)? as u32;
                let payload = match payload_of(cases, tag)? {
                    Some(inner) => {
                        self.charge(size_of::<Value>())?;
                        Some(self.load(inner, at + cases.payload_offset)?)
                    }
                    None => None,
                };
                Ok(with_case(&shape.kind, tag, payload))
            }
            kind => scalar(kind, self.number(at, shape.size)?),
        }
    }

    /// A little-endian number of 1 to 8 bytes.
    fn number(&self, at: usize, size: usize) -> Result<u64> {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(self.memory(at, size)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// A string or list, from its pointer and length.
    fn pointed(&mut self, kind: &Kind, at: usize, length: usize) -> Result<Value> {
        match kind {
            Kind::String => self.string(at, length),
            Kind::Packed { element, element_size, element_align } => {
                let size = length.checked_mul(*element_size).ok_or_else(|| format_err!("a list is too long"))?;
                if !at.is_multiple_of(*element_align) {
                    bail!("a list in the result is not aligned");
                }
                self.charge(size)?;
                let image = self.memory(at, size)?.to_vec();
                let list = match element {
                    taskhost_model::ValueType::U8 => List::bytes(Bytes::from(image)),
                    _ => List::from_image(element, image)
                        .map_err(|error| format_err!("in a list of the result, {error}"))?,
                };
                Ok(Value::List(list))
            }
            Kind::List { element_type, element } => {
                let size = length.checked_mul(element.size).ok_or_else(|| format_err!("a list is too long"))?;
                self.memory(at, size)?;
                self.charge(length.saturating_mul(size_of::<Value>()))?;
                let mut values = Vec::with_capacity(length);
                for n in 0..length {
                    values.push(self.load(element, at + n * element.size)?);
                }
                Ok(Value::List(List::from_values(element_type, values)))
            }
            _ => Err(mismatch()),
        }
    }

    fn string(&mut self, at: usize, units: usize) -> Result<Value> {
        let options = self.cx.options();
        if is_utf8(&options.data_model, options.string_encoding) {
            self.charge(units)?;
            let text = std::str::from_utf8(self.memory(at, units)?)
                .map_err(|_| format_err!("a string in the result is not UTF-8"))?;
            return Ok(Value::string(text));
        }
        // UTF-16 and Latin-1 are wasmtime's own work. The top bit of a Latin-1 length says UTF-16; at most 3 bytes come of a unit.
        self.charge((units & 0x7fff_ffff).saturating_mul(3))?;
        let pair = [ValRaw::u32(at as u32), ValRaw::u32(units as u32)];
        let text = <String as Lift>::linear_lift_from_flat(self.cx, InterfaceType::String, &pair)?;
        Ok(Value::string(text))
    }
}

fn payload_of(cases: &Cases, tag: u32) -> Result<Option<&Shape>> {
    cases
        .payloads
        .get(tag as usize)
        .map(Option::as_ref)
        .ok_or_else(|| format_err!("a variant in the result has no case {tag}"))
}

fn with_case(kind: &Kind, tag: u32, payload: Option<Value>) -> Value {
    let payload = payload.map(Arc::new);
    match kind {
        Kind::Option(_) => Value::Option(payload),
        Kind::Result(_) => Value::Result(if tag == 0 { Ok(payload) } else { Err(payload) }),
        _ => Value::Variant(tag, payload),
    }
}

fn scalar(kind: &Kind, bits: u64) -> Result<Value> {
    Ok(match kind {
        Kind::Bool => Value::Bool(bits as u32 != 0),
        Kind::S8 => Value::S8(bits as i8),
        Kind::U8 => Value::U8(bits as u8),
        Kind::S16 => Value::S16(bits as i16),
        Kind::U16 => Value::U16(bits as u16),
        Kind::S32 => Value::S32(bits as i32),
        Kind::U32 => Value::U32(bits as u32),
        Kind::S64 => Value::S64(bits as i64),
        Kind::U64 => Value::U64(bits),
        Kind::F32 => Value::F32(f32::from_bits(bits as u32)),
        Kind::F64 => Value::F64(f64::from_bits(bits)),
        Kind::Char => Value::Char(
            char::from_u32(bits as u32)
                .ok_or_else(|| format_err!("a char in the result is no Unicode scalar value"))?,
        ),
        Kind::Enum { cases } if (bits as u32) < *cases => Value::Enum(bits as u32),
        Kind::Enum { .. } => bail!("an enum in the result has no case {}", bits as u32),
        Kind::Flags { known } => Value::Flags(bits as u32 & known),
        Kind::Blob => Value::U32(bits as u32),
        _ => bail!("a value in the result does not have its type"),
    })
}
