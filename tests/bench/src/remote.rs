//! Task runs on workers over NATS, against a bare queue with the same messages (`queue`): throughput, one task alone, our CPU, 64 MiB from
//! worker to worker, and what an idle worker holds.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use taskhost::nats::NatsSettings;
use taskhost::nats::local::{Server, find_server};
use taskhost::{HostOptions, RemoteWorkers, TaskWorker, WorkerSettings};

use crate::figures::{Figure, median, micros};
use crate::flows::{Flows, count, numbers};
use crate::journal::Data;
use crate::queue::{Messages, Queue, connect};
use crate::{Bench, Failure, MAPPED, TINY};

/// Task runs one after another.
const ALONE: u32 = 300;

/// Workers, each with one thread.
const WORKERS: usize = 2;

impl Bench {
    /// See the top of the file.
    pub(crate) fn remote(&mut self) -> Result<(), Failure> {
        let data = Data::new("remote");
        std::fs::create_dir_all(&data.0)?;
        let server = Server::start(&find_server(None)?, &data.0)?;
        let workers = ["a", "b"].map(|label| worker(&server.address, label));
        let workers = workers.into_iter().collect::<Result<Vec<_>, Failure>>()?;
        let flows = Flows::on_workers(&self.root, &server.address)?;
        let bare = Arc::new(self.bare(TINY)?);
        let queue = Queue::new(&server.address, WORKERS, &bare)?;
        self.throughput(&flows, &queue, &server.address)?;
        self.alone(&flows, &queue)?;
        self.handed_over(&flows, &queue)?;
        self.idle(&server.address)?;
        drop(workers);
        Ok(())
    }

    /// 100,000 small task runs, and what they cost this process: host and workers, the server left out.
    fn throughput(&mut self, flows: &Flows, queue: &Queue, address: &str) -> Result<(), Failure> {
        let flow = flows.mapped(&format!("../../{}", TINY.path), TINY.function, TINY.parameter)?;
        flows.time_on_workers(&flow, numbers(MAPPED / 10))?;
        let seen = Seen::listen(address)?;
        flows.time_on_workers(&flow, numbers(MAPPED))?;
        let messages = seen.messages(MAPPED)?;
        queue.time(messages)?;
        let (mut ratios, mut costs, mut detail) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..self.rounds {
            let before = cpu_time()?;
            let theirs = queue.time(messages)?;
            let between = cpu_time()?;
            let ours = flows.time_on_workers(&flow, numbers(MAPPED))?;
            let after = cpu_time()?;
            ratios.push(theirs.as_secs_f64() / ours.as_secs_f64());
            let bare_cpu = between.saturating_sub(before);
            costs.push(micros(after.saturating_sub(between), MAPPED));
            detail = format!(
                "{:.2} µs a task, bare {:.2} µs; {} messages; CPU bare {:.2} µs",
                micros(ours, MAPPED),
                micros(theirs, MAPPED),
                messages.count,
                micros(bare_cpu, MAPPED)
            );
        }
        self.add(Figure {
            name: "nats, mapped on 2 workers",
            unit: "x",
            rounds: ratios,
            bar: ">= 0.8 of bare queue",
            meets: Some(|n| n >= 0.8),
            detail,
        });
        self.add(Figure {
            name: "nats, CPU of host and workers a task run",
            unit: "µs",
            rounds: costs,
            bar: "<= 100 µs",
            meets: Some(|n| n <= 100.0),
            detail: "the guest's own included".to_owned(),
        });
        Ok(())
    }

    /// A chain: each task run is a message by itself.
    fn alone(&mut self, flows: &Flows, queue: &Queue) -> Result<(), Failure> {
        let component = format!("../../{}", TINY.path);
        let flow = flows.chain(&component, TINY.function, TINY.parameter, ALONE)?;
        let messages = Messages { count: u64::from(ALONE), calls: 1, bytes: 250, result_bytes: 90 };
        flows.time_on_workers(&flow, Vec::new())?;
        queue.one_by_one(messages)?;
        let (mut over, mut ours_times, mut bare_times) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let theirs = micros(queue.one_by_one(messages)?, ALONE);
            let ours = micros(flows.time_on_workers(&flow, Vec::new())?, ALONE);
            over.push(ours / theirs);
            ours_times.push(ours);
            bare_times.push(theirs);
        }
        let detail = format!("{:.0} µs, bare {:.0} µs", median(&ours_times), median(&bare_times));
        self.add(Figure {
            name: "nats, one small task alone",
            unit: "x",
            rounds: over,
            bar: "<= 1.5 of bare",
            meets: Some(|n| n <= 1.5),
            detail,
        });
        Ok(())
    }

    /// 64 MiB from a task on one worker to a task on another.
    fn handed_over(&mut self, flows: &Flows, queue: &Queue) -> Result<(), Failure> {
        const SIZE: u32 = 64 << 20;
        let (mut ratios, mut detail) = (Vec::new(), String::new());
        for round in 0..self.rounds.min(5) {
            let theirs = queue.object(SIZE as usize)?;
            // Another length each time: what is there already would not be sent again.
            let size = SIZE - round as u32;
            let flow = flows.handover_on_workers("../guests/misc/components/misc.wasm")?;
            let ours = flows.time_on_workers(&flow, count(size))?;
            ratios.push(theirs.as_secs_f64() / ours.as_secs_f64());
            detail = format!("{ours:.1?}, bare put and get {theirs:.1?}");
        }
        self.add(Figure {
            name: "nats, 64 MiB from worker to worker",
            unit: "x",
            rounds: ratios,
            bar: ">= 0.5 of put + get",
            meets: Some(|n| n >= 0.5),
            detail,
        });
        Ok(())
    }

    /// Resident memory of a worker process that has nothing to do.
    fn idle(&mut self, address: &str) -> Result<(), Failure> {
        let binary = std::env::current_exe()?.with_file_name("taskhost");
        let data = Data::new("idle");
        let mut worker = Command::new(binary)
            .args(["worker", "--end-with-stdin", "--quiet"])
            .env("TASKHOST_NATS", address)
            .env("TASKHOST_CACHE_FOLDER", data.0.join("cache"))
            .env("TASKHOST_DATA_FOLDER", &data.0)
            .stdin(Stdio::piped())
            .spawn()?;
        let status = format!("/proc/{}/status", worker.id());
        let (mut last, until) = (0, Instant::now() + Duration::from_secs(10));
        // Until it does not grow any more.
        while Instant::now() < until {
            std::thread::sleep(Duration::from_millis(500));
            let resident = resident(Path::new(&status))?;
            if resident > 0 && resident <= last {
                break;
            }
            last = resident;
        }
        drop(worker.stdin.take());
        worker.wait()?;
        self.add(Figure {
            name: "nats, an idle worker",
            unit: "MB",
            rounds: vec![last as f64 / 1e6],
            bar: "< 30 MB",
            meets: Some(|n| n < 30.0),
            detail: "resident memory".to_owned(),
        });
        Ok(())
    }
}

