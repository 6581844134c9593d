//! What a guest may touch, in a real sandbox with real files, sockets and servers on loopback: exactly what it is granted.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use support::Guest;
use taskhost_model::grants::{Access, FolderGrant};
use taskhost_model::seams::Vault;
use taskhost_model::{Attachment, Ending, Grants, Limit, List, Refusal, TaskFailure, TaskRunOutcome, Value, ValueType};
use taskhost_sandbox::SandboxOptions;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("taskhost-grants-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        for folder in ["data/inner", "out"] {
            fs::create_dir_all(path.join(folder)).expect("a folder");
        }
        fs::write(path.join("data/x.txt"), "inside").expect("a file");
        fs::write(path.join("secret.txt"), "outside").expect("a file");
        Folder(path)
    }

    fn grant(&self, folder: &str, access: Access) -> FolderGrant {
        FolderGrant::new(folder, &self.0, access).expect("a grant")
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(text: &str) -> Value {
    Value::string(text)
}

/// What a function that returns `result<T, string>` said.
fn said(outcome: &TaskRunOutcome) -> Result<Value, String> {
    match &outcome.ending {
        Ending::Returned(Value::Result(Ok(value))) => Ok(value.as_deref().cloned().unwrap_or(Value::tuple([]))),
        Ending::Returned(Value::Result(Err(Some(error)))) => match &**error {
            Value::String(text) => Err(text.to_string()),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn refused(outcome: &TaskRunOutcome) -> Vec<(&str, &str)> {
    outcome.refusals.as_slice().iter().map(|Refusal { attempt, grant }| (&**attempt, &**grant)).collect()
}

fn reading(folder: &Folder, names: &[&str]) -> Guest {
    let mut guest = Guest::new("outside");
    guest.grants.folders = names.iter().map(|name| folder.grant(name, Access::Read)).collect();
    guest
}

fn writing(folder: &Folder, names: &[&str]) -> Guest {
    let mut guest = Guest::new("outside");
    guest.grants.folders = names.iter().map(|name| folder.grant(name, Access::Write)).collect();
    guest
}

#[test]
fn without_a_grant_every_path_is_refused_and_told() {
    let guest = Guest::new("outside");
    for (path, attempt, grant) in [
        ("/etc/passwd", "open `/etc/passwd`", "read = [\"/etc\"]"),
        ("no-such-folder/x.txt", "open `no-such-folder/x.txt`", "read = [\"no-such-folder\"]"),
    ] {
        let outcome = guest.run("read", vec![text(path)]);
        assert!(said(&outcome).expect_err("refused").contains("not permitted"), "{outcome:?}");
        assert_eq!(refused(&outcome), [(attempt, grant)]);
    }
    let outcome = guest.run("write", vec![text("/etc/taskhost-no-such-file"), text("y")]);
    assert_eq!(refused(&outcome), [("write to `/etc/taskhost-no-such-file`", "write = [\"/etc\"]")]);
    assert!(!Path::new("/etc/taskhost-no-such-file").exists());
}

#[test]
fn a_folder_for_reading_is_read_and_never_written() {
    let folder = Folder::new();
    let guest = reading(&folder, &["data"]);
    assert_eq!(said(&guest.run("read", vec![text("data/x.txt")])), Ok(text("inside")));
    assert_eq!(said(&guest.run("read", vec![text("/data/x.txt")])), Ok(text("inside")));
    assert_eq!(said(&guest.run("read", vec![text("./data/./x.txt")])), Ok(text("inside")));
    let names = said(&guest.run("names", vec![text("data")])).expect("names");
    assert_eq!(format!("{names:?}").matches("String").count(), 2, "{names:?}");
    for (function, arguments) in [
        ("write", vec![text("data/x.txt"), text("changed")]),
        ("write", vec![text("data/new.txt"), text("made")]),
        ("delete", vec![text("data/x.txt")]),
        ("make-folder", vec![text("data/new")]),
        ("move", vec![text("data/x.txt"), text("data/y.txt")]),
        ("hard-link", vec![text("data/x.txt"), text("data/y.txt")]),
        ("symbolic-link", vec![text("x.txt"), text("y.txt")]),
    ] {
        let outcome = guest.run(function, arguments);
        assert!(said(&outcome).is_err(), "{function}: {outcome:?}");
        assert!(refused(&outcome)[0].1.starts_with("write = [\"data"), "{function}: {outcome:?}");
    }
    assert_eq!(fs::read_to_string(folder.path("data/x.txt")).expect("there"), "inside");
    assert_eq!(fs::read_dir(folder.path("data")).expect("there").count(), 2);
}

#[test]
fn no_path_leads_out_of_a_folder() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("../secret.txt", folder.path("data/link")).expect("a link");
    std::os::unix::fs::symlink(folder.path("secret.txt"), folder.path("data/absolute")).expect("a link");
    std::os::unix::fs::symlink("..", folder.path("data/up")).expect("a link");
    std::os::unix::fs::symlink("/", folder.path("data/root")).expect("a link");
    let guest = reading(&folder, &["data"]);
    for path in [
        "data/../secret.txt",
        "secret.txt",
        "../secret.txt",
        "data/inner/../../secret.txt",
        "data/link",
        "data/absolute",
        "data/up/secret.txt",
        "data/root/etc/passwd",
        "data/./../secret.txt",
        "DATA/x.txt",
        "/etc/passwd",
        "data/../../../../../../etc/passwd",
        "/proc/self/root/etc/passwd",
    ] {
        let outcome = guest.run("read", vec![text(path)]);
        assert!(said(&outcome).is_err(), "{path}: {outcome:?}");
    }
}

#[test]
fn what_is_made_in_a_folder_for_writing_stays_in_it() {
    let folder = Folder::new();
    let guest = writing(&folder, &["out"]);
    assert_eq!(said(&guest.run("write", vec![text("out/a.txt"), text("one")])), Ok(Value::tuple([])));
    assert_eq!(said(&guest.run("move", vec![text("out/a.txt"), text("out/b.txt")])), Ok(Value::tuple([])));
    assert_eq!(fs::read_to_string(folder.path("out/b.txt")).expect("there"), "one");
    for (path, new_path) in [
        ("out/b.txt", "b.txt"),
        ("out/b.txt", "out/../b.txt"),
        ("secret.txt", "out/s.txt"),
        ("out/../secret.txt", "out/s.txt"),
    ] {
        assert!(said(&guest.run("move", vec![text(path), text(new_path)])).is_err(), "{path} {new_path}");
        assert!(said(&guest.run("hard-link", vec![text(path), text(new_path)])).is_err(), "{path} {new_path}");
    }
    // A link may be made, but nothing outside is reached through it.
    let _ = guest.run("symbolic-link", vec![text("../secret.txt"), text("out-link")]);
    assert!(said(&guest.run("read", vec![text("out/out-link")])).is_err());
    assert!(said(&guest.run("write", vec![text("out/out-link"), text("changed")])).is_err());
    assert_eq!(fs::read_to_string(folder.path("secret.txt")).expect("there"), "outside");
    assert!(said(&guest.run("symbolic-link", vec![text("/etc/passwd"), text("absolute")])).is_err());
}

#[test]
fn a_file_does_not_move_from_a_folder_for_reading_into_one_for_writing() {
    let folder = Folder::new();
    let mut guest = writing(&folder, &["out"]);
    guest.grants.folders.push(folder.grant("data", Access::Read));
    assert!(said(&guest.run("move", vec![text("data/x.txt"), text("out/x.txt")])).is_err());
    assert!(said(&guest.run("hard-link", vec![text("data/x.txt"), text("out/x.txt")])).is_err());
    assert!(said(&guest.run("move", vec![text("out/x.txt"), text("data/y.txt")])).is_err());
    assert!(folder.path("data/x.txt").exists() && !folder.path("out/x.txt").exists());
}

#[test]
fn a_granted_folder_that_is_a_link_or_missing_is_an_error_that_says_so() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("data", folder.path("link")).expect("a link");
    for (name, wanted) in [
        ("link", "leads through the symbolic link `link`"),
        ("link/inner", "leads through the symbolic link `link`"),
        ("nowhere", "does not exist: there is no `nowhere`"),
        ("data/x.txt", "is no folder: `data/x.txt` is a file"),
    ] {
        let guest = reading(&folder, &[name]);
        let request = guest.request("exists", vec![text("x")]);
        use taskhost_model::seams::Executor;
        let failure = guest.sandbox.prepare(&request.call).err().expect("refused");
        assert!(failure.to_string().contains(wanted), "{failure}");
    }
    let mut guest = reading(&folder, &["data"]);
    guest.grants.folders.push(FolderGrant::new("/data", &folder.0, Access::Read).expect("a grant"));
    let failure = {
        use taskhost_model::seams::Executor;
        guest.sandbox.prepare(&guest.request("exists", vec![text("x")]).call).err().expect("refused")
    };
    assert!(failure.to_string().contains("looks the same to a task as `data`"), "{failure}");
    let guest = writing(&folder, &["made/here"]);
    assert_eq!(said(&guest.run("write", vec![text("made/here/x"), text("y")])), Ok(Value::tuple([])));
    assert!(folder.path("made/here/x").exists());
}

#[test]
fn more_open_files_than_allowed_end_the_task_run() {
    let folder = Folder::new();
    let mut guest = reading(&folder, &["data"]);
    guest.limits.files_max = 8;
    assert_eq!(said(&guest.run("open-many", vec![text("data/x.txt"), Value::U32(7)])), Ok(Value::U32(7)));
    let failure = guest.failure("open-many", vec![text("data/x.txt"), Value::U32(9)]);
    assert_eq!(failure, TaskFailure::LimitReached(Limit::Files(8)));
}

/// A server that answers each connection with what it got, in capitals.
fn echo_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut got = String::new();
            let _ = stream.read_to_string(&mut got);
            let _ = stream.write_all(got.to_uppercase().as_bytes());
        }
    });
    port
}

