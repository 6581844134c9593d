//! `allow`, `strict` and `deterministic`: what tasks are granted, and what is told of grants that cannot be meant so.

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use support::{Files, accepted, check_in, misshapen, picture, rejected, rejected_in};
use taskhost_flow::written::{ComponentWritten, GrantsWritten, Spanned, TaskWritten};
use taskhost_flow::{Action, Flow, FlowFile, FlowSource, TaskKind, check};
use taskhost_model::TaskCall;
use taskhost_model::grants::Access;

fn call<'f>(flow: &'f Flow, task: &str) -> &'f Arc<TaskCall> {
    let task = flow.tasks.iter().find(|each| &*each.name == task).expect("a task");
    match &task.kind {
        TaskKind::Call(call) => call,
        TaskKind::Subflow(_) => panic!("a subflow"),
    }
}

/// Folders as `guest path at host path, access`.
fn folders(call: &TaskCall) -> Vec<String> {
    let shown = |folder: &taskhost_model::grants::FolderGrant| {
        let access = if folder.access == Access::Write { "write" } else { "read" };
        format!("{folder} at {}, {access}", folder.host_path().display())
    };
    call.grants.folders.iter().map(shown).collect()
}

#[test]
fn nothing_is_granted_unless_the_flow_says_so() {
    let flow = accepted("components.c = \"all.wasm\"\ntasks.a.call = \"c.run\"\n", "");
    assert!(call(&flow, "a").grants.is_empty());
    assert!(!call(&flow, "a").deterministic);
}

#[test]
fn everything_that_may_be_allowed_reaches_the_call() {
    let text = r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
[tasks.a.allow]
read = ["./in/", "/srv/data"]
write = ["out"]
network = ["api.example.com:443", "udp://1.1.1.1:53"]
http = ["GET https://api.example.com/v1/*"]
env = ["LANG"]
secrets = ["api-token"]
config = { city = "Oslo", price = "$${5}" }
"#;
    let files = Files(HashMap::from([("in/a.csv", ""), ("/srv/data/b.csv", "")]));
    let checked = check_in(text, &files).unwrap_or_else(|mistakes| panic!("{}", picture(&mistakes)));
    assert_eq!(picture(&checked.notes), "");
    let call = call(&checked.flow, "a");
    assert_eq!(folders(call), ["out at ./out, write", "in at ./in, read", "/srv/data at /srv/data, read"]);
    let network: Vec<String> = call.grants.network.iter().map(ToString::to_string).collect();
    assert_eq!(network, ["api.example.com:443", "udp://1.1.1.1:53"]);
    assert_eq!(call.grants.http[0].to_string(), "GET https://api.example.com/v1/*");
    assert_eq!((&*call.grants.env[0], &*call.grants.secrets[0]), ("LANG", "api-token"));
    let config: Vec<(&str, &str)> = call.grants.config.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(config, [("city", "Oslo"), ("price", "${5}")]);
}

#[test]
fn a_key_of_a_task_replaces_that_key_of_the_defaults_and_others_stay() {
    let flow = accepted(
        r#"
components.c = "all.wasm"
[defaults]
allow = { write = ["out"], env = ["LANG"] }
deterministic = true
[tasks.same]
call = "c.run"
[tasks.also-same]
call = "c.run"
[tasks.other]
call = "c.run"
allow.env = ["HOME"]
deterministic = false
[tasks.none]
call = "c.run"
allow = { write = [], env = [] }
[tasks.written-out]
call = "c.run"
allow = { write = ["out"], env = ["LANG"] }
"#,
        "",
    );
    assert_eq!((folders(call(&flow, "same")).len(), &*call(&flow, "same").grants.env[0]), (1, "LANG"));
    assert_eq!((folders(call(&flow, "other")).len(), &*call(&flow, "other").grants.env[0]), (1, "HOME"));
    assert!(call(&flow, "none").grants.is_empty());
    assert!(call(&flow, "same").deterministic && !call(&flow, "other").deterministic);
    for equal in ["also-same", "written-out"] {
        assert!(Arc::ptr_eq(call(&flow, "same"), call(&flow, equal)), "equal calls are one");
    }
    assert!(!Arc::ptr_eq(call(&flow, "same"), call(&flow, "none")), "calls with other grants are others");
}

