//! [`Hosts`]: makes an attack in the process of this test, with a neighbour beside it and a clean run after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use libtest_mimic::Failed;
use taskhost::flow::FlowSource;
use taskhost::model::Attachment;
use taskhost::{Happening, Host, HostOptions, Run, RunError};

use crate::arena::{Arena, SECRET};
use crate::attack::Attack;

/// By then anything has ended; whatever has not, hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The hosts of all attacks, each made at its first use.
#[derive(Default)]
pub(crate) struct Hosts {
    many: OnceLock<Host>,
    /// One at a time: whoever waits for its slot would spoil what the next one finds there.
    single: OnceLock<Mutex<Host>>,
}

/// A test guest's component.
pub(crate) fn guest(folder: &str, name: &str) -> Result<PathBuf, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("components/{name}.wasm"));
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} is missing: run `cargo xtask guests`", path.display()).into())
    }
}

/// A host whose components are compiled anew in each run: attacks change too often to keep them.
pub(crate) fn host(concurrency: usize) -> Host {
    let options = HostOptions { use_cache: false, concurrency, workers: concurrency.min(2), ..HostOptions::default() };
    Host::new(options).expect("a host")
}

impl Hosts {
    /// Makes an attack after some others, or beside one; what is wrong with how it ended and what it left.
    pub(crate) fn check(&self, attack: &Attack, others: &[&Attack]) -> Result<(), Failed> {
        if attack.is_alone {
            let host = self.single.get_or_init(|| Mutex::new(host(1))).lock().unwrap_or_else(PoisonError::into_inner);
            for before in others {
                let ending = make(&host, before, &Arena::new(&before.name)?)?;
                before.judge(&ending)?;
            }
            return check_on(&host, attack, None);
        }
        let host = self.many.get_or_init(|| host(32));
        let neighbour = start(host, &neighbour()?)?;
        check_on(host, attack, others.first().copied())?;
        expect("the neighbour", neighbour, "[1,2,3,4,5,6,7,8]")
    }
}

fn check_on(host: &Host, attack: &Attack, beside: Option<&Attack>) -> Result<(), Failed> {
    let arena = Arena::new(&attack.name)?;
    let accomplice = beside.map(|other| Ok::<_, Failed>(start(host, &flow_of(other, &arena)?)?)).transpose()?;
    let ending = make(host, attack, &arena)?;
    if let Some(run) = accomplice {
        run.cancel();
        run.report();
    }
    attack.judge(&ending)?;
    if ending.contains(SECRET) {
        return Err(format!("the host's secret came out: {ending}").into());
    }
    let damage = arena.damage(&attack.writes, attack.connects);
    if !damage.is_empty() {
        return Err(format!("left damage: {}", damage.join("; ")).into());
    }
    expect("the clean run", start(host, &clean()?)?, "42")
}

/// Makes the attack; how it ended.
fn make(host: &Host, attack: &Attack, arena: &Arena) -> Result<String, Failed> {
    let flow = flow_of(attack, arena)?;
    let run = match start(host, &flow) {
        Ok(run) => run,
        Err(error) => return Ok(ending(&error)),
    };
    if let Some(line) = &attack.cancel_at {
        wait_for_line(&run, line)?;
        run.cancel();
    }
    match run.wait_timeout(PATIENCE) {
        None => Err(format!("still runs after {PATIENCE:?}").into()),
        Some(Err(error)) => Ok(ending(&error)),
        Some(Ok(outputs)) => {
            let values = outputs.iter().map(|(_, value)| value.map_or_else(String::new, |value| value.to_json()));
            Ok(format!("ok: {}", values.collect::<Vec<_>>().join(" ").trim_matches('"')))
        }
    }
}

fn ending(error: &RunError) -> String {
    let kind = match error {
        RunError::Failed(_) => "failed",
        RunError::Cancelled(_) => return "cancelled".to_owned(),
        _ => "rejected",
    };
    let mut text = format!("{kind}: {error}");
    if text.len() > 100_000 {
        text.truncate(text.floor_char_boundary(100_000));
    }
    text
}

fn wait_for_line(run: &Run, line: &str) -> Result<(), Failed> {
    for happening in run.events() {
        match happening {
            Happening::Attachment { attachment: Attachment::Log { line: said, .. }, .. } if said == line => {
                return Ok(());
            }
            _ => {}
        }
    }
    Err(format!("ended before it said `{line}`").into())
}

/// The flow of one task that is the attack.
fn flow_of(attack: &Attack, arena: &Arena) -> Result<Arc<FlowSource>, Failed> {
    let folder = arena.folder.display();
    let (component, arguments) = if attack.is_wat() {
        let bytes = wat::parse_file(&attack.source).map_err(|error| error.to_string())?;
        let path = arena.folder.join("out/attack.wasm");
        fs::write(&path, bytes)?;
        (path, attack.arguments.clone())
    } else {
        let arguments = format!("name = {:?}, folder = \"{folder}\", port = {}", attack.name, arena.port);
        (guest("attacks", "attacks")?, arguments)
    };
    let keys = attack.keys.join("\n").replace("$FOLDER", &folder.to_string()).replace("$PORT", &arena.port.to_string());
    let text = format!(
        "name = \"attack\"\n[components]\nguest = {component:?}\n[tasks.attack]\ncall = \"guest.attack\"\n\
         with = {{ {arguments} }}\n{keys}\n[outputs]\nresult = \"${{attack}}\"\n"
    );
    Ok(Arc::new(FlowSource::new(arena.folder.join("flow.toml"), text)))
}

/// Small tasks of another component, which wait and compute while the attack is made.
fn neighbour() -> Result<Arc<FlowSource>, Failed> {
    let misc = guest("guests/misc", "misc")?;
    let text = format!(
        "name = \"neighbour\"\n[components]\nmisc = {misc:?}\n\
         [tasks.sleep]\ncall = \"misc.sleep\"\nwith.ms = [1, 2, 3, 4, 5, 6, 7, 8]\nmap = [\"ms\"]\n\
         [tasks.work]\ncall = \"misc.work\"\nwith.ms = \"${{sleep}}\"\nmap = [\"ms\"]\n[outputs]\nall = \"${{work}}\"\n"
    );
    Ok(Arc::new(FlowSource::new(misc.with_file_name("flow.toml"), text)))
}

/// A task of another component that gives its result only in a sound host.
fn clean() -> Result<Arc<FlowSource>, Failed> {
    let plain = guest("guests/plain", "plain")?;
    let text = format!(
        "name = \"clean\"\n[components]\nplain = {plain:?}\n\
         [tasks.add]\ncall = \"plain.add-one\"\nwith.value = 41\n[outputs]\nnumber = \"${{add}}\"\n"
    );
    Ok(Arc::new(FlowSource::new(plain.with_file_name("flow.toml"), text)))
}

fn start(host: &Host, source: &Arc<FlowSource>) -> Result<Run, RunError> {
    let flow = host.check(source)?.flow;
    host.prepare(flow)?.start()
}

fn expect(who: &str, run: Run, result: &str) -> Result<(), Failed> {
    let said = match run.wait_timeout(PATIENCE) {
        None => format!("still runs after {PATIENCE:?}"),
        Some(Err(error)) => error.to_string(),
        Some(Ok(outputs)) => {
            outputs.iter().find_map(|(_, value)| value).map_or_else(String::new, |value| value.to_json())
        }
    };
    if said == result { Ok(()) } else { Err(format!("{who} should give {result}, but: {said}").into()) }
}