fn network(rules: &[String]) -> Guest {
    let mut guest = Guest::new("outside");
    guest.grants.network = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
    guest
}

#[test]
fn a_socket_reaches_the_host_and_port_that_are_granted_and_no_others() {
    let (port, other) = (echo_server(), echo_server());
    let talk = |guest: &Guest, address: String| guest.run("talk", vec![text(&address), text("hello")]);
    let guest = network(&[format!("127.0.0.1:{port}")]);
    assert_eq!(said(&talk(&guest, format!("127.0.0.1:{port}"))), Ok(text("HELLO")));
    let outcome = talk(&guest, format!("127.0.0.1:{other}"));
    assert!(said(&outcome).is_err());
    assert_eq!(refused(&outcome)[0].1, format!("network = [\"127.0.0.1:{other}\"]"));
    let outcome = talk(&guest, format!("localhost:{port}"));
    assert!(said(&outcome).is_err(), "an address is no name");
    assert!(refused(&outcome)[0].0.starts_with("look up `localhost`"));

    let guest = network(&[format!("localhost:{port}")]);
    assert_eq!(said(&talk(&guest, format!("localhost:{port}"))), Ok(text("HELLO")));
    assert!(said(&talk(&guest, format!("localhost:{other}"))).is_err());
    assert!(said(&talk(&guest, format!("[::ffff:127.0.0.1]:{port}"))).is_err());
}

