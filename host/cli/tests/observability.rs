//! Traces, metrics and logs of the real command: spans at a collector, numbers that are scraped, and nothing at all unless it is asked for.

#[path = "support/otlp.rs"]
mod otlp;
mod support;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use otlp::{Collector, Span, scrape, until};
use support::{Folder, Said, guest};

/// A flow with a map, a retry, a subflow that is mapped, a failure that is handled, and one that is not.
fn write_flow(folder: &Folder) {
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"watched\"\n[components]\nmisc = {component:?}\n\
             [tasks.numbers]\ncall = \"misc.range\"\nwith.n = 4\n\
             [tasks.wait]\ncall = \"misc.sleep\"\nwith.ms = 60\n\
             [tasks.odd]\ncall = \"misc.fail-odd\"\nmap = [\"n\"]\nwith.n = \"${{numbers}}\"\non-failure = \"collect\"\n\
             retry = {{ attempts = 2, delay = \"20ms\", jitter = false }}\n\
             [tasks.inner]\nflow = \"inner.flow.toml\"\nmap = [\"n\"]\nwith.n = [5, 6]\n\
             [tasks.last]\ncall = \"misc.fail\"\nwith.message = \"no more\"\nafter = [\"inner\", \"wait\", \"odd\"]\n\
             [outputs]\nlast = \"${{last}}\"\n"
        ),
    );
    folder.write(
        "inner.flow.toml",
        format!(
            "name = \"inside\"\n[parameters.n]\n[components]\nmisc = {component:?}\n\
             [tasks.more]\ncall = \"misc.add-one\"\nwith.n = \"${{n}}\"\n\
             [tasks.doze]\ncall = \"misc.sleep\"\nwith.ms = 10\nafter = [\"more\"]\n[outputs]\nmore = \"${{more}}\"\n"
        ),
    );
}

/// `taskhost` with a data folder of its own, and nothing of ours in its environment.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    for name in ["TASKHOST_LOG", "TASKHOST_METRICS", "OTEL_EXPORTER_OTLP_ENDPOINT", "TRACEPARENT"] {
        command.env_remove(name);
    }
    command.env("TASKHOST_DATA_FOLDER", folder.0.join("data")).env("TASKHOST_CACHE_FOLDER", folder.0.join("compiled"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(command: &mut Command) -> Said {
    command.output().expect("a process").into()
}

fn ended(child: Child) -> Said {
    child.wait_with_output().expect("an end").into()
}

fn traced(folder: &Folder, collector: &Collector, arguments: &[&str]) -> Said {
    said(command(folder, arguments).env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint))
}

/// The span of a task, or of one of its runs and attempts.
fn find<'a>(spans: &'a [Span], what: &[(&str, &str)]) -> &'a Span {
    let found: Vec<&Span> =
        spans.iter().filter(|span| what.iter().all(|(key, value)| span.get(key) == *value)).collect();
    assert_eq!(found.len(), 1, "{what:?} in {spans:#?}");
    found[0]
}

fn root(spans: &[Span]) -> &Span {
    let roots: Vec<&Span> = spans.iter().filter(|span| span.attributes.contains_key("taskhost.resumed")).collect();
    assert_eq!(roots.len(), 1, "{spans:#?}");
    roots[0]
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64
}

