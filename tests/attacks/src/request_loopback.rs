//! May ask names below a domain, and asks the host's own servers by each form of address, with and without a name that fits.
//! allow.http = ["* http://*.example.com:$PORT/*", "GET http://10.0.0.1:$PORT/*"]
//! timeout = "20 s"
//! expect: ok: refused all

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    let mut ways = crate::Ways::default();
    let port = target.port;
    for authority in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("a.example.com@127.0.0.1:{port}"),
        format!("127.0.0.1:{port}#a.example.com"),
        format!("127.0.0.1:{port}\\.example.com:{port}"),
        format!("2130706433:{port}"),
        format!("0177.0.0.1:{port}"),
        format!("0x7f.1:{port}"),
        format!("127.1:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[::ffff:10.0.0.1]:{port}"),
        format!("169.254.169.254:{port}"),
        format!("example.com.localhost:{port}"),
    ] {
        ways.tried(&authority, request(&authority, "/"));
        ways.tried(format_args!("{authority} with another host"), request_as(&authority, "/", Some("a.example.com")));
    }
    ways.verdict()
}

fn request(authority: &str, path: &str) -> Result<(), String> {
    request_as(authority, path, None)
}

/// Sends a request, waits for the answer, and is content with any.
fn request_as(authority: &str, path: &str, host: Option<&str>) -> Result<(), String> {
    let fields = Fields::new();
    if let Some(host) = host {
        fields.set("host", &[host.as_bytes().to_vec()]).map_err(|error| format!("{error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    request.set_scheme(Some(&Scheme::Http)).map_err(|()| "no such scheme")?;
    request.set_authority(Some(authority)).map_err(|()| "no such authority")?;
    request.set_path_with_query(Some(path)).map_err(|()| "no such path")?;
    let answer = handle(request, None).map_err(|error| format!("{error:?}"))?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(_))) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