#[test]
fn folders_lie_below_the_file_of_their_own_flow() {
    let files = Files(HashMap::from([
        ("sub/inner.toml", "components.c = \"all.wasm\"\ntasks.b = { call = \"c.run\", allow.read = [\"data\"] }\n"),
        ("sub/all.wasm", ""),
        ("sub/data/a.csv", ""),
    ]));
    let source = Arc::new(FlowSource::new("flow.toml", "tasks.a.flow = \"sub/inner.toml\"\n"));
    let catalog = support::catalog().with("sub/all.wasm", &["run: func() -> u32", "<wasi:filesystem/types@0.2.6"]);
    let checked = check(taskhost_flow::parse(&source).expect("a flow"), &files, &catalog)
        .unwrap_or_else(|mistakes| panic!("{}", picture(&mistakes)));
    assert_eq!(picture(&checked.notes), "");
    let TaskKind::Subflow(inner) = &checked.flow.tasks[0].kind else { panic!("a subflow") };
    assert_eq!(folders(call(inner, "b")), ["data at sub/data, read"]);
}

#[test]
fn grants_of_a_wrong_shape_say_what_to_write() {
    misshapen(
        r#"
strict = "yes"
[tasks.a]
call = "c.run"
allow = { read = "data", wriet = ["out"], env = [1], config = { n = 5, city = "${town}" } }
[tasks.b]
call = "c.run"
allow = ["data"]
deterministic = 1
[defaults]
allow.listen = ["0.0.0.0:80"]
allow.config = ["city"]
"#,
        r#"
2:10 [wrong-shape] `strict` wants `true` or `false`, not a string | "yes" | write `strict = true`, without quotes
5:18 [wrong-shape] `read` wants an array of strings, not a string | "data" | write `read = ["data"]`
5:26 [unknown-key] `allow` has no key `wriet` | wriet | did you mean `write`?
5:50 [wrong-shape] `env` wants strings, not an integer | 1 | write `env = ["LANG"]`
5:69 [wrong-shape] `n` wants a string, not an integer | 5 | settings are text: write `n = "5"`
5:79 [bad-grant] the setting `${town}` refers to something else | "${town}" | a setting is a literal; write `$${` for a literal `${`
8:9 [wrong-shape] `allow` wants a table, not an array | ["data"] | name what is allowed, such as `allow = { read = ["data"] }`; nothing else is
9:17 [wrong-shape] `deterministic` wants `true` or `false`, not an integer | 1 | write `deterministic = true`, without quotes
11:7 [unknown-key] `allow` has no key `listen` | listen | there are `read`, `write`, `network`, `http`, `env`, `secrets`, `config`
12:16 [wrong-shape] `config` wants a table, not an array | ["city"] | write `config = { city = "Oslo" }`
"#,
    );
}

#[test]
fn what_belongs_into_the_defaults_is_told_so_at_the_top() {
    misshapen(
        r#"
timeout = "1s"
deterministic = true
allow = { read = ["data"] }
memory = "1 MiB"
env = ["LANG"]
[limits]
cpu = "1s"
timeout = "1s"
[tasks.a]
call = "c.run"
limits.cpu = 5
"#,
        r#"
2:1 [unknown-key] a flow has no key `timeout` | timeout | it goes into `[defaults]`, or into a task: write `defaults.timeout`
3:1 [unknown-key] a flow has no key `deterministic` | deterministic | it goes into `[defaults]`, or into a task: write `defaults.deterministic`
4:1 [unknown-key] a flow has no key `allow` | allow | it goes into `[defaults]`, or into a task: write `defaults.allow`
5:1 [unknown-key] a flow has no key `memory` | memory | it goes into `limits` of `[defaults]` or of a task: write `defaults.limits.memory`
6:1 [unknown-key] a flow has no key `env` | env | it goes into `allow` of `[defaults]` or of a task: write `defaults.allow.env`
8:1 [unknown-key] `limits` of a flow has no key `cpu` | cpu | it goes into `limits` of `[defaults]` or of a task: write `defaults.limits.cpu`
9:1 [unknown-key] `limits` of a flow has no key `timeout` | timeout | it goes into `[defaults]`, or into a task: write `defaults.timeout`
12:14 [wrong-shape] `cpu` wants a duration such as `"1.5s"`, not an integer | 5 | write `cpu = "5s"` if seconds are meant
"#,
    );
}

