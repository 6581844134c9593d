//! [`Answering`]: the answers to one message, each kept by the queue before the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use taskhost_model::codec::REFERENCE_BYTES_MIN;
use taskhost_model::{Ending, FlowRunId, TaskFailure, TaskRunOutcome};

use super::{Found, Shared};
use crate::names;
use crate::shared::Way;
use crate::wire::outcomes::{self, Fate, OutcomeMessage, Said, Stretch};
use crate::wire::{LeftOut, MessageId, OFFLOAD_BYTES_MIN};

/// Between two tries to send an answer; doubled up to the longest.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// How long an answer is tried to be sent. After that the message is left to others.
const PATIENCE: Duration = Duration::from_secs(600);

/// Bytes of a message that are not its payload.
const AROUND_BYTES: usize = 1024;

/// See the top of the file.
pub(super) struct Answering<'a> {
    shared: &'a Arc<Shared>,
    found: &'a Found,
    pub(super) flow_run: FlowRunId,
    pub(super) id: MessageId,
    /// How the host's values have come, and the answer's go.
    pub(super) way: Way,
    count: u32,
}

impl<'a> Answering<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        found: &'a Found,
        flow_run: FlowRunId,
        id: MessageId,
        way: Way,
    ) -> Answering<'a> {
        Answering { shared, found, flow_run, id, way, count: 0 }
    }

    /// The message is not for this worker. Like the others, gives whether the answer is kept.
    pub(super) async fn refuse(&mut self, reason: String) -> bool {
        let message = OutcomeMessage { refused: Some(reason), ..self.message(true) };
        self.short(message).await
    }

    /// It was with another worker, which was lost.
    pub(super) async fn suspect(&mut self) -> bool {
        let message = OutcomeMessage { is_suspected: true, ..self.message(true) };
        self.short(message).await
    }

    /// None of it was begun.
    pub(super) async fn give_back(&mut self) -> bool {
        self.short(self.message(true)).await
    }

    /// Something has ended, something was said.
    pub(super) async fn some(&mut self, stretches: Vec<Stretch>, said: Vec<Said>) -> bool {
        self.in_pieces(stretches, said, false).await
    }

    /// All of it has ended.
    pub(super) async fn last(&mut self, stretches: Vec<Stretch>, said: Vec<Said>) -> bool {
        self.in_pieces(stretches, said, true).await
    }

    fn message(&self, is_last: bool) -> OutcomeMessage {
        let worker = self.shared.options.name.clone();
        OutcomeMessage { id: Some(self.id), worker, is_last, ..OutcomeMessage::default() }
    }

    /// In as many messages as it takes; most often one.
    async fn in_pieces(&mut self, stretches: Vec<Stretch>, said: Vec<Said>, is_last: bool) -> bool {
        let mut left = vec![(stretches, said, is_last)];
        while let Some((stretches, said, is_last)) = left.pop() {
            let message = OutcomeMessage { stretches, said, ..self.message(is_last) };
            if let Some(encoded) = self.encode(&message) {
                if !self.send(is_last, encoded).await {
                    return false;
                }
                continue;
            }
            let OutcomeMessage { stretches, said, .. } = message;
            match halves(stretches, said) {
                Ok([first, second]) => {
                    left.push((second.0, second.1, is_last));
                    left.push((first.0, first.1, false));
                }
                // A single outcome: it is told that it cannot be told.
                Err(stretch) => left.push((vec![too_large(stretch)], Vec::new(), is_last)),
            }
        }
        true
    }

    /// With as many values in it as fit; none if it is too long without.
    fn encode(&self, message: &OutcomeMessage) -> Option<(Bytes, LeftOut)> {
        let bytes_max = self.shared.connection.client.max_payload().saturating_sub(AROUND_BYTES);
        let mut encoded =
            [OFFLOAD_BYTES_MIN, REFERENCE_BYTES_MIN].iter().map(|least| outcomes::encode(message, *least));
        encoded.find(|(payload, _)| payload.len() <= bytes_max)
    }

    /// A message that fits, as it says nothing of task runs.
    async fn short(&mut self, message: OutcomeMessage) -> bool {
        let encoded = outcomes::encode(&message, OFFLOAD_BYTES_MIN);
        self.send(message.is_last, encoded).await
    }

    async fn send(&mut self, is_last: bool, (payload, left_out): (Bytes, LeftOut)) -> bool {
        let name = &self.shared.options.name;
        let id = if is_last { format!("{}.last", self.id) } else { format!("{}.{name}.{}", self.id, self.count) };
        self.count += 1;
        let (mut pause, since) = (RETRY, Instant::now());
        loop {
            match self.send_once(&payload, &left_out, &id).await {
                Ok(()) => return true,
                Err(reason) => {
                    // Should the other way be the reason.
                    self.way = Way::Queue;
                    tracing::warn!(target: "taskhost::nats", reason, "an answer could not be sent");
                    if since.elapsed() > PATIENCE {
                        return false;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    async fn send_once(&self, payload: &Bytes, left_out: &LeftOut, id: &str) -> Result<(), String> {
        for (reference, value) in &left_out.values {
            self.found.exchange.put_value(reference, value, self.way).await?;
        }
        for blob in &left_out.blobs {
            self.found.exchange.put_blob(blob, self.way).await?;
        }
        // Should it go twice, because the first answer was late, the stream takes it once.
        let mut message = PublishMessage::build().payload(payload.clone()).message_id(id);
        if self.way == Way::Shared {
            message = message.header(names::SHARED_HEADER, "1");
        }
        let jetstream = &self.shared.connection.jetstream;
        let sent = jetstream.send_publish(names::results(self.flow_run), message).await;
        sent.map_err(|error| error.to_string())?.await.map(drop).map_err(|error| error.to_string())
    }
}

type Piece = (Vec<Stretch>, Vec<Said>);

/// Two parts of about the same size, in order; the stretch itself if it is one outcome and nothing else.
fn halves(mut stretches: Vec<Stretch>, mut said: Vec<Said>) -> Result<[Piece; 2], Stretch> {
    if !said.is_empty() && !stretches.is_empty() {
        return Ok([(Vec::new(), said), (stretches, Vec::new())]);
    }
    if said.len() > 1 {
        let second = said.split_off(said.len() / 2);
        return Ok([(Vec::new(), said), (Vec::new(), second)]);
    }
    if stretches.len() > 1 {
        let second = stretches.split_off(stretches.len() / 2);
        return Ok([(stretches, Vec::new()), (second, Vec::new())]);
    }
    match stretches.pop() {
        Some(Stretch { part, first, fate: Fate::Ended(mut outcomes) }) if outcomes.len() > 1 => {
            let second = outcomes.split_off(outcomes.len() / 2);
            let after = first + outcomes.len() as u32;
            let piece = |first, outcomes| (vec![Stretch { part, first, fate: Fate::Ended(outcomes) }], Vec::new());
            Ok([piece(first, outcomes), piece(after, second)])
        }
        Some(stretch) => Err(stretch),
        // One line that is too long for a message is left out.
        None => Ok([(Vec::new(), Vec::new()), (Vec::new(), Vec::new())]),
    }
}

fn too_large(stretch: Stretch) -> Stretch {
    let reason = "how it ended is too long for a message of the NATS server".to_owned();
    let outcome = TaskRunOutcome::without_usage(Ending::Failed(TaskFailure::Lost(reason)));
    Stretch { fate: Fate::Ended(vec![outcome]), ..stretch }
}
