//! The order of tasks: what each one needs, cycles, and which tasks may be skipped.
//!
//! Nothing here recurses over tasks: a chain of 100,000 is as good as any other flow.

use std::collections::HashSet;

use super::FileCheck;
use super::links::Link;
use super::tasks::TaskInputs;
use crate::diagnostic::{Diagnostic, Severity};
use crate::flow::{Input, Reference, Source, TextPart};

/// Names of a cycle that a message shows.
const CYCLE_NAMES_MAX: usize = 10;

/// The order of tasks.
pub(super) struct Order {
    /// For each task, those that have to be over before. Sorted, each once.
    pub(super) needs: Vec<Vec<usize>>,
    /// For each task, whether a `when` may skip it.
    pub(super) may_be_skipped: Vec<bool>,
}

/// Calls `visit` with each reference of an input.
pub(super) fn each_reference(input: &Input, visit: &mut dyn FnMut(&Reference)) {
    match input {
        Input::Literal(_) => {}
        Input::Reference(reference) => visit(reference),
        Input::Text(parts) => parts.iter().for_each(|part| {
            if let TextPart::Reference(reference, _) = part {
                visit(reference);
            }
        }),
        Input::List { items, .. } | Input::Record(items) | Input::Tuple(items) => {
            items.iter().for_each(|item| each_reference(item, visit));
        }
        Input::Some(inner) => each_reference(inner, visit),
    }
}

impl Order {
    /// For each task, whether somebody takes its whole `result`.
    pub(super) fn failures_handled(&self, tasks: &[Option<TaskInputs>]) -> Vec<bool> {
        let mut handled = vec![false; tasks.len()];
        for input in tasks.iter().flatten().flat_map(|task| task.inputs.iter()) {
            each_reference(input, &mut |reference| {
                if let (true, Source::Task(at)) = (reference.whole_result, reference.source) {
                    handled[at] = true;
                }
            });
        }
        handled
    }
}

impl TaskInputs {
    /// How the task could run without the value of task `need`.
    fn way_out(&self, need: usize) -> &'static str {
        let uses = |input: &Input| {
            let mut any = false;
            each_reference(input, &mut |it| any |= it.source == Source::Task(need) && !it.none_if_skipped);
            any
        };
        let at = self.inputs.iter().position(uses);
        match at.map(|at| (&self.inputs[at], self.mapped.contains(&at))) {
            Some((Input::Reference(_), false)) => "take an `option` to run anyway",
            Some((Input::Reference(_), true)) => {
                "`map` cannot do without its list; to run anyway, let a task that takes an `option` come between"
            }
            Some((Input::Text(_), _)) => {
                "a text cannot do without its parts; to run anyway, let a task that takes an `option` come between"
            }
            _ => {
                "the value stands inside a larger one, which cannot do without it; to run anyway, let a task that takes an `option` \
                 come between"
            }
        }
    }
}