#[test]
fn grants_that_cannot_be_read_are_told_with_their_place_and_the_way_out() {
    rejected(
        r#"
components.c = "all.wasm"
[defaults.allow]
read = ["../secret"]
[tasks.a]
call = "c.run"
[tasks.a.allow]
write = ["/srv/../etc"]
network = ["api.example.com", "https://api.example.com/*"]
http = ["https://api.example.com/v1/*"]
env = ["", "LANG=C", "A\u0000B"]
secrets = ["API_TOKEN"]
config = { "" = "1" }
"#,
        r#"
4:9 [bad-grant] `read` of `defaults`: `../secret` leaves the flow's folder by `..` | "../secret" | only folders below the flow can be named relative to it; name others by their absolute path
8:10 [bad-grant] `write` of task `a`: `/srv/../etc` goes up by `..`, which no granted folder may | "/srv/../etc" | write the folder that it means
9:12 [bad-grant] `network` of task `a`: `api.example.com` has no port | "api.example.com" | a rule is `host:port`, such as `api.example.com:443`, `*.example.com:443`, `10.0.0.0/8:5432`, `[fd00::/8]:80` or `udp://1.1.1.1:53`
9:31 [bad-grant] `network` of task `a`: `https://api.example.com/*` is a URL | "https://api.example.com/*" | put it under `http`, such as `http = ["GET https://api.example.com/*"]`
10:9 [bad-grant] `http` of task `a`: `https://api.example.com/v1/*` has no method | "https://api.example.com/v1/*" | a rule is a method and a URL, such as `GET https://api.example.com/v1/*` or `* https://*.example.com/*`
11:8 [bad-grant] `env` of task `a`: `` is no name of a variable | "" | name the variables, such as `LANG`; their values are those of whoever runs the flow
11:12 [bad-grant] `env` of task `a`: `LANG=C` is no name of a variable: it has a `=` | "LANG=C" | only names stand here; a value of your own goes into `config`, or is an argument
11:22 [bad-grant] `env` of task `a`: `A\0B` is no name of a variable: it has a NUL | "A\u0000B" | name the variables, such as `LANG`; their values are those of whoever runs the flow
12:12 [bad-grant] `secrets` of task `a`: `API_TOKEN` is no name of a secret: names begin with a letter and are words joined by `-`, each in lower case (or all in upper case) | "API_TOKEN" | write `api-token`
13:12 [bad-grant] `config` of task `a`: `` is no name of a setting | "" | name it as the component asks for it, such as `city`
"#,
    );
}

#[test]
fn what_is_meant_for_a_shell_or_holds_a_secret_is_told_before_it_is_taken_for_a_name() {
    rejected(
        r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
[tasks.a.allow]
read = ["data/../x"]
write = ["~/out", "$HOME/out", "${r}"]
env = ["TASKHOST_SECRET_API_TOKEN", "TASKHOST_SECRET_"]
secrets = [""]
"#,
        r#"
6:9 [bad-grant] `read` of task `a`: `data/../x` goes up by `..`, which no granted folder may | "data/../x" | write the folder that it means
7:10 [bad-grant] `write` of task `a`: `~/out` has a `~`, and nothing is put in its place here | "~/out" | write the absolute path, or that of a folder below the flow
7:19 [bad-grant] `write` of task `a`: `$HOME/out` has a `$`, and nothing is put in its place here | "$HOME/out" | write the absolute path, or that of a folder below the flow
7:32 [bad-grant] `write` of task `a`: `${r}` has a `$`, and nothing is put in its place here | "${r}" | write the absolute path, or that of a folder below the flow
8:8 [bad-grant] `env` of task `a`: `TASKHOST_SECRET_API_TOKEN` holds a secret | "TASKHOST_SECRET_API_TOKEN" | put it under `secrets`, as `api-token`: then its value is kept out of logs and results
8:37 [bad-grant] `env` of task `a`: `TASKHOST_SECRET_` holds a secret | "TASKHOST_SECRET_" | put it under `secrets`, as `api-token`: then its value is kept out of logs and results
9:12 [bad-grant] `secrets` of task `a`: `` is no name of a secret: names begin with a letter and are words joined by `-`, each in lower case (or all in upper case) | "" | write it as the one who runs the flow knows it, such as `api-token`
"#,
    );
}

#[test]
fn a_grant_that_stands_twice_is_a_warning() {
    accepted(
        r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
[tasks.a.allow]
read = ["out/"]
write = ["out", "./out"]
network = ["Example.com:443", "tcp://example.com:443"]
"#,
        r#"
6:9 warning[duplicate-grant] `out/` stands under `write` of task `a` too, which includes reading | "out/" | remove it
7:17 warning[duplicate-grant] `write` of task `a` names `./out` twice | "./out" | remove it
8:31 warning[duplicate-grant] `network` of task `a` names `tcp://example.com:443` twice | "tcp://example.com:443" | remove it
"#,
    );
}

