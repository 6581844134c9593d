//! What a tenant of a NATS server may have at most, certificates, and changes of the configuration while the server runs.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream;
use base64::Engine as _;
use serde_json::json;
use support::queues::{RESULT, TASK, make_consumer, make_queues, messages_of, read, run, send};
use support::tenants::Tenants;
use taskhost_nats::names::{TASKS_STREAM, TASKS_SUBJECTS};
use taskhost_nats::tenants::{TenantsSettings, TenantsTls};

#[test]
fn a_full_tenant_can_put_no_more_and_another_still_can() {
    run(async {
        let mut settings = TenantsSettings::new(["a", "b"]);
        settings.limits.storage_bytes_max = 4 << 20;
        let tenants = Tenants::start(settings);
        let (host, other) = (tenants.host("a").await, tenants.host("b").await);
        let (full, room) = (make_queues(&host).await, make_queues(&other).await);
        let mebibyte = vec![7; 1 << 20];
        let mut put = 0;
        let error = loop {
            match full.artifacts.put(format!("artifact-{put}").as_str(), &mut &mebibyte[..]).await {
                Ok(_) => put += 1,
                Err(error) => break error.to_string(),
            }
            assert!(put < 5, "more than it may have");
        };
        assert!(put >= 2 && error.contains("resource"), "{put}: {error}");
        room.artifacts.put("artifact-0", &mut &mebibyte[..]).await.expect("put");
        send(&other, TASK, "run").await;
        assert!(read(&full.artifacts, "artifact-0").await == mebibyte, "what is there stays");
    });
}

#[test]
fn a_tenant_has_its_streams_and_none_in_memory() {
    run(async {
        let tenants = Tenants::start(TenantsSettings::new(["a"]));
        let host = tenants.host("a").await;
        let in_memory = stream::Config {
            name: TASKS_STREAM.to_owned(),
            subjects: vec![TASKS_SUBJECTS.to_owned()],
            storage: stream::StorageType::Memory,
            ..stream::Config::default()
        };
        let error = host.jetstream.create_stream(in_memory).await.expect_err("no memory").to_string();
        assert!(error.contains("memory"), "{error}");
        host.must_not_publish("$JS.API.STREAM.CREATE.another").await;
    });
}

#[test]
fn each_stream_has_as_many_consumers_as_are_allowed() {
    run(async {
        let mut settings = TenantsSettings::new(["a"]);
        settings.limits.consumers_max = 2;
        let tenants = Tenants::start(settings);
        let host = tenants.host("a").await;
        let queues = make_queues(&host).await;
        for labels in ["a", "b"] {
            make_consumer(&queues.tasks, labels, &format!("taskhost.1.tasks.{labels}.*")).await;
        }
        make_consumer(&queues.results, "results-1", RESULT).await;
        let config = pull::Config {
            durable_name: Some("c".to_owned()),
            filter_subject: "taskhost.1.tasks.c.*".to_owned(),
            ..pull::Config::default()
        };
        let error = queues.tasks.get_or_create_consumer("c", config).await.expect_err("refused").to_string();
        assert!(error.contains("maximum consumers limit reached"), "{error}");
    });
}

#[test]
fn one_connection_too_many_is_refused_and_the_workers_are_counted_apart() {
    run(async {
        let mut settings = TenantsSettings::new(["a"]);
        settings.limits.connections_max = 2;
        let tenants = Tenants::start(settings);
        let _held = [tenants.host("a").await, tenants.host("a").await];
        let options = ConnectOptions::with_nkey(tenants.seeds["a/host.nk"].clone());
        let error = tenants.user(options, "_INBOX_host", "$JS.API").await.err().expect("refused").to_string();
        assert!(error.contains("maximum account active connections exceeded"), "{error}");
        let _workers = [tenants.worker("a").await, tenants.worker("a").await];
    });
}

