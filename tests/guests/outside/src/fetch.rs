//! What std has no function for: HTTP, symbolic links, bare sockets.

use wasip2::filesystem::preopens::get_directories;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::{TcpSocket, create_tcp_socket};

pub(crate) fn fetch(method: &str, url: &str) -> Result<(u16, String), String> {
    let (scheme, rest) = url.split_once("://").ok_or("no scheme")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let request = OutgoingRequest::new(Fields::new());
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(|()| "this method cannot be")?;
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).map_err(|()| "this scheme cannot be")?;
    request.set_authority(Some(authority)).map_err(|()| "this authority cannot be")?;
    request.set_path_with_query(Some(path)).map_err(|()| "this path cannot be")?;
    let future = handle(request, None).map_err(|code| format!("{code:?}"))?;
    future.subscribe().block();
    let response = future.get().ok_or("no answer")?.map_err(|()| "taken")?.map_err(|code| format!("{code:?}"))?;
    let status = response.status();
    // A redirect is followed as a browser would.
    let location = response.headers().get("location").into_iter().next();
    if let Some(location) = location {
        return fetch("GET", &String::from_utf8_lossy(&location));
    }
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = Vec::new();
    while let Ok(part) = stream.blocking_read(64 << 10) {
        bytes.extend(part);
    }
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Relative to the first folder that is granted.
pub(crate) fn symbolic_link(target: &str, path: &str) -> Result<(), String> {
    let directories = get_directories();
    let (folder, _) = directories.first().ok_or("no folder")?;
    folder.symlink_at(target, path).map_err(|code| format!("{code:?}"))
}

pub(crate) fn socket() -> Result<TcpSocket, String> {
    create_tcp_socket(IpAddressFamily::Ipv4).map_err(|code| format!("{code:?}"))
}