#[test]
fn a_folder_to_read_that_is_not_there_is_a_note() {
    accepted(
        r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
allow = { read = ["data"], write = ["out"] }
"#,
        r#"
5:19 note[missing-folder] `read` of task `a`: there is no folder `data` now | "data" | make it before the flow runs, or fix the path
"#,
    );
}

#[test]
fn a_folder_that_a_run_would_refuse_is_a_mistake() {
    let files = Files(HashMap::from([("data/a.csv", ""), ("file", "")]));
    rejected_in(
        r#"
components.c = "all.wasm"
defaults.allow.read = ["file"]
[tasks.a]
call = "c.run"
allow = { read = ["data", "file"], write = ["file", "data/a.csv", "new"] }
"#,
        &files,
        r#"
3:24 [unusable-folder] `read` of `defaults`: `file` is a file | "file" | …
6:27 warning[duplicate-grant] `file` stands under `write` of task `a` too, which includes reading | "file" | remove it
6:45 [unusable-folder] `write` of task `a`: `file` is a file | "file" | …
6:53 [unusable-folder] `write` of task `a`: `data/a.csv` is a file | "data/a.csv" | …
"#,
    );
}

#[test]
fn folders_that_look_the_same_to_a_guest_are_told_once() {
    rejected(
        r#"
components.c = "all.wasm"
[defaults.allow]
read = ["/srv/a", "./srv/a/"]
write = ["/srv/b"]
[tasks.a]
call = "c.run"
allow.read = ["srv/b"]
[tasks.b]
call = "c.run"
allow = { read = [], write = ["/srv/b", "srv"] }
"#,
        r#"
4:9 note[missing-folder] `read` of `defaults`: there is no folder `/srv/a` now | "/srv/a" | make it before the flow runs, or fix the path
4:19 [bad-grant] `./srv/a/` of `defaults` looks the same to the task as `/srv/a` | "./srv/a/" | libraries of guests drop the first slash; grant one of them
4:19 note[missing-folder] `read` of `defaults`: there is no folder `./srv/a/` now | "./srv/a/" | make it before the flow runs, or fix the path
8:15 [bad-grant] `srv/b` of task `a` looks the same to the task as `/srv/b` | "srv/b" | libraries of guests drop the first slash; grant one of them
8:15 note[missing-folder] `read` of task `a`: there is no folder `srv/b` now | "srv/b" | make it before the flow runs, or fix the path
"#,
    );
}

#[test]
fn a_grant_that_no_import_can_use_is_a_warning() {
    accepted(
        r#"
components.c = "files.wasm"
[tasks.a]
call = "c.run"
allow = { write = ["out"], network = ["example.com:443"], env = [] }
[defaults.allow]
http = ["GET https://example.com/*"]
config = { city = "Oslo" }
write = ["cache"]
"#,
        r#"
5:39 warning[useless-grant] `network` of task `a` has no effect: component `c` imports nothing for sockets | "example.com:443" | remove it
7:9 warning[useless-grant] `http` of `defaults` has no effect: no component of a task in this file imports anything for HTTP | "GET https://example.com/*" | remove it
8:12 warning[useless-grant] `config` of `defaults` has no effect: no component of a task in this file imports anything for configuration and secrets | city | remove it
"#,
    );
}

#[test]
fn strict_rejects_imports_that_are_not_allowed() {
    rejected(
        r#"
strict = true
components.c = "all.wasm"
components.f = "files.wasm"
[tasks.a]
call = "c.run"
[tasks.a.allow]
network = ["example.com:443"]
http = ["GET https://example.com/*"]
config = { city = "Oslo" }
[tasks.b]
call = "f.run"
strict = false
[tasks.c]
call = "f.run"
allow = { write = ["out"] }
"#,
        r#"
6:8 [import-not-allowed] component `c` imports `wasi:filesystem/preopens@0.2.6`, but task `a` is not allowed to read or write files, and `strict` is on | "c.run" | allow it by `read` or `write`, or write `read = []` if the task does without, or rebuild the component without the import
6:8 [import-not-allowed] component `c` imports `wasi:cli/environment@0.2.6`, but task `a` is not allowed to see environment variables, and `strict` is on | "c.run" | allow it by `env`, or write `env = []` if the task does without, or rebuild the component without the import
"#,
    );
}

