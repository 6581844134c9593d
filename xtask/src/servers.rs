//! Servers that tests start, installed below the target folder: an S3 server for artifacts elsewhere.

use std::fs;
use std::path::Path;

use crate::command::{self, Failure};

/// moto with its server, without what other services than S3 need.
const PACKAGES: [&str; 3] = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

/// Makes sure that `target/s3-server/bin/moto_server` is there. Needs a Python 3 with venv.
pub(crate) fn install(target: &Path) -> Result<(), Failure> {
    let folder = target.join("s3-server");
    let noted = folder.join("installed.txt");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&noted).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    command::step("installing an S3 server for the tests: moto, in a Python environment of its own");
    let python = if cfg!(windows) { "python" } else { "python3" };
    let next = "install Python 3 with its module venv; on Debian and Ubuntu: `apt-get install python3-venv`";
    command::run(command::program(python).args(["-m", "venv", "--clear"]).arg(&folder), next)?;
    let pip = folder.join(if cfg!(windows) { "Scripts/pip" } else { "bin/pip" });
    let next = "see that pip reaches its index: behind a proxy set HTTPS_PROXY, with a mirror PIP_INDEX_URL";
    command::run(
        command::program(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES),
        next,
    )?;
    fs::write(&noted, wanted).map_err(|error| {
        Failure::new(format!("`{}` cannot be written: {error}", noted.display()), "see whose folder it is")
    })
}
