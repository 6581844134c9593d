//! `taskhost new`, `build` and `test`.

use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use taskhost_authoring::{Language, languages};

use super::{HostArgs, SecretArgs, VoiceArgs};

/// `taskhost new`.
#[derive(Args, Debug)]
pub(crate) struct NewArgs {
    /// The project's folder, new or empty; its last part is the component's name
    #[arg(value_name = "NAME")]
    pub folder: PathBuf,
    /// The language
    #[arg(long, short, value_name = "LANGUAGE")]
    pub lang: LanguageArg,
    /// A WIT of your own, as a file or as a folder with `deps`, instead of a task that greets
    #[arg(long, value_name = "WIT")]
    pub from: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `taskhost build`.
#[derive(Args, Debug)]
pub(crate) struct BuildArgs {
    /// The project: its folder, or one inside it
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    /// How it is built.
    #[command(flatten)]
    pub making: MakingArgs,
    /// Print one JSON object
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,
    /// How much is said.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
}

/// `taskhost test`.
#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// The project: its folder, or one inside it
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    /// Only tests with this text in their names
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Write into tests.toml what the functions return, as what is expected of them
    #[arg(long)]
    pub update: bool,
    /// Test the component that is there, without building it
    #[arg(long, conflicts_with_all = ["install", "anew"])]
    pub no_build: bool,
    /// How it is built.
    #[command(flatten)]
    pub making: MakingArgs,
    /// Print one JSON object: each test with its state, log and usage
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,
    /// Secrets.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// How much is said.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// The cache.
    #[command(flatten)]
    pub host: HostArgs,
}

/// How a project is built.
#[derive(Args, Debug)]
pub(crate) struct MakingArgs {
    /// Get tools that are missing, with the language's own package manager: nothing is changed outside the project and your own folders
    #[arg(long)]
    pub install: bool,
    /// Build although nothing has changed
    #[arg(long)]
    pub anew: bool,
    /// Again whenever a source has changed, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
}

/// A language by its name.
#[derive(Clone, Copy)]
pub(crate) struct LanguageArg(pub &'static dyn Language);

impl fmt::Debug for LanguageArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl ValueEnum for LanguageArg {
    fn value_variants<'a>() -> &'a [LanguageArg] {
        static ALL: LazyLock<Vec<LanguageArg>> =
            LazyLock::new(|| languages::ALL.into_iter().map(LanguageArg).collect());
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let short: &[&str] = match self.0.name() {
            "rust" => &["rs"],
            "cpp" => &["c++"],
            "python" => &["py"],
            "javascript" => &["js"],
            "typescript" => &["ts"],
            "go" => &["golang"],
            _ => &[],
        };
        Some(PossibleValue::new(self.0.name()).aliases(short.iter().copied()))
    }
}
