//! Artifacts in a bucket: a real S3 server on loopback, moto's, which `cargo xtask test` installs. What a run leaves is there, comes back on
//! another computer, is refused if it was changed, and a server that does not answer is told.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Folder, Said, guest};

/// An S3 server with a bucket, until it is dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start() -> Server {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
        let program = target.join("s3-server/bin/moto_server");
        assert!(
            program.exists(),
            "there is no S3 server at {}: `cargo xtask test` installs it, or `python3 -m venv {0}/s3-server` and \
             `{0}/s3-server/bin/pip install 'moto[server]'`",
            program.display(),
        );
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server { process: command.spawn().expect("a server"), port };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the S3 server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(server.ask("PUT", "/bucket", b"").starts_with("HTTP/1.1 200"), "a bucket");
        server
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The answer to a request, head and body.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let signature =
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: {signature}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The keys in the bucket.
    fn keys(&self) -> Vec<String> {
        let listing = self.ask("GET", "/bucket?list-type=2", b"");
        let parts = listing.split("<Key>").skip(1);
        parts.filter_map(|part| Some(part.split_once("</Key>")?.0.to_owned())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `taskhost` with a data folder of its own and the bucket.
fn command(folder: &Folder, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command
        .env("TASKHOST_DATA_FOLDER", folder.0.join("data"))
        .env("TASKHOST_CACHE_FOLDER", folder.0.join("compiled"))
        .env("TASKHOST_ARTIFACTS", "s3://bucket/our/values")
        .env("AWS_ENDPOINT", endpoint)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    command
}

fn run(folder: &Folder, endpoint: &str, arguments: &[&str]) -> Said {
    command(folder, endpoint, arguments).output().expect("a process").into()
}

/// A flow whose results take 0.4 MB and, sent in parts, 12 MB, and a blob of 20 MiB.
fn write_flow(folder: &Folder) {
    let (component, blobs) = (guest("misc"), guest("blobs"));
    folder.write(
        "flow.toml",
        format!(
            "name = \"large\"\n[parameters.n]\ndefault = 3000000\n[components]\nmisc = {component:?}\nblobs = {blobs:?}\n\
             [tasks.make]\ncall = \"blobs.make\"\nwith = {{ mib = 20, seed = 1 }}\n\
             [tasks.many]\ncall = \"misc.range\"\nwith.n = \"${{n}}\"\n\
             [tasks.some]\ncall = \"misc.range\"\nwith.n = 100000\ncache = true\n\
             [tasks.sum]\ncall = \"misc.sum\"\nwith.numbers = \"${{many}}\"\n\
             [outputs]\nsum = \"${{sum}}\"\nsome = \"${{some}}\"\nmade = \"${{make}}\"\n"
        ),
    );
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(path) } else { vec![path] }).collect()
}

