//! [`Limiter`]: the memory of one task run, over all linear memories and tables of its component together.
//!
//! wasmtime's own `StoreLimits` looks at each memory alone, and a component may have thousands.

use taskhost_model::Limit;
use wasmtime::{ResourceLimiter, Result};

use crate::outcome::Stop;

/// Bytes that one table element takes in the host.
const TABLE_ELEMENT_BYTES: usize = 16;

/// Memories, tables and core instances of one component: far more than toolchains make, few enough to be harmless.
const PARTS_MAX: usize = 64;

/// Counts the memory of one task run. A guest that asks for more than its limit is stopped there, so that the report can name the
/// limit; a failed `memory.grow` would look like any crash.
pub(crate) struct Limiter {
    bytes: u64,
    pub(crate) bytes_max: u64,
}

impl Limiter {
    pub(crate) fn new(bytes_max: u64) -> Limiter {
        Limiter { bytes: 0, bytes_max }
    }

    /// Most bytes held at one time. Guest memory never shrinks, so this is also what is held now.
    pub(crate) fn peak(&self) -> u64 {
        self.bytes
    }

    fn grow(&mut self, current: usize, desired: usize, unit: usize) -> Result<bool> {
        let more = (desired.saturating_sub(current) as u64).saturating_mul(unit as u64);
        let bytes = self.bytes.saturating_add(more);
        if bytes > self.bytes_max {
            return Err(Stop::Limit(Limit::Memory(self.bytes_max)).into());
        }
        self.bytes = bytes;
        Ok(true)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(current, desired, 1)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(current, desired, TABLE_ELEMENT_BYTES)
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        PARTS_MAX
    }
}
