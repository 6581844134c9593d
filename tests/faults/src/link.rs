//! [`Link`]: a network between hosts and a server that can be cut without anybody being told: packets get lost.
//!
//! As root, with iproute2, it is a network namespace that hosts run in. Elsewhere it is a proxy of our own that holds what it is given.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use crate::place::Place;

/// See the top of the file.
pub enum Link {
    /// Hosts have a network of their own, whose other end is a port of a bridge.
    Namespace {
        /// Names the namespace, and the interfaces.
        name: String,
        /// The third part of its addresses.
        net: u8,
    },
    /// Hosts are given the proxy's address.
    Proxy(Arc<AtomicBool>),
}

impl Link {
    /// A namespace if this user may make one, a proxy otherwise.
    pub fn new() -> Link {
        static COUNT: AtomicU8 = AtomicU8::new(0);
        let net = COUNT.fetch_add(1, Ordering::Relaxed);
        let link = Link::Namespace { name: format!("thf{}n{net}", std::process::id() % 100_000), net };
        match link.make() {
            Ok(()) => link,
            // Half of it may be there: its drop takes that away.
            Err(_) => Link::Proxy(Arc::default()),
        }
    }

    fn make(&self) -> Result<(), String> {
        let Link::Namespace { name, net } = self else { return Ok(()) };
        let (bridge, port, own) = (format!("{name}b"), format!("{name}p"), format!("{name}h"));
        let address = |last: u8| format!("10.213.{net}.{last}/24");
        ip(&["netns", "add", name])?;
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["addr", "add", &address(1), "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        ip(&["link", "add", &port, "type", "veth", "peer", "name", &own, "netns", name])?;
        ip(&["link", "set", &port, "master", &bridge])?;
        ip(&["link", "set", &port, "up"])?;
        ip(&["-n", name, "addr", "add", &address(2), "dev", &own])?;
        ip(&["-n", name, "link", "set", &own, "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])
    }

    /// What it is, for those who look on.
    pub fn kind(&self) -> &'static str {
        match self {
            Link::Namespace { .. } => "a network namespace",
            Link::Proxy(_) => "a proxy",
        }
    }

    /// Where a server has to listen.
    pub fn server_host(&self) -> String {
        match self {
            Link::Namespace { net, .. } => format!("10.213.{net}.1"),
            Link::Proxy(_) => "127.0.0.1".to_owned(),
        }
    }

    /// The address by which hosts reach a server over this link.
    pub fn address(&self, server: &str) -> Result<String, String> {
        match self {
            Link::Namespace { .. } => Ok(server.to_owned()),
            Link::Proxy(is_cut) => proxy(server, Arc::clone(is_cut)).map_err(|error| format!("no proxy: {error}")),
        }
    }

    /// `taskhost` as a host at the far end.
    pub fn taskhost(&self, place: &Place) -> Command {
        let inner = place.taskhost();
        match self {
            Link::Namespace { name, .. } => {
                let mut command = place.command("ip");
                command.args(["netns", "exec", name]).arg(inner.get_program());
                command
            }
            Link::Proxy(_) => inner,
        }
    }

    /// From now on nothing comes through.
    pub fn cut(&self) -> Result<(), String> {
        match self {
            Link::Namespace { name, .. } => ip(&["link", "set", &format!("{name}p"), "down"]),
            Link::Proxy(is_cut) => {
                is_cut.store(true, Ordering::SeqCst);
                Ok(())
            }
        }
    }

    /// It works again.
    pub fn heal(&self) -> Result<(), String> {
        match self {
            Link::Namespace { name, .. } => ip(&["link", "set", &format!("{name}p"), "up"]),
            Link::Proxy(is_cut) => {
                is_cut.store(false, Ordering::SeqCst);
                Ok(())
            }
        }
    }
}

impl Default for Link {
    fn default() -> Link {
        Link::new()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Link::Namespace { name, .. } = self {
            let _ = ip(&["link", "del", &format!("{name}p")]);
            let _ = ip(&["link", "del", &format!("{name}b")]);
            let _ = ip(&["netns", "del", name]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
}

/// Listens for as long as this process lives.
fn proxy(server: &str, is_cut: Arc<AtomicBool>) -> std::io::Result<String> {
    let server = server.trim_start_matches("nats://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("nats://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&server) else { continue };
            let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
            for (from, to) in [(near, far), (far_too, near_too)] {
                let is_cut = Arc::clone(&is_cut);
                std::thread::spawn(move || forward(from, to, &is_cut));
            }
        }
    });
    Ok(address)
}

fn forward(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) {
    let mut piece = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        while is_cut.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
