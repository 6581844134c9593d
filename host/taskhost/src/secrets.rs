//! [`SecretSources`]: where the values of secrets come from; [`Secrets`]: the values themselves, for as long as the host lives.
//!
//! A flow names the secrets that its tasks want. What they are is the user's to say, in this order: on the command line or in code, in a
//! file `secrets.toml`, in a variable. Each is looked up once, before anything runs, and goes to the sandbox only: no error and no
//! `Debug` shows a value.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use taskhost_flow::{Flow, RunnerKind, TaskKind, names};
use taskhost_model::seams::Vault;
use toml::de::{DeTable, DeValue};

use crate::error::{HostError, HostErrorKind, Mistake};
use crate::files;
use crate::secret_command::{Commands, without_line_end};

/// Largest value, in bytes: a key or a token, not a data set.
pub(crate) const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Shortest value, in bytes: a shorter one stands in too many texts by chance to be kept out of logs.
const SECRET_BYTES_MIN: usize = 4;

/// Largest `secrets.toml`, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the value of a secret comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The value itself, for programs that have it already.
    Value(Arc<str>),
    /// A variable of this process.
    Variable(String),
    /// The content of a file, without one line end at its end.
    File(PathBuf),
    /// What a program writes to stdout, without one line end at its end.
    Program(Vec<String>),
    /// The same of a line for the shell.
    Shell(String),
}

/// Without the value.
impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Value(_) => f.write_str("Value(***)"),
            SecretSource::Variable(name) => f.debug_tuple("Variable").field(name).finish(),
            SecretSource::File(path) => f.debug_tuple("File").field(path).finish(),
            SecretSource::Program(words) => f.debug_tuple("Program").field(words).finish(),
            SecretSource::Shell(line) => f.debug_tuple("Shell").field(line).finish(),
        }
    }
}

impl SecretSource {
    /// As a command line has it: `env:VARIABLE`, `file:PATH` or `command:LINE`.
    pub fn parse(text: &str) -> Option<SecretSource> {
        let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty())?;
        match kind {
            "env" => Some(SecretSource::Variable(rest.into())),
            "file" => Some(SecretSource::File(rest.into())),
            "command" => Some(SecretSource::Shell(rest.into())),
            _ => None,
        }
    }

    /// What to do when it gives no value.
    fn help(&self, name: &str) -> String {
        let (mend, others) = match self {
            SecretSource::Value(_) => return "a secret is UTF-8 text of 4 bytes to 64 KiB".to_owned(),
            SecretSource::Variable(variable) => {
                (format!("set `{variable}` to its value"), "file:PATH` or `command:LINE")
            }
            SecretSource::File(_) => ("mend the file".to_owned(), "env:VARIABLE` or `command:LINE"),
            SecretSource::Program(_) | SecretSource::Shell(_) => {
                ("try the command by itself".to_owned(), "env:VARIABLE` or `file:PATH")
            }
        };
        format!("{mend}, or take it from elsewhere: `--secret {name}=` with `{others}`")
    }

    /// The value, or why there is none; the reason reads after "secret `x`: ".
    fn value(&self, commands: &Commands) -> Result<Arc<str>, String> {
        let bytes = match self {
            SecretSource::Value(value) => value.as_bytes().to_vec(),
            SecretSource::Variable(name) => match std::env::var(name) {
                Ok(value) => value.into_bytes(),
                Err(std::env::VarError::NotPresent) => return Err(format!("the variable `{name}` is not set")),
                Err(_) => return Err(format!("the variable `{name}` is no UTF-8 text")),
            },
            SecretSource::File(path) => without_line_end(
                files::read(path, SECRET_BYTES_MAX).map_err(|why| format!("file `{}` {why}", path.display()))?,
            ),
            SecretSource::Program(words) => match words.split_first() {
                Some((program, arguments)) => commands.output(Command::new(program).args(arguments), program)?,
                None => return Err("its command is empty".into()),
            },
            SecretSource::Shell(line) => commands.output(Command::new("sh").arg("-c").arg(line), line)?,
        };
        let text = String::from_utf8(bytes).map_err(|_| "its value is no UTF-8 text".to_owned())?;
        match text.len() {
            0 => Err("its value is empty".into()),
            1..SECRET_BYTES_MIN => {
                Err(format!("its value is shorter than {SECRET_BYTES_MIN} bytes, too short to be kept out of logs"))
            }
            bytes if bytes as u64 > SECRET_BYTES_MAX => Err("its value is larger than 64 KiB".into()),
            _ => Ok(text.into()),
        }
    }
}

