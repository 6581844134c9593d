//! Flows whose text or shape is wrong: each message with its place (line:column), code, underlined text, and help.

mod support;

use support::misshapen;

#[test]
fn syntax_mistakes_are_told_all_at_once() {
    misshapen(
        r#"
name = "a
description = 1 2
[tasks.a
"#,
        r#"
2:10 [syntax] not valid TOML: invalid basic string, expected `"`
3:15 [syntax] not valid TOML: string values must be quoted, expected literal string | 1 2
4:9 [syntax] not valid TOML: unclosed table, expected `]`
"#,
    );
}

#[test]
fn a_key_that_stands_twice_is_shown() {
    misshapen(
        r#"
name = "a"
name = "b"
"#,
        r#"
3:1 [duplicate-key] `name` is defined twice | name | remove or rename one of them
"#,
    );
}

#[test]
fn a_table_that_stands_twice_is_shown() {
    misshapen(
        r#"
[tasks.a]
call = "t.f"
[tasks.a]
call = "t.g"
"#,
        r#"
4:8 [duplicate-key] `a` is defined twice | a | remove or rename one of them
"#,
    );
}

#[test]
fn unknown_keys_are_told_with_the_nearest_known_one() {
    misshapen(
        r#"
descripton = "x"
[parameters.p]
tpye = "u32"
[components]
c = { pth = "c.wasm" }
[tasks.a]
cal = "t.f"
limits.memroy = 1
runner = { kind = "threads", worker = 2 }
[defaults]
timout = "1s"
"#,
        r#"
2:1 [unknown-key] a flow has no key `descripton` | descripton | did you mean `description`?
4:1 [unknown-key] a parameter has no key `tpye` | tpye | did you mean `type`?
6:7 [unknown-key] a component has no key `pth` | pth | did you mean `path`?
8:1 [unknown-key] a task has no key `cal` | cal | did you mean `call`?
9:8 [unknown-key] `limits` has no key `memroy` | memroy | did you mean `memory`?
10:30 [unknown-key] `runner` has no key `worker` | worker | did you mean `workers`?
12:1 [unknown-key] `defaults` has no key `timout` | timout | did you mean `timeout`?
"#,
    );
}

#[test]
fn an_unknown_key_like_no_other_lists_what_there_is() {
    misshapen(
        r#"
[runner]
kind = "threads"
xyzzy = 1
"#,
        r#"
4:1 [unknown-key] `runner` has no key `xyzzy` | xyzzy | there are `kind`, `workers`, `concurrency`, `labels`
"#,
    );
}

#[test]
fn keys_of_later_versions_are_rejected_by_name() {
    misshapen(
        r#"
[components]
c = { package = "acme:stats", version = "^1.2" }
"#,
        r#"
3:7 [unavailable-key] `package` is not available in this version | package | remove it
3:31 [unavailable-key] `version` is not available in this version | version | remove it
"#,
    );
}

#[test]
fn runners_of_later_versions_and_unknown_ones_are_rejected_by_name() {
    misshapen(
        r#"
runner = "ray"
[tasks.a]
call = "c.f"
runner = "thread"
[tasks.b]
call = "c.f"
runner = { kind = "dask" }
"#,
        r#"
2:10 [unknown-runner] runner `ray` is not available in this version | "ray" | there are `sequential`, `threads`, `nats`
5:10 [unknown-runner] no runner named `thread` | "thread" | did you mean `threads`?
8:19 [unknown-runner] runner `dask` is not available in this version | "dask" | there are `sequential`, `threads`, `nats`
"#,
    );
}

#[test]
fn labels_are_words_and_for_runners_with_workers() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
runner = { kind = "threads", labels = ["gpu"] }
[tasks.b]
call = "c.f"
runner = { kind = "nats", labels = ["Big GPU"] }
"#,
        r#"
4:30 [bad-value] `labels` is what a worker needs to have, and this runner has no workers | labels | use `kind = "nats"`
7:36 [bad-value] `Big GPU` is no label | ["Big GPU"] | a label is a word of lower-case letters, digits and `-`, such as `gpu`
"#,
    );
}

#[test]
fn runner_settings_that_make_no_sense_are_misshapen() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
runner = { kind = "sequential", workers = 4 }
[tasks.b]
call = "c.f"
runner = { kind = "threads", workers = 0, concurrency = 1000000 }
[tasks.c]
call = "c.f"
runner = { workers = 4 }
"#,
        r#"
4:33 [bad-value] `workers = 4` does not go with `sequential`, which runs one task at a time | workers | use `kind = "threads"`
7:40 [bad-value] `workers` wants a number from 1 to 1024 | 0
7:57 [bad-value] `concurrency` wants a number from 1 to 10000 | 1000000
10:1 [missing-key] `runner` has no `kind` | runner | add `kind = "threads"` or `kind = "sequential"`
"#,
    );
}

