//! `network`: sockets. Names are looked up only if a rule names them, and an address is reached only if a rule opens it, however the
//! guest came by it.
//!
//! What a name was resolved to is remembered for the task run, so that a rule with a name opens just these addresses; inside addresses
//! among them are left out, whoever answers for the name (DNS rebinding). Nothing grants listening.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use taskhost_model::grants::{HostPattern, Transport};
use taskhost_model::{Grants, Limit};
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as CreateTcp;
use wasmtime_wasi::p2::bindings::sockets::udp::HostUdpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as CreateUdp;
use wasmtime_wasi::p2::{DynPollable, Network, Pollable, SocketResult, TcpSocket, UdpSocket, subscribe};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsView};
use wasmtime_wasi::{WasiCtxBuilder, async_trait};

use super::Lane;
use super::lookup::{LookupError, Lookups};
use super::refused::{Refused, SharedList, quoted, shown};
use crate::outcome::Stop;
use crate::state::HostState;

/// Bytes of a name that is looked up: DNS has at most 253 and a dot.
const NAME_BYTES_MAX: usize = 254;

/// Addresses that are remembered for the names of one task run.
const FOUND_MAX: usize = 256;

/// What a task run has found out about the network.
#[derive(Default)]
pub(crate) struct NetworkState {
    found: Found,
    pub(super) lookups: Lookups,
    sockets: u32,
}

/// Addresses, with the names that led to them.
#[derive(Clone, Default)]
struct Found(SharedList<(IpAddr, Arc<str>)>);

impl Found {
    fn add(&self, address: IpAddr, name: &Arc<str>) {
        self.0.with(|found| {
            let new = (address, Arc::clone(name));
            if found.len() < FOUND_MAX && !found.contains(&new) {
                found.push(new);
            }
        });
    }

    fn names_of(&self, address: IpAddr) -> Vec<Arc<str>> {
        let names = |found: &mut Vec<(IpAddr, Arc<str>)>| {
            found.iter().filter(|(known, _)| *known == address).map(|(_, name)| Arc::clone(name)).collect()
        };
        self.0.with(names)
    }
}

/// Sets up the sockets of a task run.
pub(crate) fn set_up(
    wasi: &mut WasiCtxBuilder,
    network: &NetworkState,
    call: &Arc<taskhost_model::TaskCall>,
    refused: &Refused,
) {
    // Making a socket harms nobody, and only an attempt to use it shows whom it is for.
    wasi.allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
    let (found, call, refused) = (network.found.clone(), Arc::clone(call), refused.clone());
    wasi.socket_addr_check(move |address, what_for| {
        let allowed = is_allowed(&call.grants, &found, &refused, address, what_for);
        Box::pin(std::future::ready(allowed))
    });
}

fn is_allowed(grants: &Grants, found: &Found, refused: &Refused, address: SocketAddr, what_for: SocketAddrUse) -> bool {
    let (transport, verb) = match what_for {
        SocketAddrUse::TcpConnect => (Transport::Tcp, "connect to"),
        SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => (Transport::Udp, "send to"),
        // Only as a part of connecting and sending.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
            let anywhere = address.ip().is_unspecified() && address.port() == 0;
            if !anywhere {
                refused.note(format!("bind a socket to `{address}`"), String::new());
            }
            return anywhere;
        }
        SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
            refused.note("listen for connections".to_owned(), String::new());
            return false;
        }
    };
    let ip = address.ip().to_canonical();
    let names = found.names_of(ip);
    let fits = |rule: &taskhost_model::grants::NetworkRule| {
        rule.allows(transport, ip, address.port(), names.iter().map(|name| &**name))
    };
    if grants.network.iter().any(fits) {
        return true;
    }
    // A stray datagram from elsewhere is nothing that the guest tried.
    if !matches!(what_for, SocketAddrUse::UdpReceive) {
        let host = names.first().map_or_else(|| HostPattern::of(ip).to_string(), ToString::to_string);
        let scheme = if transport == Transport::Udp { "udp://" } else { "" };
        let told = names.first().map_or_else(String::new, |name| format!(" (`{}`)", shown(name)));
        refused.note(
            format!("{verb} `{address}`{told}"),
            format!("network = [{}]", quoted(&format!("{scheme}{host}:{}", address.port()))),
        );
    }
    false
}

