//! [`Live`]: the lines at the bottom of a terminal, one for each task in work.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::Entry;
use super::{Board, Shared};
use crate::output::{DIM, styled, visible};
use crate::render;

/// A flow that is over by then shows no lines at all: they would only flicker.
const PATIENCE: Duration = Duration::from_millis(300);

const FRAME: Duration = Duration::from_millis(100);

/// Most tasks that have a line.
const LINES_MAX: usize = 10;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Draws until it is stopped.
pub(crate) struct Live {
    over: Arc<(Mutex<bool>, Condvar)>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Live {
    /// Starts the drawing thread.
    pub(crate) fn start(shared: Arc<Mutex<Shared>>) -> Live {
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let stop = over.clone();
        // Without a thread there are no lines; nothing else is lost.
        let thread = std::thread::Builder::new().name("taskhost-progress".into()).spawn(move || draw(&shared, &stop));
        Live { over, thread: Mutex::new(thread.ok()) }
    }

    /// Takes the lines away.
    pub(crate) fn stop(&self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic while drawing costs the lines only.
            let _ = thread.join();
        }
    }
}

/// Waits; true when the flow run is over.
fn is_over_after(stop: &(Mutex<bool>, Condvar), time: Duration) -> bool {
    let over = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    *stop.1.wait_timeout_while(over, time, |over| !*over).unwrap_or_else(PoisonError::into_inner).0
}

fn draw(shared: &Mutex<Shared>, stop: &(Mutex<bool>, Condvar)) {
    if is_over_after(stop, PATIENCE) {
        return;
    }
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let mut slots: Vec<ProgressBar> = Vec::new();
    let started = Instant::now();
    loop {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.bars.get_or_insert_with(|| bars.clone());
        let spinner = SPINNER[(started.elapsed().as_millis() / FRAME.as_millis()) as usize % SPINNER.len()];
        show(&bars, &mut slots, lines(&shared.board, spinner));
        drop(shared);
        if is_over_after(stop, FRAME) {
            break;
        }
    }
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    show(&bars, &mut slots, Vec::new());
    shared.bars = None;
}

/// One slot for each line: slots are made and removed only when their number changes.
fn show(bars: &MultiProgress, slots: &mut Vec<ProgressBar>, lines: Vec<String>) {
    while slots.len() > lines.len() {
        if let Some(slot) = slots.pop() {
            slot.finish_and_clear();
            bars.remove(&slot);
        }
    }
    for (at, line) in lines.into_iter().enumerate() {
        if at == slots.len() {
            let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            slots.push(bars.add(ProgressBar::no_length().with_style(style)));
        }
        slots[at].set_message(line);
    }
}

fn lines(board: &Board, spinner: &str) -> Vec<String> {
    let (first, all) = board.in_work(LINES_MAX);
    let width = first.iter().map(|(task, _)| task.chars().count()).max().unwrap_or(0).min(40);
    let mut lines: Vec<String> = first.iter().map(|(task, entry)| line(task, entry, width, spinner)).collect();
    if all > lines.len() {
        lines.push(styled(DIM, format!("  … and {} in work", render::count((all - lines.len()) as u64, "more task"))));
    }
    lines
}

fn line(task: &str, entry: &Entry, width: usize, spinner: &str) -> String {
    let mut parts = vec![format!("{spinner} {task:width$}")];
    if entry.runs != 1 {
        parts.push(format!("{} of {}", render::grouped(entry.runs_ended), render::grouped(entry.runs)));
    }
    if let Some((done, total, message)) = &entry.progress
        && entry.runs == 1
    {
        parts.push(if *total > 0 {
            format!("{} %", u64::from(*done) * 100 / u64::from(*total))
        } else {
            done.to_string()
        });
        parts.push(visible(&message.replace('\n', " ")).into_owned());
    }
    let time = entry.since.map_or(Duration::ZERO, |since| since.elapsed());
    parts.push(styled(DIM, format!("{:.1} s", time.as_secs_f64())));
    parts.join("  ")
}
