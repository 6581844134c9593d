//! [`Run`]: one command of a tool. Its output is taken up, told line by line, and shown as it was if the tool fails.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Site;
use crate::error::{Error, ErrorKind, ToolFailure};
use crate::progress::Progress;

/// Lines that may wait to be told: a tool that says more waits.
const LINES_WAITING_MAX: usize = 256;

/// Most of a tool's output that is kept, in bytes; the middle of more is left out. Compilers say what matters at the beginning, tracebacks
/// at the end.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Longest line, in bytes; a longer one is cut into several.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// How often a silent tool is looked after.
const LOOK: Duration = Duration::from_millis(20);

/// How long a tool that is to end may take to tidy up.
const END_TIME_MAX: Duration = Duration::from_secs(2);

/// How long a program may be busy before that is an error.
const BUSY_TIME_MAX: Duration = Duration::from_secs(1);

/// How long is waited for the last words of a tool that ended: one that it started may hold the pipe for ever.
const LAST_WORDS_TIME_MAX: Duration = Duration::from_millis(200);

/// A command that is about to run. It starts in the project's folder, without stdin.
pub struct Run {
    doing: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    environment: Vec<(OsString, Option<OsString>)>,
    is_quiet: bool,
    has_answer: bool,
    help: Option<String>,
}

/// What a tool said that did its work.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Output {
    /// Everything, but for an answer.
    pub text: String,
    /// What it wrote to stdout, with [`Run::answer`].
    pub answer: String,
}

/// A line of a tool, or of its answer on stdout.
enum Said {
    Line(String),
    Answer(String),
}

impl Run {
    /// `doing` completes "failed to …": `compile with cargo`.
    pub fn new(doing: impl Into<String>, program: impl Into<PathBuf>) -> Run {
        Run {
            doing: doing.into(),
            program: program.into(),
            arguments: Vec::new(),
            folder: None,
            environment: Vec::new(),
            is_quiet: false,
            has_answer: false,
            help: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Run {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Where it starts, instead of in the project's folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Run {
        self.folder = Some(folder.into());
        self
    }

    /// A variable that it sees.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Run {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// A variable that it does not see.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Run {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Its output is not told while it runs.
    #[must_use]
    pub fn quiet(mut self) -> Run {
        self.is_quiet = true;
        self
    }

    /// Its stdout is data, neither told nor shown: [`Output::answer`].
    #[must_use]
    pub fn answer(mut self) -> Run {
        self.has_answer = true;
        self
    }

    /// What to do if it fails.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Run {
        self.help = Some(help.into());
        self
    }

    /// Runs it to its end, and gives what it said. It is ended if somebody wants that.
    pub fn go(&self, site: &Site<'_>) -> Result<Output, Error> {
        let (mut child, said) = self.start(site).map_err(|error| self.not_started(&error))?;
        let mut lines = Lines::default();
        let mut answer = String::new();
        let status = self.follow(&mut child, &said, site.progress, |said| match said {
            Said::Line(line) => lines.add(line),
            Said::Answer(line) => answer.push_str(&line),
        })?;
        let output = lines.text();
        match status.success() {
            true => Ok(Output { text: output, answer }),
            false => Err(Error::Tool(Box::new(ToolFailure {
                doing: self.doing.clone(),
                command: self.shown(),
                ending: ending(status),
                output,
                help: self.help.clone(),
            }))),
        }
    }

    fn start(&self, site: &Site<'_>) -> io::Result<(Child, Receiver<Said>)> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(self.folder.as_deref().unwrap_or(&site.project.folder));
        command.env("PATH", &site.system.search_path).stdin(Stdio::null());
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // A group of its own: what it starts ends with it, and Ctrl-C is ours to pass on.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let (sender, said) = sync_channel(LINES_WAITING_MAX);
        let (lines, both) = io::pipe()?;
        command.stderr(both.try_clone()?);
        if self.has_answer {
            command.stdout(Stdio::piped());
        } else {
            command.stdout(both);
        }
        let mut child = spawn(&mut command)?;
        // It holds our ends of the pipe; without them the pipe ends with the tool.
        drop(command);
        listen(lines, Said::Line, sender.clone());
        if let Some(answer) = child.stdout.take() {
            listen(answer, Said::Answer, sender);
        }
        Ok((child, said))
    }

    fn follow(
        &self,
        child: &mut Child,
        said: &Receiver<Said>,
        progress: &dyn Progress,
        mut take: impl FnMut(Said),
    ) -> Result<ExitStatus, Error> {
        let waited = |error: io::Error| Error::internal(format!("failed to wait for `{}`: {error}", self.shown()));
        let mut ended: Option<(ExitStatus, Instant)> = None;
        loop {
            if progress.is_interrupted() {
                end(child);
                return Err(Error::Interrupted);
            }
            match said.recv_timeout(LOOK) {
                Ok(said) => {
                    if let Said::Line(line) = &said
                        && !self.is_quiet
                    {
                        progress.line(line.trim_end());
                    }
                    take(said);
                }
                Err(RecvTimeoutError::Disconnected) => return child.wait().map_err(waited),
                Err(RecvTimeoutError::Timeout) => {}
            }
            match ended {
                Some((status, at)) if at.elapsed() > LAST_WORDS_TIME_MAX => return Ok(status),
                Some(_) => {}
                None => ended = child.try_wait().map_err(waited)?.map(|status| (status, Instant::now())),
            }
        }
    }

    fn not_started(&self, error: &io::Error) -> Error {
        Error::Message {
            kind: ErrorKind::Usage,
            message: format!("failed to {}: `{}` does not start: {error}", self.doing, self.program.display()),
            help: self.help.clone(),
        }
    }

    /// The command as one would type it.
    fn shown(&self) -> String {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str());
        let words = std::iter::once(name).chain(self.arguments.iter().map(OsString::as_os_str));
        let word = |word: &OsStr| {
            let text = word.to_string_lossy();
            let is_plain =
                !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "'\"$&|;<>()*".contains(c));
            if is_plain { text.into_owned() } else { format!("'{text}'") }
        };
        words.map(word).collect::<Vec<_>>().join(" ")
    }
}