/// Where the values of secrets come from. By default from nowhere: an embedder says which of its user's places count.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SecretSources {
    /// By name; these win over everything else.
    pub given: BTreeMap<String, SecretSource>,
    /// A file of `name = { env = "…" }`, `{ file = "…" }` or `{ command = ["…"] }` (or a line for the shell); with whether it has to be there.
    pub file: Option<(PathBuf, FileNeed)>,
    /// Whether variables such as `TASKHOST_SECRET_API_TOKEN` count, for a secret `api-token`.
    pub use_variables: bool,
}

/// Whether a file of secrets has to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileNeed {
    /// Its absence is an error: somebody named it.
    Required,
    /// It may be absent.
    Optional,
}

impl SecretSources {
    /// Those of the user: the file that the variable `TASKHOST_SECRETS` names, or `taskhost/secrets.toml` in the user's folder of
    /// configuration (`$XDG_CONFIG_HOME`, or `~/.config`), and variables.
    pub fn of_user() -> SecretSources {
        let named = std::env::var_os("TASKHOST_SECRETS").filter(|path| !path.is_empty());
        let own = || files::user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("secrets.toml"));
        let file = match named {
            Some(path) => Some((path.into(), FileNeed::Required)),
            None => own().map(|path| (path, FileNeed::Optional)),
        };
        SecretSources { given: BTreeMap::new(), file, use_variables: true }
    }

    /// With one more, which wins over all but later ones of the same name.
    #[must_use]
    pub fn with(mut self, name: &str, source: SecretSource) -> SecretSources {
        self.given.insert(name.into(), source);
        self
    }

    /// Why a text is no name of a secret, so that no flow can ask for it, and what to write instead; none if it is one.
    pub fn misnamed(name: &str) -> Option<(String, String)> {
        if names::is_kebab(name) {
            return None;
        }
        let help = match names::to_kebab(name) {
            Some(meant) => format!("write `{meant}`"),
            None => "write it as the flow has it, such as `api-token`".to_owned(),
        };
        Some((format!("`{}` is no name of a secret: {}", name.escape_debug(), names::NAME_RULE), help))
    }

    /// The values of these secrets, each looked up once; or every reason why that cannot be.
    fn look_up(
        &self,
        wanted: &BTreeMap<Arc<str>, String>,
        commands: &Commands,
    ) -> Result<BTreeMap<Arc<str>, Arc<str>>, HostError> {
        let is_given = |name: &Arc<str>| self.given.contains_key(&**name);
        let in_file = if wanted.keys().all(is_given) { Entries::new() } else { self.read_file()? };
        let (mut values, mut mistakes) = (BTreeMap::new(), Vec::new());
        for (name, task) in wanted {
            let source = match self.source(name, &in_file) {
                Some(Ok(source)) => source.value(commands).map_err(|reason| (reason, source.help(name))),
                Some(Err(mistake)) => Err((mistake.message, mistake.help)),
                None => Err((self.nowhere(name, wanted, &in_file), self.ways(name).join(", or "))),
            };
            match source {
                Ok(value) => drop(values.insert(name.clone(), value)),
                Err((reason, help)) => {
                    let message = match &**task {
                        "" => format!("secret `{name}`, which this worker is to give: {reason}"),
                        task => format!("secret `{name}`, which task `{task}` wants: {reason}"),
                    };
                    mistakes.push(Mistake { message, help });
                }
            }
        }
        match mistakes.is_empty() {
            true => Ok(values),
            false => Err(missing(mistakes)),
        }
    }

    /// Where the value of a secret comes from; an entry of the file may be wrong.
    fn source(&self, name: &str, in_file: &Entries) -> Option<Result<SecretSource, Mistake>> {
        let variable = variable_of(name);
        let by_variable = || {
            let is_set = self.use_variables && std::env::var_os(&variable).is_some_and(|value| !value.is_empty());
            is_set.then(|| Ok(SecretSource::Variable(variable.clone())))
        };
        self.given.get(name).cloned().map(Ok).or_else(|| in_file.get(name).cloned()).or_else(by_variable)
    }

    /// Why a secret without a source has none.
    fn nowhere(&self, name: &str, wanted: &BTreeMap<Arc<str>, String>, in_file: &Entries) -> String {
        let others = self.given.keys().chain(in_file.keys()).map(String::as_str);
        match names::nearest(name, others.filter(|other| !wanted.contains_key(*other))) {
            Some(near) => format!("it is given nowhere, but `{near}` is"),
            None => "it is given nowhere".to_owned(),
        }
    }

    fn ways(&self, name: &str) -> Vec<String> {
        let mut ways = vec![format!("give it with `--secret {name}=env:VARIABLE` (or `file:PATH`, `command:LINE`)")];
        ways.extend(
            self.file.iter().map(|(path, _)| format!("as `{name} = {{ file = \"…\" }}` in {}", path.display())),
        );
        ways.extend(self.use_variables.then(|| format!("in the variable `{}`", variable_of(name))));
        ways
    }

    fn read_file(&self) -> Result<Entries, HostError> {
        let Some((path, need)) = &self.file else { return Ok(Entries::new()) };
        if *need == FileNeed::Optional && !path.exists() {
            return Ok(Entries::new());
        }
        let wrong = |why: String| {
            HostError::new(HostErrorKind::Usage, format!("file of secrets `{}` {why}", path.display()))
                .with_help(ENTRY_HELP)
        };
        let bytes = files::read(path, FILE_BYTES_MAX).map_err(wrong)?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("is no UTF-8 text".into()))?;
        entries(&text, path).map_err(|line| wrong(format!("is no TOML: line {line} is wrong")))
    }
}

