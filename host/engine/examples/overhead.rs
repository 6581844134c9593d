//! What the engine itself costs: runs flows on an executor that returns at once, and prints nanoseconds for each mapped task run and for
//! each hop of a chain, and how long a journal of a million runs takes to go through. An argument picks the lines with it in their name.
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskhost_engine::{FlowRunOptions, Pool, PoolOptions, Replay, start_flow_run};
use taskhost_flow::Plan;
use taskhost_flow::flow::{Flow, Input, Output, Reference, RunnerChoice, Source, Task, TaskKind};
use taskhost_model::event::Timed;
use taskhost_model::seams::{Executor, NoObserver, PreparedTask, RunScope, Runner, Started};
use taskhost_model::{
    Digest, Ending, FlowRunEnding, FlowRunId, Limits, List, Origin, RunEvent, TaskCall, TaskFailure, TaskRunOutcome,
    TaskRunRequest, Usage, Value, ValueType,
};

/// Gives each run its argument back, at once or after some work.
struct Echo {
    work: Duration,
    async_call: bool,
}

#[derive(Clone, Copy)]
struct PreparedEcho {
    work: Duration,
    async_call: bool,
}

impl Executor for Echo {
    fn prepare(&self, _call: &Arc<TaskCall>) -> Result<Arc<dyn PreparedTask>, TaskFailure> {
        Ok(Arc::new(PreparedEcho { work: self.work, async_call: self.async_call }))
    }
}

impl PreparedTask for PreparedEcho {
    fn start(&self, request: &Arc<TaskRunRequest>, index: u32, _scope: &RunScope) -> Started {
        let value = match (&request.arguments[0], request.mapped.is_empty()) {
            (Value::List(list), false) => list.get(index as usize).expect("an index of the list"),
            (value, _) => value.clone(),
        };
        let until = Instant::now() + self.work;
        while !self.work.is_zero() && Instant::now() < until {}
        let outcome = TaskRunOutcome::without_usage(Ending::Returned(value));
        match self.async_call {
            true => Started::Waiting(Box::pin(async move { outcome })),
            false => Started::Ended(outcome),
        }
    }
}

fn reference(source: Source) -> Input {
    Input::Reference(Reference { source, path: vec![], conversion: None, whole_result: false, none_if_skipped: false })
}

fn call() -> TaskKind {
    TaskKind::Call(Arc::new(TaskCall {
        component: Digest::of(b"none"),
        component_name: "none".into(),
        interface: None,
        function: "echo".into(),
        parameters: vec![ValueType::U32],
        result: Some(ValueType::U32),
        limits: Limits::DEFAULT,
        grants: Arc::default(),
        deterministic: false,
        cache: None,
    }))
}

fn mapped(runs: u32) -> (Flow, u32) {
    let mut flow = Flow::unchecked("mapped");
    let mut task = Task::unchecked("echo", call(), ValueType::U32);
    task.inputs = vec![Input::Literal(Value::List(List::from_values(&ValueType::U32, (0..runs).map(Value::U32))))];
    task.mapped = Arc::new([0]);
    task.result_type = ValueType::list(ValueType::U32);
    flow.tasks.push(task);
    flow.outputs.push(Output::unchecked("all", reference(Source::Task(0)), ValueType::list(ValueType::U32)));
    (flow, runs)
}

fn chain(hops: u32) -> (Flow, u32) {
    let mut flow = Flow::unchecked("chain");
    for hop in 0..hops as usize {
        let mut task = Task::unchecked(&format!("hop-{hop}"), call(), ValueType::U32);
        task.inputs = vec![if hop == 0 { Input::Literal(Value::U32(7)) } else { reference(Source::Task(hop - 1)) }];
        task.needs = (hop > 0).then(|| hop - 1).into_iter().collect();
        flow.tasks.push(task);
    }
    flow.outputs.push(Output::unchecked("last", reference(Source::Task(hops as usize - 1)), ValueType::U32));
    (flow, hops)
}

/// What a journal of the first flow's only task would know.
fn replay(runs: u32) -> Replay {
    let mut replay = Replay::new();
    let mut add = |event| replay.add(Timed { at: Duration::ZERO, event }).expect("a legal event");
    add(RunEvent::TaskStarted { task: "echo".into(), runs });
    for first in (0..runs).step_by(256) {
        let results: Vec<_> = (first..runs.min(first + 256)).map(|index| Some(Value::U32(index))).collect();
        add(RunEvent::TaskRunsEnded {
            task: "echo".into(),
            first,
            count: results.len() as u32,
            usage: Usage::default(),
            failures: Vec::new(),
            refusals: Vec::new(),
            results,
            origin: Origin::Run,
        });
    }
    replay
}

/// Goes through a map of which every run is known.
fn replayed(runs: u32) {
    let began = Instant::now();
    let replay = replay(runs);
    let built = began.elapsed();
    let plan = Plan::for_subflow(Arc::new(mapped(runs).0), vec![]);
    let pool = Pool::new(Arc::new(Echo { work: Duration::ZERO, async_call: false }), PoolOptions::new(1, 1024));
    let pool = pool.expect("threads");
    let runners = Arc::new(move |_: Option<RunnerChoice>| Arc::clone(&pool) as Arc<dyn Runner>);
    let began = Instant::now();
    let options = FlowRunOptions::new(Arc::new(NoObserver)).replay(replay);
    let report = start_flow_run(&plan, FlowRunId::new(9, 0), runners, options).wait();
    assert!(matches!(report.ending, FlowRunEnding::Succeeded(_)), "{:?}", report.ending);
    println!("replayed {runs}: {built:.0?} to read its events, {:.0?} to go through it", began.elapsed());
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if "replayed".contains(&wanted) {
        replayed(1_000_000);
    }
    let nothing = Duration::ZERO;
    for (name, workers, (flow, runs), work, async_call) in [
        ("mapped, 1 thread", 1, mapped(1_000_000), nothing, false),
        ("mapped, 2 threads", 2, mapped(1_000_000), nothing, false),
        ("mapped async, 1 thread", 1, mapped(1_000_000), nothing, true),
        ("mapped 5 µs, 1 thread", 1, mapped(200_000), Duration::from_micros(5), false),
        ("mapped 5 µs, 2 threads", 2, mapped(200_000), Duration::from_micros(5), false),
        ("mapped 10,000, 1 thread", 1, mapped(10_000), nothing, false),
        ("chain, 1 thread", 1, chain(10_000), nothing, false),
        ("chain, 2 threads", 2, chain(10_000), nothing, false),
        ("chain async, 2 threads", 2, chain(10_000), nothing, true),
        ("chain 5 µs, 2 threads", 2, chain(10_000), Duration::from_micros(5), false),
    ] {
        if !name.contains(&wanted) {
            continue;
        }
        let plan = Plan::for_subflow(Arc::new(flow), vec![]);
        let mut best = Duration::MAX;
        for round in 0..5 {
            let pool =
                Pool::new(Arc::new(Echo { work, async_call }), PoolOptions::new(workers, 1024)).expect("threads");
            let runners = Arc::new(move |_: Option<RunnerChoice>| Arc::clone(&pool) as Arc<dyn Runner>);
            let began = Instant::now();
            let report =
                start_flow_run(&plan, FlowRunId::new(round, 0), runners, FlowRunOptions::new(Arc::new(NoObserver)))
                    .wait();
            best = best.min(began.elapsed());
            assert!(matches!(report.ending, FlowRunEnding::Succeeded(_)), "{:?}", report.ending);
        }
        println!("{name:25} {:8.0} ns", best.as_nanos() as f64 / f64::from(runs));
    }
}
