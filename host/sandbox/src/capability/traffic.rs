//! What goes through a guest's streams (files, sockets, HTTP bodies) is counted for its usage. WASI 0.3's streams are not.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::ResourceTable;
use wasmtime_wasi::p2::bindings::io::streams::{
    Host, HostInputStream, HostOutputStream, StreamError as StreamErrorOfGuest,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, StreamResult};

use super::Lane;
use crate::state::HostState;

/// Bytes through a task run's streams.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Traffic {
    pub(crate) read: u64,
    /// What it printed is among it.
    pub(crate) written: u64,
}

type Store<'a> = StoreContextMut<'a, HostState>;

fn answered<T>(table: &mut ResourceTable, result: StreamResult<T>) -> Result<Result<T, StreamErrorOfGuest>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(table.convert_stream_error(error)?)),
    }
}

impl HostState {
    fn has_read(&mut self, result: StreamResult<Vec<u8>>) -> Result<Result<Vec<u8>, StreamErrorOfGuest>> {
        self.traffic.read += result.as_ref().map_or(0, |bytes| bytes.len() as u64);
        answered(&mut self.table, result)
    }

    fn has_written(&mut self, length: usize, result: StreamResult<()>) -> Result<Result<(), StreamErrorOfGuest>> {
        self.traffic.written += if result.is_ok() { length as u64 } else { 0 };
        answered(&mut self.table, result)
    }
}

/// A guest on the direct lane has no streams but those of its log.
pub(super) fn link(linker: &mut Linker<HostState>, lane: Lane) -> Result<()> {
    if lane == Lane::Direct {
        return Ok(());
    }
    let mut streams = linker.instance("wasi:io/streams@0.2.12")?;
    streams.func_wrap(
        "[method]input-stream.read",
        |mut store: Store<'_>, (stream, length): (Resource<DynInputStream>, u64)| {
            let state = store.data_mut();
            let result = HostInputStream::read(&mut state.table, stream, length);
            Ok((state.has_read(result)?,))
        },
    )?;
    streams.func_wrap_async(
        "[method]input-stream.blocking-read",
        |mut store: Store<'_>, (stream, length): (Resource<DynInputStream>, u64)| {
            Box::new(async move {
                let state = store.data_mut();
                let result = HostInputStream::blocking_read(&mut state.table, stream, length).await;
                Ok((state.has_read(result)?,))
            })
        },
    )?;
    streams.func_wrap(
        "[method]output-stream.write",
        |mut store: Store<'_>, (stream, bytes): (Resource<DynOutputStream>, Vec<u8>)| {
            let (state, length) = (store.data_mut(), bytes.len());
            let result = HostOutputStream::write(&mut state.table, stream, bytes);
            Ok((state.has_written(length, result)?,))
        },
    )?;
    streams.func_wrap_async(
        "[method]output-stream.blocking-write-and-flush",
        |mut store: Store<'_>, (stream, bytes): (Resource<DynOutputStream>, Vec<u8>)| {
            Box::new(async move {
                let (state, length) = (store.data_mut(), bytes.len());
                let result = HostOutputStream::blocking_write_and_flush(&mut state.table, stream, bytes).await;
                Ok((state.has_written(length, result)?,))
            })
        },
    )
}
