//! A guest that returns whatever it likes: bytes of the fuzzer's choice where its result should be.

use std::fmt::Write;
use std::sync::Arc;

use taskhost_model::event::Attachment;
use taskhost_model::seams::{Executor, Reports, RunScope, Started};
use taskhost_model::{Ending, FlowRunId, Limits, RequestId, TaskCall, TaskRunReport, TaskRunRequest, Value, ValueType};

use crate::{Loader, Mutator};

/// Types that hold every kind of thing that a result can get wrong: pointers, lengths, characters, cases, booleans, padding.
const TYPES: [(&str, &str); 12] = [
    ("string", "string"),
    ("list<u8>", "(list u8)"),
    ("list<u32>", "(list u32)"),
    ("list<char>", "(list char)"),
    ("list<bool>", "(list bool)"),
    ("list<string>", "(list string)"),
    ("list<list<u16>>", "(list (list u16))"),
    ("option<string>", "(option string)"),
    ("tuple<u8, char, bool>", "(tuple u8 char bool)"),
    ("list<tuple<u8, u64>>", "(list (tuple u8 u64))"),
    ("result<string, list<u8>>", "(result string (error (list u8)))"),
    ("list<option<list<string>>>", "(list (option (list string)))"),
];

/// A guest with one function whose result lies at an address of the fuzzer's choice, in memory of the fuzzer's choice.
pub struct HostileGuest {
    text: String,
    result: ValueType,
}

impl HostileGuest {
    /// The guest that `bytes` describe: two choose the type, four the address, the rest fills its memory.
    pub fn new(bytes: &[u8]) -> HostileGuest {
        let (choice, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
        let (ty, wat) = TYPES[usize::from(choice) % TYPES.len()];
        let address = rest.first_chunk().map_or(16, |chunk| u32::from_le_bytes(*chunk));
        // Half of the addresses are inside, so that what lies there is read at all.
        let address = if choice >= 128 { address } else { address % 4096 / 8 * 8 };
        let memory = rest.iter().skip(4).take(4096).fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").expect("writing to a string");
            text
        });
        let text = format!(
            "(component (core module $m (memory (export \"memory\") 1) (data (i32.const 0) \"{memory}\")\
             (func (export \"f\") (result i32) i32.const {}))\
             (core instance $i (instantiate $m))\
             (func (export \"f\") (result {wat}) (canon lift (core func $i \"f\") (memory (core memory $i \"memory\")))))",
            address as i32
        );
        HostileGuest { text, result: ty.parse().expect("a type of the table") }
    }

    fn request(&self, component: taskhost_model::Digest) -> Arc<TaskRunRequest> {
        let call = TaskCall {
            component,
            component_name: "hostile".into(),
            interface: None,
            function: "f".into(),
            parameters: Vec::new(),
            result: Some(self.result.clone()),
            limits: Limits { result_bytes_max: 1 << 20, ..Limits::DEFAULT },
            grants: Arc::default(),
            deterministic: false,
            cache: None,
        };
        Arc::new(TaskRunRequest {
            flow_run: FlowRunId::new(0, 0),
            id: RequestId(0),
            task: "hostile".into(),
            call: Arc::new(call),
            arguments: [].into(),
            mapped: [].into(),
            elements_from: 0,
            indexes: 0..1,
            attempt: 1,
        })
    }

    /// Calls it; a value that comes back has the function's type.
    pub fn call(&self, loader: &Loader) -> Ending {
        let bytes = wat::parse_str(&self.text).expect("the template is valid");
        let signature = loader.load(&bytes).expect("the component is valid");
        let request = self.request(signature.digest);
        let scope = RunScope { cancelled: Arc::default(), reports: Arc::new(Silent) };
        let task = loader.sandbox.prepare(&request.call).unwrap_or_else(|failure| panic!("{failure}"));
        match task.start(&request, 0, &scope) {
            Started::Ended(outcome) => outcome.ending,
            Started::Waiting(_) => panic!("a guest without imports has nothing to wait for"),
        }
    }

    fn has_result_type(&self, value: &Value) -> bool {
        value.has_type(&self.result)
    }
}

struct Silent;

impl Reports for Silent {
    fn ended(&self, _: TaskRunReport) {}
    fn attach(&self, _: &Arc<str>, _: u32, _: Attachment) {}
}

/// The target: whatever lies in a guest's memory, lifting it ends in a value of the type or in a failure.
pub fn hostile_results(loader: &Loader, bytes: &[u8]) {
    let guest = HostileGuest::new(bytes);
    if let Ending::Returned(value) = guest.call(loader) {
        assert!(guest.has_result_type(&value), "{value:?} is no `{}`", guest.result);
    }
}

/// Inputs to begin with: each type with memory full of small addresses and lengths.
pub fn corpus() -> Vec<Vec<u8>> {
    let mut mutator = Mutator::new(1);
    (0..TYPES.len() as u8)
        .map(|choice| {
            let mut bytes = vec![choice, 0, 0, 0, 0];
            (0..64).for_each(|_| bytes.extend_from_slice(&(mutator.below(64) as u32 * 4).to_le_bytes()));
            bytes
        })
        .collect()
}
