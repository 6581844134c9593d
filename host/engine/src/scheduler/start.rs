//! The half of the agenda where tasks begin: deciding, expanding subflows, filling the runners.

use std::sync::Arc;

use taskhost_flow::flow::TaskKind;
use taskhost_model::{RunEvent, TaskFailure, TaskRunRequest, Value};

use super::active::{Active, told};
use super::instance::{Arguments, Done, FailedTask, Instance, InstanceId, Parent, State};
use super::{Output, Phase, Scheduler, Work};
use crate::input::Blocked;

/// Most instances of one mapped subflow task that are alive at once: each holds the state of all its tasks.
const INSTANCES_ALIVE_MAX: u32 = 256;

impl Scheduler {
    /// Runs a task, or says why it cannot run.
    pub(super) fn decide(&mut self, id: InstanceId, task: usize, out: &mut Vec<Output>) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        if !matches!(instance.slots[task].state, State::Waiting) {
            return;
        }
        let arguments = instance.arguments(task);
        instance.release_needs(task);
        match arguments {
            Ok(arguments) => self.start_task(id, task, arguments, out),
            Err(Blocked::Skipped) => self.task_over(id, task, Done::Skipped, out),
            Err(Blocked::NotRun(cause)) => self.task_over(id, task, Done::NotRun(cause), out),
            Err(Blocked::BadArguments(message)) => self.refuse(id, task, TaskFailure::BadArguments(message), out),
        }
    }

    fn start_task(&mut self, id: InstanceId, task: usize, arguments: Arguments, out: &mut Vec<Output>) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let path = instance.path(task);
        let flow_task = &instance.flow.tasks[task];
        let runs = arguments.runs;
        out.push(Output::Record(RunEvent::TaskStarted { task: Arc::clone(&path), runs }));
        let tags = self.tags.of(flow_task, &instance.tags);
        let mut active = Active::new(flow_task, path, arguments, tags);
        (active.priority, active.turn) = (instance.priority + flow_task.priority, self.turns);
        self.turns += 1;
        let runner = flow_task.runner.clone().or_else(|| instance.runner.clone());
        let is_call = matches!(flow_task.kind, TaskKind::Call(_));
        if runs == 0 {
            return self.task_over(id, task, active.finish(), out);
        }
        active.queued = is_call;
        let ready = active.ready(id, task);
        instance.slots[task].state = State::Active(Box::new(active));
        if is_call {
            self.lanes.of(&runner).ready.push(ready);
        } else {
            self.agenda.push_back(Work::Expand(id, task));
        }
    }

    /// A task whose arguments do not fit fails without a run.
    fn refuse(&mut self, id: InstanceId, task: usize, failure: TaskFailure, out: &mut Vec<Output>) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        let path = instance.path(task);
        let flow = Arc::clone(&instance.flow);
        if !flow.tasks[task].failure_handled {
            instance.keep_failure(task, || format!("task `{}`: {failure}", flow.tasks[task].name));
        }
        out.push(Output::Record(RunEvent::TaskRefused { task: path, failure: failure.clone() }));
        let whole = told(&flow.tasks[task], failure).whole;
        self.task_over(id, task, Done::Failed(FailedTask { whole, counted: false, inside: Vec::new() }), out);
    }

    /// Starts instances of a subflow task, as many as may be alive.
    pub(super) fn expand(&mut self, id: InstanceId, task: usize) {
        while let Some(child) = self.next_child(id, task) {
            self.add_instance(child);
        }
    }

    fn next_child(&mut self, id: InstanceId, task: usize) -> Option<Instance> {
        let instance = self.instances.get_mut(id)?;
        let flow_task = &instance.flow.tasks[task];
        let TaskKind::Subflow(flow) = &flow_task.kind else { return None };
        let (flow, mapped) = (Arc::clone(flow), Arc::clone(&flow_task.mapped));
        // Who runs a flow knows more of the surroundings than the flow does.
        let own = flow_task.runner.as_ref().or(flow.runner.as_ref());
        let runner = own.cloned().or_else(|| instance.runner.clone());
        let around = instance.priority + flow_task.priority;
        let State::Active(active) = &mut instance.slots[task].state else { return None };
        if !active.has_more() || active.running >= INSTANCES_ALIVE_MAX {
            return None;
        }
        let index = active.next;
        active.next += 1;
        active.running += 1;
        let parameters = active.arguments.iter().enumerate();
        let parameters = parameters.map(|(at, value)| match value {
            Value::List(list) if mapped.contains(&at) => {
                list.get(index as usize).expect("mapped lists are equally long")
            }
            value => value.clone(),
        });
        let prefix = if mapped.is_empty() { format!("{}/", active.path) } else { format!("{}[{index}]/", active.path) };
        let tags = Arc::clone(&active.tags);
        let mut child = Instance::new(Arc::clone(&flow), self.shapes.of(&flow), parameters.collect());
        (child.priority, child.tags) = (around, tags);
        child.parent = Some(Parent { instance: id, task, index });
        child.prefix = prefix;
        child.runner = runner;
        Some(child)
    }

    /// Hands ready runs to the runners, as far as these and the tags have room.
    pub(super) fn fill_lanes(&mut self, out: &mut Vec<Output>) {
        debug_assert!(matches!(self.phase, Phase::Running));
        loop {
            let some_came_back = self.tags.unpark(&mut self.lanes);
            for at in 0..self.lanes.len() {
                while let Some(output) = self.next_request(at) {
                    out.push(output);
                }
            }
            // Those may have been parked elsewhere, or wait for their lanes: then it is the next one's turn.
            if !some_came_back {
                return;
            }
        }
    }

    fn next_request(&mut self, at: usize) -> Option<Output> {
        let lane = self.lanes.at(at);
        loop {
            let ready = *lane.ready.peek()?;
            let (id, task) = (ready.instance, ready.task);
            let Some(instance) = self.instances.get_mut(id) else {
                lane.ready.pop();
                continue;
            };
            let flow_task = &instance.flow.tasks[task];
            let (TaskKind::Call(call), State::Active(active)) = (&flow_task.kind, &mut instance.slots[task].state)
            else {
                lane.ready.pop();
                continue;
            };
            if !active.has_more() {
                active.queued = false;
                lane.ready.pop();
                continue;
            }
            let tag_room = self.tags.room(&active.tags);
            if tag_room == 0 {
                lane.ready.pop();
                self.tags.park(&active.tags, ready, at);
                continue;
            }
            let (indexes, attempt) = active.ask(|left| lane.room_for(left.min(tag_room)))?;
            let count = indexes.end - indexes.start;
            lane.in_flight += count as usize;
            self.tags.take(&active.tags, count);
            let runner = lane.runner.clone();
            let request = TaskRunRequest {
                flow_run: self.flow_run,
                id: self.requests.open(id, task, runner.clone(), indexes.clone(), attempt),
                task: Arc::clone(&active.path),
                call: Arc::clone(call),
                arguments: Arc::clone(&active.arguments),
                mapped: Arc::clone(&flow_task.mapped),
                elements_from: 0,
                indexes,
                attempt,
            };
            if !active.has_more() {
                active.queued = false;
                lane.ready.pop();
            }
            return Some(Output::Start { runner, request });
        }
    }
}