impl FileCheck<'_, '_, '_> {
    pub(super) fn order(&mut self, tasks: &[Option<TaskInputs>]) -> Order {
        let needs: Vec<Vec<usize>> = self.links.iter().map(|links| targets(links)).collect();
        let (sorted, left) = sort(&needs);
        let mut may_be_skipped = vec![false; needs.len()];
        if sorted.len() < needs.len() {
            self.tell_cycles(&needs, &left);
            return Order { needs, may_be_skipped };
        }
        for at in sorted {
            let by = self.skipped_with(at, &needs[at], &may_be_skipped, tasks[at].as_ref());
            may_be_skipped[at] = by.is_some() || self.file.tasks[at].when.is_some();
            if let Some(by) = by {
                self.note_skipped(at, by, tasks[at].as_ref());
            }
        }
        Order { needs, may_be_skipped }
    }

    /// The first task that may be skipped and without whose value task `at` cannot run.
    fn skipped_with(
        &self,
        at: usize,
        needs: &[usize],
        may_be_skipped: &[bool],
        task: Option<&TaskInputs>,
    ) -> Option<usize> {
        if !needs.iter().any(|&need| may_be_skipped[need]) {
            return None;
        }
        let strict_links = self.links[at].iter().filter(|link| link.strict).map(|link| link.to);
        let mut strict: HashSet<usize> = strict_links.collect();
        for input in &task?.inputs {
            each_reference(input, &mut |reference| {
                if let (Source::Task(need), false) = (reference.source, reference.none_if_skipped) {
                    strict.insert(need);
                }
            });
        }
        needs.iter().copied().find(|need| may_be_skipped[*need] && strict.contains(need))
    }

    fn note_skipped(&mut self, at: usize, by: usize, inputs: Option<&TaskInputs>) {
        let (task, need) = (&self.file.tasks[at].name.value, &self.file.tasks[by].name.value);
        let link = self.links[at].iter().find(|link| link.to == by);
        let message = format!("`{task}` is skipped when `{need}` is");
        let span = link.and_then(|link| link.span);
        let note = Diagnostic::new(Severity::Note, "skipped-with", message, &self.file.source, span);
        let note = match link.is_some_and(|link| link.strict) {
            true => note,
            false => note.with_help_if(inputs.map(|inputs| inputs.way_out(by).to_owned())),
        };
        self.push(note);
    }

    /// Every task that is left after sorting waits for a cycle; each cycle is told once.
    fn tell_cycles(&mut self, needs: &[Vec<usize>], left: &[bool]) {
        let mut walked_in = vec![usize::MAX; needs.len()];
        for start in (0..needs.len()).filter(|&at| left[at]) {
            let mut walk = Vec::new();
            let mut at = start;
            while walked_in[at] == usize::MAX {
                walked_in[at] = start;
                walk.push(at);
                at = *needs[at]
                    .iter()
                    .find(|&&need| left[need])
                    .expect("Invariant: what is left waits for what is left");
            }
            if walked_in[at] == start {
                let from = walk.iter().position(|&each| each == at).expect("Invariant: walked in this round");
                self.tell_cycle(&walk[from..]);
            }
        }
    }

    /// `cycle`: each needs the next one, the last the first.
    fn tell_cycle(&mut self, cycle: &[usize]) {
        let first = cycle.iter().enumerate().min_by_key(|(_, at)| **at).map_or(0, |(position, _)| position);
        // Shown in the direction in which values go, beginning with the first task of the file.
        let order: Vec<usize> = (0..=cycle.len()).map(|n| cycle[(first + cycle.len() * 2 - n) % cycle.len()]).collect();
        let name = |at: usize| &*self.file.tasks[at].name.value;
        let mut names: Vec<&str> = order.iter().map(|&at| name(at)).collect();
        if names.len() > CYCLE_NAMES_MAX {
            names.splice(CYCLE_NAMES_MAX / 2..names.len() - CYCLE_NAMES_MAX / 2, ["…"]);
        }
        let message = match cycle {
            [only] => format!("task `{}` needs its own result", name(*only)),
            _ => format!("tasks wait for each other: `{}`", names.join(" → ")),
        };
        let span =
            |task: usize, need: usize| self.links[task].iter().find(|link| link.to == need).and_then(|link| link.span);
        let mut diagnostic = self.diagnostic("cycle", message, span(order[1], order[0]));
        for pair in order.windows(2).skip(1).take(CYCLE_NAMES_MAX) {
            let label = format!("`{}` needs `{}`", name(pair[1]), name(pair[0]));
            diagnostic = diagnostic.with_related(span(pair[1], pair[0]), label);
        }
        let diagnostic = diagnostic.with_help("remove one of these references");
        self.push(diagnostic);
    }
}

fn targets(links: &[Link]) -> Vec<usize> {
    let mut targets: Vec<usize> = links.iter().map(|link| link.to).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// The tasks so that each comes after those that it needs, and which ones are left because of cycles.
fn sort(needs: &[Vec<usize>]) -> (Vec<usize>, Vec<bool>) {
    let mut consumers = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|&need| consumers[need].push(at));
    }
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut sorted: Vec<usize> = (0..needs.len()).filter(|&at| waiting[at] == 0).collect();
    let mut next = 0;
    while next < sorted.len() {
        for &consumer in &consumers[sorted[next]] {
            waiting[consumer] -= 1;
            if waiting[consumer] == 0 {
                sorted.push(consumer);
            }
        }
        next += 1;
    }
    let left = waiting.iter().map(|&waiting| waiting > 0).collect();
    (sorted, left)
}
