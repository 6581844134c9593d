//! May reach a private range and any name below a domain, and tries the host's loopback by each form of address.
//! allow.network = ["10.0.0.0/8:*", "*.example.com:*", "[fd00::/8]:*", "udp://10.0.0.0/8:*"]
//! expect: ok: refused all
//! needs: network

use std::net::{TcpListener, TcpStream, UdpSocket};

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    let mut ways = crate::Ways::default();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f000001",
        "0.0.0.0",
        "localhost",
        "example.com.localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::ffff:0:127.0.0.1]",
    ] {
        ways.tried(host, TcpStream::connect(format!("{host}:{}", target.port)));
    }
    ways.tried("listening", TcpListener::bind("127.0.0.1:0"));
    let socket = UdpSocket::bind("0.0.0.0:0");
    ways.tried("a datagram", socket.and_then(|socket| socket.send_to(b"x", ("127.0.0.1", target.port))));
    ways.verdict()
}
