//! Connects to servers of the host without any grant, by each form of address.
//! expect: ok: refused all

use std::net::{TcpListener, TcpStream, UdpSocket};

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    let mut ways = crate::Ways::default();
    for host in [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "localhost",
        "a.localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "127.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "10.0.0.1",
        "192.168.0.1",
    ] {
        ways.tried(host, TcpStream::connect(format!("{host}:{}", target.port)));
    }
    ways.tried("listening", TcpListener::bind("127.0.0.1:0"));
    ways.tried("listening everywhere", TcpListener::bind("0.0.0.0:0"));
    let socket = UdpSocket::bind("0.0.0.0:0");
    ways.tried("a datagram", socket.and_then(|socket| socket.send_to(b"x", ("127.0.0.1", target.port))));
    ways.verdict()
}
