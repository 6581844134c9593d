//! Projects in Rust, with a real cargo: from the template, and from a WIT of one's own.

mod support;

use std::fs;
use std::path::Path;

use support::{Folder, told};
use taskhost_authoring::build::{BuildOptions, Built, build};
use taskhost_authoring::new::{Created, New, create};
use taskhost_authoring::tools::{Site, System};
use taskhost_authoring::{Error, Project, languages, progress};
use wit_component::DecodedWasm;

/// A folder whose projects are compiled in one place, with the versions of crates that this workspace has: nothing is downloaded.
fn folder() -> Folder {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-projects");
    Folder::new().with(".cargo/config.toml", &format!("[build]\ntarget-dir = {target:?}\n"))
}

fn made(folder: &Folder, name: &str, from: Option<&str>) -> Created {
    let (place, language) = (folder.path().join(name), languages::find("rust").expect("Rust"));
    let from = from.map(|from| folder.path().join(from));
    let created =
        create(&New { folder: &place, language, from: from.as_deref() }).unwrap_or_else(|error| panic!("{error}"));
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    fs::copy(lock, place.join("Cargo.lock")).expect("it is there");
    created
}

fn built(project: &Project) -> Result<Built, Error> {
    let site = Site { project, system: &System::of_process(), progress: &progress::Silent };
    build(&site, BuildOptions::default())
}

/// The functions that a component exports, with the names of their interfaces.
fn exports(component: &Path) -> Vec<String> {
    let bytes = fs::read(component).expect("it is there");
    let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(&bytes) else { panic!("a component") };
    let named = |(key, item): (&wit_bindgen_core::wit_parser::WorldKey, &wit_bindgen_core::wit_parser::WorldItem)| {
        let key = resolve.name_world_key(key);
        match item {
            wit_bindgen_core::wit_parser::WorldItem::Interface { id, .. } => {
                resolve.interfaces[*id].functions.keys().map(|name| format!("{key}#{name}")).collect()
            }
            _ => vec![key],
        }
    };
    resolve.worlds[world].exports.iter().flat_map(named).collect()
}

#[test]
fn the_template_becomes_a_component_and_cargo_knows_what_has_changed() {
    let folder = folder();
    let created = made(&folder, "hello-rust", None);
    let first = built(&created.project).unwrap_or_else(|error| panic!("{error}"));
    assert!(first.has_changed);
    assert_eq!(exports(&first.component), ["my:hello-rust/tasks@0.1.0#greet"]);
    assert!(!built(&created.project).expect("it is built").has_changed);
    let source = folder.read("hello-rust/src/lib.rs");
    folder.write("hello-rust/src/lib.rs", &source.replace("Hello, ", "Good day, "));
    assert!(built(&created.project).expect("it is built").has_changed);
    folder.write("hello-rust/src/lib.rs", &source.replace("letters })", "leters })"));
    let text = told(&folder, built(&created.project));
    assert!(text.contains("error[E0425]: cannot find value `leters`"), "{text}");
    assert!(text.contains("--> src/lib.rs:22:"), "{text}");
    assert!(!text.contains("Compiling"), "{text}");
    // Warnings do not get lost.
    folder.write("hello-rust/src/lib.rs", &source.replace("struct HelloRust;", "struct HelloRust;\n\nfn idle() {}"));
    let heard = Heard::default();
    let site = Site { project: &created.project, system: &System::of_process(), progress: &heard };
    build(&site, BuildOptions::default()).expect("it is built");
    let warned = heard.0.into_inner();
    assert!(warned.contains("function `idle` is never used") && !warned.contains("Finished"), "{warned}");
}

#[derive(Default)]
struct Heard(std::cell::RefCell<String>);

impl taskhost_authoring::Progress for Heard {
    fn step(&self, _doing: &str) {}

    fn line(&self, _line: &str) {}

    fn warn(&self, text: &str) {
        self.0.borrow_mut().push_str(text);
    }
}

/// Every kind of type, names that Rust has other words for, two interfaces, and a function outside of them.
const OWN: &str = "package mine:all-types@1.2.0;

interface first {
  use taskhost:task/blobs@0.1.0.{blob};

  enum colour { red, dark-red }
  flags rights { read, write }
  variant shape { none, circle(f32), named(string) }
  record point { x: s64, y: option<s64>, %type: colour }
  type points = list<point>;

  plain: func(a: bool, b: u8, c: s8, d: u16, e: s16, f: u32, g: s32, h: u64, i: f64, j: char, k: string) -> u64;
  made: func(points: points, shape: shape, rights: rights) -> result<list<colour>, string>;
  nested: func(pair: tuple<string, u8>, one: tuple<u8>, maybe: option<option<u32>>) -> result<_, u8>;
  bulk: func(data: blob, look: borrow<blob>, more: list<blob>) -> option<blob>;
  move: func(self: string, %type: string);
}

interface second {
  use first.{point};

  nearest: func(to: point) -> point;
}

world everything {
  include taskhost:task/imports@0.1.0;
  export first;
  export second;
  export version: func() -> string;
}
";

#[test]
fn a_wit_of_ones_own_becomes_sources_that_compile() {
    let folder = folder().with("own.wit", OWN);
    let created = made(&folder, "own-types", Some("own.wit"));
    assert!(created.notes.is_empty(), "{:?}", created.notes);
    assert_eq!(folder.read("own-types/taskhost.toml").lines().nth(3), Some("world = \"everything\""));
    let built = built(&created.project).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        exports(&built.component),
        [
            "version",
            "mine:all-types/first@1.2.0#plain",
            "mine:all-types/first@1.2.0#made",
            "mine:all-types/first@1.2.0#nested",
            "mine:all-types/first@1.2.0#bulk",
            "mine:all-types/first@1.2.0#move",
            "mine:all-types/second@1.2.0#nearest",
        ]
    );
    // The flow and the tests are of that WIT.
    let flow = folder.read("own-types/flow.toml");
    assert!(flow.contains("call = \"own-types.version\""), "{flow}");
    let tests = folder.read("own-types/tests.toml");
    assert!(tests.contains("# with.to = { x = 1, y = 1, type = \"red\" }"), "{tests}");
}
