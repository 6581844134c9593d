//! Tenants of one NATS server, with the configuration that `tenants` writes and a real server: each can work, and none can see,
//! take or spoil what is another's; and a worker can do no more than work. Limits are in tenant_limits.rs.

mod support;

use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::object_store::ObjectStore;
use futures_util::StreamExt;
use serde_json::json;
use support::queues::{RESULT, TASK, make_consumer, make_queues, messages_of, read, run, send, take};
use support::tenants::{Tenants, User};
use taskhost_nats::names::{
    ARTIFACTS_BUCKET, CANCEL_SUBJECTS, RESULTS_STREAM, RESULTS_SUBJECTS, TASKS_STREAM, TASKS_SUBJECTS, WORKERS_SUBJECT,
};
use taskhost_nats::tenants::TenantsSettings;

/// What a worker finds of the queues that a host has made.
async fn find_queue(worker: &User) -> (PullConsumer, ObjectStore) {
    let tasks = worker.jetstream.get_stream(TASKS_STREAM).await.expect("a stream");
    worker.jetstream.get_stream(RESULTS_STREAM).await.expect("a stream");
    let names: Vec<_> = tasks.consumer_names().map(|name| name.expect("a name")).collect().await;
    let consumer = tasks.get_consumer(&names[0]).await.expect("a consumer");
    (consumer, worker.jetstream.get_object_store(ARTIFACTS_BUCKET).await.expect("a bucket"))
}

#[test]
fn a_tenants_hosts_and_workers_can_do_their_work() {
    run(async {
        let tenants = Tenants::start(TenantsSettings::new(["a", "b"]));
        let (host, worker) = (tenants.host("a").await, tenants.worker("a").await);
        let queues = make_queues(&host).await;
        make_consumer(&queues.tasks, "tasks-_", "taskhost.1.tasks._.*").await;
        let outcomes = make_consumer(&queues.results, "results-1", RESULT).await;
        let large: Vec<u8> = (0..20_u32 << 20).map(|at| (at % 251) as u8).collect();
        queues.artifacts.put("component-1", &mut &large[..]).await.expect("put");
        host.jetstream.get_object_store(ARTIFACTS_BUCKET).await.expect("what another host finds");

        // Who is there?
        let mut answers = host.client.subscribe("_INBOX_host.workers.01").await.expect("a subscription");
        let mut questions = worker.client.subscribe(WORKERS_SUBJECT).await.expect("a subscription");
        let mut cancelled = worker.client.subscribe(CANCEL_SUBJECTS).await.expect("a subscription");
        worker.is_heard().await;
        let reply = "_INBOX_host.workers.01";
        host.client.publish_with_reply(WORKERS_SUBJECT, reply, "who?".into()).await.expect("asked");
        let question = questions.next().await.expect("a question");
        worker.client.publish(question.reply.expect("a place"), "me".into()).await.expect("answered");
        assert_eq!(answers.next().await.expect("an answer").payload, "me");

        // A task run, and its outcome with a large value.
        let (consumer, artifacts) = find_queue(&worker).await;
        send(&host, TASK, "run").await;
        let message = take(&consumer).await;
        assert_eq!((&*message.subject, &*message.payload), (TASK, &b"run"[..]));
        assert!(read(&artifacts, "component-1").await == large);
        artifacts.put("artifact-1", &mut &large[..]).await.expect("put");
        send(&worker, RESULT, "outcome").await;
        message.double_ack().await.expect("counted");
        assert_eq!(messages_of(&queues.tasks).await, 0);
        let outcome = take(&outcomes).await;
        assert_eq!(outcome.payload, "outcome");
        outcome.double_ack().await.expect("counted");
        assert!(read(&queues.artifacts, "artifact-1").await == large);
        // Once more under the same name: the old pieces go.
        queues.artifacts.put("component-1", &mut &large[..1000]).await.expect("put");
        assert!(read(&artifacts, "component-1").await == large[..1000]);

        // One that may have been lost.
        let sequence = send(&host, TASK, "once more").await;
        queues.tasks.get_raw_message(sequence).await.expect("there");

        // The end.
        host.client.publish("taskhost.1.cancel.0000000000000001", "".into()).await.expect("sent");
        assert_eq!(&*cancelled.next().await.expect("word").subject, "taskhost.1.cancel.0000000000000001");
        queues.tasks.purge().filter("taskhost.1.tasks.*.0000000000000001").await.expect("purged");
        queues.results.purge().filter(RESULT).await.expect("purged");
        queues.results.delete_consumer("results-1").await.expect("deleted");
        host.hears_nothing().await;
        worker.hears_nothing().await;
    });
}

