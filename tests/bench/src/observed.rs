//! What it costs to follow a flow run: spans that are sent to a collector in the same process, and metrics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::figures::{Figure, median, micros};
use crate::flows::{Flows, numbers};
use crate::{Bench, Failure, MAPPED, TINY};

/// Takes whatever is posted, and counts its bytes.
struct Sink {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Sink {
    fn start() -> std::io::Result<Sink> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let sink = Sink { address: listener.local_addr()?, bytes: Arc::default() };
        let bytes = Arc::clone(&sink.bytes);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                bytes.fetch_add(take(stream).unwrap_or_default(), Ordering::Relaxed);
            }
        });
        Ok(sink)
    }
}

fn take(stream: TcpStream) -> std::io::Result<u64> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.trim().parse().map_err(std::io::Error::other)?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    Ok(length)
}

impl Bench {
    /// With traces and with metrics against without, in the same process. Sending takes time of the same cores.
    pub(crate) fn observed(&mut self) -> Result<(), Failure> {
        const LENGTH: u32 = 1_000;
        let sink = Sink::start()?;
        let traced = [("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", sink.address))];
        let measured = [("TASKHOST_METRICS", "127.0.0.1:0".to_owned())];
        let component = format!("../../{}", TINY.path);
        for (name, chain_name, variables) in [
            ("100,000 mapped, with traces", "chain of 1,000, with traces, a hop more", &traced),
            ("100,000 mapped, with metrics", "chain of 1,000, with metrics, a hop more", &measured),
        ] {
            let on = Flows::followed(&self.root, variables)?;
            let mapped = self.flows.mapped(&component, TINY.function, TINY.parameter)?;
            let chain = self.flows.chain(&component, TINY.function, TINY.parameter, LENGTH)?;
            for flows in [&self.flows, &on] {
                flows.mapped(&component, TINY.function, TINY.parameter)?;
                flows.time(&mapped, 2, numbers(MAPPED))?;
                flows.time(&chain, 2, Vec::new())?;
            }
            let (mut ratios, mut hops, mut detail) = (Vec::new(), Vec::new(), String::new());
            for _ in 0..self.rounds {
                let without = self.flows.time(&mapped, 2, numbers(MAPPED))?;
                let with = on.time(&mapped, 2, numbers(MAPPED))?;
                ratios.push(without.as_secs_f64() / with.as_secs_f64());
                detail = format!("{:.2} µs a task, without {:.2} µs", micros(with, MAPPED), micros(without, MAPPED));
                let without = micros(self.flows.time(&chain, 2, Vec::new())?, LENGTH);
                hops.push(micros(on.time(&chain, 2, Vec::new())?, LENGTH) - without);
            }
            let warnings = on.finish().join("; ");
            let sent = sink.bytes.load(Ordering::Relaxed) as f64 / (1 << 20) as f64;
            detail = format!("{detail}; {sent:.0} MiB were sent; {warnings}");
            self.add(Figure { name, unit: "x", rounds: ratios, bar: "no bar", meets: None, detail });
            let detail = format!("{:.2} µs", median(&hops));
            self.add(Figure { name: chain_name, unit: "µs", rounds: hops, bar: "no bar", meets: None, detail });
        }
        Ok(())
    }
}
