//! Python.

use super::{Build, Language};
use crate::error::Error;
use crate::tools::{Site, Tool};

/// Python.
pub(super) struct Python;

impl Language for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn title(&self) -> &'static str {
        "Python"
    }

    fn is_available(&self) -> bool {
        false
    }

    fn tools(&self) -> &'static [Tool] {
        &[]
    }

    fn inputs(&self) -> &'static [&'static str] {
        &[]
    }

    fn install(&self, _site: &Site<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn build(&self, _build: &Build<'_>) -> Result<(), Error> {
        Err(Error::internal("Python is not built by this version"))
    }
}