#[test]
fn each_attempt_of_each_task_run_is_a_span_below_its_subflow_or_its_flow_run() {
    let folder = Folder::new();
    write_flow(&folder);
    let collector = Collector::start();
    let before = now();
    let said = said(
        command(&folder, &["run", "flow.toml"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b")
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
            .env("OTEL_SERVICE_NAME", "nightly"),
    );
    let after = now();
    assert_eq!(said.code, Some(4), "{said:?}");
    let spans = collector.spans();
    // The flow run; `numbers`, `wait`; 4 of `odd` and 2 more attempts; 2 of `inner` with 2 each; `last`.
    assert_eq!(spans.len(), 1 + 2 + 6 + 2 + 4 + 1, "{spans:#?}");
    assert_eq!(spans.iter().map(|span| &span.id).collect::<HashSet<_>>().len(), spans.len());

    let whole = root(&spans);
    assert_eq!((&*whole.name, whole.parent.len(), whole.status), ("watched", 0, 2));
    assert_eq!(whole.message, "task `last` returned an error: no more");
    let count = |key: &str| whole.get(&format!("taskhost.task_runs.{key}")).to_owned();
    assert_eq!(["ended", "failed", "cached", "retried"].map(count), ["11", "3", "0", "2"]);
    assert!(said.stderr.contains(whole.get("taskhost.run.id")), "{said:?}");
    for span in &spans {
        assert_eq!((span.trace.len(), span.id.len()), (16, 8));
        assert_eq!(span.trace, whole.trace);
        assert_eq!(span.get("taskhost.flow"), "watched");
        assert!(before <= span.start && span.start <= span.end && span.end <= after, "{span:?}");
        assert!(whole.start <= span.start && span.end <= whole.end, "{span:?} within {whole:?}");
    }

    let wait = find(&spans, &[("taskhost.task", "wait")]);
    assert_eq!((&*wait.name, &wait.parent, wait.status), ("wait", &whole.id, 1));
    assert_eq!(wait.get("taskhost.function"), "sleep");
    assert_eq!(wait.get("taskhost.component"), "misc");
    assert!(wait.get("taskhost.component.digest").starts_with("sha256:"));
    assert!(wait.took() >= Duration::from_millis(55), "{wait:?}");
    let seconds: f64 = wait.get("taskhost.usage.wall_seconds").parse().expect("a number");
    assert!((wait.took().as_secs_f64() - seconds).abs() < 0.001, "{wait:?}");
    assert_ne!(wait.get("taskhost.usage.memory_peak_bytes"), "0");

    for (index, attempt, state) in
        [("0", "1", "succeeded"), ("1", "1", "failed"), ("1", "2", "failed"), ("2", "1", "succeeded")]
    {
        let what = [("taskhost.task", "odd"), ("taskhost.task.index", index), ("taskhost.attempt", attempt)];
        let span = find(&spans, &what);
        assert_eq!((span.get("taskhost.state"), &span.parent), (state, &whole.id), "{span:?}");
        assert_eq!(span.get("taskhost.failure.kind"), if state == "failed" { "returned" } else { "" });
        assert_eq!(span.message.is_empty(), state == "succeeded", "{span:?}");
    }
    let attempt = |number| find(&spans, &[("taskhost.task.index", "3"), ("taskhost.attempt", number)]);
    assert!(attempt("2").start >= attempt("1").end + 15_000_000, "the delay is between the attempts");

    for index in ["0", "1"] {
        let inner = find(&spans, &[("taskhost.task", "inner"), ("taskhost.task.index", index)]);
        assert_eq!((&inner.parent, inner.status, inner.get("taskhost.subflow")), (&whole.id, 1, "inside"));
        for name in ["more", "doze"] {
            let path = format!("inner[{index}]/{name}");
            let span = find(&spans, &[("taskhost.task", &path)]);
            assert_eq!((&*span.name, &span.parent), (name, &inner.id));
            assert!(inner.start <= span.start && span.end <= inner.end, "{span:?} within {inner:?}");
        }
    }

    let resource = collector.resource();
    assert_eq!((&*resource["service.name"], &*resource["deployment.environment"]), ("nightly", "test"));
    for head in collector.heads() {
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: application/x-protobuf"), "{head}");
        assert!(head.contains("\r\nx-tenant: a b"), "{head}");
    }
}

#[test]
fn a_result_from_the_cache_is_a_span_that_says_so() {
    let folder = Folder::new();
    let component = guest("misc");
    let flow = "name = \"kept\"\n[components]\nmisc = {component}\n[tasks.add]\ncall = \"misc.add\"\n\
                with = { a = 1, b = 2 }\ncache = true\n[outputs]\nadd = \"${add}\"\n";
    folder.write("flow.toml", flow.replace("{component}", &format!("{component:?}")));
    for is_cached in ["false", "true"] {
        let collector = Collector::start();
        assert_eq!(traced(&folder, &collector, &["run", "flow.toml"]).code, Some(0));
        let spans = collector.spans();
        assert_eq!(spans.len(), 2, "{spans:#?}");
        assert_eq!(find(&spans, &[("taskhost.task", "add")]).get("taskhost.cached"), is_cached);
        assert_eq!(root(&spans).get("taskhost.task_runs.cached"), if is_cached == "true" { "1" } else { "0" });
    }
}

#[test]
fn a_flow_run_is_part_of_its_callers_trace_and_one_that_is_not_sampled_is_not_sent() {
    let folder = Folder::new();
    write_flow(&folder);
    for (flags, count) in [("01", 16), ("00", 0)] {
        let collector = Collector::start();
        let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let mut command = command(&folder, &["run", "flow.toml", "--no-journal", "-q"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint).env("TRACEPARENT", parent);
        assert_eq!(said(&mut command).code, Some(4));
        let spans = collector.spans();
        assert_eq!(spans.len(), count);
        if count > 0 {
            assert_eq!(root(&spans).parent, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
            assert!(spans.iter().all(|span| span.trace[..2] == [0x4b, 0xf9]));
        }
    }
}

/// A collector for `localhost` by HTTPS, which takes one post; with its certificate.
fn serve_https() -> (Collector, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = signing_key.serialize_der().try_into().expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let collector = Collector::at(format!("https://localhost:{port}"));
    let ours = collector.clone();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let session = ServerConnection::new(Arc::new(config)).expect("a session");
        ours.take(StreamOwned::new(session, stream));
    });
    (collector, cert.pem())
}

#[test]
fn spans_go_to_a_collector_by_https_if_its_certificate_is_trusted() {
    let folder = Folder::new();
    write_flow(&folder);
    let (collector, certificate) = serve_https();
    folder.write("trusted.pem", certificate);
    let mut command = command(&folder, &["run", "flow.toml", "-q"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    let said = said(command.env("SSL_CERT_FILE", folder.0.join("trusted.pem")).env_remove("SSL_CERT_DIR"));
    assert!(!said.stderr.contains("warning:"), "{said:?}");
    assert_eq!(root(&collector.spans()).name, "watched");
    // Nobody vouches for this one.
    let (stranger, _) = serve_https();
    let said = traced(&folder, &stranger, &["run", "flow.toml", "-q"]);
    assert!(said.stderr.contains("warning: 16 spans could not be sent: ") && said.code == Some(4), "{said:?}");
}

/// A flow whose second task takes until it is stopped.
fn write_slow_flow(folder: &Folder) {
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"slow\"\n[components]\nmisc = {component:?}\n[tasks.first]\ncall = \"misc.sleep\"\nwith.ms = 1\n\
             [tasks.then]\ncall = \"misc.sleep\"\nmap = [\"ms\"]\nwith.ms = [600000, 600000]\nafter = [\"first\"]\n"
        ),
    );
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("`kill`").success());
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string()
}

fn number(metrics: &str, line: &str) -> Option<f64> {
    let found = metrics.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
    found.map(|number| number.parse().expect("a number"))
}

#[cfg(unix)]
#[test]
fn metrics_are_scraped_while_a_flow_runs_and_an_interrupted_one_sends_its_spans_and_goes_on_in_the_same_trace() {
    let folder = Folder::new();
    write_slow_flow(&folder);
    let (collector, address) = (Collector::start(), free_port());
    let mut run = command(&folder, &["run", "flow.toml"]);
    run.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint).env("TASKHOST_METRICS", &address);
    let child = run.spawn().expect("a process");
    let metrics = until("two task runs are running", || {
        let metrics = scrape(&address)?;
        let running = number(&metrics, "taskhost_task_runs_running{flow=\"slow\",task=\"then\"}");
        (running == Some(2.0)).then_some(metrics)
    });
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4"), "{metrics}");
    assert_eq!(number(&metrics, "taskhost_flow_runs_running{flow=\"slow\"}"), Some(1.0));
    let first = "taskhost_task_runs_total{flow=\"slow\",task=\"first\",state=\"succeeded\"}";
    assert_eq!(number(&metrics, first), Some(1.0));
    // The first lets what runs come to its end, the second stops it.
    interrupt(&child);
    until("a span of what has ended", || (!collector.spans().is_empty()).then_some(()));
    interrupt(&child);
    let stopped = ended(child);
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    let spans = collector.spans();
    assert_eq!((root(&spans).get("taskhost.state"), root(&spans).status), ("cancelled", 0));
    let cut_off = spans.iter().filter(|span| span.get("taskhost.task") == "then");
    assert!(cut_off.clone().all(|span| span.get("taskhost.state") == "cancelled"));
    assert_eq!(cut_off.count(), 2, "{spans:#?}");

    // It goes on: what had ended is not told again.
    let again = Collector::start();
    let mut resume = command(&folder, &["runs", "resume", "latest"]);
    resume.env("OTEL_EXPORTER_OTLP_ENDPOINT", &again.endpoint).env("TASKHOST_METRICS", "file:resumed.prom");
    let mut child = resume.env("TASKHOST_LOG", "info").spawn().expect("a process");
    let mut lines = BufReader::new(child.stderr.take().expect("its stderr")).lines();
    let mut read_until = |word: &str| lines.by_ref().map_while(Result::ok).find(|line| line.contains(word));
    assert!(read_until("flow run started").is_some());
    interrupt(&child);
    let said = read_until("(once more: stop)").expect("that it heard");
    // If nothing has begun yet, it ends by itself.
    if said.contains("waiting for what runs") {
        interrupt(&child);
    }
    assert!(read_until("flow run ended").is_some());
    drop(lines);
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    let metrics = std::fs::read_to_string(folder.0.join("resumed.prom")).expect("a file");
    assert_eq!(number(&metrics, "taskhost_flow_runs_total{flow=\"slow\",state=\"cancelled\"}"), Some(1.0));
    for task in ["first", "then"] {
        let labels = format!("{{flow=\"slow\",task=\"{task}\"");
        assert_eq!(number(&metrics, &format!("taskhost_task_runs_running{labels}}}")), Some(0.0), "{metrics}");
        assert_eq!(number(&metrics, &format!("taskhost_task_runs_waiting{labels}}}")), Some(0.0), "{metrics}");
        let total = format!("taskhost_task_runs_total{labels},state=\"succeeded\"}}");
        assert_eq!(number(&metrics, &total), Some(0.0), "what had ended is not counted again\n{metrics}");
    }
    let resumed = again.spans();
    assert_eq!(root(&resumed).get("taskhost.resumed"), "true");
    assert_eq!(root(&resumed).trace, root(&spans).trace);
    assert_ne!(root(&resumed).id, root(&spans).id);
    assert!(resumed.iter().all(|span| span.get("taskhost.task") != "first"), "{resumed:#?}");
}

