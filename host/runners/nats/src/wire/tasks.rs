//! A message to workers: task runs of one flow run. Each part is a stretch of a request, with the elements of its own runs only.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use taskhost_model::codec::{CodecError, Coded, Reader, Resolve, ValueReader, ValueWriter};
use taskhost_model::codec::{write_bytes, write_number, write_text};
use taskhost_model::{FlowRunId, RequestId, TaskCall, TaskRunRequest, Value, ValueType};

use super::{LeftOut, MessageId, VERSION, version};

/// Most task runs of a message.
pub(crate) const RUNS_MAX: u32 = 256;

/// Calls that are remembered, so that their types are read once.
const CALLS_MAX: usize = 1024;

/// Writes a message. Values of `offload_bytes_min` and more are left out.
pub(crate) fn encode(
    id: MessageId,
    flow_run: FlowRunId,
    parts: &[(&TaskRunRequest, Range<u32>)],
    offload_bytes_min: usize,
) -> (Bytes, LeftOut) {
    let (mut out, mut left_out) = (Vec::with_capacity(256), LeftOut::default());
    out.push(VERSION);
    out.extend_from_slice(&id.0);
    write_text(&mut out, &flow_run.to_string());
    write_number(&mut out, parts.len() as u64);
    let mut calls: Vec<&Arc<TaskCall>> = Vec::new();
    let mut values = ValueWriter::default();
    let mut scratch = Vec::new();
    for (request, indexes) in parts {
        match calls.iter().position(|known| Arc::ptr_eq(known, &request.call)) {
            Some(at) => write_number(&mut out, at as u64 + 1),
            None => {
                calls.push(&request.call);
                write_number(&mut out, 0);
                scratch.clear();
                absolute(&request.call).encode(&mut scratch);
                write_bytes(&mut out, &scratch);
            }
        }
        write_text(&mut out, &request.task);
        for number in [request.attempt, indexes.start, indexes.end - indexes.start] {
            write_number(&mut out, u64::from(number));
        }
        write_number(&mut out, request.mapped.len() as u64);
        request.mapped.iter().for_each(|at| write_number(&mut out, *at as u64));
        write_number(&mut out, request.arguments.len() as u64);
        for (at, value) in request.arguments.iter().enumerate() {
            let own;
            let value = match value {
                Value::List(list) if request.mapped.contains(&at) => {
                    let from = |index: u32| (index - request.elements_from) as usize;
                    own = Value::List(list.slice(from(indexes.start)..from(indexes.end)));
                    &own
                }
                value => value,
            };
            values.write(Some(value), &mut out, &mut |large| left_out.take(large, offload_bytes_min));
        }
    }
    left_out.blobs = values.take_blobs();
    (out.into(), left_out)
}

/// A flow may have been named relative to where its host was started, which means nothing elsewhere.
fn absolute(call: &Arc<TaskCall>) -> Arc<TaskCall> {
    if call.grants.folders.iter().all(|folder| folder.base.as_ref().is_none_or(|base| base.is_absolute())) {
        return Arc::clone(call);
    }
    let mut grants = (*call.grants).clone();
    for folder in &mut grants.folders {
        folder.base = folder.base.take().map(|base| {
            let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
            std::path::absolute(&base).unwrap_or(base)
        });
    }
    Arc::new(TaskCall { grants: Arc::new(grants), ..(**call).clone() })
}

/// A message as a worker reads it. Its requests are numbered from 0.
#[derive(Debug)]
pub(crate) struct TaskMessage {
    pub(crate) requests: Vec<TaskRunRequest>,
}

impl TaskMessage {
    /// Task runs in all.
    pub(crate) fn runs(&self) -> u32 {
        self.requests.iter().map(|request| request.indexes.len() as u32).sum()
    }
}

/// The message's id, for an answer to one that cannot be read otherwise.
pub(crate) fn id_of(bytes: &[u8]) -> Option<MessageId> {
    bytes.get(1..17)?.try_into().ok().map(MessageId)
}

