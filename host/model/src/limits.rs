//! [`Limits`]: the most that one task run may use, and the defaults when a flow says nothing.
//!
//! Declared here and nowhere else; enforced by the sandbox. Each default says which accident or attack it stops.

use std::time::Duration;

/// The most that one task run may use. A flow's `limits` and `timeout` set them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Bytes, summed over *all* linear memories and tables of the component: a component may hold many core instances, each with
    /// a memory of its own. Default 256 MiB: a leak or a bomb ends one task run, not the machine.
    pub memory_bytes_max: u64,
    /// Time computing, not waiting. Default 60 s: an endless loop ends.
    pub cpu_time_max: Duration,
    /// From start to end of one attempt, waiting included. Default 1 h: a task that waits for ever ends.
    pub wall_time_max: Duration,
    /// Bytes of stdout and stderr and log messages together. Default 1 MiB: a print in a loop does not fill our memory.
    pub output_bytes_max: u64,
    /// Bytes of the result, as it lies in memory. Default 256 MiB: a result is held by the host until its last consumer has run.
    pub result_bytes_max: u64,
    /// Bytes that it adds to blobs. Default 4 GiB: they lie on the host's disk, or in its store of artifacts.
    pub blob_bytes_max: u64,
    /// Lines of output and log. Default 10,000: each line costs more than its bytes, on its way to whoever reads it.
    pub log_lines_max: u32,
    /// Files, folders and blobs open at one time. Default 64: the process has some thousand for all its guests.
    pub files_max: u32,
    /// Sockets and HTTP requests open at one time. Default 16: for the same reason, and so that a guest makes a poor weapon.
    pub sockets_max: u32,
    /// Handles of all kinds (streams, pollables, timers, files, sockets) held at one time. Default 1,024: each is memory of ours.
    pub handles_max: u32,
}

impl Limits {
    /// What a task run may use when its flow says nothing.
    pub const DEFAULT: Limits = Limits {
        memory_bytes_max: 256 << 20,
        cpu_time_max: Duration::from_secs(60),
        wall_time_max: Duration::from_secs(3600),
        output_bytes_max: 1 << 20,
        result_bytes_max: 256 << 20,
        blob_bytes_max: 4 << 30,
        log_lines_max: 10_000,
        files_max: 64,
        sockets_max: 16,
        handles_max: 1_024,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

/// Largest component file that is read, in bytes: larger than the largest toolchain's output (a Python component has 18 MB), small enough
/// that reading one by mistake does no harm.
pub const COMPONENT_BYTES_MAX: u64 = 256 << 20;

/// Largest flow file that is read, in bytes: a flow of 100,000 tasks has about 10 MB.
pub const FLOW_BYTES_MAX: u64 = 64 << 20;

/// Most subflows inside each other: deeper is a mistake, and each level costs stack while it is checked.
pub const SUBFLOW_DEPTH_MAX: usize = 32;

/// Task runs in flight at once by default. A waiting one holds about 30 KiB; the kernel's limit on memory mappings ends it near 10,000.
pub const CONCURRENCY_DEFAULT: usize = 1024;

/// Most task runs in flight that may be asked for: beyond this the kernel's `vm.max_map_count` (65,530 by default, six per waiting guest) is met.
pub const CONCURRENCY_MAX: usize = 10_000;

/// Most tasks of a flow with all its subflows, each counted as often as it is run: 30 flows that each run the next one twice are a
/// billion tasks, of which all but the innermost are open at once.
pub const EXPANDED_TASKS_MAX: u64 = 1_000_000;