#[test]
fn metrics_are_written_to_a_file_at_the_end_whole() {
    let folder = Folder::new();
    write_flow(&folder);
    let mut command = command(&folder, &["run", "flow.toml", "-q"]);
    let said = said(command.env("TASKHOST_METRICS", "file:taskhost.prom"));
    assert_eq!(said.code, Some(4), "{said:?}");
    let metrics = std::fs::read_to_string(folder.0.join("taskhost.prom")).expect("a file");
    let wanted = [
        ("taskhost_flow_runs_total{flow=\"watched\",state=\"failed\"}", 1.0),
        ("taskhost_flow_runs_total{flow=\"watched\",state=\"succeeded\"}", 0.0),
        ("taskhost_flow_runs_running{flow=\"watched\"}", 0.0),
        ("taskhost_flow_run_duration_seconds_count{flow=\"watched\"}", 1.0),
        ("taskhost_task_runs_total{flow=\"watched\",task=\"odd\",state=\"succeeded\"}", 2.0),
        ("taskhost_task_runs_total{flow=\"watched\",task=\"odd\",state=\"failed\"}", 2.0),
        ("taskhost_task_runs_total{flow=\"watched\",task=\"inner/more\",state=\"succeeded\"}", 2.0),
        ("taskhost_task_attempts_total{flow=\"watched\",task=\"odd\"}", 6.0),
        ("taskhost_task_retries_total{flow=\"watched\",task=\"odd\"}", 2.0),
        ("taskhost_task_runs_running{flow=\"watched\",task=\"odd\"}", 0.0),
        ("taskhost_task_runs_waiting{flow=\"watched\",task=\"odd\"}", 0.0),
        ("taskhost_task_runs_cached_total{flow=\"watched\",task=\"odd\"}", 0.0),
        ("taskhost_task_duration_seconds_count{flow=\"watched\",task=\"odd\"}", 6.0),
        ("taskhost_task_duration_seconds_bucket{flow=\"watched\",task=\"wait\",le=\"0.05\"}", 0.0),
        ("taskhost_task_duration_seconds_bucket{flow=\"watched\",task=\"wait\",le=\"+Inf\"}", 1.0),
        ("taskhost_task_memory_peak_bytes_count{flow=\"watched\",task=\"wait\"}", 1.0),
    ];
    for (line, value) in wanted {
        assert_eq!(number(&metrics, line), Some(value), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("task=\"inner\""), "what a subflow did is told by the tasks inside");
    let names: Vec<_> =
        std::fs::read_dir(&folder.0).expect("a folder").map(|it| it.expect("a file").file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains(".new")), "{names:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_setting_nothing_is_told_no_port_is_open_and_no_thread_is_there() {
    let folder = Folder::new();
    write_slow_flow(&folder);
    let mut plain = command(&folder, &["run", "flow.toml"]);
    plain.env("OTEL_SERVICE_NAME", "nobody-asked").env("TASKHOST_LOG_FORMAT", "json");
    let child = plain.spawn().expect("a process");
    let process = format!("/proc/{}", child.id());
    // Threads that the pool started: the flow runs.
    let threads = until("the flow runs", || {
        let tasks = std::fs::read_dir(format!("{process}/task")).ok()?;
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        let names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
        names.iter().any(|name| name.starts_with("taskhost-store")).then_some(names)
    });
    for ours in ["taskhost-spans", "taskhost-metric"] {
        assert!(!threads.iter().any(|name| name.starts_with(ours)), "{threads:?}");
    }
    let files = std::fs::read_dir(format!("{process}/fd")).expect("files");
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    let sockets: Vec<_> = links.filter(|link| link.to_string_lossy().starts_with("socket:")).collect();
    let mut child = child;
    child.kill().expect("a process that can be killed");
    let said = ended(child);
    assert!(!said.stderr.contains("flow run started"), "{said:?}");
    let listening = std::fs::read_to_string("/proc/net/tcp").expect("sockets");
    for socket in sockets {
        let number = socket.to_string_lossy().trim_matches(|it: char| !it.is_ascii_digit()).to_owned();
        let is_ours = |line: &str| line.split_whitespace().nth(9) == Some(&*number);
        assert!(!listening.lines().any(|line| is_ours(line) && line.contains(" 0A ")), "{number} listens");
    }
}

#[test]
fn a_collector_that_is_away_or_silent_or_refuses_is_a_warning_within_its_time_and_changes_nothing_else() {
    let folder = Folder::new();
    write_flow(&folder);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_at = silent.local_addr().expect("an address").to_string();
    let wanted = said(&mut command(&folder, &["run", "flow.toml", "--json", "-q"]));
    for (address, word) in [(free_port(), "connection refused"), (silent_at, "took too long")] {
        let began = Instant::now();
        let mut command = command(&folder, &["run", "flow.toml", "--json", "-q"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
        let said = said(command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"));
        // The flow run and the process's start included.
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        assert_eq!(said.code, wanted.code, "{said:?}");
        let state =
            |said: &Said| serde_json::from_str::<serde_json::Value>(&said.stdout).expect("JSON")["state"].clone();
        assert_eq!(state(&said), state(&wanted));
        let warnings: Vec<&str> = said.stderr.lines().filter(|line| line.starts_with("warning:")).collect();
        assert_eq!(warnings.len(), 1, "{said:?}");
        assert!(warnings[0].contains("spans") && warnings[0].contains(word), "{said:?}");
    }
}

#[test]
fn logs_are_lines_of_json_or_text_and_name_what_failed() {
    let folder = Folder::new();
    write_flow(&folder);
    let log = |level: &str, format: &str| {
        let mut command = command(&folder, &["run", "flow.toml", "-q"]);
        said(command.env("TASKHOST_LOG", level).env("TASKHOST_LOG_FORMAT", format)).stderr
    };
    let lines: Vec<BTreeMap<String, serde_json::Value>> =
        log("info", "json").lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |message: &str| lines.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
    assert_eq!(of("component was compiled").len(), 1, "{lines:#?}");
    assert_eq!(of("flow run started")[0]["flow"], "watched");
    assert_eq!(of("attempt failed").len(), 2);
    let failed = of("task run failed");
    assert_eq!(failed.len(), 3);
    assert_eq!(
        (&failed[2]["task"], &failed[2]["level"], &failed[2]["kind"]),
        (&"last".into(), &"warn".into(), &"returned".into())
    );
    let end = of("flow run ended")[0];
    assert_eq!((&end["state"], &end["task_runs"], &end["failed"]), (&"failed".into(), &11.into(), &3.into()));
    assert_eq!(end["run"], of("flow run started")[0]["run"]);

    let text = log("taskhost=off,taskhost::run=warn", "text");
    let line = text.lines().find(|line| line.contains("task=\"last\"")).expect("a line");
    assert!(line.contains("Z  WARN taskhost::run: task run failed run="), "{text}");
    assert!(!text.contains("flow run ended"), "{text}");
}

#[test]
fn a_setting_that_cannot_be_meant_is_wrong_usage_before_anything_runs() {
    let folder = Folder::new();
    write_flow(&folder);
    for (name, value, word) in [
        ("TASKHOST_LOG", "loud", "names no level"),
        ("TASKHOST_METRICS", "9464", "no address with a port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ] {
        let said = said(command(&folder, &["run", "flow.toml"]).env(name, value));
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.stderr.contains(word) && said.stderr.contains("help: "), "{said:?}");
        assert!(!said.stderr.contains("wait"), "{said:?}");
    }
}
