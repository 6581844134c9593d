//! What a tenant's hosts and workers may do: subjects, one by one. The table in docs/nats-tenants.md says the same; a test compares them.
//!
//! Found by trying, each taken away alone: then the round trip of tests/tenants.rs fails, or waits for an answer that never comes. The one
//! that it does not show is the deletion of an object's consumer, which the client library asks for when a connection broke while it read.

use crate::names::{
    ARTIFACTS_BUCKET, CANCEL_SUBJECTS, HOST_INBOX, RESULTS_STREAM, RESULTS_SUBJECTS, TASKS_STREAM, TASKS_SUBJECTS,
    WORKER_INBOX, WORKERS_ANSWERS, WORKERS_API, WORKERS_SUBJECT,
};

/// Whose permission it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum User {
    /// It sends task runs.
    Host,
    /// It carries them out.
    Worker,
}

/// One subject that a user may publish to, and what for.
pub(super) struct Permission {
    /// As the account with the streams knows it.
    pub(super) subject: String,
    /// As the table says it.
    pub(super) purpose: &'static str,
    /// Whether many answers come to one message. A worker's way goes through another account, which has to know.
    pub(super) has_many_answers: bool,
}

/// What a user may publish to.
pub(super) fn publish(user: User) -> Vec<Permission> {
    let mut all = match user {
        User::Host => host(),
        User::Worker => worker(),
    };
    all.extend(objects());
    all
}

/// What a user may subscribe to, and what for.
pub(super) fn subscribe(user: User) -> Vec<(String, &'static str)> {
    match user {
        User::Host => vec![(format!("{HOST_INBOX}.>"), "answers to it")],
        User::Worker => vec![
            (format!("{WORKER_INBOX}.>"), "answers to it, task runs among them"),
            (CANCEL_SUBJECTS.to_owned(), "hear that a flow run is over"),
            (WORKERS_SUBJECT.to_owned(), "be asked who is there"),
        ],
    }
}

/// A subject of JetStream's API in the account of the workers.
pub(super) fn of_workers(subject: &str) -> String {
    match subject.strip_prefix("$JS.API") {
        Some(rest) => format!("{WORKERS_API}{rest}"),
        None => subject.to_owned(),
    }
}

fn host() -> Vec<Permission> {
    let (tasks, results, artifacts) = (TASKS_STREAM, RESULTS_STREAM, format!("OBJ_{ARTIFACTS_BUCKET}"));
    let mut all = Vec::new();
    for stream in [tasks, results, &artifacts] {
        all.push(one(format!("$JS.API.STREAM.INFO.{stream}"), "look at the stream"));
        all.push(one(format!("$JS.API.STREAM.CREATE.{stream}"), "make the stream"));
        all.push(one(
            format!("$JS.API.STREAM.PURGE.{stream}"),
            "take a flow run's messages, or an object's old pieces, out of it",
        ));
    }
    all.extend([
        one(TASKS_SUBJECTS, "send task runs"),
        one(format!("$JS.API.STREAM.MSG.GET.{tasks}"), "see whether one is still there"),
        one(format!("$JS.API.CONSUMER.CREATE.{tasks}.*.{TASKS_SUBJECTS}"), "make the queue of a set of labels"),
        one(format!("$JS.API.CONSUMER.INFO.{tasks}.*"), "see how long it is"),
        one(
            format!("$JS.API.CONSUMER.CREATE.{results}.*.{RESULTS_SUBJECTS}"),
            "make the queue of a flow run's outcomes",
        ),
        one(format!("$JS.API.CONSUMER.INFO.{results}.*"), "find it again"),
        one(format!("$JS.API.CONSUMER.DELETE.{results}.*"), "take it away"),
        one(format!("$JS.API.CONSUMER.MSG.NEXT.{results}.*"), "take outcomes"),
        one(format!("$JS.ACK.{results}.>"), "say that it has them"),
        one(CANCEL_SUBJECTS, "say that a flow run is over"),
        one(WORKERS_SUBJECT, "ask who is there"),
    ]);
    all
}

fn worker() -> Vec<Permission> {
    let (tasks, results, artifacts) = (TASKS_STREAM, RESULTS_STREAM, format!("OBJ_{ARTIFACTS_BUCKET}"));
    let looks = [tasks, results, &artifacts];
    let mut all: Vec<Permission> =
        looks.iter().map(|stream| one(format!("$JS.API.STREAM.INFO.{stream}"), "look at the stream")).collect();
    all.extend([
        one(format!("$JS.API.CONSUMER.NAMES.{tasks}"), "find the queues"),
        one(format!("$JS.API.CONSUMER.INFO.{tasks}.*"), "look at one"),
        Permission { has_many_answers: true, ..one(format!("$JS.API.CONSUMER.MSG.NEXT.{tasks}.*"), "take task runs") },
        one(format!("$JS.ACK.{tasks}.>"), "say that it has them, is at them, gives them back"),
        one(RESULTS_SUBJECTS, "send outcomes"),
        one(WORKERS_ANSWERS, "say that it is there"),
    ]);
    all
}

/// Both put and get objects. A client library reads an object by a consumer without a name, so no narrower subject is possible.
fn objects() -> Vec<Permission> {
    let stream = format!("OBJ_{ARTIFACTS_BUCKET}");
    vec![
        one(format!("$O.{ARTIFACTS_BUCKET}.C.*"), "put the pieces of an object"),
        one(format!("$O.{ARTIFACTS_BUCKET}.M.*"), "put its name and size"),
        one(format!("$JS.API.DIRECT.GET.{stream}.$O.{ARTIFACTS_BUCKET}.M.*"), "get its name and size"),
        one(format!("$JS.API.CONSUMER.CREATE.{stream}"), "get the pieces"),
        one(format!("$JS.API.CONSUMER.DELETE.{stream}.*"), "begin again after a connection broke"),
        one(format!("$JS.FC.{stream}.>"), "ask for more of a large object"),
    ]
}

fn one(subject: impl Into<String>, purpose: &'static str) -> Permission {
    Permission { subject: subject.into(), purpose, has_many_answers: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_table_says_what_the_code_allows() {
        let document = include_str!("../../../../../docs/nats-tenants.md");
        let mut wanted = Vec::new();
        for user in [User::Host, User::Worker] {
            let shown = |subject: &str| if user == User::Worker { of_workers(subject) } else { subject.to_owned() };
            wanted.extend(
                publish(user)
                    .iter()
                    .map(|it| format!("| {user:?} | publish | `{}` | {} |", shown(&it.subject), it.purpose)),
            );
            wanted.extend(
                subscribe(user).iter().map(|(to, purpose)| format!("| {user:?} | subscribe | `{to}` | {purpose} |")),
            );
        }
        let rows = document.lines().filter(|line| line.starts_with("| Host |") || line.starts_with("| Worker |"));
        let (found, wanted) = (rows.collect::<Vec<_>>().join("\n"), wanted.join("\n"));
        assert!(found == wanted, "docs/nats-tenants.md must have these rows:\n{wanted}");
    }
}
