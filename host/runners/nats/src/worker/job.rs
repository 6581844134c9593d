//! One message: read, carried out, answered, let go.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::jetstream::{AckKind, Message};
use taskhost_model::seams::Reports;
use taskhost_model::{
    ArtifactRef, Digest, Ending, RequestId, TaskCall, TaskFailure, TaskRunOutcome, TaskRunRequest, Value,
};

use super::answer::Answering;
use super::collect::{Collector, Gathered, give_back};
use super::turn::turn;
use super::{Found, Shared, lock};
use crate::names;
use crate::shared::Way;
use crate::streams::ACK_WAIT;
use crate::wire::outcomes::{Fate, Stretch};
use crate::wire::tasks::{self, TaskMessage};

/// How often what has ended or was said is told while a message is not complete.
const TELL: Duration = Duration::from_millis(100);

/// What was not begun within this goes back to the host: other workers may have room.
const BEGIN_WAIT: Duration = Duration::from_secs(1);

/// Before a message is given back whose values are in a store that is not known here.
const NOT_SHARED_PAUSE: Duration = Duration::from_millis(500);

/// Calls that are remembered.
const ADMITTED_MAX: usize = 1024;

/// Begins with a message.
pub(super) fn begin(shared: &Arc<Shared>, message: Message) {
    let Some(id) = tasks::id_of(&message.payload) else {
        // Not from a host: there is nobody to answer to.
        tokio::spawn(async move { message.ack_with(AckKind::Term).await });
        return;
    };
    if !lock(&shared.held).insert(id) {
        // It came again, and is here already.
        tokio::spawn(async move { message.ack_with(AckKind::Progress).await });
        return;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::select! {
            () = carry_out(&shared, &message, id) => {}
            () = keep(&message) => {}
        }
        lock(&shared.held).remove(&id);
        shared.changed.notify_waiters();
    });
}

/// Says again and again that the message is in work, so that nobody else gets it.
async fn keep(message: &Message) {
    loop {
        tokio::time::sleep(ACK_WAIT / 3).await;
        let _ = message.ack_with(AckKind::Progress).await;
    }
}

async fn carry_out(shared: &Arc<Shared>, message: &Message, id: crate::wire::MessageId) {
    let Some(found) = shared.found.borrow().clone() else { return };
    let Some(flow_run) = names::flow_run(&message.subject) else { return };
    let deliveries = message.info().map_or(1, |info| info.delivered);
    let way = names::way(message.headers.as_ref());
    let mut answering = Answering::new(shared, &found, flow_run, id, way);
    let is_kept = if deliveries > 1 {
        answering.suspect().await
    } else if way == Way::Shared && shared.site.artifacts().is_none() {
        // Until the host has heard of this worker.
        tokio::time::sleep(NOT_SHARED_PAUSE).await;
        answering.give_back().await
    } else if shared.is_draining() {
        answering.give_back().await
    } else {
        match turn(shared, message).await {
            Some(turn) => turn.hold(begun(shared, &found, message, &mut answering)).await,
            None => answering.give_back().await,
        }
    };
    if is_kept {
        // Until the queue knows, it may give the message to others, whose answers do not count.
        let _ = message.double_ack().await;
    }
}

/// Carries out what has its turn; whether its answer is kept.
async fn begun(shared: &Arc<Shared>, found: &Found, message: &Message, answering: &mut Answering<'_>) -> bool {
    let flow_run = answering.flow_run;
    let message = match read(shared, found, &message.payload, answering.way).await {
        Ok(message) => message,
        Err(reason) => return answering.refuse(reason).await,
    };
    if message.requests.iter().any(|request| request.flow_run != flow_run) {
        return answering.refuse("it is of another flow run than its subject says".to_owned()).await;
    }
    if shared.is_over(flow_run, answering.id) {
        return answering.last(cancelled(&message), Vec::new()).await;
    }
    let runs = message.runs() as usize;
    shared.runs.fetch_add(runs, Ordering::SeqCst);
    let is_kept = run(shared, found, message, answering).await;
    shared.runs.fetch_sub(runs, Ordering::SeqCst);
    is_kept
}

/// None of a message's task runs is waited for any more.
fn cancelled(message: &TaskMessage) -> Vec<Stretch> {
    let outcome = TaskRunOutcome::without_usage(Ending::Cancelled);
    let parts = (0..).zip(&message.requests);
    let stretch = |(part, request): (u32, &TaskRunRequest)| Stretch {
        part,
        first: request.indexes.start,
        fate: Fate::Ended(vec![outcome.clone(); request.indexes.len()]),
    };
    parts.map(stretch).collect()
}

/// Reads a message, with all that it names.
async fn read(shared: &Shared, found: &Found, bytes: &[u8], way: Way) -> Result<TaskMessage, String> {
    let mut values: HashMap<ArtifactRef, Value> = HashMap::new();
    loop {
        let mut missing = Vec::new();
        let decoded = tasks::decode(bytes, &shared.calls, &mut |reference| match values.get(reference) {
            Some(value) => Ok(value.clone()),
            None => {
                missing.push(*reference);
                Err("it is fetched first".to_owned())
            }
        });
        if missing.is_empty() {
            return decoded.map_err(|error| error.to_string());
        }
        for reference in missing {
            values.insert(reference, found.exchange.value(&reference, way).await?);
        }
    }
}

