//! [`Trouble`]: why a worker does not work at the moment, for those who look after it.

use std::sync::{Mutex, PoisonError};

/// See the top of the file.
#[derive(Default, Debug)]
pub struct Trouble(Mutex<Option<String>>);

impl Trouble {
    /// What is wrong now, if anything.
    pub fn now(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// This is wrong, or nothing.
    pub(crate) fn is(&self, reason: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}
