//! Projects: how they are made and found, and what is wrong with a `taskhost.toml`.

mod support;

use std::path::Path;
use std::sync::Arc;

use support::{Folder, told};
use taskhost_authoring::new::{New, create};
use taskhost_authoring::wit::Wit;
use taskhost_authoring::{Language, Project, languages};
use taskhost_flow::FlowSource;

fn rust() -> &'static dyn Language {
    languages::find("rust").expect("Rust")
}

fn read(text: &str) -> String {
    let source = Arc::new(FlowSource::new("taskhost.toml", text));
    told(&Folder::new(), Project::read(&source, Path::new("/project")))
}

#[test]
fn a_new_project_of_each_language_is_one() {
    for language in languages::ALL {
        let folder = Folder::new();
        let place = folder.path().join("word-count-2");
        let created = create(&New { folder: &place, language, from: None }).unwrap_or_else(|error| panic!("{error}"));
        assert!(created.notes.is_empty());
        let project = Project::find(&place.join("wit/deps")).expect("found from below");
        assert_eq!((&*project.name, project.language.name()), ("word-count-2", language.name()));
        assert_eq!(project.component(), place.join("components/word-count-2.wasm"));
        let wit = Wit::read(&project).unwrap_or_else(|error| panic!("{}: {error}", language.name()));
        assert_eq!(wit.world_name(), "word-count-2");
        assert_eq!(wit.text, folder.read("word-count-2/wit/world.wit"));
        // The versions that a template pins are those that the language knows.
        assert!(!language.tools().is_empty() || project.pins.is_empty());
        let example = language.tools().iter().all(|tool| tool.pin.parse::<taskhost_authoring::tools::Pin>().is_ok());
        assert!(example, "{}", language.name());
    }
}

#[test]
fn a_folder_with_something_in_it_stays_as_it_is() {
    let folder = Folder::new().with("greeter/notes.txt", "mine");
    let place = folder.path().join("greeter");
    let new = New { folder: &place, language: rust(), from: None };
    assert_eq!(
        told(&folder, create(&new)),
        "`DIR/greeter` is not empty\nhelp: choose another name, or an empty folder"
    );
    assert_eq!(std::fs::read_dir(&place).expect("a folder").count(), 1);
    let file = folder.path().join("greeter/notes.txt");
    let named = New { folder: &file, language: rust(), from: None };
    assert!(told(&folder, create(&named)).starts_with("`notes.txt` is no name of a project"));
}

#[test]
fn a_repository_without_files_is_as_good_as_an_empty_folder() {
    let folder = Folder::new().with("greeter/.git/HEAD", "ref: refs/heads/main");
    let place = folder.path().join("greeter");
    create(&New { folder: &place, language: rust(), from: None }).expect("it is made");
    assert_eq!(folder.read("greeter/.git/HEAD"), "ref: refs/heads/main");
}

#[test]
fn a_wit_of_ones_own_with_a_mistake_is_told_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let (place, from) = (folder.path().join("mine"), folder.path().join("given.wit"));
    let made = |wit: &str| {
        folder.write("given.wit", wit);
        let text = told(&folder, create(&New { folder: &place, language: rust(), from: Some(&from) }));
        assert!(!place.exists());
        text
    };
    assert_eq!(
        made("package my:given;\n\nworld given {\n  export tasks;\n}\n"),
        "DIR/given.wit:4:10: error[bad-wit]: interface or world `tasks` does not exist"
    );
    assert_eq!(
        made("package my:given;\n\ninterface tasks {\n  a: fun();\n}\n"),
        "DIR/given.wit:4:6: error[bad-wit]: expected keyword `func`, found an identifier"
    );
    assert_eq!(
        made("package my:given;\n\nworld given {\n  include else:where/imports@1.0.0;\n}\n"),
        "DIR/given.wit:4:11: error[bad-wit]: package 'else:where@1.0.0' not found. known packages: my:given"
    );
    assert_eq!(
        made("package my:given;\n\ninterface numbers {\n  a: func();\n}\n"),
        "the WIT has no world\nhelp: add one: `world given { include taskhost:task/imports@0.1.0; export numbers; }`"
    );
}

#[test]
fn every_mistake_of_a_taskhost_toml_is_told_at_once() {
    assert_eq!(
        read("[component]\nname = \"Word_Count\"\nlanguage = \"rsut\"\nworlds = 1\n[tool]\n"),
        "taskhost.toml:2:8: error[bad-name]: `Word_Count` is no name of a component\n\
         help: write `word-count`; names begin with a letter and are words joined by `-`, each in lower case (or all in upper case)\n\
         taskhost.toml:3:12: error[unknown-language]: no language named `rsut`\n\
         help: did you mean `rust`?\n\
         taskhost.toml:4:1: error[unknown-key]: `[component]` has no key `worlds`\n\
         help: did you mean `world`?\n\
         taskhost.toml:5:2: error[unknown-key]: `taskhost.toml` has no key `tool`\n\
         help: did you mean `tools`?"
    );
    assert_eq!(
        read("[component]\nname = \"a\"\nlanguage = \"rust\"\n[tools]\ncargo = \"latest\"\nziglang = \"0.17.1\"\n"),
        "taskhost.toml:5:9: error[bad-version]: `latest` is no version: it wants numbers with points between them\n\
         help: a version is `\"1.2.3\"`, exactly this one, or `\">=1.2\"`, this one or a later one\n\
         taskhost.toml:6:11: error[unknown-tool]: building Rust needs no tool `ziglang`\n\
         help: there is only `cargo`"
    );
    assert_eq!(
        read("[component]\n"),
        "taskhost.toml:1:2: error[missing-key]: `[component]` has no `name`\n\
         help: add the component's name: `name = \"greeter\"` makes `components/greeter.wasm`\n\
         taskhost.toml:1:2: error[missing-key]: `[component]` has no `language`\n\
         help: add `language = \"…\"`; there are "
            .to_owned()
            + &languages::listed()
    );
    assert!(read("[component\n").starts_with("taskhost.toml:1:11: error[syntax]: not valid TOML"));
}

#[test]
fn a_folder_without_a_project_is_told() {
    let folder = Folder::new();
    let text = told(&folder, Project::find(folder.path()));
    assert_eq!(
        text,
        "there is no `taskhost.toml` in `DIR` nor above it\nhelp: make a project with `taskhost new NAME --lang LANGUAGE`"
    );
    assert!(told(&folder, Project::find(&folder.path().join("x"))).starts_with("there is no folder `DIR/x`"));
}