#[test]
fn a_tenant_sees_and_takes_nothing_of_another() {
    run(async {
        // Somebody at b who may do all that b's accounts can.
        let tenants = Tenants::start_changed(TenantsSettings::new(["a", "b"]), |text| {
            let (before, after) = text.split_once("  \"b\": {").expect("the account");
            let user = |name: &str| format!("users: [ {{ user: {name}, password: {name} }}, ");
            let after = after.replacen("users: [ ", &user("owner"), 1);
            let (first, second) = after.split_once("  \"b-workers\": {").expect("the account");
            let second = second.replacen("users: [ ", &user("foreman"), 1);
            format!("{before}  \"b\": {{{first}  \"b-workers\": {{{second}")
        });
        let (host, worker) = (tenants.host("a").await, tenants.worker("a").await);
        let queues = make_queues(&host).await;
        make_consumer(&queues.tasks, "tasks-_", "taskhost.1.tasks._.*").await;
        let (consumer, _) = find_queue(&worker).await;
        let named = |name: &str| ConnectOptions::with_user_and_password(name.to_owned(), name.to_owned());
        let owner = tenants.user(named("owner"), "_INBOX", "$JS.API").await.expect("a connection");
        let foreman = tenants.user(named("foreman"), "_INBOX", "taskhost.api").await.expect("a connection");

        // Listening to everything while a works.
        let mut heard =
            [owner.client.subscribe(">").await.expect("sent"), foreman.client.subscribe(">").await.expect("sent")];
        for (user, heard) in [&owner, &foreman].into_iter().zip(&mut heard) {
            user.client.publish("beginning", "".into()).await.expect("sent");
            assert_eq!(&*heard.next().await.expect("a message").subject, "beginning");
        }
        queues.artifacts.put("component-1", &mut &b"secret"[..]).await.expect("put");
        send(&host, TASK, "first").await;
        take(&consumer).await.double_ack().await.expect("counted");
        send(&worker, RESULT, "outcome").await;
        host.client.publish(WORKERS_SUBJECT, "who?".into()).await.expect("asked");
        host.client.publish("taskhost.1.cancel.1", "".into()).await.expect("sent");
        host.is_heard().await;
        for (user, heard) in [&owner, &foreman].into_iter().zip(&mut heard) {
            // One of its own, so that what came before it has arrived.
            user.client.publish("end", "".into()).await.expect("sent");
            assert_eq!(&*heard.next().await.expect("a message").subject, "end");
            heard.unsubscribe().await.expect("sent");
        }

        // Asking for it by name.
        let held = take_without_ack(&host, &consumer).await;
        assert_eq!(owner.api("$JS.API.STREAM.NAMES", json!(null)).await["total"], 0);
        let bucket = format!("OBJ_{ARTIFACTS_BUCKET}");
        for stream in [TASKS_STREAM, RESULTS_STREAM, &bucket] {
            for (call, body) in [
                ("STREAM.INFO", json!(null)),
                ("STREAM.PURGE", json!(null)),
                ("STREAM.DELETE", json!(null)),
                ("STREAM.MSG.GET", json!({ "seq": 1 })),
                ("STREAM.MSG.DELETE", json!({ "seq": 1 })),
                ("CONSUMER.NAMES", json!(null)),
            ] {
                let answer = owner.api(&format!("$JS.API.{call}.{stream}"), body).await;
                assert_eq!(answer["error"]["err_code"], 10_059, "{call} {stream}: {answer}");
            }
            let answer = foreman.api(&format!("taskhost.api.STREAM.INFO.{stream}"), json!(null)).await;
            assert_eq!(answer["error"]["err_code"], 10_059, "{stream}: {answer}");
        }
        // Nobody is there to answer these.
        let get = format!("DIRECT.GET.{bucket}.$O.{ARTIFACTS_BUCKET}.M.Y29tcG9uZW50LTE=");
        for (user, api) in [(&owner, "$JS.API"), (&foreman, "taskhost.api")] {
            for subject in [&format!("{api}.CONSUMER.MSG.NEXT.{TASKS_STREAM}.tasks-_"), &format!("{api}.{get}")] {
                unanswered(user, subject).await;
            }
            unanswered(user, RESULT).await;
            unanswered(user, &held).await;
        }
        unanswered(&owner, TASK).await;
        assert_eq!((messages_of(&queues.tasks).await, messages_of(&queues.results).await), (1, 1));
        assert_eq!(read(&queues.artifacts, "component-1").await, b"secret");

        // Queues of its own by the same names hold nothing of a's.
        let own = make_queues(&tenants.host("b").await).await;
        assert_eq!((messages_of(&own.tasks).await, messages_of(&own.results).await), (0, 0));
        assert!(own.artifacts.get("component-1").await.is_err());
        send(&owner, TASK, "of b").await;
        own.tasks.purge().await.expect("purged");
        owner.jetstream.delete_stream(TASKS_STREAM).await.expect("deleted");
        assert_eq!(messages_of(&queues.tasks).await, 1);
    });
}

