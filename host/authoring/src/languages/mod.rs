//! [`Language`]: how a project in one language becomes a component. One file for each; this one says what they have in common.
//!
//! A language calls its own tool, and gives a component at the place that it is told. Checking the project, finding out whether there is
//! anything to do, putting the WIT's text into the component and the component into its place is the work of whoever calls it.

mod c;
mod go;
mod javascript;
mod python;
mod rust;

use std::path::PathBuf;

use crate::error::Error;
use crate::tools::{Output, Run, Site, Tool};
use crate::wit::Wit;

/// How one language is built.
pub trait Language: Sync {
    /// What `taskhost.toml` and `--lang` call it; `templates/NAME` are its template's files.
    fn name(&self) -> &'static str;

    /// What people call it.
    fn title(&self) -> &'static str;

    /// The folder below `guest-sdk/` whose files a project gets in `sdk/`.
    fn sdk(&self) -> &'static str {
        self.name()
    }

    /// Names that this language or its tools keep for themselves: no project is called so.
    fn reserved(&self) -> &'static [&'static str] {
        &[]
    }

    /// Every tool that `[tools]` may pin. The first one is what builds.
    fn tools(&self) -> &'static [Tool];

    /// Tools that build where they are there, and that no project pins.
    fn unpinned_tools(&self) -> &'static [Tool] {
        &[]
    }

    /// Files and folders of a project that a build reads, from its folder on. What is not there is no mistake; `taskhost.toml` and `wit`
    /// count anyway. If none of them has changed since the last build, nothing is built.
    fn inputs(&self) -> &'static [&'static str];

    /// Whether the tool itself knows best, and quickly, that there is nothing to do: then it is asked each time.
    fn knows_best(&self) -> bool {
        false
    }

    /// Gets what is missing, where that needs no rights beyond the user's own; asked for with `--install`. What is there stays as it is.
    fn install(&self, site: &Site<'_>) -> Result<(), Error>;

    /// Makes the component. What it prints on the way goes to [`Site::progress`], by [`Run`].
    fn build(&self, build: &Build<'_>) -> Result<(), Error>;

    /// Whether its SDK can log and the like also in a world that does not include `taskhost:task/imports`.
    fn brings_contract(&self) -> bool {
        false
    }

    /// For `taskhost new --from`: source files with an empty function for each function of a WIT of the author's own, in place of those of
    /// the template. None if that cannot be made for this language.
    fn stubs(&self, wit: &Wit) -> Option<Stubs> {
        let _ = wit;
        None
    }
}

/// One build.
pub struct Build<'a> {
    /// Project, system and who watches.
    pub site: Site<'a>,
    /// The project's WIT.
    pub wit: &'a Wit,
    /// Where the component has to be in the end. Only whole components come from there to the user, so it may be written in pieces.
    pub component: PathBuf,
    /// A folder for whatever lies between; it is there, and what is in it stays for the next build.
    pub work: PathBuf,
}

/// Source files for a WIT of the author's own.
#[derive(Default)]
pub struct Stubs {
    /// Files by their paths from the project's folder on, with placeholders as in a template. They replace those of the template.
    pub files: Vec<(PathBuf, String)>,
    /// Files of the template that make no sense with that WIT, such as the test of a function that is not there.
    pub left_out: Vec<PathBuf>,
}

/// All of them, in the order in which help lists them.
pub static ALL: [&dyn Language; 7] =
    [&rust::Rust, &c::C, &c::Cpp, &python::Python, &javascript::JavaScript, &javascript::TypeScript, &go::Go];

/// The language of that name.
pub fn find(name: &str) -> Option<&'static dyn Language> {
    ALL.into_iter().find(|language| language.name() == name)
}

/// Every tool that may build it.
pub(crate) fn all_tools(language: &'static dyn Language) -> impl Iterator<Item = &'static Tool> {
    language.tools().iter().chain(language.unpinned_tools())
}

/// Their names, for a sentence.
pub fn listed() -> String {
    ALL.map(|language| format!("`{}`", language.name())).join(", ")
}

impl<'a> Build<'a> {
    /// Runs a command in the project's folder.
    pub fn run(&self, run: Run) -> Result<Output, Error> {
        run.go(&self.site)
    }

    /// Says something that the author should see although the build worked: warnings.
    pub fn warn(&self, text: &str) {
        if !text.trim().is_empty() {
            self.site.progress.warn(text.trim_end());
        }
    }

    /// Says what is done now.
    pub fn step(&self, doing: &str) {
        self.site.progress.step(doing);
    }
}
