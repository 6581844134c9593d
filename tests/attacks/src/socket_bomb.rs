//! Opens sockets and never closes one.
//! allow.network = ["localhost:$PORT"]
//! connects: yes
//! expect: had more than its 16 sockets open
//! needs: network

use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

pub(crate) fn attack(_: &crate::Target) -> Result<String, String> {
    let mut sockets = Vec::new();
    loop {
        match create_tcp_socket(IpAddressFamily::Ipv4) {
            Ok(socket) => sockets.push(socket),
            Err(error) => return Ok(format!("{} sockets, then {error:?}", sockets.len())),
        }
    }
}
