//! What all languages have in common: tools are found or told to be missing, what has not changed is not built, a failure shows what the tool
//! said, and who interrupts leaves nothing running.
#![cfg(unix)]

mod support;

#[path = "support/fake.rs"]
mod fake;

use std::fs;
use std::time::{Duration, Instant};

use fake::{Heard, compiler, is_alive, project, runs, system};
use support::{Folder, told};
use taskhost_authoring::build::{BuildOptions, Built, build};
use taskhost_authoring::componentize::WIT_SECTION;
use taskhost_authoring::tools::{Site, System};
use taskhost_authoring::watch::Snapshot;
use taskhost_authoring::{Error, Project, progress};

const COPY: &str = "cp \"$1\" \"$2\"";

fn built(folder: &Folder, project: &Project) -> Result<Built, Error> {
    let site = Site { project, system: &system(folder), progress: &progress::Silent };
    build(&site, BuildOptions::default())
}

#[test]
fn a_component_carries_the_text_of_its_wit() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    let built = built(&folder, &project).expect("it is built");
    assert!(built.has_changed);
    assert_eq!(built.component, folder.path().join("components/fake.wasm"));
    let bytes = fs::read(&built.component).expect("it is there");
    assert_eq!(built.size_bytes, bytes.len() as u64);
    let parser = wasmparser::Parser::new(0);
    let texts: Vec<String> = parser
        .parse_all(&bytes)
        .filter_map(|payload| match payload.expect("it is wasm") {
            wasmparser::Payload::CustomSection(section) if section.name() == WIT_SECTION => {
                Some(String::from_utf8(section.data().to_vec()).expect("text"))
            }
            _ => None,
        })
        .collect();
    assert_eq!(texts, [fake::WIT]);
}

#[test]
fn what_has_not_changed_is_not_built_again() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    let again = |wanted: usize, why: &str| {
        built(&folder, &project).expect("it is built");
        assert_eq!(runs(&folder), wanted, "{why}");
    };
    again(1, "nothing was there");
    again(1, "nothing has changed");
    folder.write("README.md", "about");
    again(1, "nobody reads that");
    folder.write("src/more.txt", "more");
    again(2, "a new source");
    folder.write("wit/world.wit", &fake::WIT.replace("Nothing.", "Nothing at all."));
    again(3, "the WIT");
    folder.write("taskhost.toml", "# another\n");
    again(4, "taskhost.toml");
    fs::write(folder.path().join("components/fake.wasm"), "spoilt").expect("ours");
    again(5, "another component lies there");
    fs::remove_file(folder.path().join("components/fake.wasm")).expect("ours");
    again(6, "the component is gone");
    compiler(&folder, "# another one\ncp \"$1\" \"$2\"");
    again(7, "another compiler");
    again(7, "nothing has changed");
    let site = Site { project: &project, system: &system(&folder), progress: &progress::Silent };
    build(&site, BuildOptions { anew: true, install: false }).expect("it is built");
    assert_eq!(runs(&folder), 8, "it was asked for");
}

#[test]
fn a_build_that_changes_nothing_leaves_the_file_as_it_is() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    let time =
        || fs::metadata(folder.path().join("components/fake.wasm")).and_then(|file| file.modified()).expect("a time");
    built(&folder, &project).expect("it is built");
    let before = time();
    folder.write("src/more.txt", "more");
    assert!(!built(&folder, &project).expect("it is built").has_changed);
    assert_eq!(time(), before);
}

#[test]
fn a_tool_that_is_not_there_is_told_with_the_way_to_get_it() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    let system = System { search_path: "".into(), tools_folder: None };
    let site = Site { project: &project, system: &system, progress: &progress::Silent };
    assert_eq!(
        told(&folder, build(&site, BuildOptions::default())),
        "building Fake needs `fakec` 1.0 or later, which is not there\nhelp: get it with `sudo fake install fakec`"
    );
}

#[test]
fn a_tool_of_another_version_is_told_where_the_version_is_pinned() {
    let folder = Folder::new();
    let mut project = project(&folder, COPY);
    let start = project.source.text().find("\">=1.0\"").expect("it is pinned");
    let pin = taskhost_authoring::project::PinWritten {
        tool: "fakec".into(),
        pin: "1.3.0".parse().expect("a pin"),
        span: (start..start + 7).into(),
    };
    project.pins = vec![pin];
    assert_eq!(
        told(&folder, built(&folder, &project)),
        "taskhost.toml:2:9: error[wrong-version]: building Fake needs `fakec` 1.3.0, and `DIR/bin/fakec` is 1.2.3\n\
         help: get it with `sudo fake install fakec`; or change the version here"
    );
}

