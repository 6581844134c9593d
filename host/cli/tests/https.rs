//! Requests by HTTPS, against a real server on loopback: whom they trust is what this system trusts, or `SSL_CERT_FILE` names.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use support::{Folder, Said, guest};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server for `localhost` that answers each of so many connections with the `Host` field of its request.
fn serve(connections: usize) -> (u16, String, JoinHandle<usize>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = signing_key.serialize_der().try_into().expect("a key");
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let config = Arc::new(config);
    let serving = std::thread::spawn(move || {
        let answer = |_: usize| -> std::io::Result<()> {
            let (stream, _) = listener.accept()?;
            let session = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            let mut stream = StreamOwned::new(session, stream);
            let (mut request, mut part) = (Vec::new(), [0; 1024]);
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let length = stream.read(&mut part)?;
                if length == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                request.extend(&part[..length]);
            }
            let request = String::from_utf8_lossy(&request).to_lowercase();
            let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("none").to_owned();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{host}", host.len())?;
            stream.conn.send_close_notify();
            stream.flush()
        };
        (0..connections).map(answer).filter(Result::is_ok).count()
    });
    (port, cert.pem(), serving)
}

fn fetch(folder: &Folder, port: u16, trusted: &str) -> Said {
    let url = format!("https://localhost:{port}/x");
    let allow = format!("http=GET {url}");
    let mut command =
        folder.command(&["call", &guest("outside"), "fetch", "method=GET", &format!("url={url}"), "--allow", &allow]);
    command.env("SSL_CERT_FILE", folder.0.join(trusted)).env_remove("SSL_CERT_DIR").output().expect("a process").into()
}

#[test]
fn a_server_is_reached_by_https_if_its_certificate_is_trusted_and_only_then() {
    let folder = Folder::new();
    let (port, certificate, serving) = serve(2);
    let other = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    folder.write("trusted.pem", certificate);
    folder.write("other.pem", other.cert.pem());
    let said = fetch(&folder, port, "other.pem");
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.stderr.contains("TlsCertificateError") || said.stderr.contains("TlsProtocolError"), "{said:?}");
    let said = fetch(&folder, port, "trusted.pem");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("200") && said.stdout.contains(&format!("localhost:{port}")), "{said:?}");
    assert_eq!(serving.join().expect("the server ends"), 1);
}
