//! [`Tasks`]: what is known of each task, by its path.
//!
//! A flow run may have a million tasks, and each is looked for about ten times: a hash and a miss of the cache each time cost more than all
//! else. Tasks are asked for in the order in which they were met, or nearly so, at a few places at once (those that end, those that start,
//! the subflow around them). So they stand in that order, and the tasks where the last ones were found, and those behind, are looked at first.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::known::Known;

/// Places at which tasks are asked for in turn.
const PLACES: usize = 4;

/// What is known of the tasks of a flow run.
#[derive(Default, Debug)]
pub(super) struct Tasks {
    positions: HashMap<Arc<str>, usize>,
    /// In the order in which they were met; none for one that was removed.
    known: Vec<(Arc<str>, Option<Known>)>,
    places: [AtomicUsize; PLACES],
    /// The place that goes next.
    oldest: AtomicUsize,
}

impl Tasks {
    pub(super) fn get(&self, path: &str) -> Option<&Known> {
        self.known[self.position(path)?].1.as_ref()
    }

    pub(super) fn get_mut(&mut self, path: &str) -> Option<&mut Known> {
        let at = self.position(path)?;
        self.known[at].1.as_mut()
    }

    /// The task at `path`, of which nothing is known if it is new.
    pub(super) fn get_or_add(&mut self, path: &Arc<str>) -> &mut Known {
        let at = self.position(path).unwrap_or_else(|| {
            self.known.push((Arc::clone(path), None));
            self.positions.insert(Arc::clone(path), self.known.len() - 1);
            self.known.len() - 1
        });
        self.known[at].1.get_or_insert_default()
    }

    pub(super) fn remove(&mut self, path: &str) {
        if let Some(at) = self.positions.remove(path) {
            self.known[at].1 = None;
        }
    }

    /// In the order in which they were met.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Known)> {
        self.known.iter().filter_map(|(path, known)| Some((path, known.as_ref()?)))
    }

    fn position(&self, path: &str) -> Option<usize> {
        for place in &self.places {
            let last = place.load(Relaxed);
            for at in [last, last + 1] {
                if self.known.get(at).is_some_and(|(known, it)| **known == *path && it.is_some()) {
                    place.store(at, Relaxed);
                    return Some(at);
                }
            }
        }
        let at = *self.positions.get(path)?;
        // Two threads may take the same place: it is a hint.
        let oldest = self.oldest.load(Relaxed);
        self.places[oldest].store(at, Relaxed);
        self.oldest.store((oldest + 1) % PLACES, Relaxed);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_found_in_any_order_and_a_removed_one_is_new_again() {
        let mut tasks = Tasks::default();
        let paths: Vec<Arc<str>> = (0..20).map(|n| format!("months[{n}]/clean").into()).collect();
        for (path, runs) in paths.iter().zip(0..) {
            tasks.get_or_add(path).runs = Some(runs);
        }
        let found = |tasks: &Tasks, at: usize| tasks.get(&paths[at]).and_then(|known| known.runs);
        for step in 1..20 {
            assert!((0..20).map(|n| n * step % 20).all(|at| found(&tasks, at) == Some(at as u32)), "step {step}");
        }
        assert_eq!(found(&tasks, 7), Some(7));
        tasks.remove(&paths[7]);
        assert_eq!(found(&tasks, 7), None);
        assert_eq!(tasks.iter().count(), 19);
        assert_eq!(tasks.get_or_add(&paths[7]).runs, None);
        assert_eq!(tasks.iter().last().map(|(path, _)| path), Some(&paths[7]));
        assert!(tasks.get("months[20]/clean").is_none());
    }
}