#[test]
fn a_program_that_does_not_tell_its_version_is_not_taken_for_the_tool() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    folder.write("bin/fakec", "#!/bin/sh\necho 'no such option'\n");
    assert_eq!(
        told(&folder, built(&folder, &project)),
        "building Fake needs `fakec` 1.0 or later, and `DIR/bin/fakec` does not tell its version\n\
         help: get it with `sudo fake install fakec`"
    );
}

#[test]
fn a_mistake_in_the_wit_is_told_with_its_place() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    folder.write("wit/world.wit", &fake::WIT.replace("nothing: func", "nothing: fun"));
    assert_eq!(
        told(&folder, built(&folder, &project)),
        "wit/world.wit:5:12: error[bad-wit]: expected keyword `func`, found an identifier"
    );
}

#[test]
fn a_tool_that_fails_is_shown_with_what_it_said_and_the_old_component_stays() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    built(&folder, &project).expect("it is built");
    let before = fs::read(folder.path().join("components/fake.wasm")).expect("it is there");
    compiler(&folder, "echo 'src/main.fake:3:7: no such word' >&2; echo 'and more'; exit 3");
    assert_eq!(
        told(&folder, built(&folder, &project)),
        "src/main.fake:3:7: no such word\nand more\n\
         failed to compile with fakec: `fakec src/main.wasm DIR/.taskhost/build/fake.component.wasm` ended with exit code 3"
    );
    assert_eq!(fs::read(folder.path().join("components/fake.wasm")).expect("it is there"), before);
}

#[test]
fn what_is_no_component_does_not_become_one() {
    let folder = Folder::new();
    let project = project(&folder, "echo text > \"$2\"");
    assert!(told(&folder, built(&folder, &project)).starts_with("what was built is no component"));
    assert!(!folder.path().join("components").exists());
}

#[test]
fn steps_lines_and_warnings_are_told() {
    let folder = Folder::new();
    let project = project(&folder, "echo 'warning: x is unused'; cp \"$1\" \"$2\"");
    let heard = Heard::default();
    let site = Site { project: &project, system: &system(&folder), progress: &heard };
    build(&site, BuildOptions::default()).expect("it is built");
    assert_eq!(
        heard.told.into_inner(),
        ["step compiling with fakec", "line warning: x is unused", "warn warning: x is unused"]
    );
}

#[test]
fn much_output_does_not_stop_a_tool_and_its_middle_is_left_out() {
    let folder = Folder::new();
    let project = project(
        &folder,
        "i=0; while [ $i -lt 60000 ]; do echo \"line $i with some words in it\"; i=$((i+1)); done; exit 1",
    );
    let text = told(&folder, built(&folder, &project));
    assert!(
        text.starts_with("line 0 ") && text.contains("\nline 59999 ") && text.contains(" lines …"),
        "{}",
        text.len()
    );
    assert!(text.len() < 1_200_000);
}

#[test]
fn who_interrupts_ends_the_tool_and_all_that_it_started() {
    let folder = Folder::new();
    let project = project(&folder, "sleep 60 & echo $! > child.txt; echo $$ > own.txt; echo 'stop now'; wait");
    let heard = Heard::default();
    let site = Site { project: &project, system: &system(&folder), progress: &heard };
    let start = Instant::now();
    assert!(matches!(build(&site, BuildOptions::default()), Err(Error::Interrupted)));
    assert!(start.elapsed() < Duration::from_secs(10));
    // The one that it started has nobody to wait for it, and may be seen for a moment after its end.
    let is_gone = || !is_alive(&folder, "own.txt") && !is_alive(&folder, "child.txt");
    while !is_gone() && start.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    assert!(is_gone());
}

#[test]
fn what_a_tool_leaves_running_does_not_hold_the_build() {
    let folder = Folder::new();
    let project = project(&folder, "sleep 30 & echo $! > child.txt; cp \"$1\" \"$2\"");
    let start = Instant::now();
    built(&folder, &project).expect("it is built");
    assert!(start.elapsed() < Duration::from_secs(10));
    let _ = std::process::Command::new("kill").arg(folder.read("child.txt").trim()).status();
}

#[test]
fn a_change_of_a_source_is_seen_and_one_of_a_result_is_not() {
    let folder = Folder::new();
    let project = project(&folder, COPY);
    let before = Snapshot::of(&project);
    built(&folder, &project).expect("it is built");
    assert_eq!(Snapshot::of(&project), before, "what is built is no source");
    folder.write("tests.toml", "");
    let changed = before.changed(&project, &progress::Silent).expect("it is seen");
    assert_eq!(changed, folder.path().join("tests.toml"));
}
