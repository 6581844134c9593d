//! Runs tests one after another, and says of each what was not as expected.

use std::sync::Arc;
use std::time::Instant;

use taskhost_model::{TaskFailure, Value, ValueType, json};

use super::{Expected, Mismatch, Summary, Test, TestHost, TestOptions, TestReport, Tests, difference, update};
use crate::error::Error;

impl Tests {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Runs them. `told` is given each report at once.
    pub fn run(
        &self,
        host: &dyn TestHost,
        options: &TestOptions,
        told: &mut dyn FnMut(&TestReport),
    ) -> Result<Summary, Error> {
        let start = Instant::now();
        let (mut summary, mut changes) = (Summary::default(), update::Changes::new(&self.source));
        for test in &self.tests {
            if options.only.as_ref().is_some_and(|text| !test.name.contains(text)) {
                summary.left_out += 1;
                continue;
            }
            let run = host.run(&test.flow)?;
            let mut mismatches = test.mismatches(&run.ending, &run.log);
            let mut is_updated = false;
            if let Ok(value) = &run.ending
                && options.update
                && changes.take(test, value, &mismatches, host)?
            {
                is_updated = true;
                mismatches.retain(|mismatch| !matches!(mismatch, Mismatch::Value { .. }));
            }
            let (name, line) = (Arc::clone(&test.name), test.line);
            let (log, usage, refusals) = (run.log, run.usage, run.refusals);
            let report = TestReport { name, line, mismatches, is_updated, log, usage, refusals };
            match report.has_passed() {
                true => summary.passed += 1,
                false => summary.failed += 1,
            }
            told(&report);
        }
        summary.updated = changes.write()?;
        summary.took = start.elapsed();
        Ok(summary)
    }
}

impl Test {
    fn mismatches(&self, ending: &Result<Value, TaskFailure>, log: &[String]) -> Vec<Mismatch> {
        let missing = self.log.iter().filter(|text| !log.iter().any(|line| line.contains(&***text)));
        let missing = missing.map(|text| Mismatch::Log(Arc::clone(text)));
        self.ending(ending).into_iter().chain(missing).collect()
    }

    fn ending(&self, ending: &Result<Value, TaskFailure>) -> Option<Mismatch> {
        match (ending, &self.expected) {
            (Ok(_), Expected::Success) => None,
            (Ok(value), Expected::Value(expected) | Expected::Json(expected) | Expected::File(expected, _)) => {
                different(expected, value, &self.ty)
            }
            (Ok(value), Expected::Failure(text)) => {
                Some(Mismatch::Returned { expected: Arc::clone(text), returned: json::to_string(value, &self.ty) })
            }
            (Err(failure), Expected::Failure(text)) => {
                let fits = failure.to_string().contains(&**text);
                (!fits).then(|| Mismatch::Message { expected: Arc::clone(text), failure: failure.clone() })
            }
            (Err(failure), _) => Some(Mismatch::Failed(failure.clone())),
        }
    }
}

/// By their JSON, in which a NaN is like another.
fn different(expected: &Value, returned: &Value, ty: &ValueType) -> Option<Mismatch> {
    if expected == returned {
        return None;
    }
    let differences = difference::between(&json::to_value(expected, ty), &json::to_value(returned, ty));
    let [expected, returned] = [expected, returned].map(|value| json::to_string(value, ty));
    (!differences.is_empty()).then_some(Mismatch::Value { expected, returned, differences })
}