impl HostState {
    /// Whether a rule names a host; else the guest gets a refusal. An address is its own name.
    pub(super) fn may_look_up(&mut self, name: &str) -> Option<Arc<str>> {
        if name.len() > NAME_BYTES_MAX {
            self.refused.note("look up a name that is too long to be one".to_owned(), String::new());
            return None;
        }
        let lower = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let literal = lower.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let grants = &self.request.call.grants;
        if self.is_network_open || literal || grants.network.iter().any(|rule| rule.host.is_name(&lower)) {
            return Some(lower.into());
        }
        self.refused.note(
            format!("look up `{}` (grant it with the port that it needs)", shown(name)),
            format!("network = [{}]", quoted(&format!("{lower}:443"))),
        );
        None
    }

    /// Whether the rules for a name open this address.
    fn opens(&self, name: &str, address: IpAddr) -> bool {
        let rules = &self.request.call.grants.network;
        self.is_network_open
            || name.parse::<IpAddr>().is_ok()
            || rules.iter().any(|rule| rule.host.is_name(name) && rule.host.opens(address))
    }

    fn resolve(&mut self, network: Resource<Network>, name: String) -> Result<Result<Resource<Answers>, ErrorCode>> {
        // Holding it is the right to look up.
        self.table.get(&network)?;
        let Some(name) = self.may_look_up(&name) else { return Ok(Err(ErrorCode::AccessDenied)) };
        let (lookups, asked) = (self.network.lookups.clone(), Arc::clone(&name));
        let state = Answer::Awaited(spawn(async move { lookups.addresses(&asked).await }));
        Ok(Ok(self.table.push(Answers { name, state })?))
    }

    /// The next address that may be used at all.
    fn next_address(&mut self, answers: &Resource<Answers>) -> Result<Result<Option<IpAddress>, ErrorCode>> {
        loop {
            let answers = self.table.get_mut(answers)?;
            let name = Arc::clone(&answers.name);
            match answers.next() {
                Ok(Some(address)) if self.take_address(&name, address) => return Ok(Ok(Some(address.into()))),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Ok(None)),
                Err(code) => return Ok(Err(code)),
            }
        }
    }

    /// Whether an address that a name led to may be used; then it is remembered.
    pub(super) fn take_address(&mut self, name: &Arc<str>, address: IpAddr) -> bool {
        let opens = self.opens(name, address);
        if opens {
            self.network.found.add(address, name);
        } else {
            self.refused.note(
                format!(
                    "reach `{}`, which leads to the inside address `{address}`: a name opens none, the task has to ask for the address",
                    shown(name)
                ),
                format!("network = [{}]", quoted(&format!("{}:443", HostPattern::of(address)))),
            );
        }
        opens
    }

    pub(super) fn count_socket(&mut self) -> Result<(), Stop> {
        let most = self.limits().sockets_max;
        self.network.sockets += 1;
        if self.network.sockets > most { Err(Stop::Limit(Limit::Sockets(most))) } else { Ok(()) }
    }

    pub(super) fn count_socket_dropped(&mut self) {
        self.network.sockets = self.network.sockets.saturating_sub(1);
    }

    fn drop_tcp(&mut self, rep: u32) -> Result<()> {
        self.count_socket_dropped();
        HostTcpSocket::drop(&mut self.sockets(), Resource::new_own(rep))
    }

    fn drop_udp(&mut self, rep: u32) -> Result<()> {
        self.count_socket_dropped();
        HostUdpSocket::drop(&mut self.sockets(), Resource::new_own(rep))
    }
}

/// What a guest reads the addresses of a name from.
struct Answers {
    name: Arc<str>,
    state: Answer,
}

enum Answer {
    Awaited(AbortOnDropJoinHandle<Result<Vec<IpAddr>, LookupError>>),
    Here(Result<std::vec::IntoIter<IpAddr>, LookupError>),
}

impl Answers {
    fn next(&mut self) -> Result<Option<IpAddr>, ErrorCode> {
        if let Answer::Awaited(answer) = &mut self.state {
            let answer = std::pin::Pin::new(answer);
            let Some(found) = wasmtime_wasi::runtime::poll_noop(answer) else { return Err(ErrorCode::WouldBlock) };
            self.state = Answer::Here(found.map(Vec::into_iter));
        }
        match &mut self.state {
            Answer::Here(Ok(found)) => Ok(found.next()),
            Answer::Here(Err(LookupError::NoName)) => Err(ErrorCode::InvalidArgument),
            Answer::Here(Err(LookupError::Unknown)) => Err(ErrorCode::NameUnresolvable),
            Answer::Awaited(_) => Err(ErrorCode::WouldBlock),
        }
    }
}

