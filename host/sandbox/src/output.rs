//! [`Output`]: what a guest prints becomes its task's log, line by line, while it runs.
//!
//! Bounded: past `limits.output` the guest is stopped. The last part of stderr is kept: when a guest traps, its own last
//! words are there (a panic's message, a traceback).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use taskhost_model::event::LogSource;
use taskhost_model::seams::Reports;
use taskhost_model::{Attachment, Limit, Limits};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::capability::Masks;
use crate::outcome::Stop;

/// Bytes of stderr kept for the failure's message: room for the calls of many goroutines, in front of which Go says what happened.
const TAIL_BYTES_MAX: usize = 32 << 10;

/// A line without an end is cut here, so that a reader is not made to hold a whole output as one line.
const LINE_BYTES_MAX: usize = 8 << 10;

/// Bytes that a guest may hand over at once.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// The log of one task run.
pub(crate) struct Output {
    task: Arc<str>,
    index: u32,
    reports: Arc<dyn Reports>,
    bytes_max: u64,
    lines_max: u32,
    masks: Option<Masks>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: u64,
    /// Of these, what went through stdout and stderr.
    printed: u64,
    lines: u32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    tail: Vec<u8>,
}

impl Output {
    pub(crate) fn new(
        task: &Arc<str>,
        index: u32,
        reports: &Arc<dyn Reports>,
        limits: &Limits,
        masks: Option<Masks>,
    ) -> Arc<Output> {
        let (task, reports) = (Arc::clone(task), Arc::clone(reports));
        let (bytes_max, lines_max) = (limits.output_bytes_max, limits.log_lines_max);
        Arc::new(Output { task, index, reports, bytes_max, lines_max, masks, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes printed and logged so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Bytes printed so far.
    pub(crate) fn printed(&self) -> u64 {
        self.state().printed
    }

    /// Counts `length` bytes that the guest wants to say.
    pub(crate) fn charge(&self, length: usize) -> Result<(), Stop> {
        Output::charge_state(&mut self.state(), length, self.bytes_max)
    }

    fn charge_state(state: &mut State, length: usize, bytes_max: u64) -> Result<(), Stop> {
        let bytes = state.bytes.saturating_add(length as u64);
        if bytes > bytes_max {
            return Err(Stop::Limit(Limit::Output(bytes_max)));
        }
        state.bytes = bytes;
        Ok(())
    }

    /// Says some lines: all of them, or those up to the limit.
    pub(crate) fn lines(&self, source: LogSource, lines: impl Iterator<Item = String>) -> Result<(), Stop> {
        for line in lines {
            let mut state = self.state();
            if state.lines >= self.lines_max {
                return Err(Stop::Limit(Limit::LogLines(self.lines_max)));
            }
            state.lines += 1;
            drop(state);
            self.line(source, line);
        }
        Ok(())
    }

    fn line(&self, source: LogSource, line: String) {
        let line = self.masked(line);
        self.reports.attach(&self.task, self.index, Attachment::Log { source, line });
    }

    /// Text of the guest without any of its secrets.
    fn masked(&self, text: String) -> String {
        match &self.masks {
            Some(masks) => masks.masked(text),
            None => text,
        }
    }

    fn write(&self, source: LogSource, bytes: &[u8]) -> Result<(), Stop> {
        let mut lines = Vec::new();
        {
            let mut state = self.state();
            Output::charge_state(&mut state, bytes.len(), self.bytes_max)?;
            state.printed += bytes.len() as u64;
            if source == LogSource::Stderr {
                // A secret that begins before the tail has to be seen whole.
                let more = self.masks.as_ref().map_or(0, Masks::longest);
                keep_tail(&mut state.tail, bytes, TAIL_BYTES_MAX + more);
            }
            let pending = if source == LogSource::Stderr { &mut state.stderr } else { &mut state.stdout };
            for part in bytes.split_inclusive(|byte| *byte == b'\n') {
                pending.extend_from_slice(part);
                if part.ends_with(b"\n") {
                    lines.push(std::mem::take(pending));
                } else if pending.len() > LINE_BYTES_MAX {
                    lines.push(self.cut(pending));
                }
            }
        }
        self.lines(source, lines.iter().map(|line| text_of(line)))
    }

    /// The beginning of a line that is too long. What may be the beginning of a secret stays for the next one.
    fn cut(&self, pending: &mut Vec<u8>) -> Vec<u8> {
        let Some(masks) = &self.masks else { return std::mem::take(pending) };
        let masked = masks.masked_bytes(std::mem::take(pending));
        let kept = masks.longest().saturating_sub(1).min(masked.len());
        *pending = masked[masked.len() - kept..].to_vec();
        masked[..masked.len() - kept].to_vec()
    }

    /// Says what was printed without a line end; gives the last part of stderr.
    pub(crate) fn finish(&self) -> String {
        let (stdout, stderr, tail) = {
            let mut state = self.state();
            (std::mem::take(&mut state.stdout), std::mem::take(&mut state.stderr), std::mem::take(&mut state.tail))
        };
        for (source, rest) in [(LogSource::Stdout, stdout), (LogSource::Stderr, stderr)] {
            if !rest.is_empty() {
                self.line(source, text_of(&rest));
            }
        }
        let Some(masks) = &self.masks else { return String::from_utf8_lossy(&tail).into_owned() };
        // What was cut off may be the beginning of a secret whose end is here.
        let unsure = if tail.len() > TAIL_BYTES_MAX { masks.longest() } else { 0 };
        let masked = masks.masked_bytes(tail);
        let from = masked.len().saturating_sub(TAIL_BYTES_MAX).max(unsure.min(masked.len()));
        String::from_utf8_lossy(&masked[from..]).into_owned()
    }
}

/// A guest that is stopped while it waits says its last words too.
impl Drop for Output {
    fn drop(&mut self) {
        self.finish();
    }
}

fn keep_tail(tail: &mut Vec<u8>, bytes: &[u8], most: usize) {
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(most)..]);
    // Seldom, so that a guest which prints line by line does not move all of it each time.
    if tail.len() > 2 * most {
        tail.drain(..tail.len() - most);
    }
}

/// Without the line end.
fn text_of(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// Standard output or standard error of a guest.
pub(crate) struct Printer {
    pub(crate) output: Arc<Output>,
    pub(crate) source: LogSource,
}

impl Printer {
    fn again(&self) -> Printer {
        Printer { output: Arc::clone(&self.output), source: self.source }
    }
}

impl IsTerminal for Printer {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printer {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.again())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.again())
    }
}

impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.write(self.source, &bytes).map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl Pollable for Printer {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(std::future::ready(()))
    }
}

impl AsyncWrite for Printer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let length = bytes.len().min(WRITE_BYTES_MAX);
        Poll::Ready(match self.output.write(self.source, &bytes[..length]) {
            Ok(()) => Ok(length),
            Err(stop) => Err(io::Error::other(stop)),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
