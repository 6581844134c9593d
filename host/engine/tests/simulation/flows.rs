//! Random flows, and what must be true of their tasks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use taskhost_engine::Replay;
use taskhost_flow::flow::{self, Flow, OnFailure, RunnerChoice, RunnerKind, Step, TaskKind};
use taskhost_model::{Ending, Retry, TaskFailure, Value};

use crate::support::{self, collect, map_over, numbers, output, result_of, subflow_task, task};

/// xorshift64*: the same numbers everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as u32) % end
    }

    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn index_of<T>(&mut self, all: &[T]) -> usize {
        self.below(all.len() as u32) as usize
    }
}

const TAGS: [&str; 2] = ["x", "y"];

fn random_choice(dice: &mut Dice) -> Option<RunnerChoice> {
    dice.one_in(6).then_some(RunnerChoice::from(RunnerKind::Sequential))
}

pub(crate) fn random_flow(dice: &mut Dice, depth: u32) -> Flow {
    let mut flow = Flow::unchecked("random");
    flow.runner = random_choice(dice);
    // Those of subflows do not count.
    flow.tag_limits = TAGS.iter().map(|tag| ((*tag).into(), 1 + dice.below(3))).collect();
    for at in 0..dice.below(7 - depth) as usize {
        let task = random_task(dice, &flow, at, depth);
        flow.tasks.push(task);
    }
    for at in 0..flow.tasks.len() {
        let plain = matches!(flow.tasks[at].kind, TaskKind::Call(_)) && !flow.tasks[at].is_mapped();
        if plain && dice.one_in(3) {
            output(&mut flow, &format!("out{at}"), result_of(at));
        }
    }
    support::set_needs(&mut flow);
    flow
}

fn random_task(dice: &mut Dice, flow: &Flow, at: usize, depth: u32) -> flow::Task {
    let name = format!("t{at}");
    let mut task = match depth < 2 && dice.one_in(6) {
        true => subflow_task(&name, random_flow(dice, depth + 1)),
        false => task(&name),
    };
    task.runner = random_choice(dice);
    task.priority = dice.below(3) as i32;
    task.tags = TAGS.iter().filter(|_| dice.one_in(5)).map(|tag| (*tag).into()).collect();
    if matches!(task.kind, TaskKind::Call(_)) && dice.one_in(3) {
        let delay = Duration::from_millis(u64::from(dice.below(1000)));
        task.retry = Retry { attempts: 1 + dice.below(4), delay, jitter: dice.one_in(2), ..Retry::NEVER };
    }
    if dice.one_in(6) {
        task.when = Some(flow::Input::Literal(Value::Bool(dice.one_in(2))));
    }
    for need in 0..at {
        match dice.below(8) {
            0 => task.after.push(need),
            1 | 2 => {
                let mut reference = result_of(need);
                reference.none_if_skipped = dice.one_in(2);
                reference.whole_result = !flow.tasks[need].is_mapped() && dice.one_in(3);
                if dice.one_in(9) {
                    reference.path = vec![Step::Index(dice.below(4) as usize)];
                }
                task.inputs.push(flow::Input::Reference(reference));
            }
            3 if flow.tasks[need].is_mapped() && !task.is_mapped() => {
                map_over(&mut task, flow::Input::Reference(result_of(need)));
            }
            _ => {}
        }
    }
    if dice.one_in(3) {
        let length = if depth == 0 && dice.one_in(200) { dice.below(700) } else { dice.below(5) };
        map_over(&mut task, numbers(length));
    }
    if task.is_mapped() && dice.one_in(2) {
        collect(&mut task);
    }
    task.failure_handled = !task.is_mapped() && dice.one_in(3);
    task
}

/// What must hold of a task, and of those of its name in all instances of its subflow.
#[derive(Default, Debug)]
pub(crate) struct Facts {
    /// Names of the tasks that have to be over before.
    pub(crate) needs: Vec<Arc<str>>,
    /// Positions of the tags whose limits count for it.
    pub(crate) tags: Vec<usize>,
    /// Which of its runs are started when one fails is chance, and so is what happens inside.
    pub(crate) is_loose: bool,
}

/// By pattern of the path: `months[*]/clean`.
pub(crate) fn facts(flow: &Flow) -> HashMap<String, Facts> {
    let mut all = HashMap::new();
    collect_facts(flow, "", &[], &flow.tag_limits, &mut all);
    all
}

fn collect_facts(
    flow: &Flow,
    prefix: &str,
    around: &[usize],
    limits: &[(Arc<str>, u32)],
    all: &mut HashMap<String, Facts>,
) {
    for task in &flow.tasks {
        let has = |at: &usize| around.contains(at) || task.tags.contains(&limits[*at].0);
        let tags: Vec<usize> = (0..limits.len()).filter(has).collect();
        let mut is_loose = false;
        if let TaskKind::Subflow(subflow) = &task.kind {
            is_loose = task.is_mapped() && task.on_failure == OnFailure::Stop;
            let part = if task.is_mapped() { "[*]/" } else { "/" };
            collect_facts(subflow, &format!("{prefix}{}{part}", task.name), &tags, limits, all);
        }
        let needs = task.needs.iter().map(|need| Arc::clone(&flow.tasks[*need].name)).collect();
        all.insert(format!("{prefix}{}", task.name), Facts { needs, tags, is_loose });
    }
}

pub(crate) fn pattern(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().expect("a first part").to_owned();
    parts.fold(first, |whole, part| whole + "[*" + part.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

/// How an attempt ends: a pure function of what it is, so that it ends in the same way whenever it is carried out.
pub(crate) fn ending(salt: u64, path: &str, index: u32, attempt: u32) -> Ending {
    let bytes = path.bytes().chain(index.to_le_bytes()).chain(attempt.to_le_bytes());
    let hash = bytes.fold(salt ^ 0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    match Dice::new(hash).below(40) {
        0..3 => Ending::Returned(Value::err(Some(Value::string("no luck")))),
        3 => Ending::Failed(TaskFailure::Exited(3)),
        4 => Ending::Failed(TaskFailure::Unusable("no such function".to_owned())),
        // Given up by its runner, unasked.
        5 => Ending::Cancelled,
        _ => Ending::Returned(Value::ok(Some(Value::U32(index)))),
    }
}

/// What a journal knows.
pub(crate) fn replay(journal: &[taskhost_model::event::Timed<taskhost_model::RunEvent>]) -> Replay {
    let mut replay = Replay::new();
    for event in journal {
        replay.add(event.clone()).unwrap_or_else(|illegal| panic!("{illegal}\n{journal:#?}"));
    }
    replay
}
