//! What a deterministic guest must not see: what real time makes ready first, and what a folder tells of this machine.

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasip2::io::poll::{Pollable, poll};

pub(crate) fn timers(waits: &[u32]) -> Vec<Vec<u32>> {
    let mut left: Vec<(u32, Pollable)> =
        (0..).zip(waits).map(|(at, wait)| (at, subscribe_duration(u64::from(*wait) * 1_000_000))).collect();
    let mut rounds = Vec::new();
    while !left.is_empty() {
        let ready = poll(&left.iter().map(|(_, timer)| timer).collect::<Vec<_>>());
        rounds.push(ready.iter().map(|at| left[*at as usize].0).collect());
        let mut at = 0;
        left.retain(|_| {
            at += 1;
            !ready.contains(&(at - 1))
        });
    }
    rounds
}

pub(crate) fn at(folder: &str) -> Result<Vec<String>, String> {
    let directories = get_directories();
    let (folder, _) = directories.iter().find(|(_, path)| path == folder).ok_or("no such folder")?;
    let entries = folder.read_directory().map_err(|code| code.name().to_owned())?;
    let mut told = Vec::new();
    while let Some(entry) = entries.read_directory_entry().map_err(|code| code.name().to_owned())? {
        let look = || {
            let by_path = folder.stat_at(PathFlags::empty(), &entry.name)?;
            let hash = folder.metadata_hash_at(PathFlags::empty(), &entry.name)?;
            let file = folder.open_at(PathFlags::empty(), &entry.name, OpenFlags::empty(), DescriptorFlags::READ)?;
            let again = file.metadata_hash()?;
            let by_file = file.stat()?;
            Ok(format!("{} {by_path:?} {by_file:?} {} {}", entry.name, hash.lower, again.lower))
        };
        told.push(look().map_err(|code: wasip2::filesystem::types::ErrorCode| code.name().to_owned())?);
    }
    Ok(told)
}
