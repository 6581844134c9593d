//! Binary forms of what a worker is told of a task: its call, with limits and grants. For messages between processes, not for journals.
//!
//! Types and rules are written as text, in the grammar that flows have: it is read by the code that reads flows, and checked by it.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::read::{Coded, Reader};
use super::{CodecError, write};
use crate::digest::Digest;
use crate::grants::{Access, FolderGrant, Grants};
use crate::limits::Limits;
use crate::task_run::{Reuse, TaskCall};
use crate::types::ValueType;

impl Coded for TaskCall {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.component.bytes());
        write::text(out, &self.component_name);
        optional(out, self.interface.as_ref(), |out, name| write::text(out, name));
        write::text(out, &self.function);
        write::varint(out, self.parameters.len() as u64);
        self.parameters.iter().for_each(|ty| write::text(out, &ty.to_string()));
        optional(out, self.result.as_ref(), |out, ty| write::text(out, &ty.to_string()));
        self.limits.encode(out);
        self.grants.encode(out);
        out.push(u8::from(self.deterministic));
        match self.cache {
            None => out.push(0),
            Some(Reuse::Always) => out.push(1),
            Some(Reuse::Within(age)) => {
                out.push(2);
                write::duration(out, age);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<TaskCall, CodecError> {
        Ok(TaskCall {
            component: Digest::of_bytes(reader.array()?),
            component_name: reader.text()?.into(),
            interface: read_optional(reader, |reader| Ok(reader.text()?.into()))?,
            function: reader.text()?.into(),
            parameters: reader.list(parsed::<ValueType>)?,
            result: read_optional(reader, parsed::<ValueType>)?,
            limits: Limits::decode(reader)?,
            grants: Arc::new(Grants::decode(reader)?),
            deterministic: reader.flag()?,
            cache: match reader.byte()? {
                0 => None,
                1 => Some(Reuse::Always),
                2 => Some(Reuse::Within(reader.duration()?)),
                other => return Err(reader.error(format!("{other} is no way to use results again"))),
            },
        })
    }
}

impl Coded for Limits {
    fn encode(&self, out: &mut Vec<u8>) {
        for bytes in [self.memory_bytes_max, self.output_bytes_max, self.result_bytes_max, self.blob_bytes_max] {
            write::varint(out, bytes);
        }
        write::duration(out, self.cpu_time_max);
        write::duration(out, self.wall_time_max);
        for count in [self.log_lines_max, self.files_max, self.sockets_max, self.handles_max] {
            write::varint(out, u64::from(count));
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Limits, CodecError> {
        Ok(Limits {
            memory_bytes_max: reader.varint()?,
            output_bytes_max: reader.varint()?,
            result_bytes_max: reader.varint()?,
            blob_bytes_max: reader.varint()?,
            cpu_time_max: reader.duration()?,
            wall_time_max: reader.duration()?,
            log_lines_max: reader.number()?,
            files_max: reader.number()?,
            sockets_max: reader.number()?,
            handles_max: reader.number()?,
        })
    }
}

impl Coded for Grants {
    fn encode(&self, out: &mut Vec<u8>) {
        write::varint(out, self.folders.len() as u64);
        self.folders.iter().for_each(|folder| folder.encode(out));
        texts(out, &self.network);
        texts(out, &self.http);
        texts(out, &self.env);
        texts(out, &self.secrets);
        write::varint(out, self.config.len() as u64);
        for (key, value) in &self.config {
            write::text(out, key);
            write::text(out, value);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Grants, CodecError> {
        let name = |reader: &mut Reader<'_>| Ok(reader.text()?.into());
        Ok(Grants {
            folders: reader.list(FolderGrant::decode)?,
            network: reader.list(parsed)?,
            http: reader.list(parsed)?,
            env: reader.list(name)?,
            secrets: reader.list(name)?,
            config: reader.list(|reader| Ok((reader.text()?.into(), reader.text()?.into())))?.into_iter().collect(),
        })
    }
}

impl Coded for FolderGrant {
    fn encode(&self, out: &mut Vec<u8>) {
        write::text(out, &self.to_string());
        // Means something where the same folders are; who reads it decides.
        write::text(out, &self.base.as_deref().map(|base| base.to_string_lossy()).unwrap_or_default());
        out.push(u8::from(self.access == Access::Write));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<FolderGrant, CodecError> {
        let (text, base) = (reader.text()?, PathBuf::from(reader.text()?));
        let access = if reader.flag()? { Access::Write } else { Access::Read };
        FolderGrant::new(text, &base, access).map_err(|error| reader.error(error.message))
    }
}

fn texts<T: ToString>(out: &mut Vec<u8>, items: &[T]) {
    write::varint(out, items.len() as u64);
    items.iter().for_each(|item| write::text(out, &item.to_string()));
}

fn parsed<T: FromStr<Err: ToString>>(reader: &mut Reader<'_>) -> Result<T, CodecError> {
    let text = reader.text()?;
    text.parse().map_err(|error: T::Err| reader.error(error.to_string()))
}

fn optional<T>(out: &mut Vec<u8>, value: Option<&T>, write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(out, value);
    }
}

fn read_optional<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Result<Option<T>, CodecError> {
    if reader.flag()? { read(reader).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call() -> TaskCall {
        let folder = |text, access| FolderGrant::new(text, "/flows".as_ref(), access).expect(text);
        TaskCall {
            component: Digest::of(b"a component"),
            component_name: "numbers".into(),
            interface: Some("demo:numbers/tasks@0.1.0".into()),
            function: "random-num".into(),
            parameters: vec!["u32".parse().expect("a type"), "list<record { a: string }>".parse().expect("a type")],
            result: Some("result<u32, string>".parse().expect("a type")),
            limits: Limits { cpu_time_max: Duration::from_millis(7), ..Limits::DEFAULT },
            grants: Arc::new(Grants {
                folders: vec![folder("data", Access::Read), folder("/srv/out", Access::Write)],
                network: vec![
                    "api.example.com:443".parse().expect("a rule"),
                    "10.0.0.0/8:1-20".parse().expect("a rule"),
                ],
                http: vec!["GET https://api.example.com/v1/*".parse().expect("a rule")],
                env: vec!["LANG".into()],
                secrets: vec!["api-token".into()],
                config: [("level".into(), "9".into())].into(),
            }),
            deterministic: true,
            cache: Some(Reuse::Within(Duration::from_secs(60))),
        }
    }

    #[test]
    fn a_call_is_read_as_it_was_written() {
        let wanted = call();
        let mut bytes = Vec::new();
        wanted.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        let read = TaskCall::decode(&mut reader).expect("what was written");
        assert!(reader.is_at_end());
        assert_eq!(read, wanted);
    }

    #[test]
    fn damaged_calls_are_errors() {
        let mut bytes = Vec::new();
        call().encode(&mut bytes);
        for length in 0..bytes.len() {
            assert!(TaskCall::decode(&mut Reader::new(&bytes[..length])).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            let _ = TaskCall::decode(&mut Reader::new(&damaged));
        }
    }
}