#[test]
fn without_a_grant_nothing_is_connected_to_looked_up_or_listened_on() {
    let port = echo_server();
    let guest = network(&[]);
    for address in [
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:7f00:1]:{port}"),
        format!("0.0.0.0:{port}"),
        "169.254.169.254:80".to_owned(),
        format!("2130706433:{port}"),
        format!("0177.0.0.1:{port}"),
        format!("localhost:{port}"),
    ] {
        let outcome = guest.run("talk", vec![text(&address), text("hello")]);
        assert!(said(&outcome).is_err(), "{address}: {outcome:?}");
    }
    let outcome = guest.run("look-up", vec![text("example.com")]);
    assert!(said(&outcome).is_err());
    assert!(refused(&outcome)[0].0.starts_with("look up `example.com`"));
    assert!(said(&guest.run("listen", vec![text("127.0.0.1:0")])).is_err());
    assert!(said(&network(&["127.0.0.1:*".to_owned()]).run("listen", vec![text("127.0.0.1:0")])).is_err());
}

#[test]
fn datagrams_go_where_they_are_granted() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = server.recv_from(&mut bytes) {
            let _ = server.send_to(&bytes[..length].to_ascii_uppercase(), from);
        }
    });
    let ask = |guest: &Guest| guest.run("ask", vec![text(&format!("127.0.0.1:{port}")), text("hello")]);
    assert_eq!(said(&ask(&network(&[format!("udp://127.0.0.1:{port}")]))), Ok(text("HELLO")));
    let outcome = ask(&network(&[format!("127.0.0.1:{port}")]));
    assert!(said(&outcome).is_err(), "a rule without `udp://` means TCP");
    assert_eq!(refused(&outcome)[0].1, format!("network = [\"udp://127.0.0.1:{port}\"]"));
}

