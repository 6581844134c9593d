//! What the host offers to guests: one file for each capability, with its three moments. *link* puts it into a linker, once for each
//! lane; *prepare* makes ready what a task is granted; while a run goes on, it judges what the guest asks for.
//!
//! Everything is linked, whatever is granted: toolchains import files, the environment and sockets whether they are used or not. What is
//! not granted is a refusal, which the guest sees as a permission error and the report as a [`Refusal`](taskhost_model::Refusal).
//! `wasi` links what needs no grant; `log`, `progress`, `context` and `blobs` are ours (`wit/task.wit`).

pub(crate) mod blobs;
mod config;
mod context;
mod deterministic;
mod environment;
mod files;
mod http;
mod listing;
mod log;
mod lookup;
mod metadata;
pub(crate) mod network;
mod p3;
mod progress;
pub(crate) mod refused;
pub(crate) mod traffic;
pub(crate) mod wasi;

use std::path::PathBuf;
use std::sync::Arc;

use taskhost_model::seams::Vault;
use taskhost_model::{Area, Grants, TaskCall, TaskFailure};
use wasmtime::component::Linker;
use wasmtime::{Engine, Result};

use crate::state::HostState;

pub(crate) use blobs::{BlobHandle, BlobsOfRun};
pub(crate) use config::{Masks, Settings};
pub(crate) use deterministic::{Deterministic, Seed};
pub(crate) use files::{Folder, FolderError, OpenFiles};
pub(crate) use http::HttpState;
pub(crate) use network::NetworkState;

/// How the functions of a linker behave when a guest has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Lane {
    /// The guest cannot wait: its imports have nothing to wait for. The cheapest way to call it.
    Direct,
    /// The guest may wait; it holds no thread while it does.
    Waiting,
    /// The guest has async exports or imports (WASI 0.3).
    Concurrent,
}

impl Lane {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Lane::Direct => "direct (it has nothing to wait for)",
            Lane::Waiting => "waiting (it holds no thread while it waits)",
            Lane::Concurrent => "concurrent (it has async functions)",
        }
    }

    /// Files are waited for, and only a task that is granted some has any.
    pub(crate) fn with_grants(self, areas: &[Area], grants: &Grants) -> Lane {
        match self {
            Lane::Direct if !grants.folders.is_empty() && areas.contains(&Area::Files) => Lane::Waiting,
            lane => lane,
        }
    }
}

/// A linker with everything that the host has.
pub(crate) fn linker(engine: &Engine, lane: Lane) -> Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasi::link(&mut linker, lane)?;
    http::link(&mut linker, lane)?;
    config::link(&mut linker)?;
    log::link(&mut linker)?;
    progress::link(&mut linker)?;
    context::link(&mut linker)?;
    blobs::link(&mut linker, lane)?;
    // From here on, single functions are replaced by ours.
    linker.allow_shadowing(true);
    files::link(&mut linker, lane)?;
    network::link(&mut linker, lane)?;
    deterministic::link(&mut linker, lane)?;
    traffic::link(&mut linker, lane)?;
    if lane == Lane::Concurrent {
        p3::link(&mut linker)?;
    }
    Ok(linker)
}

/// What a task's runs may touch, made ready once. Only a task with grants has one.
pub(crate) struct Capabilities {
    pub(crate) folders: Vec<Folder>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) settings: Settings,
    /// Of a deterministic task.
    pub(crate) seed: Option<Seed>,
}

impl Capabilities {
    /// None if nothing is granted and nothing is special.
    pub(crate) fn prepare(
        call: &TaskCall,
        vault: Option<&dyn Vault>,
        own_folders: &[PathBuf],
    ) -> Result<Option<Arc<Capabilities>>, TaskFailure> {
        if call.grants.is_empty() && !call.deterministic {
            return Ok(None);
        }
        let unusable = |error: FolderError| TaskFailure::Ungrantable(error.to_string());
        Ok(Some(Arc::new(Capabilities {
            folders: files::open(&call.grants.folders, own_folders).map_err(unusable)?,
            environment: environment::look_up(&call.grants.env),
            settings: Settings::prepare(&call.grants, vault)?,
            seed: call.deterministic.then(|| Seed::of_task(call)),
        })))
    }
}