#[test]
fn an_empty_list_tells_strict_that_a_task_does_without() {
    let flow = accepted(
        r#"
strict = true
components.c = "all.wasm"
[defaults.allow]
network = []
http = []
secrets = []
[tasks.a]
call = "c.run"
allow = { read = [], env = [] }
[tasks.b]
call = "c.run"
allow = { write = ["out"], env = [], config = { city = "Oslo" } }
"#,
        "",
    );
    assert!(call(&flow, "a").grants.is_empty());
    rejected(
        r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
strict = true
allow = { read = ["../up"], network = [], http = [], env = [] }
"#,
        r#"
4:8 [import-not-allowed] component `c` imports `wasi:config/store@0.2.0-rc.1`, but task `a` is not allowed to see configuration or secrets, and `strict` is on | "c.run" | allow it by `config` or `secrets`, or write `secrets = []` if the task does without, or rebuild the component without the import
6:19 [bad-grant] `read` of task `a`: `../up` leaves the flow's folder by `..` | "../up" | only folders below the flow can be named relative to it; name others by their absolute path
"#,
    );
}

/// A flow whose defaults say this, and which runs this one twice.
fn around(defaults: &str, inner: &'static str, expected: &str) {
    let files = Files(HashMap::from([("inner.toml", inner)]));
    let text = format!("{defaults}\n[tasks.a]\nflow = \"inner.toml\"\n[tasks.b]\nflow = \"inner.toml\"\n");
    let checked = check_in(&text, &files).unwrap_or_else(|mistakes| panic!("{}", picture(&mistakes)));
    assert_eq!(picture(&checked.notes), expected.trim());
}

#[test]
fn what_does_not_reach_a_subflow_is_told_once_where_it_may_be_missed() {
    let inner = "components.c = \"files.wasm\"\ntasks.a.call = \"c.run\"\n";
    around(
        "defaults.allow = { write = [\"out\"], env = [\"LANG\"] }",
        inner,
        r#"
1:44 warning[useless-grant] `env` of `defaults` has no effect: no component of a task in this file imports anything for environment variables | "LANG" | remove it
3:8 warning[not-inherited] `write` of `[defaults.allow]` does not reach the tasks of flow `inner.toml` | "inner.toml" | each flow says itself what its tasks may touch: write it under `[defaults.allow]` of `inner.toml`, or an empty list there, such as `read = []`, if they do without
"#,
    );
    around(
        "strict = true",
        inner,
        r#"
3:8 warning[not-inherited] `strict` does not reach the tasks of flow `inner.toml`: they import files without a grant for it | "inner.toml" | write `strict = true` in `inner.toml` too
"#,
    );
}

#[test]
fn settings_of_the_defaults_that_a_subflow_does_not_have_are_a_note() {
    let defaults =
        "defaults = { timeout = \"1s\", limits.memory = \"1 MiB\", retry = 2, cache = true, deterministic = true }";
    let help = "each flow says itself how its tasks run: write it under `[defaults]` of `inner.toml`, if it is meant for them too";
    let keys = "`timeout`, `limits.memory`, `retry`, `cache`, `deterministic` of `[defaults]` do";
    around(
        defaults,
        "components.t = \"t.wasm\"\ntasks.a.call = \"t.give-u32\"\n",
        &format!("3:8 note[not-inherited] {keys} not reach the tasks of flow `inner.toml` | \"inner.toml\" | {help}"),
    );
    // The subflow says most of it, in its own defaults or at its only task.
    around(
        defaults,
        "components.t = \"t.wasm\"\ndefaults = { limits.memory = \"2 MiB\", deterministic = false, cache = false }\n\
         tasks.a = { call = \"t.give-u32\", retry = 1 }\n",
        &format!(
            "3:8 note[not-inherited] `timeout` of `[defaults]` does not reach the tasks of flow `inner.toml` | \"inner.toml\" | {help}"
        ),
    );
    around(
        "defaults = { cache = false, deterministic = false }",
        "components.t = \"t.wasm\"\ntasks.a.call = \"t.give-u32\"\n",
        "",
    );
}

#[test]
fn a_subflow_that_says_what_its_tasks_may_touch_misses_nothing() {
    for inner in [
        "components.c = \"files.wasm\"\ntasks.a = { call = \"c.run\", allow.read = [] }\n",
        "components.c = \"files.wasm\"\ndefaults.allow.write = [\"out\"]\ntasks.a.call = \"c.run\"\n",
        "components.t = \"t.wasm\"\ntasks.a.call = \"t.give-u32\"\n",
    ] {
        around("strict = true", inner, "");
    }
}