#[test]
fn what_a_run_leaves_is_in_the_bucket_and_comes_back_from_there() {
    let server = Server::start();
    let endpoint = server.endpoint();
    let folder = Folder::new();
    write_flow(&folder);
    let said = run(&folder, &endpoint, &["run", "flow.toml", "--json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let keys = server.keys();
    assert_eq!(keys.len(), 3, "{keys:?}");
    for path in files(folder.0.join("data/artifacts")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(keys.contains(&format!("our/values/{}/{name}", &name[..2])), "{name} is not in {keys:?}");
    }

    let listed = run(&folder, &endpoint, &["runs", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let first = listed["runs"][0]["run"].as_str().expect("an id").to_owned();

    // Another computer with the same journal, which has none of the values.
    let other = Folder::new();
    std::fs::create_dir_all(other.0.join("data")).expect("a folder");
    let journal = folder.0.join("data/runs");
    let copied = Command::new("cp").arg("-r").arg(journal).arg(other.0.join("data/runs")).status().expect("cp");
    assert!(copied.success());
    let told = run(&other, &endpoint, &["runs", "resume", "latest", "--json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let outputs = |said: &Said| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(&said.stdout).expect("JSON")["outputs"].clone()
    };
    assert_eq!(outputs(&told), outputs(&said));
    assert!(!files(other.0.join("data/artifacts")).is_empty(), "what was fetched is kept");

    let blob = outputs(&said)["made"].as_str().expect("a blob").to_owned();
    other.write(
        "length.toml",
        format!(
            "[parameters.data]\n[components]\nblobs = {:?}\n[tasks.sum]\ncall = \"blobs.length\"\nwith.data = \"${{data}}\"\n\
             [outputs]\nlength = \"${{sum}}\"\n",
            guest("blobs")
        ),
    );
    let length = run(&other, &endpoint, &["run", "length.toml", "-p", &format!("data={blob}"), "--output", "length"]);
    assert_eq!((length.code, &*length.stdout), (Some(0), "20971520.0\n"), "{length:?}");

    // Damaged in the bucket, and in no folder: refused, by whoever asks for it.
    for key in &keys {
        let body = server.ask("PUT", &format!("/bucket/{key}"), b"something else");
        assert!(body.starts_with("HTTP/1.1 200"), "{body}");
    }
    std::fs::remove_dir_all(other.0.join("data/artifacts")).expect("removed");
    let refused = run(&other, &endpoint, &["runs", "resume", &first, "--json"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("a stored value is damaged: the content of `s3://bucket/our/values/"),
        "{refused:?}"
    );

    // Too young to be deleted there, which is done without a word.
    let cleared = run(&folder, &endpoint, &["cache", "clear"]);
    assert_eq!(cleared.code, Some(0), "{cleared:?}");
    assert_eq!(server.keys().len(), 3);
}

#[test]
fn a_bucket_that_is_not_there_or_does_not_answer_is_told_within_seconds() {
    let folder = Folder::new();
    write_flow(&folder);
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let began = Instant::now();
    let said = run(&folder, &format!("http://127.0.0.1:{port}"), &["run", "flow.toml", "-q"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let place = "the store of artifacts `s3://bucket/our/values` does not do what it is asked to";
    for part in [place, &format!("127.0.0.1:{port} cannot be reached"), "TASKHOST_ARTIFACTS"] {
        assert!(said.stderr.contains(part), "`{part}` is missing: {said:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());

    // Nobody accepts, but the system does: a server that says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let began = Instant::now();
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let said = run(&folder, &endpoint, &["run", "flow.toml", "-q"]);
    assert_eq!((said.code, said.stderr.contains("no answer")), (Some(1), true), "{said:?}");
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());

    let server = Server::start();
    let mut command = command(&folder, &server.endpoint(), &["run", "flow.toml", "-q"]);
    let said: Said = command.env("TASKHOST_ARTIFACTS", "s3://no-such-bucket").output().expect("a process").into();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("`s3://no-such-bucket`") && said.stderr.contains("404"), "{said:?}");

    // Without it all is as before, and what was recorded is listed.
    let listed = run(&folder, &format!("http://127.0.0.1:{port}"), &["runs"]);
    assert_eq!((listed.code, listed.stdout.contains("large")), (Some(0), true), "{listed:?}");
}

#[test]
fn a_place_that_means_nothing_is_told_before_the_run() {
    let folder = Folder::new();
    write_flow(&folder);
    assert_eq!(folder.said(&["run", "flow.toml", "-q"]).code, Some(0));
    for place in ["bucket/values", "ftp://bucket/values"] {
        for arguments in [&["run", "flow.toml", "-q"][..], &["runs"], &["runs", "delete", "latest"]] {
            let said: Said =
                folder.recorded(arguments).env("TASKHOST_ARTIFACTS", place).output().expect("a process").into();
            assert_eq!(said.code, Some(2), "{said:?}");
            for part in [&format!("`{place}` is no store of artifacts"), "s3://BUCKET/PREFIX"] {
                assert!(said.stderr.contains(part), "`{part}` is missing: {said:?}");
            }
        }
    }
}
