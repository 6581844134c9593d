//! Looks up names of several MiB, which no name server knows.
//! allow.network = ["*.example.com:80"]
//! expect: ok: refused all

use std::net::ToSocketAddrs;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let name = "a.".repeat(2 << 20) + "example.com:80";
    let mut ways = crate::Ways::default();
    for _ in 0..20 {
        ways.tried("a long name", name.to_socket_addrs());
    }
    ways.verdict()
}