#[test]
fn defaults_that_own_tasks_use_too_are_a_note_at_a_subflow() {
    let inner = "components.c = \"files.wasm\"\ntasks.a.call = \"c.run\"\n";
    around(
        "components.c = \"files.wasm\"\ndefaults.allow = { write = [\"out\"] }\ntasks.own.call = \"c.run\"",
        inner,
        r#"
5:8 note[not-inherited] `write` of `[defaults.allow]` does not reach the tasks of flow `inner.toml` | "inner.toml" | each flow says itself what its tasks may touch: write it under `[defaults.allow]` of `inner.toml`, or an empty list there, such as `read = []`, if they do without
"#,
    );
}

#[test]
fn deterministic_does_not_go_with_the_network() {
    rejected(
        r#"
components.c = "all.wasm"
[defaults]
deterministic = true
[tasks.a]
call = "c.run"
allow.network = ["example.com:443"]
[tasks.b]
call = "c.run"
deterministic = true
allow.http = ["GET https://example.com/*"]
[tasks.c]
call = "c.run"
deterministic = false
allow.http = ["GET https://example.com/*"]
"#,
        r#"
4:17 [bad-deterministic] task `a` is `deterministic`, but `network` lets it reach what may answer differently each time | true | remove `network`, or `deterministic`
10:17 [bad-deterministic] task `b` is `deterministic`, but `http` lets it reach what may answer differently each time | true | remove `http`, or `deterministic`
"#,
    );
}

#[test]
fn what_contradicts_itself_in_the_defaults_is_told_once() {
    rejected(
        r#"
components.c = "all.wasm"
defaults.deterministic = true
defaults.allow = { network = ["example.com:443"], secrets = ["token"], config = { token = "x" } }
tasks.a.call = "c.run"
tasks.b = { call = "c.run", allow.env = ["LANG"] }
"#,
        r#"
3:26 [bad-deterministic] `defaults` is `deterministic`, but `network` lets it reach what may answer differently each time | true | remove `network`, or `deterministic`
4:83 [bad-grant] `token` is both a setting and a secret of `defaults` | token | the component reads both by name; rename or remove one of them
"#,
    );
}

#[test]
fn a_setting_cannot_have_the_name_of_a_secret() {
    rejected(
        r#"
components.c = "all.wasm"
defaults.allow.secrets = ["token"]
tasks.a = { call = "c.run", allow.config = { token = "x" } }
"#,
        r#"
4:46 [bad-grant] `token` is both a setting and a secret of task `a` | token | the component reads both by name; rename or remove one of them
"#,
    );
}

#[test]
fn a_task_that_runs_a_flow_says_nothing_of_grants() {
    let files = Files(HashMap::from([("inner.toml", "components.c = \"all.wasm\"\ntasks.a.call = \"c.run\"\n")]));
    rejected_in(
        r#"
[tasks.a]
flow = "inner.toml"
allow.read = ["data"]
strict = true
deterministic = true
"#,
        &files,
        r#"
4:1 [misplaced-key] task `a` runs a flow, whose tasks say themselves what `allow` says | allow | put `allow` into the `[defaults]` or the tasks of that flow
4:15 note[missing-folder] `read` of task `a`: there is no folder `data` now | "data" | make it before the flow runs, or fix the path
5:10 [misplaced-key] task `a` runs a flow, whose tasks say themselves what `strict` says | true | put `strict` into the `[defaults]` or the tasks of that flow
6:17 [misplaced-key] task `a` runs a flow, whose tasks say themselves what `deterministic` says | true | put `deterministic` into the `[defaults]` or the tasks of that flow
"#,
    );
}

#[test]
fn a_flow_made_in_code_grants_as_a_written_one() {
    let mut file = FlowFile::new(Arc::new(FlowSource::new("/flows/made (built in code)", "")));
    file.components.push(ComponentWritten { name: "c".into(), path: Spanned::new(Path::new("/all.wasm")) });
    file.default_grants.strict = Some(Spanned::new(false));
    let mut task = TaskWritten::new("a", Action::Call("c.run".into()));
    task.grants = GrantsWritten { write: Some(vec!["out".into()]), ..GrantsWritten::default() };
    file.tasks.push(task);
    let catalog = support::catalog().with("/all.wasm", &["run: func() -> u32", "<wasi:filesystem/types@0.2.6"]);
    let checked = check(file, &Files::default(), &catalog).unwrap_or_else(|mistakes| panic!("{}", picture(&mistakes)));
    assert_eq!(folders(call(&checked.flow, "a")), ["out at /flows/out, write"]);
}
