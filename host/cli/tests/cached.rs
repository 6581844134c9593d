//! Results that are used again: the options that do without them, and what `taskhost cache` tells of them.

mod support;

use support::{Folder, guest};

/// Two cached tasks and one that is not.
fn write_flow(folder: &Folder) {
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"cached\"\n[components]\nmisc = {component:?}\n\
             [tasks.one]\ncall = \"misc.random\"\ncache = true\n\
             [tasks.many]\ncall = \"misc.add-one\"\nmap = [\"n\"]\nwith.n = [1, 2, 3]\ncache = \"1h\"\n\
             [tasks.other]\ncall = \"misc.random\"\n"
        ),
    );
}

/// Runs it; how many task runs took their results from the cache.
fn cached(folder: &Folder, options: &[&str]) -> u64 {
    let said = folder.said(&[&["run", "flow.toml", "--json", "-q"], options].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    let json = said.json();
    let tasks = json["tasks"].as_array().expect("tasks");
    let sum = tasks.iter().filter_map(|task| task["runs"]["cached"].as_u64()).sum();
    if !options.contains(&"--no-journal") {
        let recorded = folder.said(&["runs", "show", "latest", "--json"]).json();
        assert_eq!(recorded["runs"]["cached"], sum, "the record tells the same");
        // A report that is told again does, too.
        let again = folder.said(&["runs", "resume", "latest", "--json", "-q"]).json();
        let tasks = again["tasks"].as_array().expect("tasks").clone();
        assert_eq!(tasks.iter().filter_map(|task| task["runs"]["cached"].as_u64()).sum::<u64>(), sum);
    }
    sum
}

#[test]
fn results_are_taken_again_unless_somebody_does_without() {
    let folder = Folder::new();
    write_flow(&folder);
    assert_eq!(cached(&folder, &["--no-cache"]), 0);
    assert_eq!(cached(&folder, &[]), 0, "nothing was kept");
    assert_eq!(cached(&folder, &[]), 4);
    assert_eq!(cached(&folder, &["--refresh", "one"]), 3);
    assert_eq!(cached(&folder, &["--no-cache"]), 0);
    assert_eq!(cached(&folder, &["--no-journal"]), 0);
    assert_eq!(cached(&folder, &[]), 4);
    let unknown = folder.said(&["run", "flow.toml", "--refresh", "oen"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean `one`?"), "{}", unknown.stderr);
}

#[test]
fn a_task_of_a_subflow_or_a_single_run_is_refreshed_by_its_path() {
    let folder = Folder::new();
    let component = guest("misc");
    folder.write(
        "flow.toml",
        format!(
            "name = \"outer\"\n[components]\nmisc = {component:?}\n\
             [tasks.inc]\ncall = \"misc.add-one\"\nmap = [\"n\"]\nwith.n = [11, 12, 13]\ncache = true\n\
             [tasks.subs]\nflow = \"inner.flow.toml\"\nmap = [\"n\"]\nwith.n = [1, 2]\n"
        ),
    );
    folder.write(
        "inner.flow.toml",
        format!(
            "name = \"inner\"\n[parameters.n]\n[components]\nmisc = {component:?}\n\
             [tasks.inc]\ncall = \"misc.add-one\"\nwith.n = \"${{n}}\"\ncache = true\n"
        ),
    );
    assert_eq!(cached(&folder, &[]), 0);
    for (named, left) in
        [("subs/inc", 3), ("subs[*]/inc", 3), ("subs[1]/inc", 4), ("inc[2]", 4), ("subs", 3), ("inc", 0)]
    {
        assert_eq!(cached(&folder, &["--refresh", named]), left, "{named}");
    }
    for (named, help) in [
        ("subs/icn", "did you mean `subs/inc`?"),
        ("sbus/inc", "did you mean `subs`?"),
        ("inc/inc", "`inc` runs no flow"),
        ("subs/inc[1]", "`subs/inc` is not mapped"),
        ("subs/", "`months[*]/clean`"),
    ] {
        let unknown = folder.said(&["run", "flow.toml", "--refresh", named]);
        assert_eq!(unknown.code, Some(2), "{unknown:?}");
        assert!(unknown.stderr.contains(help), "{unknown:?}");
    }
}

#[test]
fn the_cache_lists_how_many_results_there_are_and_clears_them() {
    let folder = Folder::new();
    write_flow(&folder);
    let own = ["--cache-folder", "compiled"];
    let cache = |arguments: &[&str]| folder.said(&[arguments, &own].concat());
    assert_eq!(cache(&["cache", "list", "--json"]).json()["results"]["entries"], 0);
    assert_eq!(cached(&folder, &own), 0);
    let list = cache(&["cache", "list"]);
    assert!(list.stdout.contains("4 task results") && list.stdout.contains("1 compiled component"), "{list:?}");
    let cleared = cache(&["cache", "clear"]);
    assert_eq!(cleared.code, Some(0), "{cleared:?}");
    assert!(cleared.stdout.contains("deleted 4 task results"), "{}", cleared.stdout);
    let list = cache(&["cache", "list", "--json"]).json();
    assert_eq!((&list["results"]["entries"], list["components"].as_array().map(Vec::len)), (&0.into(), Some(0)));
    assert_eq!(cached(&folder, &own), 0, "carried out again");
}
