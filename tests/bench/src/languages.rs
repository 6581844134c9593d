//! A small task in each language: instantiated and called, on one thread, against bare wasmtime for those that are compiled ahead of time, and by
//! the clock for those that bring an engine.
//!
//! The components are those of `example-tasks/languages/round-trip`, which `cargo xtask test --languages` builds. One that is not there is named as
//! not measured.

use crate::figures::{Figure, median, micros};
use crate::flows::numbers;
use crate::{Bench, Failure, Guest};

/// What is asked of a language.
#[derive(Clone, Copy)]
enum Bar {
    /// Time against bare wasmtime, at most 1.2.
    Bare,
    /// Milliseconds for a task run, at most.
    Milliseconds(&'static str, fn(f64) -> bool),
    /// Nothing; told for orientation.
    None,
}

struct Language {
    name: &'static str,
    path: &'static str,
    bar: Bar,
    calls: u32,
}

const LANGUAGES: [Language; 7] = [
    Language {
        name: "a small task in Rust",
        path: "example-tasks/languages/round-trip/rust/components/pass.wasm",
        bar: Bar::Bare,
        calls: 20_000,
    },
    Language {
        name: "a small task in C",
        path: "example-tasks/languages/round-trip/c/components/pass.wasm",
        bar: Bar::Bare,
        calls: 20_000,
    },
    Language {
        name: "a small task in C++",
        path: "example-tasks/languages/round-trip/cpp/components/pass.wasm",
        bar: Bar::Bare,
        calls: 20_000,
    },
    Language {
        name: "a small task in Python",
        path: "example-tasks/languages/round-trip/python/components/pass.wasm",
        bar: Bar::Milliseconds("<= 4 ms", |n| n <= 4.0),
        calls: 300,
    },
    Language {
        name: "a small task in JavaScript (QuickJS)",
        path: "example-tasks/languages/round-trip/javascript/components/pass.wasm",
        bar: Bar::Milliseconds("<= 1 ms", |n| n <= 1.0),
        calls: 2_000,
    },
    Language {
        name: "a small task in TypeScript (QuickJS)",
        path: "example-tasks/languages/round-trip/typescript/components/pass.wasm",
        bar: Bar::Milliseconds("<= 1 ms", |n| n <= 1.0),
        calls: 2_000,
    },
    Language {
        name: "a small task in Go",
        path: "example-tasks/languages/round-trip/go/components/pass.wasm",
        bar: Bar::None,
        calls: 2_000,
    },
];

impl Bench {
    pub(crate) fn languages(&mut self) -> Result<(), Failure> {
        for language in &LANGUAGES {
            if self.root.join(language.path).exists() {
                self.language(language)?;
            } else {
                println!("{:<44} not measured: `cargo xtask test --languages` builds it", language.name);
            }
        }
        Ok(())
    }

    fn language(&mut self, language: &Language) -> Result<(), Failure> {
        let guest = Guest {
            path: language.path,
            interface: "demo:round-trip/tasks@0.1.0",
            function: "add-one",
            parameter: "value",
            fallible: false,
        };
        // Engines ask WASI for more than the bare side has.
        let bare = match language.bar {
            Bar::Bare => Some(self.bare(guest)?),
            _ => None,
        };
        let flow = self.flows.mapped(&format!("../../{}", guest.path), guest.function, guest.parameter)?;
        self.flows.time(&flow, 1, numbers(language.calls / 10))?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            if let Some(bare) = &bare {
                theirs.push(micros(Bench::time_bare(bare, guest, 1, language.calls)?, language.calls));
            }
            ours.push(micros(self.flows.time(&flow, 1, numbers(language.calls))?, language.calls));
        }
        let mut detail = format!("{:.1} µs a task", median(&ours));
        if bare.is_some() {
            detail.push_str(&format!(", bare {:.1} µs", median(&theirs)));
        }
        let name = language.name;
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        let milliseconds: Vec<f64> = ours.iter().map(|ours| ours / 1e3).collect();
        self.add(match language.bar {
            Bar::Bare => {
                Figure { name, unit: "x", rounds: ratios, bar: "<= 1.2 of bare", meets: Some(|n| n <= 1.2), detail }
            }
            Bar::Milliseconds(bar, meets) => {
                Figure { name, unit: "ms", rounds: milliseconds, bar, meets: Some(meets), detail }
            }
            Bar::None => Figure { name, unit: "ms", rounds: milliseconds, bar: "", meets: None, detail },
        });
        Ok(())
    }
}
