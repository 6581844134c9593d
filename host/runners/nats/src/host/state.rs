//! [`State`]: what a host knows of its flow runs and of the workers. Changed under one lock, never while waiting.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_model::seams::Reports;
use taskhost_model::{Ending, FlowRunId, Labels, RequestId, TaskFailure, TaskRunReport};

use super::Shared;
use super::flight::{Flight, Landed};
use super::lane::{Lane, Next, Queued};
use crate::hello::WorkerHello;
use crate::wire::MessageId;
use crate::wire::outcomes::OutcomeMessage;

/// Threads that are counted on while no worker has answered.
const SLOTS_UNKNOWN: u32 = 2;

/// A worker that has not answered for so long is gone. It is asked every few seconds while anything is under way.
const SILENCE_MAX: Duration = Duration::from_secs(8);

/// Most workers that are remembered.
const WORKERS_MAX: usize = 10_000;

/// See the top of the file.
#[derive(Default)]
pub(super) struct State {
    pub(super) runs: HashMap<FlowRunId, FlowRun>,
    pub(super) workers: Known,
}

/// A flow run of this host, while a runner of it lives.
#[derive(Default)]
pub(super) struct FlowRun {
    /// Runners that have started something of it.
    pub(super) runners: usize,
    pub(super) lanes: HashMap<Labels, Lane>,
    pub(super) flights: HashMap<MessageId, Flight>,
    pub(super) is_cancelled: bool,
    /// There may be messages of it in the queue that nobody waits for.
    pub(super) has_given_up: bool,
    /// Held by those who send a message of it, and by who takes back what was sent: nothing is sent after that.
    pub(super) gate: Arc<tokio::sync::RwLock<()>>,
    /// Ends what receives its outcomes.
    pub(super) receiver: Option<tokio::task::AbortHandle>,
    /// What it waits for was told.
    pub(super) told: HashSet<Labels>,
    /// Since when there is no worker for these labels.
    pub(super) forsaken: HashMap<Labels, Instant>,
}

/// Workers that answered.
#[derive(Default)]
pub(super) struct Known(HashMap<String, (WorkerHello, Instant)>);

impl Known {
    pub(super) fn hear(&mut self, hello: WorkerHello) {
        if !hello.is_plausible() {
            return;
        }
        if self.0.len() >= WORKERS_MAX && !self.0.contains_key(&hello.name) {
            self.0.retain(|_, (_, heard)| heard.elapsed() < SILENCE_MAX);
        }
        if self.0.len() < WORKERS_MAX {
            self.0.insert(hello.name.clone(), (hello, Instant::now()));
        }
    }

    /// Those that answered lately.
    pub(super) fn known(&self) -> Vec<WorkerHello> {
        self.0.values().filter(|(_, heard)| heard.elapsed() < SILENCE_MAX).map(|(hello, _)| hello.clone()).collect()
    }

    /// Whether there are workers that take task runs with these labels, all of which have found the probe.
    pub(super) fn have_all_found(&self, probe: &str, labels: &Labels) -> bool {
        let mut taking = self
            .0
            .values()
            .filter(|(hello, heard)| heard.elapsed() < SILENCE_MAX && hello.takes(labels))
            .map(|(hello, _)| hello.found.as_deref() == Some(probe))
            .peekable();
        taking.peek().is_some() && taking.all(|has| has)
    }

    /// Threads of the workers that take task runs with these labels.
    pub(super) fn slots(&self, labels: &Labels) -> u32 {
        let fresh = self.0.values().filter(|(hello, heard)| heard.elapsed() < SILENCE_MAX && hello.takes(labels));
        fresh.fold(0, |slots, (hello, _)| slots.saturating_add(hello.threads))
    }
}

/// A message that is about to be sent.
pub(super) struct Outgoing {
    pub(super) flow_run: FlowRunId,
    pub(super) labels: Labels,
    pub(super) id: MessageId,
    pub(super) parts: Vec<Queued>,
}

impl State {
    /// Whether a queue has something of this host.
    pub(super) fn has_sent(&self) -> bool {
        self.runs.values().flat_map(|run| run.flights.values()).any(|flight| flight.sequence.is_some())
    }

    /// All messages that may go now; and whether something waits a moment for company.
    pub(super) fn cut(&mut self, has_lingered: bool, mut id: impl FnMut() -> MessageId) -> (Vec<Outgoing>, bool) {
        let (mut outgoing, mut lingers) = (Vec::new(), false);
        let workers = &self.workers;
        for (flow_run, run) in &mut self.runs {
            for (labels, lane) in &mut run.lanes {
                if lane.is_idle() {
                    continue;
                }
                let slots = match workers.slots(labels) {
                    0 => SLOTS_UNKNOWN,
                    slots => slots,
                };
                loop {
                    match lane.next(slots, has_lingered) {
                        Next::Send(parts) => {
                            let id = id();
                            run.flights.insert(id, Flight::new(labels.clone(), parts.clone()));
                            outgoing.push(Outgoing { flow_run: *flow_run, labels: labels.clone(), id, parts });
                        }
                        Next::Linger => {
                            lingers = true;
                            break;
                        }
                        Next::Nothing => break,
                    }
                }
            }
        }
        (outgoing, lingers)
    }

