//! JavaScript and TypeScript.

use super::{Build, Language};
use crate::error::Error;
use crate::tools::{Site, Tool};

/// JavaScript.
pub(super) struct JavaScript;

impl Language for JavaScript {
    fn name(&self) -> &'static str {
        "javascript"
    }

    fn title(&self) -> &'static str {
        "JavaScript"
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
        Err(Error::internal("JavaScript is not built by this version"))
    }
}

/// TypeScript.
pub(super) struct TypeScript;

impl Language for TypeScript {
    fn name(&self) -> &'static str {
        "typescript"
    }

    fn title(&self) -> &'static str {
        "TypeScript"
    }

    fn sdk(&self) -> &'static str {
        "javascript"
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
        Err(Error::internal("TypeScript is not built by this version"))
    }
}