/// By hand, as a client library does not even send what is too large.
#[test]
fn a_payload_above_the_limit_is_refused() {
    let mut settings = TenantsSettings::new(["a"]);
    settings.limits.payload_bytes_max = 600_000;
    let tenants = Tenants::start(settings);
    for (file, subject) in [("a/host.nk", TASK), ("a/worker.nk", RESULT)] {
        let key = nkeys::KeyPair::from_seed(&tenants.seeds[file]).expect("a key");
        let mut stream = TcpStream::connect(("127.0.0.1", tenants.server.port)).expect("a connection");
        stream.set_read_timeout(Some(support::PATIENCE)).expect("a limit");
        let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines().map_while(Result::ok);
        let hello = lines.next().expect("a greeting");
        let hello: serde_json::Value = serde_json::from_str(hello.strip_prefix("INFO ").expect("INFO")).expect("JSON");
        let nonce = hello["nonce"].as_str().expect("a nonce");
        let signature = key.sign(nonce.as_bytes()).expect("signed");
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature);
        let connect = json!({ "verbose": false, "pedantic": false, "nkey": key.public_key(), "sig": signature });
        let fits = format!("PUB {subject} 600000\r\n{}\r\nPING\r\n", " ".repeat(600_000));
        stream.write_all(format!("CONNECT {connect}\r\n{fits}").as_bytes()).expect("sent");
        let said = lines.by_ref().find(|line| !line.starts_with("INFO")).expect("an answer");
        assert_eq!(said, "PONG", "as large as it may be");
        // It may be cut off while it is sent.
        let _ = stream.write_all(format!("PUB {subject} 600001\r\n{}\r\nPING\r\n", " ".repeat(600_001)).as_bytes());
        assert_eq!(lines.next().as_deref(), Some("-ERR 'Maximum Payload Violation'"), "{file}");
        assert_eq!(lines.next(), None, "and it is cut off");
    }
}

#[test]
fn a_tenant_is_added_and_a_key_changed_while_the_others_work_on() {
    run(async {
        let mut settings = TenantsSettings::new(["a"]);
        let mut tenants = Tenants::start(settings.clone());
        let (host, worker) = (tenants.host("a").await, tenants.worker("a").await);
        let queues = make_queues(&host).await;
        send(&host, TASK, "run").await;
        settings.seeds = tenants.seeds.clone();
        settings.tenants.push("b".to_owned());
        settings.seeds.remove("a/worker.nk");
        tenants.reload(settings);
        worker.hears(&["disconnected"]).await;
        let (_, other) = (tenants.worker("a").await, tenants.host("b").await);
        make_queues(&other).await;
        assert_eq!(messages_of(&queues.tasks).await, 1);
        host.hears_nothing().await;
    });
}

#[test]
fn with_tls_a_certificate_of_a_client_can_be_asked_for() {
    run(async {
        let folder = std::env::temp_dir().join(format!("taskhost-nats-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let pem = |name: &str| {
            let of = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
            let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
            std::fs::write(&certificate, of.cert.pem()).expect("written");
            std::fs::write(&key, of.signing_key.serialize_pem()).expect("written");
            (certificate, key)
        };
        let (server, client) = (pem("server"), pem("client"));
        let mut settings = TenantsSettings::new(["a"]);
        settings.tls =
            Some(TenantsTls { certificate: server.0.clone(), key: server.1, clients_ca: Some(client.0.clone()) });
        let tenants = Tenants::start(settings);
        let options = || {
            let options = ConnectOptions::with_nkey(tenants.seeds["a/host.nk"].clone()).require_tls(true);
            options.add_root_certificates(server.0.clone())
        };
        let with = options().add_client_certificate(client.0, client.1);
        let host = tenants.user(with, "_INBOX_host", "$JS.API").await.expect("a connection");
        make_queues(&host).await;
        assert!(tenants.user(options(), "_INBOX_host", "$JS.API").await.is_err(), "without a certificate");
        let _ = std::fs::remove_dir_all(folder);
    });
}

#[test]
fn a_server_that_was_killed_comes_back_with_what_it_had() {
    run(async {
        let mut tenants = Tenants::start(TenantsSettings::new(["a"]));
        let host = tenants.host("a").await;
        make_queues(&host).await;
        send(&host, TASK, "run").await;
        tenants.server.restart();
        let host = tenants.host("a").await;
        let tasks = host.jetstream.get_stream(TASKS_STREAM).await.expect("a stream");
        assert_eq!(messages_of(&tasks).await, 1);
    });
}