/// Takes a task run, and gives the subject by which it would be acknowledged.
async fn take_without_ack(host: &User, consumer: &PullConsumer) -> String {
    send(host, TASK, "held").await;
    take(consumer).await.message.reply.expect("a subject").to_string()
}

/// Nothing in this account hears what is sent to `subject`.
async fn unanswered(user: &User, subject: &str) {
    let answer = user.client.request(subject.to_owned(), "+ACK".into()).await;
    let error = answer.expect_err(subject);
    assert_eq!(error.kind(), async_nats::RequestErrorKind::NoResponders, "{subject}");
}

#[test]
fn a_host_cannot_take_task_runs_of_another_tenant() {
    run(async {
        let tenants = Tenants::start(TenantsSettings::new(["a", "b"]));
        let (host, other) = (tenants.host("a").await, tenants.host("b").await);
        let queues = make_queues(&host).await;
        make_consumer(&queues.tasks, "tasks-_", "taskhost.1.tasks._.*").await;
        send(&host, TASK, "run").await;
        // No host takes task runs: workers do, and those of b have b's queues.
        other.must_not_publish("$JS.API.CONSUMER.MSG.NEXT.taskhost-1-tasks.tasks-_").await;
        other.must_not_publish("$JS.API.STREAM.DELETE.taskhost-1-tasks").await;
        other.must_not_subscribe(TASKS_SUBJECTS).await;
        other.must_not_subscribe(">").await;
        let worker = tenants.worker("b").await;
        unanswered(&worker, "taskhost.api.CONSUMER.MSG.NEXT.taskhost-1-tasks.tasks-_").await;
        let answer = other.api("$JS.API.STREAM.PURGE.taskhost-1-tasks", json!(null)).await;
        assert_eq!(answer["error"]["err_code"], 10_059, "{answer}");
        assert_eq!(messages_of(&queues.tasks).await, 1);
    });
}

