//! Go.

use super::{Build, Language};
use crate::error::Error;
use crate::tools::{Site, Tool};

/// Go.
pub(super) struct Go;

impl Language for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn title(&self) -> &'static str {
        "Go"
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
        Err(Error::internal("Go is not built by this version"))
    }
}
