//! `taskhost nats-config`: the configuration and the keys of a NATS server that serves several tenants.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use taskhost::nats::tenants::{ConfigurationFile, TenantLimits, TenantsSettings, TenantsTls, configuration};

use crate::args::tenants::NatsConfigArgs;
use crate::error::{CliError, Exit};
use crate::output::{self, visible};

/// Largest file of a seed that is read, in bytes.
const SEED_BYTES_MAX: u64 = 4096;

pub(crate) fn run(args: &NatsConfigArgs) -> Result<Exit, CliError> {
    let mut settings = TenantsSettings::new(args.tenants.iter().map(String::as_str));
    settings.limits = TenantLimits {
        storage_bytes_max: args.storage,
        connections_max: args.connections,
        payload_bytes_max: args.payload,
        ..TenantLimits::default()
    };
    settings.tls = args.tls_cert.clone().zip(args.tls_key.clone()).map(|(certificate, key)| TenantsTls {
        certificate,
        key,
        clients_ca: args.tls_ca.clone(),
    });
    settings.listen.clone_from(&args.listen);
    settings.store.clone_from(&args.store);
    for path in [&args.tls_cert, &args.tls_key, &args.tls_ca].into_iter().flatten() {
        fs::metadata(path).map_err(|error| {
            CliError::usage(format!("`{}`: {error}", path.display()), "give the path of a file with it, as PEM")
        })?;
    }
    if !args.force {
        loses_nothing(args)?;
    }
    for path in settings.seed_paths() {
        let file = args.output.join(&path);
        if let Some(seed) = read(&file).map_err(|error| failed(&file, &error))? {
            settings.seeds.insert(path, seed);
        }
    }
    let files = configuration(&settings).map_err(|error| CliError::usage(error.message, error.help))?;
    for file in &files {
        let path = args.output.join(&file.path);
        write(&path, file).map_err(|error| failed(&path, &error))?;
    }
    let mut told = String::new();
    for file in &files {
        let kept = if settings.seeds.contains_key(&file.path) { " (kept)" } else { "" };
        told += &format!("{}{kept}\n", visible(&args.output.join(&file.path).display().to_string()));
    }
    output::stdout(&told)?;
    Ok(Exit::Fine)
}

/// A configuration is written anew each time: what it had and is not named again would be gone without a word.
fn loses_nothing(args: &NatsConfigArgs) -> Result<(), CliError> {
    let folders = fs::read_dir(&args.output).into_iter().flatten().flatten();
    let there = folders.filter(|entry| entry.path().join("host.nk").is_file());
    let mut left: Vec<String> = there.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    left.retain(|name| !args.tenants.contains(name));
    left.sort();
    if let Some(name) = left.first() {
        let message =
            format!("tenant `{}` is in `{}`, and would lose its account", visible(name), args.output.display());
        return Err(CliError::usage(
            message,
            "name all tenants and options again; `--force` leaves out what is not named",
        ));
    }
    let before = fs::read_to_string(args.output.join("nats.conf")).unwrap_or_default();
    if args.tls_cert.is_none() && before.lines().any(|line| line.starts_with("tls {")) {
        let message = format!("`{}` has TLS, and would lose it", args.output.join("nats.conf").display());
        return Err(CliError::usage(
            message,
            "name all options again: `--tls-cert`, `--tls-key`; `--force` goes without",
        ));
    }
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::usage(format!("`{}`: {error}", path.display()), "name a folder that you may write to with `--output`")
}

/// A seed that is there.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(file) if !file.is_file() || file.len() > SEED_BYTES_MAX => Err(io::Error::other("it is no seed")),
        Ok(_) => fs::read_to_string(path).map(Some),
    }
}

/// Whole or not at all; a secret is its owner's from the first byte on.
fn write(path: &Path, file: &ConfigurationFile) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = path.with_added_extension("new");
    let _ = fs::remove_file(&draft);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if file.is_secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(&draft)?.write_all(file.content.as_bytes())?;
    fs::rename(&draft, path)
}