#[async_trait]
impl Pollable for Answers {
    async fn ready(&mut self) {
        if let Answer::Awaited(answer) = &mut self.state {
            let found = answer.await;
            self.state = Answer::Here(found.map(Vec::into_iter));
        }
    }
}

fn answered<T>(result: SocketResult<T>) -> Result<Result<T, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}

/// Replaces looking up, and the making and dropping of sockets.
pub(super) fn link(linker: &mut Linker<HostState>, lane: Lane) -> Result<()> {
    let mut lookup = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    lookup.resource("resolve-address-stream", ResourceType::host::<Answers>(), |mut store, rep| {
        store.data_mut().table.delete(Resource::<Answers>::new_own(rep))?;
        Ok(())
    })?;
    lookup.func_wrap("resolve-addresses", |mut store: Store<'_>, (network, name): (Resource<Network>, String)| {
        Ok((store.data_mut().resolve(network, name)?,))
    })?;
    lookup.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: Store<'_>, (answers,): (Resource<Answers>,)| Ok((store.data_mut().next_address(&answers)?,)),
    )?;
    lookup.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: Store<'_>, (answers,): (Resource<Answers>,)| -> Result<(Resource<DynPollable>,)> {
            Ok((subscribe(&mut store.data_mut().table, answers)?,))
        },
    )?;
    linker.instance("wasi:sockets/tcp-create-socket@0.2.12")?.func_wrap(
        "create-tcp-socket",
        |mut store: Store<'_>, (family,): (IpAddressFamily,)| {
            let state = store.data_mut();
            state.count_socket()?;
            Ok((answered(CreateTcp::create_tcp_socket(&mut state.sockets(), family))?,))
        },
    )?;
    linker.instance("wasi:sockets/tcp@0.2.12")?.resource(
        "tcp-socket",
        ResourceType::host::<TcpSocket>(),
        |mut store, rep| store.data_mut().drop_tcp(rep),
    )?;
    linker.instance("wasi:sockets/udp@0.2.12")?.resource(
        "udp-socket",
        ResourceType::host::<UdpSocket>(),
        |mut store, rep| store.data_mut().drop_udp(rep),
    )?;
    if lane != Lane::Direct {
        linker.instance("wasi:sockets/udp-create-socket@0.2.12")?.func_wrap_async(
            "create-udp-socket",
            |mut store: Store<'_>, (family,): (IpAddressFamily,)| {
                Box::new(async move {
                    let state = store.data_mut();
                    state.count_socket()?;
                    Ok((answered(CreateUdp::create_udp_socket(&mut state.sockets(), family).await)?,))
                })
            },
        )?;
    }
    Ok(())
}

type Store<'a> = StoreContextMut<'a, HostState>;

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(rules: &[&str]) -> Grants {
        Grants { network: rules.iter().map(|rule| rule.parse().expect("a rule")).collect(), ..Grants::default() }
    }

    fn allowed(rules: &[&str], found: &[(&str, &str)], address: &str, what_for: SocketAddrUse) -> bool {
        let known = Found::default();
        found.iter().for_each(|(ip, name)| known.add(ip.parse().expect("an address"), &Arc::from(*name)));
        is_allowed(&grants(rules), &known, &Refused::default(), address.parse().expect("an address"), what_for)
    }

    #[test]
    fn only_what_a_rule_opens_is_connected_to() {
        let connect = SocketAddrUse::TcpConnect;
        assert!(allowed(&["1.2.3.4:80"], &[], "1.2.3.4:80", connect));
        assert!(allowed(&["a.org:80"], &[("1.2.3.4", "a.org")], "1.2.3.4:80", connect));
        assert!(!allowed(&["a.org:80"], &[], "1.2.3.4:80", connect));
        assert!(!allowed(&["a.org:80"], &[("127.0.0.1", "a.org")], "127.0.0.1:80", connect));
        assert!(!allowed(&[], &[], "[::ffff:127.0.0.1]:80", connect));
        assert!(!allowed(&["1.2.3.4:80"], &[], "1.2.3.4:80", SocketAddrUse::UdpSend));
    }

    #[test]
    fn nothing_listens() {
        assert!(!allowed(&["127.0.0.1:80"], &[], "127.0.0.1:80", SocketAddrUse::TcpBind));
        assert!(!allowed(&["0.0.0.0/0:*"], &[], "127.0.0.1:80", SocketAddrUse::TcpListen));
        assert!(!allowed(&["0.0.0.0/0:*"], &[], "127.0.0.1:80", SocketAddrUse::TcpAccept));
        assert!(allowed(&[], &[], "0.0.0.0:0", SocketAddrUse::TcpBind));
    }
}