fn resident(status: &Path) -> Result<u64, Failure> {
    let text = std::fs::read_to_string(status)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? << 10)
}

/// A worker in this process.
fn worker(address: &str, label: &str) -> Result<TaskWorker, Failure> {
    let host = HostOptions { workers: 1, concurrency: 64, ..HostOptions::default() };
    let mut settings = WorkerSettings::new(NatsSettings::new(address), format!("bench-{label}"), host);
    settings.labels = label.parse()?;
    Ok(TaskWorker::start(settings)?)
}

impl Flows {
    /// Of a host whose workers are behind `address`.
    fn on_workers(root: &Path, address: &str) -> Result<Flows, Failure> {
        let remote = Some(RemoteWorkers::At(NatsSettings::new(address)));
        Flows::with(root, HostOptions { remote, ..HostOptions::default() })
    }

    fn handover_on_workers(&self, component: &str) -> Result<Arc<taskhost_flow::Flow>, Failure> {
        self.check(format!(
            "name = \"handover\"\n[parameters.n]\n[components]\nguest = \"{component}\"\n[defaults.limits]\nmemory = \"1 GiB\"\n\
             [tasks.make]\ncall = \"guest.bytes\"\nwith.n = \"${{n}}\"\nrunner = {{ kind = \"nats\", labels = [\"a\"] }}\n\
             [tasks.take]\ncall = \"guest.sum-bytes\"\nwith.bytes = \"${{make}}\"\nrunner = {{ kind = \"nats\", labels = [\"b\"] }}\n\
             [outputs]\nsum = \"${{take}}\"\n"
        ))
    }
}

/// CPU time of this process so far.
fn cpu_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(") ").ok_or("no such line in /proc/self/stat")?.1;
    let ticks = |at: usize| after_name.split(' ').nth(at).and_then(|number| number.parse::<u64>().ok());
    let ticks = ticks(11).zip(ticks(12)).map(|(user, system)| user + system).ok_or("no times in /proc/self/stat")?;
    // A tick is 10 ms on every Linux that we know of.
    Ok(Duration::from_millis(ticks * 10))
}

/// Counts the messages that go by.
struct Seen {
    runtime: tokio::runtime::Runtime,
    tasks: Arc<Counted>,
    results: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    count: AtomicU64,
    bytes: AtomicU64,
}

impl Seen {
    fn listen(address: &str) -> Result<Seen, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let counted = runtime.block_on(async {
            let client = connect(address).await?;
            let mut all = Vec::new();
            for subject in ["taskhost.1.tasks.>", "taskhost.1.results.>"] {
                let counted = Arc::new(Counted::default());
                let (own, mut messages) = (Arc::clone(&counted), client.subscribe(subject).await?);
                tokio::spawn(async move {
                    while let Some(message) = messages.next().await {
                        own.count.fetch_add(1, Ordering::Relaxed);
                        own.bytes.fetch_add(message.payload.len() as u64, Ordering::Relaxed);
                    }
                });
                all.push(counted);
            }
            client.flush().await?;
            Ok::<_, Failure>(all)
        })?;
        let [tasks, results] = counted.try_into().map_err(|_| "two subjects")?;
        Ok(Seen { runtime, tasks, results })
    }

    /// What went by for so many task runs, as messages of one size.
    fn messages(self, runs: u32) -> Result<Messages, Failure> {
        let number = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (count, answers) = (number(&self.tasks.count), number(&self.results.count));
        if count == 0 || answers == 0 {
            return Err("no message was seen".into());
        }
        let messages = Messages {
            count,
            calls: (f64::from(runs) / count as f64).round() as u32,
            bytes: (number(&self.tasks.bytes) / count) as usize,
            result_bytes: (number(&self.results.bytes) / answers) as usize,
        };
        self.runtime.shutdown_background();
        Ok(messages)
    }
}
