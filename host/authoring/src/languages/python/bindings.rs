//! The WIT in Python, in `bindings/`: for editors, mypy and native tests. The component gets its own from the same WIT.

use super::{call, said};
use crate::error::Error;
use crate::folder;
use crate::languages::Build;
use crate::tools::{Found, run};

/// Makes them anew. What has not changed keeps its time: editors and mypy read what is new.
pub(super) fn write(build: &Build<'_>, tool: &Found) -> Result<(), Error> {
    build.step("making bindings");
    let made = build.work.join("bindings");
    // Left by a build that somebody stopped; componentize-py writes into a new folder only.
    folder::remove(&made)?;
    let shown = run::shown_from(&build.site.project.folder, &made);
    said::of_python(build.run(call(build, tool, "make bindings").arg("bindings").arg(shown)))?;
    folder::replace(&made, &build.site.project.folder.join("bindings"))?;
    folder::remove(&made)
}