/// What a file of secrets says, by name. An entry that is wrong is a mistake only when somebody wants it.
type Entries = BTreeMap<String, Result<SecretSource, Mistake>>;

const ENTRY_HELP: &str = "a line of it is `name = { env = \"VARIABLE\" }`, `{ file = \"PATH\" }` or `{ command = [\"program\", \"argument\"] }`";

/// The entries of a file, or the line that is wrong: the parser's own message may show it, and with it what should not stand there but does.
fn entries(text: &str, path: &Path) -> Result<Entries, usize> {
    let line_of = |at: usize| 1 + text[..text.floor_char_boundary(at)].matches('\n').count();
    let table = DeTable::parse(text).map_err(|error| error.span().map_or(1, |span| line_of(span.start)))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut entries = Entries::new();
    for (key, value) in table.get_ref().iter() {
        let name = key.get_ref().to_string();
        let place = format!("line {} of the file of secrets `{}`", line_of(key.span().start), path.display());
        if let Some((what, help)) = SecretSources::misnamed(&name) {
            // Nobody can want it, but perhaps what it was meant to be.
            let meant = names::to_kebab(&name).unwrap_or(name);
            entries.entry(meant).or_insert(Err(Mistake { message: format!("{place}: {what}"), help }));
            continue;
        }
        let wrong =
            || Mistake { message: format!("{place} does not say where it comes from"), help: ENTRY_HELP.into() };
        entries.insert(name, source_of(value.get_ref(), folder).ok_or_else(wrong));
    }
    Ok(entries)
}

fn missing(mistakes: Vec<Mistake>) -> HostError {
    let (message, help) = match &*mistakes {
        [one] => (one.message.clone(), one.help.clone()),
        many => {
            let lines: Vec<String> = many.iter().map(|one| format!("{}; {}", one.message, one.help)).collect();
            let help = "each of them has to be had before anything runs";
            (format!("{} secrets cannot be had\n  {}", many.len(), lines.join("\n  ")), help.to_owned())
        }
    };
    let error = HostError::new(HostErrorKind::Usage, message).with_help(help);
    HostError { parts: mistakes, ..error }
}