/// Calls that came before, by their bytes.
#[derive(Default)]
pub(crate) struct KnownCalls(Mutex<HashMap<Vec<u8>, Arc<TaskCall>>>);

impl KnownCalls {
    fn read(&self, bytes: &[u8], reader: &Reader<'_>) -> Result<Arc<TaskCall>, CodecError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = known.get(bytes) {
            return Ok(Arc::clone(call));
        }
        let mut inner = Reader::new(bytes);
        let call = TaskCall::decode(&mut inner).and_then(|call| inner.end().map(|()| Arc::new(call)));
        let call = call.map_err(|error| reader.error(error.message))?;
        if known.len() >= CALLS_MAX {
            known.clear();
        }
        known.insert(bytes.to_vec(), Arc::clone(&call));
        Ok(call)
    }
}

/// Reads a message. Arguments are values of the types that their call names.
pub(crate) fn decode(bytes: &[u8], calls: &KnownCalls, resolve: &mut Resolve<'_>) -> Result<TaskMessage, CodecError> {
    let mut reader = Reader::new(bytes);
    version(&mut reader)?;
    reader.array::<16>()?;
    let flow_run: FlowRunId = reader.text()?.parse().map_err(|_| reader.error("no id of a flow run"))?;
    let (mut known, mut values, mut count, mut runs) = (Vec::new(), ValueReader::default(), 0, 0);
    let requests = reader.list(|reader| {
        let call = match reader.number::<usize>()?.checked_sub(1) {
            Some(at) => known.get(at).cloned().ok_or_else(|| reader.error("a call that was not written before"))?,
            None => {
                let bytes = reader.bytes()?;
                let call = calls.read(bytes, reader)?;
                known.push(Arc::clone(&call));
                call
            }
        };
        let task: Arc<str> = reader.text()?.into();
        let (attempt, first, length) = (reader.number()?, reader.number::<u32>()?, reader.number::<u32>()?);
        runs += u64::from(length);
        let end = first.checked_add(length).filter(|_| length > 0 && runs <= u64::from(RUNS_MAX));
        let end = end.ok_or_else(|| reader.error(format!("{length} task runs from {first} on")))?;
        let mapped: Vec<usize> = reader.list(Reader::number)?;
        let arguments = reader
            .list(|reader| values.read(reader, resolve)?.ok_or_else(|| reader.error("an argument without a value")))?;
        count += 1;
        let request = TaskRunRequest {
            flow_run,
            id: RequestId(count - 1),
            task,
            call,
            arguments: arguments.into(),
            mapped: mapped.into(),
            elements_from: first,
            indexes: first..end,
            attempt,
        };
        check(&request).map_err(|message| reader.error(message))?;
        Ok(request)
    })?;
    reader.end()?;
    Ok(TaskMessage { requests })
}