#[test]
fn wrong_shapes_are_told_with_the_wanted_one() {
    misshapen(
        r#"
name = 5
parameters = "x"
[components]
c = 1
[tasks]
a = "x"
[tasks.b]
call = ["c.f"]
with = "x"
map = 1
after = [1, "a"]
timeout = 5
limits = "64 MiB"
[outputs]
"#,
        r#"
2:8 [wrong-shape] `name` wants a string, not an integer | 5
3:14 [wrong-shape] `parameters` wants a table, not a string | "x"
5:5 [wrong-shape] `c` wants a string, not an integer | 1
7:5 [wrong-shape] `a` wants a table, not a string | "x"
9:8 [wrong-shape] `call` wants a string, not an array | ["c.f"]
10:8 [wrong-shape] `with` wants a table, not a string | "x"
11:7 [wrong-shape] `map` wants a name or an array of names, not an integer | 1
12:10 [wrong-shape] `after` wants names, not an integer | 1
13:11 [wrong-shape] `timeout` wants a duration such as `"1.5s"`, not an integer | 5 | write `timeout = "5s"` if seconds are meant
14:10 [wrong-shape] `limits` wants a table, not a string | "64 MiB"
"#,
    );
}

#[test]
fn sizes_and_durations_that_cannot_be_read_are_told() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
timeout = "1 year"
limits = { memory = "64 mib", cpu = "5", output = 0, result = "lots" }
"#,
        r#"
4:11 [bad-duration] `year` is no unit of this | "1 year" | a duration is `"250ms"`, `"1s"`, `"1.5m"`, `"1h"` or `"2d"`
5:21 [bad-size] `mib` is no unit of this | "64 mib" | a size is `"64 MiB"`, `"1.5 GB"`, `"512 KiB"` or a number of bytes
5:37 [bad-duration] `5` has no unit | "5" | a duration is `"250ms"`, `"1s"`, `"1.5m"`, `"1h"` or `"2d"`
5:51 [bad-size] `output` wants at least 1 byte | 0 | a size is `"64 MiB"`, `"1.5 GB"`, `"512 KiB"` or a number of bytes
5:63 [bad-size] `lots` does not begin with a number | "lots" | a size is `"64 MiB"`, `"1.5 GB"`, `"512 KiB"` or a number of bytes
"#,
    );
}

#[test]
fn types_that_cannot_be_read_are_told() {
    misshapen(
        r#"
[parameters.a]
type = "u33"
[parameters.b]
type = "list<u32"
"#,
        r#"
3:9 [bad-type] `u33` is no WIT type: no type named `u33`; did you mean `u32`? | u33 | types are written as in WIT, such as `u32`, `list<string>` or `record { name: string, age: u8 }`
5:17 [bad-type] `list<u32` is no WIT type: expected `>`, found the end | types are written as in WIT, such as `u32`, `list<string>` or `record { name: string, age: u8 }`
"#,
    );
}

#[test]
fn references_that_cannot_be_read_are_told_with_their_place() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
with.x = "abc ${d e} ${"
with.y = "\t${}"
"#,
        r#"
4:17 [bad-reference] `d e` is no name of a parameter or task | d e | a reference is `${name}`, `${name.field}` or `${name[0]}`; write `$${` for a literal `${`
4:22 [bad-reference] `${` has no `}` | ${ | close it, or write `$${` for a literal `${`
5:10 [bad-reference] nothing is no name of a parameter or task | "\t${}" | a reference is `${name}`, `${name.field}` or `${name[0]}`; write `$${` for a literal `${`
"#,
    );
}

#[test]
fn a_task_runs_exactly_one_thing() {
    misshapen(
        r#"
[tasks.a]
[tasks.b]
call = "c.f"
flow = "f.toml"
"#,
        r#"
2:8 [missing-key] task `a` has neither `call` nor `flow` | a | say what it runs: `call = "component.function"`, or `flow = "other.toml"`
5:8 [call-and-flow] task `b` has both `call` and `flow` | "f.toml" | keep one of them
"#,
    );
}

#[test]
fn a_parameter_has_one_default() {
    misshapen(
        r#"
[parameters.p]
default = 1
default-file = "x"
"#,
        r#"
4:16 [two-defaults] parameter `p` has both `default` and `default-file` | "x" | keep one of them
"#,
    );
}

#[test]
fn on_failure_is_stop_or_collect() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
on-failure = "ignore"
"#,
        r#"
4:14 [bad-value] `on-failure` cannot be `ignore` | "ignore" | it is `stop` or `collect`
"#,
    );
}

#[test]
fn a_key_that_belongs_elsewhere_is_told_where() {
    misshapen(
        r#"
[tasks.a]
call = "c.run"
memory = "1 GiB"
read = ["data"]
limits = { timeout = "5s", wall = "5s" }
allow = { strict = true }
[defaults]
cpu = "5s"
"#,
        r#"
4:1 [unknown-key] a task has no key `memory` | memory | it goes into `limits`: write `limits.memory`
5:1 [unknown-key] a task has no key `read` | read | it goes into `allow`: write `allow.read`
6:12 [unknown-key] `limits` has no key `timeout` | timeout | it stands beside `limits`, not in it
6:28 [unknown-key] `limits` has no key `wall` | wall | there are `memory`, `cpu`, `output`, `result`, `blobs`, `log-lines`, `files`, `sockets`, `handles`
7:11 [unknown-key] `allow` has no key `strict` | strict | it stands beside `allow`, not in it
9:1 [unknown-key] `defaults` has no key `cpu` | cpu | it goes into `limits`: write `limits.cpu`
"#,
    );
}
