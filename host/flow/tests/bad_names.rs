//! Flows whose names do not lead anywhere: each message with its place, code, underlined text, and help.

mod support;

use support::{accepted, rejected};

#[test]
fn unknown_tasks_and_parameters_are_told_with_the_nearest_name() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.number-1]
call = "t.give-u32"
[tasks.b]
call = "t.take-u32"
with.n = "${nubmer-1}"
after = ["nubmer-1", "zebra"]
when = "${nothing-like-it}"
[outputs]
o = "${nubmer-1}"
"#,
        r#"
7:11 [unknown-name] no task or parameter named `nubmer-1` | ${nubmer-1} | did you mean `${number-1}`?
8:10 [unknown-task] no task named `nubmer-1` | "nubmer-1" | did you mean `number-1`?
8:22 [unknown-task] no task named `zebra` | "zebra"
9:9 [unknown-name] no task or parameter named `nothing-like-it` | ${nothing-like-it} | the flow has `number-1`, `b`
11:6 [unknown-name] no task or parameter named `nubmer-1` | ${nubmer-1} | did you mean `${number-1}`?
"#,
    );
}

#[test]
fn unknown_names_are_told_also_in_tasks_whose_function_is_unknown() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.nope"
with.x = "${nope-2}"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
"#,
        r#"
4:8 [unknown-function] component `t` has no function `nope` | "t.nope" | there are `give-u32`, `give-u64`, `give-string`, `give-bool`, `give-list`, `give-person`, `give-pair`, `give-maybe` and 22 more
5:11 [unknown-name] no task or parameter named `nope-2` | ${nope-2} | the flow has `a`, `b`
"#,
    );
}

#[test]
fn a_mistake_in_one_task_brings_no_follow_up_mistakes() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.tkae-u32"
with.n = "${p}"
[tasks.b]
call = "t.take-string"
with.text = "${a.deep[3].field}"
[tasks.c]
call = "t.take-u32"
with.n = "${b}"
[parameters.p]
[outputs]
o = "${a}"
"#,
        r#"
4:8 [unknown-function] component `t` has no function `tkae-u32` | "t.tkae-u32" | did you mean `take-u32`?
11:11 [type-mismatch] argument `n` of task `c` wants `u32`, `${b}` gives `string` | ${b}
"#,
    );
}

#[test]
fn an_unknown_component_is_told() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "tt.give-u32"
[tasks.b]
call = "numbers.sum"
"#,
        r#"
4:8 [unknown-component] no component named `tt` | "tt.give-u32" | did you mean `t`?
6:8 [unknown-component] no component named `numbers` | "numbers.sum" | there is only `t`
"#,
    );
}

#[test]
fn a_component_without_such_a_function_lists_its_functions() {
    rejected(
        r#"
[tasks.d]
call = "numbers.draw"
[components]
numbers = "components/numbers.wasm"
"#,
        r#"
3:8 [unknown-function] component `numbers` has no function `draw` | "numbers.draw" | there are `random-num`, `sum`
"#,
    );
}

#[test]
fn without_components_the_help_says_where_to_name_one() {
    rejected(
        r#"
[tasks.a]
call = "numbers.sum"
"#,
        r#"
3:8 [unknown-component] no component named `numbers` | "numbers.sum" | name its file under `[components]`: `numbers = "components/numbers.wasm"`
"#,
    );
}

#[test]
fn an_unknown_function_is_told_with_the_nearest_one() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.giv-u32"
[tasks.b]
call = "t.task.give-u32"
[tasks.c]
call = "t.tasks.give-u33"
"#,
        r#"
4:8 [unknown-function] component `t` has no function `giv-u32` | "t.giv-u32" | did you mean `give-u32`?
6:8 [unknown-function] component `t` has no interface `task` | "t.task.give-u32" | did you mean `tasks`?
8:8 [unknown-function] interface `tasks` of component `t` has no function `give-u33` | "t.tasks.give-u33" | did you mean `give-u32`?
"#,
    );
}

#[test]
fn a_call_that_names_no_function_is_told() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "give-u32"
[tasks.b]
call = "t."
[tasks.c]
call = ""
"#,
        r#"
4:8 [bad-call] `give-u32` does not name a function of a component | "give-u32" | write `t.give-u32`
6:8 [bad-call] `t.` does not name a function of a component | "t." | write `t.function`
8:8 [bad-call] `` does not name a function of a component | "" | write `t.function`
"#,
    );
}

#[test]
fn an_ambiguous_function_lists_how_to_name_each() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.same"
[tasks.b]
call = "t.first.same"
"#,
        r#"
4:8 [ambiguous-function] component `t` has 2 functions named `same` | "t.same" | say which one: `t.first.same`, `t.second.same`
"#,
    );
}

#[test]
fn a_function_that_cannot_be_a_task_says_why() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.stream-it"
"#,
        r#"
4:8 [unusable-function] `stream-it` of component `t` cannot be a task: it takes a `stream`, which is not available in this version | "t.stream-it"
"#,
    );
}

