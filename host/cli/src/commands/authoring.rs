//! What `new`, `build` and `test` have in common: a project by its folder, what is done told on stderr, errors with their exit codes.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use taskhost_authoring::build::{self, BuildOptions, Built};
use taskhost_authoring::tools::{Site, System};
use taskhost_authoring::watch::Snapshot;
use taskhost_authoring::{Error, ErrorKind, Project, ToolFailure};

use crate::args::authoring::MakingArgs;
use crate::error::{CliError, Exit};
use crate::interrupt;
use crate::observe;
use crate::output::{self, DIM, STRONG, styled, visible, visible_line};
use crate::progress::Voice;

/// How often the line at the bottom of a terminal moves.
const FRAME: Duration = Duration::from_millis(100);

/// Longest line of a tool that stands there, in characters: the rest of the line is the step's.
const SIGN_OF_LIFE_MAX: usize = 60;

/// Tells what is done: on a terminal a line that moves, else a line for each step.
pub(crate) struct Steps {
    voice: Voice,
    bar: Option<ProgressBar>,
    step: Mutex<String>,
}

impl Steps {
    pub(crate) fn new(voice: Voice) -> Steps {
        let is_live = voice == Voice::Normal && output::stderr_is_terminal() && !observe::has_logs();
        Steps { voice, bar: is_live.then(bar), step: Mutex::default() }
    }

    /// Takes the line at the bottom away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Writes above the line at the bottom.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::stderr(text)),
            None => output::stderr(text),
        }
    }

    fn step(&self) -> MutexGuard<'_, String> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line at the bottom of a terminal that moves.
pub(crate) fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
    let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(FRAME);
    bar
}

impl taskhost_authoring::Progress for Steps {
    fn step(&self, doing: &str) {
        doing.clone_into(&mut self.step());
        match &self.bar {
            Some(bar) => bar.set_message(visible_line(doing).into_owned()),
            None if self.voice > Voice::Quiet => output::stderr(&format!("{}\n", visible(doing))),
            None => {}
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => {
                let life: String = line.trim().chars().take(SIGN_OF_LIFE_MAX).collect();
                let doing = visible_line(&self.step()).into_owned();
                bar.set_message(format!("{doing}  {}", styled(DIM, visible_line(&life))));
            }
            None if self.voice == Voice::Verbose => output::stderr(&format!("{}\n", visible(line))),
            None => {}
        }
    }

    fn warn(&self, text: &str) {
        self.say(&format!("{}\n", visible(text)));
    }

    fn is_interrupted(&self) -> bool {
        interrupt::is_asked()
    }
}

/// A component that is up to date, as asked for.
pub(crate) fn built(project: &Project, making: &MakingArgs, steps: &Steps) -> Result<Built, CliError> {
    let site = Site { project, system: &System::of_process(), progress: steps };
    Ok(build::build(&site, BuildOptions { install: making.install, anew: making.anew })?)
}

/// The path of a project's component as the user knows the place.
pub(crate) fn component_shown(project: &Project) -> String {
    let path = Path::new("components").join(format!("{}.wasm", project.name));
    project.source.beside(&path).display().to_string()
}

/// Does it, and again after each change of a source; what goes wrong is told, and the next change may mend it.
pub(crate) fn watched(
    folder: &Path,
    voice: Voice,
    mut work: impl FnMut(&Project) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    let mut project = Project::find(folder)?;
    loop {
        // Taken first: what changes meanwhile is seen afterwards.
        let snapshot = Snapshot::of(&project);
        let done = Project::find(folder).map_err(CliError::from).and_then(|now| {
            project = now;
            work(&project)
        });
        if done.unwrap_or_else(CliError::report) == Exit::Interrupted {
            return Ok(Exit::Interrupted);
        }
        let steps = Steps::new(voice);
        taskhost_authoring::Progress::step(&steps, "waiting for a change (Ctrl-C: exit)");
        let changed = snapshot.changed(&project, &steps);
        steps.finish();
        let Ok(changed) = changed else { return Ok(Exit::Interrupted) };
        let changed = changed.strip_prefix(&project.folder).unwrap_or(&changed).display().to_string();
        output::stderr(&format!("{} {}\n", styled(STRONG, "changed:"), visible(&changed)));
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> CliError {
        match error {
            Error::Rejected(diagnostics) => diagnostics.into(),
            Error::Tool(failure) => failed(*failure),
            Error::Message { kind, message, help } => {
                let exit = match kind {
                    ErrorKind::Usage => Exit::Usage,
                    ErrorKind::Rejected => Exit::Rejected,
                    ErrorKind::Internal => Exit::Internal,
                };
                CliError::Message { exit, message, help }
            }
            Error::Interrupted => CliError::Interrupted,
            other => CliError::internal(other.to_string()),
        }
    }
}

/// What the tool said stands before the error, as it would stand in a terminal.
fn failed(failure: ToolFailure) -> CliError {
    let ToolFailure { doing, command, ending, output, help } = failure;
    let said = if output.trim().is_empty() { String::new() } else { format!("{}\n\n", output.trim_end()) };
    output::stderr(&visible(&said));
    CliError::rejected(format!("failed to {doing}: `{command}` ended with {ending}"), help)
}
