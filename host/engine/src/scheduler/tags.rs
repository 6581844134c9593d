//! Limits by tag: how many task runs with a tag run at one time in the whole flow run. Without polling: a task whose tag is full is parked
//! there, and comes back when one of the tag's runs is over.

use std::collections::BinaryHeap;
use std::sync::Arc;

use taskhost_flow::flow::{Flow, Task};

use super::lane::{Lanes, Ready};

/// The tags that are limited. Their positions stand for them elsewhere.
pub(super) struct Tags(Vec<Tag>);

struct Tag {
    name: Arc<str>,
    limit: u32,
    /// Invariant: at most `limit`.
    running: u32,
    /// Tasks that wait for room, with the lanes that they come from. After each step of the scheduler, empty or the tag is full.
    parked: BinaryHeap<(Ready, usize)>,
}

impl Tags {
    pub(super) fn new(flow: &Flow) -> Tags {
        let tag = |(name, limit): &(Arc<str>, u32)| Tag {
            name: Arc::clone(name),
            limit: (*limit).max(1),
            running: 0,
            parked: BinaryHeap::new(),
        };
        Tags(flow.tag_limits.iter().map(tag).collect())
    }

    /// The limited tags of a task, with those of the subflow tasks around it.
    pub(super) fn of(&self, task: &Task, around: &Arc<[u32]>) -> Arc<[u32]> {
        if self.0.is_empty() || task.tags.is_empty() {
            return Arc::clone(around);
        }
        let has = |at: &u32| around.contains(at) || task.tags.contains(&self.0[*at as usize].name);
        (0..self.0.len() as u32).filter(has).collect()
    }

    /// How many task runs with all of these tags may start.
    pub(super) fn room(&self, tags: &[u32]) -> u32 {
        tags.iter().map(|at| self.0[*at as usize].room()).min().unwrap_or(u32::MAX)
    }

    pub(super) fn take(&mut self, tags: &[u32], runs: u32) {
        tags.iter().for_each(|at| self.0[*at as usize].running += runs);
    }

    pub(super) fn give_back(&mut self, tags: &[u32], runs: u32) {
        tags.iter().for_each(|at| self.0[*at as usize].running -= runs);
    }

    /// Keeps a task until the first of its tags that is full has room.
    pub(super) fn park(&mut self, tags: &[u32], ready: Ready, lane: usize) {
        if let Some(full) = tags.iter().find(|at| self.0[**at as usize].room() == 0) {
            self.0[*full as usize].parked.push((ready, lane));
        }
    }

    /// Gives tasks that wait for tags with room back to their lanes, as many as there may be room for, so that they keep their turn there.
    /// One may find another of its tags full, and be parked there. False if there are none.
    pub(super) fn unpark(&mut self, lanes: &mut Lanes) -> bool {
        let mut some = false;
        for tag in &mut self.0 {
            for _ in 0..tag.room() {
                let Some((ready, lane)) = tag.parked.pop() else { break };
                lanes.at(lane).ready.push(ready);
                some = true;
            }
        }
        some
    }
}

impl Tag {
    fn room(&self) -> u32 {
        self.limit - self.running
    }
}
