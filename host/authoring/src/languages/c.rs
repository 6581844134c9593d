//! C and C++.

use super::{Build, Language};
use crate::error::Error;
use crate::tools::{Site, Tool};

/// C.
pub(super) struct C;

impl Language for C {
    fn name(&self) -> &'static str {
        "c"
    }

    fn title(&self) -> &'static str {
        "C"
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
        Err(Error::internal("C is not built by this version"))
    }
}

/// C++.
pub(super) struct Cpp;

impl Language for Cpp {
    fn name(&self) -> &'static str {
        "cpp"
    }

    fn title(&self) -> &'static str {
        "C++"
    }

    fn sdk(&self) -> &'static str {
        "c"
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
        Err(Error::internal("C++ is not built by this version"))
    }
}