/// `{ env = "…" }`, `{ file = "…" }`, relative to the folder of the file, or `{ command = ["…"] }`.
fn source_of(value: &DeValue, folder: &Path) -> Option<SecretSource> {
    let DeValue::Table(table) = value else { return None };
    let mut entries = table.iter();
    let (key, value) = entries.next().filter(|_| table.len() == 1)?;
    match (&**key.get_ref(), value.get_ref()) {
        ("env", DeValue::String(name)) => Some(SecretSource::Variable(name.to_string())),
        ("file", DeValue::String(path)) => Some(SecretSource::File(folder.join(&**path))),
        ("command", DeValue::String(line)) => Some(SecretSource::Shell(line.to_string())),
        ("command", DeValue::Array(words)) => {
            let word = |word: &toml::Spanned<DeValue>| match word.get_ref() {
                DeValue::String(word) => Some(word.to_string()),
                _ => None,
            };
            words.iter().map(word).collect::<Option<Vec<_>>>().map(SecretSource::Program)
        }
        _ => None,
    }
}

/// `api-token` as `TASKHOST_SECRET_API_TOKEN`.
fn variable_of(name: &str) -> String {
    format!("TASKHOST_SECRET_{}", name.to_uppercase().replace('-', "_"))
}

/// Values of secrets by name, for the sandbox. They are forgotten with the host.
#[derive(Default)]
pub struct Secrets {
    values: Mutex<BTreeMap<Arc<str>, Arc<str>>>,
    commands: Commands,
}

/// Names only.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.lock().unwrap_or_else(PoisonError::into_inner).keys()).finish()
    }
}

impl Vault for Secrets {
    fn secret(&self, name: &str) -> Option<Arc<str>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Secrets {
    /// Looks up what a flow and its subflows want and what is not known yet.
    pub(crate) fn fetch(&self, flow: &Flow, runner: RunnerKind, sources: &SecretSources) -> Result<(), HostError> {
        self.fetch_wanted(secrets_wanted_here(flow, runner), sources)
    }

    /// The same with those of workers on this machine, which look them up again.
    pub(crate) fn fetch_all(&self, flow: &Flow, sources: &SecretSources) -> Result<(), HostError> {
        self.fetch_wanted(secrets_wanted(flow), sources)
    }

    /// The same for names that a worker may be asked for.
    pub(crate) fn fetch_names<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
        sources: &SecretSources,
    ) -> Result<(), HostError> {
        self.fetch_wanted(names.map(|name| (name.into(), String::new())).collect(), sources)
    }

    fn fetch_wanted(&self, mut wanted: BTreeMap<Arc<str>, String>, sources: &SecretSources) -> Result<(), HostError> {
        wanted.retain(|name, _| self.secret(name).is_none());
        if wanted.is_empty() {
            return Ok(());
        }
        // Not under the lock: a command may take its time.
        let values = sources.look_up(&wanted, &self.commands)?;
        self.values.lock().unwrap_or_else(PoisonError::into_inner).extend(values);
        Ok(())
    }

    /// Ends the commands that are looked up from, and lets no other start.
    pub(crate) fn stop(&self) {
        self.commands.stop();
    }
}

/// Names of the secrets that tasks of a flow and its subflows want, each with the first such task.
pub fn secrets_wanted(flow: &Flow) -> BTreeMap<Arc<str>, String> {
    wanted(flow, None)
}

/// Of these, those that are wanted in this process: workers elsewhere have their own. `runner` is that of the flow.
pub(crate) fn secrets_wanted_here(flow: &Flow, runner: RunnerKind) -> BTreeMap<Arc<str>, String> {
    wanted(flow, Some(runner))
}

