//! What tells the runners of this process apart, with real guests.

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use taskhost::flow::RunnerKind;
use taskhost::{FlowBuilder, Host, HostOptions, RunError};

fn misc() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/guests/misc/components/misc.wasm")
}

#[test]
fn waiting_tasks_hold_no_thread() {
    let host = Host::new(HostOptions { workers: 2, ..support::options() }).expect("a host");
    let misc = host.component(misc()).expect("the guest");
    let flow = FlowBuilder::new("sleepers");
    let naps = flow.call(&misc, "sleep").with_each("ms", vec![100_u32; 1_000]);
    flow.output("naps", &naps);
    let started = Instant::now();
    let naps: Vec<u32> = host.run(flow).expect("runs").output("naps").expect("a list");
    assert_eq!(naps.len(), 1_000);
    // One after another they would sleep for 50 s on two threads; together they take a quarter of a second.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn sequential_stops_a_map_right_at_its_first_failure() {
    let host = Host::new(support::options()).expect("a host");
    let misc = host.component(misc()).expect("the guest");
    for _ in 0..5 {
        let flow = FlowBuilder::new("odd");
        let mut numbers = vec![0_u32; 100];
        numbers[10] = 1;
        let mapped = flow.call(&misc, "fail-odd").named("mapped").with_each("n", numbers);
        flow.output("all", &mapped);
        let Err(RunError::Failed(report)) = host.prepare(flow).expect("a flow").runner(RunnerKind::Sequential).run()
        else {
            panic!("an odd number fails");
        };
        assert_eq!(report.tasks[0].runs_ended, 11, "ten before it, and the one that failed");
    }
}