#[test]
fn a_function_that_cannot_be_a_task_is_found_in_its_interface() {
    rejected(
        r#"
components.o = "open.wasm"
tasks.a.call = "o.open"
tasks.b.call = "o.tasks.open"
tasks.c.call = "o.demo:open/tasks@1.0.0.open"
tasks.d.call = "o.other.open"
"#,
        r#"
3:16 [unusable-function] `open` of component `o` cannot be a task: its result is a resource | "o.open"
4:16 [unusable-function] `open` of component `o` cannot be a task: its result is a resource | "o.tasks.open"
5:16 [unusable-function] `open` of component `o` cannot be a task: its result is a resource | "o.demo:open/tasks@1.0.0.open"
6:16 [unknown-function] interface `other` of component `o` has no function `open` | "o.other.open" | there is only `sum`
"#,
    );
}

#[test]
fn functions_of_one_name_are_suggested_with_their_interfaces() {
    rejected(
        r#"
components.o = "open.wasm"
tasks.a.call = "o.nothing-like-it"
"#,
        r#"
3:16 [unknown-function] component `o` has no function `nothing-like-it` | "o.nothing-like-it" | there are `tasks.sum`, `other.sum`, `count`
"#,
    );
}

#[test]
fn a_name_says_which_case_and_beginning_it_has_to_have() {
    for (name, help) in [("readCsv", " | write `read-csv`"), ("3d", ""), ("Upper", " | write `upper`")] {
        rejected(
            &format!("components.t = \"t.wasm\"\ntasks.{name}.call = \"t.give-u32\"\n"),
            &format!(
                "2:7 [bad-name] `{name}` is no name: names begin with a letter and are words joined by `-`, each in lower case (or all \
                 in upper case) | {name}{help}"
            ),
        );
    }
    accepted("components.t = \"t.wasm\"\ntasks.T21.call = \"t.give-u32\"\n", "");
}

#[test]
fn a_component_that_cannot_be_used_is_told_once() {
    rejected(
        r#"
[components]
b = "broken.wasm"
m = "missing.wasm"
[tasks.a]
call = "b.f"
[tasks.b]
call = "b.g"
[tasks.c]
call = "m.g"
"#,
        r#"
3:5 [unusable-component] component `b` is no WebAssembly | "broken.wasm" | build it again
4:5 [unusable-component] component `m` does not exist | "missing.wasm" | build it, or fix the path
"#,
    );
}

#[test]
fn parameters_and_tasks_share_one_namespace() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.p]
call = "t.take-u32"
with.n = "${p}"
[parameters.p]
type = "u32"
"#,
        r#"
3:8 [duplicate-name] `p` is both a parameter and a task | p | rename one of them
"#,
    );
}

#[test]
fn after_wants_tasks() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u32"
after = ["p"]
[parameters.p]
type = "u32"
"#,
        r#"
5:10 [unknown-task] `p` is a parameter, `after` wants tasks | "p" | remove it
"#,
    );
}

#[test]
fn a_cycle_is_shown_as_a_path() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-u32"
with.n = "${c}"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
[tasks.c]
call = "t.take-u32"
with.n = 1
after = ["b"]
"#,
        r#"
8:11 [cycle] tasks wait for each other: `a → b → c → a` | ${a} | remove one of these references
"#,
    );
}

#[test]
fn every_cycle_is_shown_also_through_when_and_to_itself() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-bool"
with.b = "${b}"
[tasks.b]
call = "t.give-bool"
when = "${a}"
[tasks.c]
call = "t.give-u32"
after = "c"
[tasks.d]
call = "t.take-u32"
with.n = "${c}"
"#,
        r#"
8:9 [cycle] tasks wait for each other: `a → b → a` | ${a} | remove one of these references
11:9 [cycle] task `c` needs its own result | "c" | remove one of these references
"#,
    );
}

#[test]
fn every_step_of_a_cycle_is_underlined() {
    let text = "components.t = \"t.wasm\"\n[tasks.a]\ncall = \"t.take-u32\"\nwith.n = \"${b}\"\n[tasks.b]\ncall = \"t.take-u32\"\nwith.n = \"${a}\"\n";
    let diagnostics = support::check_text(text).expect_err("a cycle");
    let cycle = diagnostics.iter().next().expect("one");
    let related: Vec<(&str, &str)> =
        cycle.related.iter().map(|(span, label)| (&text[span.range()], &**label)).collect();
    assert_eq!(cycle.span.map(|span| &text[span.range()]), Some("${a}"));
    assert_eq!(related, [("${b}", "`a` needs `b`")]);
}

#[test]
fn names_that_are_not_kebab_case_are_told_with_a_good_one() {
    rejected(
        r#"
name = "My Flow"
[parameters.my_value]
type = "u32"
[tasks."2nd"]
flow = "x.toml"
"#,
        r#"
2:8 [bad-name] `My Flow` is no name: names begin with a letter and are words joined by `-`, each in lower case (or all in upper case) | "My Flow" | write `my-flow`
3:13 [bad-name] `my_value` is no name: names begin with a letter and are words joined by `-`, each in lower case (or all in upper case) | my_value | write `my-value`
3:13 warning[unused-parameter] parameter `my_value` is not used, but each run must be given it: it has no default | my_value | remove it
5:8 [bad-name] `2nd` is no name: names begin with a letter and are words joined by `-`, each in lower case (or all in upper case) | "2nd"
6:8 [unusable-subflow] flow `x.toml` does not exist | "x.toml"
"#,
    );
}
