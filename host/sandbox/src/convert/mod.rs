//! Values into and out of a guest: our own lift and lower.
//!
//! wasmtime's dynamic `Val` takes 40 bytes and an allocation for each element of a list; its typed calls want the types at
//! compile time. [`lift_lower`] gives typed calls a dynamic argument and result type instead: a packed list crosses as one copy.

mod handles;
mod lift_lower;
mod shape;

pub(crate) use handles::{with_numbers, without_numbers};
pub(crate) use lift_lower::{Arguments, Returned};
pub(crate) use shape::Shape;