/// What the sandbox relies on.
fn check(request: &TaskRunRequest) -> Result<(), String> {
    let types = &request.call.parameters;
    if request.arguments.len() != types.len() || request.mapped.iter().any(|at| *at >= types.len()) {
        return Err(format!("{} arguments for {} parameters", request.arguments.len(), types.len()));
    }
    for (at, (value, ty)) in request.arguments.iter().zip(types).enumerate() {
        let fits = match value {
            Value::List(list) if request.mapped.contains(&at) => {
                list.len() == request.indexes.len() && value.has_type(&ValueType::list(ty.clone()))
            }
            value => !request.mapped.contains(&at) && value.has_type(ty),
        };
        if !fits {
            return Err(format!("argument {at} of `{}` is no `{ty}`", request.call.function));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use taskhost_model::codec::resolve_nothing;
    use taskhost_model::{Digest, Grants, Limits, List};

    use super::*;

    fn call(parameters: &[&str]) -> Arc<TaskCall> {
        Arc::new(TaskCall {
            component: Digest::of(b"c"),
            component_name: "c".into(),
            interface: None,
            function: "f".into(),
            parameters: parameters.iter().map(|ty| ty.parse().expect("a type")).collect(),
            result: None,
            limits: Limits::DEFAULT,
            grants: Arc::new(Grants::default()),
            deterministic: false,
            cache: None,
        })
    }

    fn request(call: &Arc<TaskCall>, arguments: Vec<Value>, mapped: Vec<usize>, runs: u32) -> TaskRunRequest {
        TaskRunRequest {
            flow_run: FlowRunId::new(7, 9),
            id: RequestId(3),
            task: "months[3]/clean".into(),
            call: Arc::clone(call),
            arguments: arguments.into(),
            mapped: mapped.into(),
            elements_from: 0,
            indexes: 0..runs,
            attempt: 2,
        }
    }

    fn sent() -> (TaskRunRequest, TaskRunRequest) {
        let numbers = List::from_values(&ValueType::U32, (0..1000).map(Value::U32));
        let words = List::from_values(&ValueType::String, (0..1000).map(|n| Value::string(n.to_string())));
        let call = call(&["u32", "string", "bool"]);
        let mapped = vec![Value::List(numbers), Value::List(words), Value::Bool(true)];
        let single = vec![Value::U32(1), Value::string("x"), Value::Bool(false)];
        (request(&call, mapped, vec![0, 1], 1000), request(&call, single, vec![], 1))
    }

    #[test]
    fn a_part_brings_the_elements_of_its_own_runs_and_their_indexes() {
        let (mapped, single) = sent();
        let parts = [(&mapped, 500..510), (&single, 0..1)];
        let (bytes, left_out) = encode(MessageId::new(1, 2), mapped.flow_run, &parts, usize::MAX);
        assert!(bytes.len() < 500 && left_out.values.is_empty(), "{}", bytes.len());
        assert_eq!(id_of(&bytes), Some(MessageId::new(1, 2)));
        let message = decode(&bytes, &KnownCalls::default(), &mut resolve_nothing).expect("what was written");
        assert_eq!(message.runs(), 11);
        let [first, second] = &message.requests[..] else { panic!("two requests") };
        assert_eq!((first.indexes.clone(), first.attempt, &*first.task), (500..510, 2, "months[3]/clean"));
        for index in first.indexes.clone() {
            for position in 0..3 {
                assert_eq!(first.argument(position, index), mapped.argument(position, index), "{position} {index}");
            }
        }
        assert_eq!(second.arguments, single.arguments);
        assert!(Arc::ptr_eq(&first.call, &second.call), "a call is read once");
        assert_eq!(first.call, mapped.call);
    }

    #[test]
    fn calls_are_the_same_in_later_messages() {
        let (mapped, _) = sent();
        let known = KnownCalls::default();
        let read = |from: u32| {
            let (bytes, _) = encode(MessageId::new(1, 2), mapped.flow_run, &[(&mapped, from..from + 1)], usize::MAX);
            decode(&bytes, &known, &mut resolve_nothing).expect("what was written").requests.remove(0).call
        };
        assert!(Arc::ptr_eq(&read(1), &read(2)));
    }

    #[test]
    fn arguments_of_other_types_than_the_call_names_are_refused() {
        let (mapped, single) = sent();
        let wrong =
            TaskRunRequest { arguments: [Value::U32(1), Value::U32(1), Value::Bool(false)].into(), ..single.clone() };
        let few = TaskRunRequest { arguments: [Value::U32(1)].into(), ..single };
        let whole = TaskRunRequest { mapped: [].into(), ..mapped };
        for (request, range) in [(&wrong, 0..1), (&few, 0..1), (&whole, 0..1)] {
            let (bytes, _) = encode(MessageId::new(1, 2), request.flow_run, &[(request, range)], usize::MAX);
            assert!(decode(&bytes, &KnownCalls::default(), &mut resolve_nothing).is_err());
        }
    }

    #[test]
    fn damaged_messages_are_errors() {
        let (mapped, single) = sent();
        let parts = [(&mapped, 3..6), (&single, 0..1)];
        let (bytes, _) = encode(MessageId::new(1, 2), mapped.flow_run, &parts, usize::MAX);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], &KnownCalls::default(), &mut resolve_nothing).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0xff;
            let _ = decode(&damaged, &KnownCalls::default(), &mut resolve_nothing);
        }
    }
}
