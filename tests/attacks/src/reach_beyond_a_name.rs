//! May reach `localhost` at one port, and tries other ports, other addresses and other names.
//! allow.network = ["localhost:$PORT"]
//! connects: yes
//! expect: ok: refused all
//! needs: network

use std::net::{TcpStream, UdpSocket};

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    TcpStream::connect(("localhost", target.port)).map_err(|error| format!("what is granted is refused: {error}"))?;
    let mut ways = crate::Ways::default();
    ways.tried("another port", TcpStream::connect(("localhost", target.port ^ 1)));
    for host in [
        "169.254.169.254",
        "10.0.0.1",
        "[fd00:ec2::254]",
        "[::ffff:10.0.0.1]",
        "2852039166",
        "0xa9.254.43518",
        "example.localhost.example",
    ] {
        ways.tried(host, TcpStream::connect(format!("{host}:{}", target.port)));
    }
    let socket = UdpSocket::bind("0.0.0.0:0");
    ways.tried("a datagram", socket.and_then(|socket| socket.send_to(b"x", ("127.0.0.1", target.port))));
    ways.verdict()
}