/// A program that was installed a moment ago may still be open for writing, in a process that is about to start something else.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let start = Instant::now();
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && start.elapsed() < BUSY_TIME_MAX => {
                thread::sleep(LOOK);
            }
            ended => return ended,
        }
    }
}

/// Reads lines on a thread of its own, which ends with the pipe.
fn listen(from: impl Read + Send + 'static, as_said: fn(String) -> Said, to: SyncSender<Said>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            match from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(1..) if to.send(as_said(String::from_utf8_lossy(&line).into_owned())).is_ok() => {}
                _ => return,
            }
        }
    });
}

/// What a tool said, without the middle if it was too much.
#[derive(Default)]
struct Lines {
    beginning: String,
    end: std::collections::VecDeque<String>,
    end_bytes: usize,
    left_out: usize,
}

impl Lines {
    fn add(&mut self, line: String) {
        if self.beginning.len() < OUTPUT_BYTES_MAX / 2 {
            self.beginning.push_str(&line);
            return;
        }
        self.end_bytes += line.len();
        self.end.push_back(line);
        while self.end_bytes > OUTPUT_BYTES_MAX / 2
            && let Some(line) = self.end.pop_front()
        {
            self.end_bytes -= line.len();
            self.left_out += 1;
        }
    }

    fn text(mut self) -> String {
        if self.left_out > 0 {
            self.beginning.push_str(&format!("… {} lines …\n", self.left_out));
        }
        self.beginning.extend(self.end);
        self.beginning
    }
}

/// Asks it and all that it started to end, and ends those that do not.
fn end(child: &mut Child) {
    signal(child, false);
    let asked = Instant::now();
    while asked.elapsed() < END_TIME_MAX {
        if matches!(child.try_wait(), Ok(Some(_))) {
            break;
        }
        thread::sleep(LOOK);
    }
    signal(child, true);
    let _ = child.wait();
}

#[cfg(unix)]
fn signal(child: &mut Child, at_once: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // The group may outlive the tool; where it is gone there is nobody left to end.
    let signal = if at_once { Signal::KILL } else { Signal::TERM };
    let _ = kill_process_group(Pid::from_child(child), signal);
}

#[cfg(not(unix))]
fn signal(child: &mut Child, _at_once: bool) {
    let _ = child.kill();
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// A path as an argument, from the project's folder on if it lies there: messages of tools are shorter so.
pub fn shown_from<'p>(folder: &Path, path: &'p Path) -> &'p Path {
    path.strip_prefix(folder).unwrap_or(path)
}
