//! Looking up names, for sockets and HTTP alike. The system's resolver blocks for as long as a name server is silent, so it runs on
//! threads of its own, and each of them holds its places until the resolver returns, whatever became of the guest that asked.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;

use tokio::sync::{Semaphore, oneshot};
use url::Host;

/// Lookups at once in this process: a silent name server costs no more threads than this, and none that files or other work wait for.
const THREADS_MAX: usize = 64;

/// Lookups at once of one task run, so that a few task runs do not take all threads.
const OF_RUN_MAX: usize = 4;

/// Addresses of one name: far more than any honest name has.
const ADDRESSES_MAX: usize = 256;

/// What the resolver's code and the system's modules for it take of a stack.
const STACK_BYTES: usize = 512 << 10;

static THREADS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(THREADS_MAX)));

/// The lookups of one task run.
#[derive(Default)]
pub(crate) struct Lookups(OnceLock<Arc<Semaphore>>);

/// The same lookups, with the same places.
impl Clone for Lookups {
    fn clone(&self) -> Lookups {
        Lookups(OnceLock::from(Arc::clone(self.places())))
    }
}

/// Why a name has no addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LookupError {
    /// It can be no name.
    NoName,
    /// Nobody knows it.
    Unknown,
}

impl Lookups {
    fn places(&self) -> &Arc<Semaphore> {
        self.0.get_or_init(|| Arc::new(Semaphore::new(OF_RUN_MAX)))
    }

    /// The addresses of a host, in the resolver's order; an address, however it is written, is its own.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let name = match Host::parse(host) {
            Ok(Host::Domain(name)) => name,
            Ok(Host::Ipv4(address)) => return Ok(vec![address.into()]),
            Ok(Host::Ipv6(address)) => return Ok(vec![IpAddr::from(address).to_canonical()]),
            // Without brackets.
            Err(_) => {
                let address = host.parse::<IpAddr>().map_err(|_| LookupError::NoName)?;
                return Ok(vec![address.to_canonical()]);
            }
        };
        self.ask(name).await.map_err(|_| LookupError::Unknown)
    }

    async fn ask(&self, name: String) -> io::Result<Vec<IpAddr>> {
        let own = Arc::clone(self.places()).acquire_owned().await.map_err(io::Error::other)?;
        let of_all = Arc::clone(&THREADS).acquire_owned().await.map_err(io::Error::other)?;
        let (tell, told) = oneshot::channel();
        let resolve = move || {
            let found = (&*name, 0).to_socket_addrs();
            let found =
                found.map(|found| found.map(|address| address.ip().to_canonical()).take(ADDRESSES_MAX).collect());
            drop((own, of_all));
            // Nobody may be waiting any more.
            let _ = tell.send(found);
        };
        thread::Builder::new().name("taskhost-lookup".to_owned()).stack_size(STACK_BYTES).spawn(resolve)?;
        told.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(Lookups::default().addresses(host))
    }

    #[test]
    fn an_address_is_its_own_however_it_is_written() {
        let own = |address: &str| Ok(vec![address.parse().expect("an address")]);
        assert_eq!(addresses("10.1.2.3"), own("10.1.2.3"));
        assert_eq!(addresses("0x7f.1"), own("127.0.0.1"));
        assert_eq!(addresses("2130706433"), own("127.0.0.1"));
        assert_eq!(addresses("[::1]"), own("::1"));
        assert_eq!(addresses("::ffff:1.2.3.4"), own("1.2.3.4"));
    }

    #[test]
    fn what_can_be_no_name_is_not_asked_for() {
        for host in ["", "a b", "a/b", "a:80"] {
            assert_eq!(addresses(host), Err(LookupError::NoName), "{host}");
        }
    }

    #[test]
    fn localhost_is_known_without_a_name_server() {
        let found = addresses("localhost").expect("localhost is known");
        assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty());
    }

    #[test]
    fn the_lookups_of_a_run_share_their_places() {
        let lookups = Lookups::default();
        let again = lookups.clone();
        let held = lookups.places().try_acquire_many(u32::try_from(OF_RUN_MAX).expect("small")).expect("free places");
        assert!(again.places().try_acquire().is_err());
        drop(held);
        assert!(again.places().try_acquire().is_ok());
    }
}
