//! Real components, cut off and with bits flipped: each is rejected, or runs and ends; the host neither panics nor hangs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use taskhost::Host;
use taskhost::flow::FlowSource;

use crate::arena::Arena;
use crate::host::{guest, host};

/// How many places of each component are damaged in each way.
const PLACES: usize = 200;

/// One for each component and kind of damage.
pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &'static str, kind: &'static str, damage: fn(&[u8], usize) -> Vec<u8>| {
        Trial::test(format!("{name}_{kind}"), move || check(name, damage))
    };
    ["plain"]
        .into_iter()
        .flat_map(|name| {
            [
                trial(name, "cut_off", |bytes, place| bytes[..place % bytes.len()].to_vec()),
                trial(name, "with_a_bit_flipped", |bytes, place| {
                    let mut bytes = bytes.to_vec();
                    let at = place / 8 % bytes.len();
                    bytes[at] ^= 1 << (place % 8);
                    bytes
                }),
            ]
        })
        .collect()
}

fn check(name: &str, damage: fn(&[u8], usize) -> Vec<u8>) -> Result<(), Failed> {
    let whole = std::fs::read(guest(&format!("guests/{name}"), name)?)?;
    let arena = Arena::new("damaged")?;
    // A host of its own: it keeps each component that it has loaded.
    let host = host(8);
    let mut place = Places(0x5eed);
    for _ in 0..PLACES {
        let place = place.next();
        let path = arena.folder.join("out/damaged.wasm");
        std::fs::write(&path, damage(&whole, place))?;
        run(&host, &path).map_err(|error| format!("damaged at {place}: {error}"))?;
    }
    Ok(())
}

/// Runs a function of it if it is sound enough for that.
fn run(host: &Host, component: &Path) -> Result<(), String> {
    let text = format!(
        "name = \"damaged\"\n[components]\nguest = {component:?}\n[tasks.add]\ncall = \"guest.add-one\"\nwith.value = 41\n\
         limits.cpu = \"100 ms\"\ntimeout = \"1 s\"\n[outputs]\nnumber = \"${{add}}\"\n"
    );
    let source = Arc::new(FlowSource::new(component.with_file_name("flow.toml"), text));
    let Ok(checked) = host.check(&source) else { return Ok(()) };
    let run = host.prepare(checked.flow).and_then(|launch| launch.start()).map_err(|error| error.to_string())?;
    let ended = run.wait_timeout(Duration::from_secs(60));
    ended.map(drop).ok_or_else(|| "still runs after a minute".to_owned())
}

/// Numbers that follow from a seed. Xorshift64* (Vigna 2016).
struct Places(u64);

impl Places {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) as usize
    }
}
