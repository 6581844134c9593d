//! [`Recent`]: large values that were fetched lately, so that one which many task runs are given comes once.

use std::collections::VecDeque;

use taskhost_model::{ArtifactRef, Value};

/// Values up to some bytes together; the one that was used longest ago goes first. Values are shared: what is here and in use is there once.
pub(crate) struct Recent {
    bytes_max: u64,
    bytes: u64,
    /// The last was used last.
    values: VecDeque<(ArtifactRef, Value)>,
}

impl Recent {
    pub(crate) fn new(bytes_max: u64) -> Recent {
        Recent { bytes_max, bytes: 0, values: VecDeque::new() }
    }

    pub(crate) fn get(&mut self, wanted: &ArtifactRef) -> Option<Value> {
        let at = self.values.iter().position(|(known, _)| known == wanted)?;
        let found = self.values.remove(at)?;
        let value = found.1.clone();
        self.values.push_back(found);
        Some(value)
    }

    pub(crate) fn keep(&mut self, reference: ArtifactRef, value: &Value) {
        if reference.length > self.bytes_max / 2 || self.get(&reference).is_some() {
            return;
        }
        self.bytes += reference.length;
        self.values.push_back((reference, value.clone()));
        while self.bytes > self.bytes_max {
            let Some((gone, _)) = self.values.pop_front() else { return };
            self.bytes -= gone.length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut recent = Recent::new(100);
        let reference = |n: u8| ArtifactRef { digest: [n; 32], length: 40 };
        for n in [1, 2] {
            recent.keep(reference(n), &Value::U8(n));
        }
        assert_eq!(recent.get(&reference(1)), Some(Value::U8(1)));
        recent.keep(reference(3), &Value::U8(3));
        assert_eq!(recent.get(&reference(2)), None);
        assert_eq!(recent.get(&reference(1)), Some(Value::U8(1)));
        recent.keep(ArtifactRef { digest: [9; 32], length: 60 }, &Value::U8(9));
        assert_eq!(recent.get(&ArtifactRef { digest: [9; 32], length: 60 }), None);
    }
}