/// Carries a message out; whether its answer is kept.
async fn run(shared: &Arc<Shared>, found: &Found, message: TaskMessage, answering: &mut Answering<'_>) -> bool {
    let gathered = Gathered::new(message.runs() as usize);
    let collector = shared.collector(answering.flow_run);
    let (mut requests, mut calls) = (Vec::new(), HashMap::new());
    for (part, request) in (0..).zip(message.requests) {
        match ready(shared, found, &request, answering.way, &mut calls).await {
            Ok(call) => {
                let id = RequestId(shared.requests.fetch_add(1, Ordering::Relaxed));
                collector.expect(id, &gathered, part);
                requests.push(TaskRunRequest { id, call, ..request });
            }
            Err(failure) => {
                let outcome = TaskRunOutcome::without_usage(Ending::Failed(failure));
                let fate = Fate::Ended(vec![outcome; request.indexes.len()]);
                gathered.add(Stretch { part, first: request.indexes.start, fate });
            }
        }
    }
    let ids: Vec<RequestId> = requests.iter().map(|request| request.id).collect();
    let reports: Arc<dyn Reports> = Arc::clone(&collector) as _;
    shared.runner.start(requests, &reports);
    if shared.is_over(answering.flow_run, answering.id) {
        shared.runner.cancel(answering.flow_run);
    }
    let is_kept = wait(shared, answering, &collector, &gathered, &ids).await;
    ids.iter().for_each(|id| collector.forget(*id));
    shared.close(answering.flow_run);
    is_kept
}

/// Waits for the end of a message's task runs, and tells meanwhile what has ended.
async fn wait(
    shared: &Arc<Shared>,
    answering: &mut Answering<'_>,
    collector: &Collector,
    gathered: &Gathered,
    ids: &[RequestId],
) -> bool {
    let (began, mut is_withdrawn) = (Instant::now(), false);
    loop {
        let _ = tokio::time::timeout(TELL, gathered.complete.notified()).await;
        let (stretches, is_complete) = gathered.take();
        // Of a flow run that goes on, only what was withdrawn here is cancelled.
        let stretches = if shared.is_over(answering.flow_run, answering.id) { stretches } else { give_back(stretches) };
        count(shared, &stretches);
        let said = collector.take_said();
        if is_complete {
            return answering.last(stretches, said).await;
        }
        if (!stretches.is_empty() || !said.is_empty()) && !answering.some(stretches, said).await {
            return false;
        }
        if !is_withdrawn && (shared.is_draining() || began.elapsed() > BEGIN_WAIT) {
            is_withdrawn = true;
            ids.iter().for_each(|id| shared.runner.withdraw(answering.flow_run, *id));
        }
    }
}

fn count(shared: &Shared, stretches: &[Stretch]) {
    for stretch in stretches {
        match &stretch.fate {
            Fate::Ended(outcomes) => {
                let failed = outcomes.iter().filter(|outcome| matches!(outcome.ending, Ending::Failed(_))).count();
                shared.ended.fetch_add(outcomes.len() as u64, Ordering::Relaxed);
                shared.failed.fetch_add(failed as u64, Ordering::Relaxed);
            }
            Fate::GivenBack(runs) => {
                shared.given_back.fetch_add(u64::from(*runs), Ordering::Relaxed);
            }
        }
    }
}

/// Makes everything ready that a request needs here, and its call one that may be carried out here.
async fn ready(
    shared: &Arc<Shared>,
    found: &Found,
    request: &TaskRunRequest,
    way: Way,
    calls: &mut HashMap<usize, Result<Arc<TaskCall>, TaskFailure>>,
) -> Result<Arc<TaskCall>, TaskFailure> {
    let lost = |reason: String| TaskFailure::Lost(format!("worker `{}`: {reason}", shared.options.name));
    let has_blobs = request.call.parameters.iter().any(taskhost_model::ValueType::has_blobs);
    if has_blobs {
        let mut blobs = Vec::new();
        request.arguments.iter().for_each(|value| value.each_blob(&mut |blob| blobs.push(*blob)));
        for blob in blobs {
            found.exchange.fetch_blob(&blob, way).await.map_err(lost)?;
        }
    }
    let address = Arc::as_ptr(&request.call).addr();
    if let Some(call) = calls.get(&address) {
        return call.clone();
    }
    let call = admitted(shared, found, &request.call).await;
    calls.insert(address, call.clone());
    call
}

async fn admitted(shared: &Arc<Shared>, found: &Found, call: &Arc<TaskCall>) -> Result<Arc<TaskCall>, TaskFailure> {
    component(shared, found, &call.component).await?;
    let address = Arc::as_ptr(call).addr();
    if let Some((_, admitted)) = lock(&shared.admitted).get(&address) {
        return Ok(Arc::clone(admitted));
    }
    let admitted = Arc::new(shared.site.admit((**call).clone())?);
    let mut all = lock(&shared.admitted);
    if all.len() >= ADMITTED_MAX {
        all.clear();
    }
    all.insert(address, (Arc::clone(call), Arc::clone(&admitted)));
    Ok(admitted)
}

/// Makes a component ready: it may be here, kept here, or has to be fetched.
async fn component(shared: &Arc<Shared>, found: &Found, digest: &Digest) -> Result<(), TaskFailure> {
    if shared.site.has(digest) {
        return Ok(());
    }
    let own = Arc::clone(shared);
    let wanted = *digest;
    if blocking(move || own.site.load_kept(&wanted)).await? {
        return Ok(());
    }
    let lost = |reason: String| TaskFailure::Lost(format!("worker `{}`: {reason}", shared.options.name));
    let bytes = found.exchange.component(digest).await.map_err(lost)?;
    let own = Arc::clone(shared);
    blocking(move || own.site.load(&wanted, &bytes)).await
}

/// Compiling and reading files take their time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TaskFailure> + Send + 'static,
) -> Result<T, TaskFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(TaskFailure::Lost(format!("a bug of taskhost's worker: {error}"))))
}
