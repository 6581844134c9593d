//! Hostile guests, several at once in one process, and a clean run after each. No guest may end the host, reach out of its folder or
//! onto the network, outlive its limits, or see what another one left.
//!
//! An attack is a file: `attacks/src/<name>.rs` (a function of one component, built by `cargo xtask guests`) or
//! `attacks/wat/<name>.wat` (a component of its own, with an export `attack`). What stands in its header is explained in
//! [`Attack`]. A new attack is a new file, no Rust here.
//!
//! A panic anywhere in the host, on whichever thread, fails the whole run.

#[path = "support/arena.rs"]
mod arena;
#[path = "support/attack.rs"]
mod attack;
#[path = "support/damage.rs"]
mod damage;
#[path = "support/host.rs"]
mod host;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use attack::Attack;
use host::Hosts;
use libtest_mimic::{Arguments, Failed, Trial};

/// What the sandbox does not do yet; attacks that name it in `needs:` are skipped.
const MISSING: &[&str] = &[];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let panics = Panics::watch();
    let attacks: Arc<Vec<Attack>> = Arc::new(Attack::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks")));
    let hosts: Arc<Hosts> = Arc::default();
    let mut trials: Vec<Trial> = (0..attacks.len()).map(|at| trial(&hosts, &attacks, at)).collect();
    trials.extend(damage::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    panics.verdict(conclusion.exit_code())
}

fn trial(hosts: &Arc<Hosts>, attacks: &Arc<Vec<Attack>>, at: usize) -> Trial {
    let (hosts, attacks, attack) = (Arc::clone(hosts), Arc::clone(attacks), &attacks[at]);
    let missing = attack.needs.iter().any(|need| MISSING.contains(&&**need));
    let kind = if missing { format!("needs {}", attack.needs.join(", ")) } else { String::new() };
    Trial::test(attack.name.clone(), move || {
        let attack = &attacks[at];
        let others = attack.after.iter().chain(&attack.beside).map(|name| {
            attacks
                .iter()
                .find(|attack| attack.name == *name)
                .ok_or_else(|| Failed::from(format!("no attack `{name}`")))
        });
        hosts.check(attack, &others.collect::<Result<Vec<_>, _>>()?)
    })
    .with_kind(kind)
    .with_ignored_flag(missing)
}

/// Panics of any thread. What tests find is no panic, so each one is the host's.
struct Panics(Arc<Mutex<Vec<String>>>);

impl Panics {
    fn watch() -> Panics {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (into, before) = (Arc::clone(&seen), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            let said = format!("thread `{}`: {panic}", thread.name().unwrap_or("without a name"));
            into.lock().unwrap_or_else(PoisonError::into_inner).push(said);
            before(panic);
        }));
        Panics(seen)
    }

    #[expect(clippy::print_stderr, reason = "the harness has no other way to say what is no failure of one test")]
    fn verdict(&self, otherwise: ExitCode) -> ExitCode {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() {
            return otherwise;
        }
        eprintln!("the host panicked {} times:\n{}", seen.len(), seen.join("\n"));
        ExitCode::FAILURE
    }
}