/// With a runner, what is wanted in this process.
fn wanted(flow: &Flow, runner: Option<RunnerKind>) -> BTreeMap<Arc<str>, String> {
    let (mut found, mut seen) = (BTreeMap::new(), HashSet::new());
    let mut open: Vec<(String, &Flow, Option<RunnerKind>)> = vec![(String::new(), flow, runner)];
    while let Some((path, flow, around)) = open.pop() {
        for task in &flow.tasks {
            let own = task.runner.as_ref().map(|choice| choice.kind);
            match &task.kind {
                TaskKind::Call(_) if around.is_some() && own.or(around) == Some(RunnerKind::Nats) => {}
                TaskKind::Call(call) => {
                    for name in &call.grants.secrets {
                        found.entry(name.clone()).or_insert_with(|| format!("{path}{}", task.name));
                    }
                }
                TaskKind::Subflow(subflow) => {
                    let inner = own.or(subflow.runner.as_ref().map(|choice| choice.kind)).or(around);
                    let inner = around.and(inner);
                    if seen.insert((Arc::as_ptr(subflow), inner)) {
                        open.push((format!("{path}{}/", task.name), subflow, inner));
                    }
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(names: &[&str]) -> BTreeMap<Arc<str>, String> {
        names.iter().map(|&name| (name.into(), "fetch".to_owned())).collect()
    }

    fn reason(source: SecretSource) -> String {
        source.value(&Commands::default()).expect_err("no value")
    }

    /// A file that is deleted at the end.
    struct File(PathBuf);

    impl File {
        fn new(name: &str, content: &str) -> File {
            let path = std::env::temp_dir().join(format!("taskhost-secrets-{}-{name}", std::process::id()));
            std::fs::write(&path, content).expect("a file");
            File(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_value_that_cannot_be_kept_out_of_logs_is_refused() {
        let value = |text: &str| SecretSource::Value(text.into());
        assert!(reason(value("abc")).contains("too short to be kept out of logs"));
        assert!(reason(value("")).contains("empty"));
        assert!(reason(value(&"x".repeat(65_537))).contains("larger than 64 KiB"));
        assert_eq!(value("abcd").value(&Commands::default()).as_deref(), Ok("abcd"));
        assert!(!format!("{:?}", value("hunter22")).contains("hunter22"));
    }

    #[test]
    fn sources_are_written_with_their_kind() {
        assert_eq!(SecretSource::parse("env:A"), Some(SecretSource::Variable("A".into())));
        assert_eq!(SecretSource::parse("file:a:b"), Some(SecretSource::File("a:b".into())));
        assert_eq!(SecretSource::parse("command:pass show x"), Some(SecretSource::Shell("pass show x".into())));
        for wrong in ["hunter22", "env:", "vault:x", ""] {
            assert_eq!(SecretSource::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_given_wins_over_the_file() {
        let value = File::new("value", "from-a-file\r\n");
        let name = value.0.file_name().expect("a name").to_string_lossy().into_owned();
        let file = File::new("toml", &format!("a = {{ file = {name:?} }}\nb = {{ file = {name:?} }}\n"));
        let sources = SecretSources { file: Some((file.0.clone(), FileNeed::Required)), ..SecretSources::default() };
        let sources = sources.with("a", SecretSource::Value("given-here".into()));
        let values = sources.look_up(&wants(&["a", "b"]), &Commands::default()).expect("values");
        assert_eq!(values.values().map(|value| &**value).collect::<Vec<_>>(), ["given-here", "from-a-file"]);
    }

    #[test]
    fn every_secret_that_is_missing_is_told_with_the_ways_to_give_it() {
        let sources = SecretSources { use_variables: true, ..SecretSources::default() };
        let sources = sources.with("b", SecretSource::Variable("TASKHOST_TEST_NO_SUCH_VARIABLE".into()));
        let error = sources.look_up(&wants(&["api-token", "b"]), &Commands::default()).expect_err("missing");
        assert!(error.message.starts_with("2 secrets cannot be had\n  secret `api-token`, which task"), "{error}");
        let told = |at: usize| (&*error.parts[at].message, &*error.parts[at].help);
        assert_eq!(
            told(0),
            (
                "secret `api-token`, which task `fetch` wants: it is given nowhere",
                "give it with `--secret api-token=env:VARIABLE` (or `file:PATH`, `command:LINE`), or in the variable \
                 `TASKHOST_SECRET_API_TOKEN`"
            )
        );
        // What did not work is not proposed again.
        assert_eq!(
            told(1),
            (
                "secret `b`, which task `fetch` wants: the variable `TASKHOST_TEST_NO_SUCH_VARIABLE` is not set",
                "set `TASKHOST_TEST_NO_SUCH_VARIABLE` to its value, or take it from elsewhere: `--secret b=` with `file:PATH` or \
                 `command:LINE`"
            )
        );
        assert_eq!(error.kind, HostErrorKind::Usage);
    }

    #[test]
    fn a_name_like_the_one_that_is_missing_is_told() {
        let file = File::new("near", "api-tokn = { env = \"A\" }\nother = { env = \"B\" }\n");
        let sources = SecretSources { file: Some((file.0.clone(), FileNeed::Required)), ..SecretSources::default() };
        let error = sources.look_up(&wants(&["api-token"]), &Commands::default()).expect_err("missing");
        assert!(error.message.ends_with("it is given nowhere, but `api-tokn` is"), "{error}");
        assert_eq!(error.parts.len(), 1);
    }

    #[test]
    fn what_no_flow_could_ask_for_is_no_name_in_a_file() {
        let file = File::new("names", "api_token = { env = \"A\" }\n");
        let sources = SecretSources { file: Some((file.0.clone(), FileNeed::Required)), ..SecretSources::default() };
        let error = sources.look_up(&wants(&["api-token"]), &Commands::default()).expect_err("wrong");
        assert!(error.message.contains("`api_token` is no name of a secret"), "{error}");
        assert_eq!(error.help.as_deref(), Some("write `api-token`"));
    }

    #[test]
    fn an_entry_that_is_wrong_is_told_with_its_line_and_only_to_whoever_wants_it() {
        let file = File::new(
            "lines",
            "# mine\ngood = { command = \"echo hunter22\" }\nwrong = { vault = \"x\" }\nBAD_NAME = 1\n",
        );
        let sources = SecretSources { file: Some((file.0.clone(), FileNeed::Required)), ..SecretSources::default() };
        let look_up = |names: &[&str]| sources.look_up(&wants(names), &Commands::default());
        assert_eq!(look_up(&["good"]).expect("a value")["good"].as_ref(), "hunter22");
        let error = look_up(&["good", "wrong", "bad-name"]).expect_err("wrong");
        assert!(error.parts[0].message.contains("line 4 of the file"), "{error}");
        assert!(error.parts[1].message.contains("line 3 of the file"), "{error}");
        assert_eq!(error.parts.len(), 2);
    }

    #[test]
    fn a_file_of_secrets_that_is_wrong_is_told_without_its_content() {
        for content in
            ["a = \"hunter22\"", "a = hunter22", "a = { env = \"A\", file = \"B\" }", "a = { vault = \"hunter22\" }"]
        {
            let file = File::new("wrong", content);
            let sources =
                SecretSources { file: Some((file.0.clone(), FileNeed::Required)), ..SecretSources::default() };
            let error = sources.look_up(&wants(&["a"]), &Commands::default()).expect_err("wrong").to_string();
            assert!(error.contains("file of secrets") && !error.contains("hunter22"), "{error}");
        }
        let absent = |need| SecretSources { file: Some(("/no/such/file".into(), need)), ..SecretSources::default() };
        assert!(
            absent(FileNeed::Required)
                .look_up(&wants(&["a"]), &Commands::default())
                .expect_err("absent")
                .message
                .contains("does not exist")
        );
        assert!(
            absent(FileNeed::Optional)
                .look_up(&wants(&["a"]), &Commands::default())
                .expect_err("missing")
                .message
                .contains("given nowhere")
        );
    }

    #[test]
    fn secrets_show_their_names_only() {
        let secrets = Secrets::default();
        secrets.values.lock().expect("no panic").insert("api-token".into(), "hunter22".into());
        assert_eq!(secrets.secret("api-token").as_deref(), Some("hunter22"));
        assert_eq!(secrets.secret("other"), None);
        assert_eq!(format!("{secrets:?}"), "{\"api-token\"}");
    }
}