#[test]
fn a_worker_can_only_work() {
    run(async {
        let tenants = Tenants::start(TenantsSettings::new(["a"]));
        let (host, worker) = (tenants.host("a").await, tenants.worker("a").await);
        let queues = make_queues(&host).await;
        make_consumer(&queues.tasks, "tasks-_", "taskhost.1.tasks._.*").await;
        make_consumer(&queues.results, "results-1", RESULT).await;
        send(&host, TASK, "run").await;
        send(&worker, RESULT, "outcome").await;
        for stream in [TASKS_STREAM, RESULTS_STREAM, &format!("OBJ_{ARTIFACTS_BUCKET}"), "another"] {
            for api in ["$JS.API", "taskhost.api"] {
                for call in ["CREATE", "UPDATE", "DELETE", "PURGE", "MSG.GET", "MSG.DELETE", "SNAPSHOT", "RESTORE"] {
                    worker.must_not_publish(&format!("{api}.STREAM.{call}.{stream}")).await;
                }
            }
        }
        for api in ["$JS.API", "taskhost.api"] {
            for call in [
                "CONSUMER.CREATE.taskhost-1-results",
                "CONSUMER.CREATE.taskhost-1-results.mine.taskhost.1.results.*",
                "CONSUMER.CREATE.taskhost-1-tasks.mine.taskhost.1.tasks.*.*",
                "CONSUMER.DURABLE.CREATE.taskhost-1-tasks.mine",
                "CONSUMER.DELETE.taskhost-1-tasks.tasks-_",
                "CONSUMER.MSG.NEXT.taskhost-1-results.results-1",
                "DIRECT.GET.taskhost-1-results",
                "INFO",
                "STREAM.LIST",
            ] {
                worker.must_not_publish(&format!("{api}.{call}")).await;
            }
        }
        let ack = "$JS.ACK.taskhost-1-results.results-1.1.1.1.1.0";
        for subject in [TASK, "taskhost.1.cancel.1", WORKERS_SUBJECT, ack, "_INBOX_host.x", "_INBOX_worker.x"] {
            worker.must_not_publish(subject).await;
        }
        for subject in [TASKS_SUBJECTS, RESULTS_SUBJECTS, "_INBOX_host.>", "_INBOX.>", "$JS.EVENT.>", "$SYS.>", ">"] {
            worker.must_not_subscribe(subject).await;
        }
        assert_eq!((messages_of(&queues.tasks).await, messages_of(&queues.results).await), (1, 1));
    });
}

#[test]
fn answers_to_a_worker_cannot_be_sent_where_it_must_not_write() {
    run(async {
        let tenants = Tenants::start(TenantsSettings::new(["a"]));
        let (host, worker) = (tenants.host("a").await, tenants.worker("a").await);
        let queues = make_queues(&host).await;
        make_consumer(&queues.tasks, "tasks-_", "taskhost.1.tasks._.*").await;
        // What JetStream is to say for it: nothing (which deletes a stream), and a task run.
        for (name, content) in [("empty", ""), ("task", "false task run")] {
            let subject = format!("$O.{ARTIFACTS_BUCKET}.M.{name}");
            worker.jetstream.publish(subject, content.into()).await.expect("sent").await.expect("kept");
        }
        let bucket = format!("OBJ_{ARTIFACTS_BUCKET}");
        let get = |name: &str| format!("taskhost.api.DIRECT.GET.{bucket}.$O.{ARTIFACTS_BUCKET}.M.{name}");
        let next = format!("taskhost.api.CONSUMER.MSG.NEXT.{TASKS_STREAM}.tasks-_");
        let delete = format!("$JS.API.STREAM.DELETE.{TASKS_STREAM}");
        for reply in [&delete, &format!("$JS.API.STREAM.DELETE.{RESULTS_STREAM}"), TASK] {
            let info = format!("taskhost.api.STREAM.INFO.{TASKS_STREAM}");
            for (subject, body) in
                [(get("empty"), ""), (get("task"), ""), (info, ""), (next.clone(), r#"{"no_wait":true}"#)]
            {
                worker.client.publish_with_reply(subject, reply.to_owned(), body.into()).await.expect("sent");
            }
            for name in ["empty", "task"] {
                let config = json!({
                    "deliver_subject": reply, "filter_subject": format!("$O.{ARTIFACTS_BUCKET}.M.{name}"), "ack_policy": "none",
                    "deliver_policy": "all", "replay_policy": "instant", "mem_storage": true, "num_replicas": 1,
                });
                let body = json!({ "stream_name": bucket, "config": config });
                worker.api(&format!("taskhost.api.CONSUMER.CREATE.{bucket}"), body).await;
            }
        }
        // Each of these comes after the others, on the same ways.
        worker.client.request(get("task"), "".into()).await.expect("an answer");
        worker.api(&format!("taskhost.api.STREAM.INFO.{TASKS_STREAM}"), json!(null)).await;
        let (_, artifacts) = find_queue(&worker).await;
        artifacts.put("marker", &mut &b"marker"[..]).await.expect("put");
        assert_eq!(read(&artifacts, "marker").await, b"marker");
        assert_eq!((messages_of(&queues.tasks).await, messages_of(&queues.results).await), (0, 0));
    });
}