#[test]
fn more_sockets_than_allowed_end_the_task_run() {
    let mut guest = network(&[]);
    guest.limits.sockets_max = 4;
    assert_eq!(said(&guest.run("sockets", vec![Value::U32(4)])), Ok(Value::U32(4)));
    assert_eq!(guest.failure("sockets", vec![Value::U32(5)]), TaskFailure::LimitReached(Limit::Sockets(4)));
}

/// An HTTP server: `/go?URL` redirects there, everything else answers with its request line.
fn http_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).unwrap_or_default();
            let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let line = request.lines().next().unwrap_or_default().to_owned();
            let answer = match line.split(' ').nth(1).and_then(|path| path.strip_prefix("/v1/go?")) {
                Some(url) => format!("HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n"),
                None => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{line}", line.len()),
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn a_request_goes_out_if_its_method_and_url_are_granted_and_so_does_a_redirect() {
    let port = http_server();
    let mut guest = Guest::new("outside");
    guest.grants.http = vec![format!("GET http://127.0.0.1:{port}/v1/*").parse().expect("a rule")];
    let fetch = |method: &str, url: String| guest.run("fetch", vec![text(method), text(&url)]);
    let ok = |line: &str| Ok(Value::tuple([Value::U16(200), text(line)]));
    assert_eq!(said(&fetch("GET", format!("http://127.0.0.1:{port}/v1/a?b"))), ok("GET /v1/a?b HTTP/1.1"));
    assert_eq!(
        said(&fetch("GET", format!("http://127.0.0.1:{port}/v1/go?http://127.0.0.1:{port}/v1/b"))),
        ok("GET /v1/b HTTP/1.1")
    );
    let other = http_server();
    for (method, url, attempt) in [
        ("GET", format!("http://127.0.0.1:{port}/v2/a?secret=1"), format!("send `GET http://127.0.0.1:{port}/v2/a`")),
        ("POST", format!("http://127.0.0.1:{port}/v1/a"), format!("send `POST http://127.0.0.1:{port}/v1/a`")),
        ("GET", format!("https://127.0.0.1:{port}/v1/a"), format!("send `GET https://127.0.0.1:{port}/v1/a`")),
        ("GET", format!("http://127.0.0.1:{other}/v1/a"), format!("send `GET http://127.0.0.1:{other}/v1/a`")),
        ("GET", format!("http://localhost:{port}/v1/a"), format!("send `GET http://localhost:{port}/v1/a`")),
        ("GET", format!("http://2130706433:{port}/v1/a"), format!("send `GET http://2130706433:{port}/v1/a`")),
        ("GET", format!("http://0x7f.1:{port}/v1/a"), format!("send `GET http://0x7f.1:{port}/v1/a`")),
        (
            "GET",
            format!("http://[::ffff:127.0.0.1]:{port}/v1/../v2"),
            format!("send `GET http://[::ffff:127.0.0.1]:{port}/v1/../v2` (its path has a `.` or `..` segment)"),
        ),
        (
            "GET",
            format!("http://127.0.0.1:{port}/v1/go?http://127.0.0.1:{other}/v1/b"),
            format!("send `GET http://127.0.0.1:{other}/v1/b`"),
        ),
    ] {
        let outcome = fetch(method, url.clone());
        assert!(said(&outcome).is_err_and(|error| error.contains("Denied")), "{url}: {outcome:?}");
        assert_eq!(refused(&outcome)[0].0, attempt);
    }
}

#[test]
fn a_granted_name_that_leads_inside_is_not_followed() {
    let port = http_server();
    let mut guest = Guest::new("outside");
    // The machine's own name usually leads to it; where it leads nowhere, the request fails all the same.
    let own = fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_ascii_lowercase();
    let rule_for = |name: &str| format!("GET http://{name}:{port}/*").parse().ok();
    let own = Some((rule_for(&own), own)).filter(|(rule, name)| rule.is_some() && name != "localhost");
    let (rule, name) = own.unwrap_or_else(|| (rule_for("localhost.localdomain"), "localhost.localdomain".to_owned()));
    let rule = rule.expect("a rule");
    guest.grants.http = vec![rule];
    let outcome = guest.run("fetch", vec![text("GET"), text(&format!("http://{name}:{port}/"))]);
    assert!(said(&outcome).is_err(), "{outcome:?}");
}

#[test]
fn only_granted_variables_are_seen() {
    let mut guest = Guest::new("outside");
    assert_eq!(
        guest.call("variables", Vec::new()),
        Value::List(List::from_values(&taskhost_model::ValueType::String, []))
    );
    guest.grants.env = vec!["CARGO_PKG_NAME".into(), "TASKHOST_NO_SUCH_VARIABLE".into()];
    assert_eq!(guest.call("variable", vec![text("CARGO_PKG_NAME")]), Value::some(text("taskhost-sandbox")));
    let all = guest.call("variables", Vec::new());
    assert!(matches!(&all, Value::List(list) if list.len() == 1), "{all:?}");
}

struct Safe;

const SECRET: &str = "hunter2-correct-horse\nsecond line of it";

impl Vault for Safe {
    fn secret(&self, name: &str) -> Option<Arc<str>> {
        (name == "api-token").then(|| SECRET.into())
    }
}

fn with_secret() -> Guest {
    let options = SandboxOptions { instances: 8, vault: Some(Arc::new(Safe)), ..SandboxOptions::default() };
    let mut guest = Guest::with_options("outside", options);
    guest.grants.secrets = vec!["api-token".into()];
    guest.grants.config = BTreeMap::from([("greeting".into(), "hello".into())]);
    guest
}

#[test]
fn settings_and_secrets_reach_the_guest_that_is_granted_them() {
    let guest = with_secret();
    assert_eq!(guest.call("setting", vec![text("greeting")]), Value::some(text("hello")));
    assert_eq!(guest.call("setting", vec![text("other")]), Value::NONE);
    let plain = Guest::new("outside");
    assert_eq!(plain.call("setting", vec![text("api-token")]), Value::NONE);
    let unknown = Guest { grants: Grants { secrets: vec!["api-token".into()], ..Grants::default() }, ..plain };
    use taskhost_model::seams::Executor;
    let failure = unknown.sandbox.prepare(&unknown.request("exists", vec![text("x")]).call).err().expect("refused");
    assert!(failure.to_string().contains("the secret `api-token` is not known here"), "{failure}");
}

#[test]
fn a_secret_is_in_nothing_that_a_task_run_leaves_behind() {
    let guest = with_secret();
    let mut seen = String::new();
    for how in ["print", "return", "fail", "open", "panic"] {
        let outcome = guest.run("tell-setting", vec![text("api-token"), text(how)]);
        seen.push_str(&format!("{outcome:?}\n"));
        let failed = matches!(outcome.ending, Ending::Failed(_));
        assert_eq!(failed, matches!(how, "return" | "fail" | "panic"), "{how}: {outcome:?}");
        // The task has not failed: the host keeps back what it returned.
        let withheld = matches!(outcome.ending, Ending::Failed(TaskFailure::Withheld(_)));
        assert_eq!(withheld, matches!(how, "return" | "fail"), "{how}: {outcome:?}");
    }
    for said in guest.log.0.lock().expect("not poisoned").iter() {
        match said {
            Attachment::Log { line, .. } => seen.push_str(line),
            Attachment::Progress { message, .. } => seen.push_str(message),
        }
        seen.push('\n');
    }
    assert!(seen.contains("out ***") && seen.contains("log ***") && seen.contains("progress ***"), "{seen}");
    for part in SECRET.lines() {
        assert!(!seen.contains(part), "{part} is in\n{seen}");
    }
    assert!(!seen.contains("horse"), "{seen}");
}

#[test]
fn deterministic_task_runs_give_equal_bytes_and_others_do_not() {
    let mut guest = Guest::new("outside");
    let random = |guest: &Guest, count: u32| guest.call("random", vec![Value::U32(count)]);
    assert_ne!(random(&guest, 32), random(&guest, 32));
    guest.deterministic = true;
    assert_eq!(random(&guest, 32), random(&guest, 32));
    let (Value::List(short), Value::List(long)) = (random(&guest, 32), random(&guest, 33)) else { panic!("lists") };
    assert_ne!(
        short.as_bytes().expect("bytes")[..],
        long.as_bytes().expect("bytes")[..32],
        "other arguments, other numbers"
    );
    // Clocks stand still but for what the guest waits.
    let clocks = guest.call("clocks", vec![Value::U32(20)]);
    assert_eq!(clocks, Value::tuple([Value::U64(20_000_000), Value::U64(20_000_000)]));
}

#[test]
fn a_deterministic_guest_sees_its_timers_in_the_order_of_its_clock_alone() {
    let mut guest = Guest::new("outside");
    guest.deterministic = true;
    let list = |numbers: &[u32]| {
        Value::List(List::from_values(&ValueType::U32, numbers.iter().map(|number| Value::U32(*number))))
    };
    // So near to each other that real time has several of them ready at once.
    let rounds = guest.call("timers", vec![list(&[3, 1, 2, 1, 0])]);
    let wanted: [&[u32]; 4] = [&[4], &[1, 3], &[2], &[0]];
    let rounds_type = ValueType::List(Arc::new(ValueType::U32));
    assert_eq!(rounds, Value::List(List::from_values(&rounds_type, wanted.map(list))));
}

#[test]
fn a_deterministic_guest_learns_nothing_of_where_and_when_a_folder_was_made() {
    let look = |names: [&str; 3], deterministic: bool| {
        let folder = Folder::new();
        fs::create_dir(folder.path("made")).expect("a folder");
        names.iter().for_each(|name| fs::write(folder.path("made").join(name), "x").expect("a file"));
        let mut guest = reading(&folder, &["made"]);
        guest.deterministic = deterministic;
        let told = said(&guest.run("look-at", vec![text("made")])).expect("told");
        let Value::List(told) = told else { panic!("{told:?}") };
        assert_eq!(told.len(), 3);
        Value::List(told)
    };
    assert_eq!(look(["c", "a", "b"], true), look(["b", "c", "a"], true));
    assert_ne!(look(["c", "a", "b"], false), look(["b", "c", "a"], false));
}

#[test]
fn the_advice_of_a_refusal_names_the_folder_that_was_meant() {
    let folder = Folder::new();
    for (granted, function, path, grant) in [
        (&[][..], "read", "./data-in/x.txt", "read = [\"data-in\"]"),
        (&[], "read", "./top.txt", "read = [\".\"]"),
        (&[], "read", "data/sub/../x", "read = [\"data\"]"),
        (&[], "names", ".", "read = [\".\"]"),
        (&[], "make-folder", "new/x", "write = [\"new\"]"),
        (&["data"], "read", "data/../../x", ""),
    ] {
        let guest = reading(&folder, granted);
        let outcome = guest.run(function, vec![text(path)]);
        assert_eq!(refused(&outcome).first().map(|(_, grant)| *grant), Some(grant), "{path}: {outcome:?}");
    }
    // The nearest folder decides.
    let mut guest = writing(&folder, &["data"]);
    guest.grants.folders.push(folder.grant("data/inner", Access::Read));
    let outcome = guest.run("write", vec![text("data/inner/x.txt"), text("x")]);
    assert_eq!(refused(&outcome).first().map(|(_, grant)| *grant), Some("write = [\"data/inner\"]"), "{outcome:?}");
}

#[test]
fn folders_of_the_host_itself_are_never_granted() {
    for (own, granted) in [("data/inner", "data"), ("data/inner", "data/inner"), ("data", "data/inner")] {
        let folder = Folder::new();
        let mut options = SandboxOptions { instances: 4, ..SandboxOptions::default() };
        // A folder that others may write to would not be used.
        for own in [own, "data/inner"] {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(folder.path(own), fs::Permissions::from_mode(0o700)).expect("a folder of ours");
        }
        (options.cache_folder, options.data_folder) = (Some(folder.path(own)), Some(folder.path(own)));
        let mut guest = Guest::with_options("outside", options);
        guest.grants.folders = vec![folder.grant(granted, Access::Read)];
        use taskhost_model::seams::Executor;
        let failure = Executor::prepare(&*guest.sandbox, &guest.request("names", vec![text(granted)]).call)
            .err()
            .expect("refused");
        let TaskFailure::Ungrantable(why) = &failure else { panic!("{failure:?}") };
        assert!(why.contains("taskhost keeps its own files"), "{why}");
    }
}