    /// Takes a worker's answer.
    pub(super) fn land(&mut self, flow_run: FlowRunId, message: OutcomeMessage) -> Landed {
        let mut landed = Landed::default();
        let Some(run) = self.runs.get_mut(&flow_run) else { return landed };
        let Some(id) = message.id else { return landed };
        let Some(flight) = run.flights.get_mut(&id) else { return landed };
        for stretch in message.stretches {
            flight.land(stretch, &message.worker, &mut landed);
        }
        if let Some(reason) = message.refused {
            let reason = format!("worker `{}` could not take it: {reason}", message.worker);
            flight.end(&Ending::Failed(TaskFailure::Lost(reason)), &mut landed);
        }
        if message.is_suspected {
            flight.suspect(&mut landed);
        }
        if message.is_last && flight.left > 0 {
            flight.give_up(&mut landed);
        }
        run.settle(id, &mut landed);
        landed
    }
}

impl FlowRun {
    /// Whether a message should still go: nobody has cancelled it or given it up.
    pub(super) fn wants(&self, id: MessageId) -> bool {
        !self.is_cancelled && self.flights.contains_key(&id)
    }

    /// After something has landed: the lane's books, what goes again, and the end of a flight that is answered whole.
    pub(super) fn settle(&mut self, id: MessageId, landed: &mut Landed) {
        let Some(flight) = self.flights.get(&id) else { return };
        let lane = self.lanes.entry(flight.labels.clone()).or_default();
        lane.answered(landed.runs);
        for (call, runs, computed) in landed.learned.drain(..) {
            lane.learn(&call, runs, computed);
        }
        if flight.left == 0 {
            lane.landed(0);
        }
        for queued in landed.again.drain(..) {
            if self.is_cancelled {
                landed.reports.push((Arc::clone(&queued.reports), cancelled(&queued)));
            } else {
                lane.push_again(queued);
            }
        }
        if flight.left == 0 {
            self.flights.remove(&id);
        }
    }

    /// The message is lost, so its task runs go again.
    pub(super) fn send_again(&mut self, id: MessageId) -> Landed {
        let mut landed = Landed::default();
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.give_up(&mut landed);
            self.settle(id, &mut landed);
        }
        landed
    }

    /// The message is given up: what has no answer ends so.
    pub(super) fn end(&mut self, id: MessageId, ending: &Ending) -> Landed {
        let mut landed = Landed::default();
        if let Some(flight) = self.flights.get_mut(&id) {
            self.has_given_up = true;
            flight.end(ending, &mut landed);
            self.settle(id, &mut landed);
        }
        landed
    }

    /// Everything under way or waiting with these labels (all if none) ends so.
    pub(super) fn end_all(&mut self, labels: Option<&Labels>, ending: &Ending) -> Landed {
        let mut all = self.withdraw(labels, None, ending);
        let ids: Vec<MessageId> = self
            .flights
            .iter()
            .filter(|(_, flight)| labels.is_none_or(|labels| flight.labels == *labels))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            all.reports.append(&mut self.end(id, ending).reports);
        }
        all
    }

    /// What was not sent yet ends so.
    pub(super) fn withdraw(&mut self, labels: Option<&Labels>, request: Option<RequestId>, ending: &Ending) -> Landed {
        let mut landed = Landed::default();
        for (_, lane) in self.lanes.iter_mut().filter(|(of, _)| labels.is_none_or(|labels| *of == labels)) {
            let withdrawn = lane.withdraw(request);
            landed.reports.extend(withdrawn.iter().map(|queued| (Arc::clone(&queued.reports), ended(queued, ending))));
        }
        landed
    }

    /// One who can be told something about a task run with these labels, and the task run.
    pub(super) fn someone(&self, labels: &Labels) -> Option<(Arc<dyn Reports>, Arc<str>, u32)> {
        let flight = self.flights.values().find(|flight| flight.labels == *labels)?;
        let queued = &flight.parts.first()?.queued;
        Some((Arc::clone(&queued.reports), Arc::clone(&queued.request.task), queued.indexes.start))
    }
}

impl Shared {
    /// Reports what has landed. Not under the lock: a report makes the scheduler start more.
    pub(super) fn report(&self, landed: Landed) {
        self.wake.notify_one();
        for (reports, report) in landed.reports {
            reports.ended(report);
        }
    }

    /// Everything ends as lost.
    pub(super) fn end_all(&self, reason: &str) {
        let ending = Ending::Failed(TaskFailure::Lost(reason.to_owned()));
        let mut state = self.lock();
        let landed: Vec<Landed> = state.runs.values_mut().map(|run| run.end_all(None, &ending)).collect();
        drop(state);
        landed.into_iter().for_each(|landed| self.report(landed));
    }
}

fn cancelled(queued: &Queued) -> TaskRunReport {
    ended(queued, &Ending::Cancelled)
}

/// A report that all of a stretch ended so, without having run.
pub(super) fn ended(queued: &Queued, ending: &Ending) -> TaskRunReport {
    use taskhost_model::{Origin, TaskRunOutcome};
    TaskRunReport {
        flow_run: queued.request.flow_run,
        request: queued.request.id,
        first: queued.indexes.start,
        outcomes: vec![TaskRunOutcome::without_usage(ending.clone()); queued.indexes.len()],
        origin: Origin::Run,
    }
}
