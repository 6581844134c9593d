//! Flows whose types do not agree: each message with its place, code, underlined text, and help.

mod support;

use support::rejected;

#[test]
fn a_wire_of_the_wrong_type_is_told_with_both_types() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-string"
[tasks.b]
call = "t.take-numbers"
with.numbers = "${a}"
"#,
        r#"
7:17 [type-mismatch] argument `numbers` of task `b` wants `list<u32>`, `${a}` gives `string` | ${a}
"#,
    );
}

#[test]
fn an_element_of_the_wrong_type_is_underlined_itself() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-string"
[tasks.b]
call = "t.take-numbers"
with.numbers = [1, "${a}", -1, "x"]
"#,
        r#"
7:21 [type-mismatch] argument `numbers` of task `b` wants `u32`, `${a}` gives `string` | ${a}
7:28 [bad-literal] argument `numbers` of task `b`: -1 does not fit `u32` (0 to 4294967295) | -1
7:32 [bad-literal] argument `numbers` of task `b`: wanted `u32`, found the string "x" | "x"
"#,
    );
}

#[test]
fn an_integer_is_not_narrowed() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u64"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
"#,
        r#"
7:11 [type-mismatch] argument `n` of task `b` wants `u32`, `${a}` gives `u64` | ${a} | a wide integer is not narrowed silently; change one of the two types
"#,
    );
}

#[test]
fn literals_must_fit_their_type() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-u8"
with.n = 256
[tasks.b]
call = "t.take-u32"
with.n = -1
[tasks.c]
call = "t.take-u32"
with.n = 1.5
[tasks.d]
call = "t.take-u32"
with.n = "5"
[tasks.e]
call = "t.take-bool"
with.b = 1
[tasks.f]
call = "t.take-string"
with.text = 5
[tasks.g]
call = "t.take-u64"
with.n = 18446744073709551616
[tasks.h]
call = "t.take-string"
with.text = 2026-11-21
[tasks.i]
call = "t.take-colour"
with.colour = "blue"
"#,
        r#"
5:10 [bad-literal] argument `n` of task `a`: 256 does not fit `u8` (0 to 255) | 256
8:10 [bad-literal] argument `n` of task `b`: -1 does not fit `u32` (0 to 4294967295) | -1
11:10 [bad-literal] argument `n` of task `c`: wanted `u32`, found 1.5 | 1.5
14:10 [bad-literal] argument `n` of task `d`: wanted `u32`, found the string "5" | "5"
17:10 [bad-literal] argument `b` of task `e`: wanted `bool`, found 1 | 1
20:13 [bad-literal] argument `text` of task `f`: wanted `string`, found 5 | 5
23:10 [bad-literal] argument `n` of task `g`: 18446744073709551616 does not fit `u64` | 18446744073709551616
26:13 [bad-literal] argument `text` of task `h`: wanted `string`, found the date or time 2026-11-21 | 2026-11-21 | no type is a date or time; write it as a string: `"2026-11-21"`
29:15 [bad-literal] argument `colour` of task `i`: no case named `blue` in `enum { red, green }` | "blue"
"#,
    );
}

#[test]
fn a_bare_name_where_its_value_is_wanted_is_recognised() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u32"
[tasks.b]
call = "t.take-u32"
with.n = "a"
"#,
        r#"
7:10 [bad-literal] argument `n` of task `b`: wanted `u32`, found the string "a" | "a" | the value of `a` is written `"${a}"`
"#,
    );
}

#[test]
fn missing_and_surplus_arguments_are_told() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.add"
[tasks.b]
call = "t.add"
with = { a = 1, bb = 2 }
[tasks.c]
call = "t.give-u32"
with.x = 1
"#,
        r#"
3:8 [missing-argument] task `a` lacks the arguments `a: u32`, `b: u32` of `t.add` | a | add `with.a = …` and `with.b = …`
7:17 [unknown-argument] `t.add` has no parameter `bb` | bb | did you mean `b`?
10:6 [unknown-argument] `t.give-u32` has no parameter `x` | x | it has no parameters
"#,
    );
}

#[test]
fn unknown_fields_list_the_fields() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-person"
[tasks.b]
call = "t.take-string"
with.text = "${a.nmae}"
[tasks.c]
call = "t.take-string"
with.text = "${a.zzz}"
[tasks.d]
call = "t.take-string"
with.text = "${a.name.first}"
[tasks.e]
call = "t.take-string"
with.text = "${a[0]}"
[tasks.f]
call = "t.take-string"
with.text = "${pair[2]}"
[tasks.g]
call = "t.take-string"
with.text = "${pair.first}"
[tasks.pair]
call = "t.give-pair"
"#,
        r#"
7:14 [unknown-field] `${a}` has no field `nmae` | ${a.nmae} | did you mean `name`?
10:14 [unknown-field] `${a}` has no field `zzz` | ${a.zzz} | there are `name`, `age`, `tags`
13:14 [unknown-field] `${a.name}` is a `string`, which has no field `first` | ${a.name.first}
16:14 [unknown-field] `${a}` is a `record { name: string, age: u8, tags: list<string> }`, which cannot be indexed | ${a[0]} | fields of a record are reached by `.name`
19:14 [unknown-field] `${pair}` has 2 items, none at index 2 | ${pair[2]} | its indexes go from 0 to 1
22:14 [unknown-field] `${pair}` is a `tuple<u32, string>`, which has no field `first` | ${pair.first} | items of a tuple are reached by `[0]`
"#,
    );
}

#[test]
fn a_record_needs_exactly_its_fields() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-person"
with.person = { name = "x", aeg = 3 }
"#,
        r#"
5:15 [missing-field] argument `person` of task `a` lacks the field `tags`, a `list<string>` | { name = "x", aeg = 3 }
5:29 [unknown-field] argument `person` of task `a` has no field `aeg` | aeg | did you mean `age`?
"#,
    );
}

#[test]
fn a_tuple_needs_all_its_items() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-pair"
with.pair = [1]
"#,
        r#"
5:13 [bad-literal] argument `pair` of task `a` wants `tuple<u32, string>` with 2 items, given 1 | [1]
"#,
    );
}

#[test]
fn text_is_put_together_only_where_a_string_is_wanted() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u32"
[tasks.b]
call = "t.take-u32"
with.n = "1${a}"
"#,
        r#"
7:10 [type-mismatch] argument `n` of task `b` wants `u32`, a text with references in it is a `string` | "1${a}" | use a string that is exactly one reference, such as `"${name}"`
"#,
    );
}

#[test]
fn map_wants_lists() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u32"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
map = ["n"]
"#,
        r#"
7:11 [type-mismatch] mapped argument `n` of task `b` wants `list<u32>`, `${a}` gives `u32` | ${a} | give each run the same value by leaving `n` out of `map`, or give a list
"#,
    );
}

#[test]
fn a_list_for_a_single_value_is_told_about_map() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-list"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
"#,
        r#"
7:11 [type-mismatch] argument `n` of task `b` wants `u32`, `${a}` gives `list<u32>` | ${a} | to run the task once for each element, add `map = ["n"]`
"#,
    );
}

#[test]
fn map_names_parameters_that_are_given() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-u32"
with.n = [1]
map = ["m"]
[tasks.b]
call = "t.add"
with.a = [1]
map = ["a", "b", "a"]
"#,
        r#"
5:10 [bad-literal] argument `n` of task `a`: wanted `u32`, found an array | [1]
6:8 [unknown-argument] `t.take-u32` has no parameter `m` | "m" | there is only `n`
7:8 [missing-argument] task `b` lacks the argument `b: u32` of `t.add` | b | add `with.b = …`
10:13 [bad-map] task `b` maps over `b`, but gives no argument `b` | "b" | add `with.b = …` with a list
10:18 [bad-map] `map` of task `b` names `a` twice | "a"
"#,
    );
}

#[test]
fn zipped_lists_of_unequal_length_are_told_when_they_stand_in_the_flow() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.add"
with = { a = [1, 2], b = [1, 2, 3] }
map = ["a", "b"]
"#,
        r#"
6:13 [bad-map] task `a` maps over lists of unequal length: `a` has 2 elements, `b` has 3 | "b"
"#,
    );
}

#[test]
fn when_wants_a_bool() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u32"
[tasks.b]
call = "t.give-u32"
when = "${a}"
[tasks.c]
call = "t.give-u32"
when = "yes"
"#,
        r#"
7:9 [type-mismatch] `when` of task `b` wants `bool`, `${a}` gives `u32` | ${a} | `when` is a reference to a `bool`
10:8 [bad-literal] `when` of task `c`: wanted `bool`, found the string "yes" | "yes"
"#,
    );
}

#[test]
fn on_failure_goes_with_map_only() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u32"
on-failure = "collect"
"#,
        r#"
5:14 [bad-on-failure] `on-failure` of task `a` goes only with `map` | "collect" | to handle the failure of a single task, let a task take its `result<T, E>`
"#,
    );
}

#[test]
fn an_option_does_not_feed_what_must_be_there() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-maybe"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
"#,
        r#"
7:11 [type-mismatch] argument `n` of task `b` wants `u32`, `${a}` gives `option<u32>` | ${a} | the value may be missing; give one that is always there, or take an `option`
"#,
    );
}

#[test]
fn a_result_is_taken_whole_only_if_both_sides_fit() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.may-fail-oddly"
[tasks.b]
call = "t.take-result"
with.r = "${a}"
[tasks.c]
call = "t.give-string"
[tasks.d]
call = "t.take-result"
with.r = "${c}"
"#,
        r#"
7:11 [type-mismatch] argument `r` of task `b` wants `result<u32, string>`, `${a}` gives `result<u32, record { code: u8 }>` | ${a} | to be given the failure, the parameter has to be `result<u32, record { code: u8 }>`; to be given only a value, `u32`
12:11 [type-mismatch] argument `r` of task `d` wants `result<u32, string>`, `${c}` gives `result<string, string>` | ${c} | to be given the failure, the parameter has to be `result<string, string>`; to be given only a value, `string`
"#,
    );
}

#[test]
fn uses_of_a_parameter_without_type_must_agree() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-u32"
with.n = "${p}"
[tasks.b]
call = "t.take-string"
with.text = "${p}"
[parameters.p]
"#,
        r#"
8:14 [conflicting-uses] parameter `p` has no `type`, and its uses disagree: task `a` wants `u32`, task `b` wants `string` | ${p} | give the parameter a `type`, or use two parameters
"#,
    );
}

#[test]
fn a_parameter_without_type_and_use_is_told() {
    rejected(
        r#"
[parameters.p]
[parameters.q]
[outputs]
q = "${q}"
"#,
        r#"
2:13 [untyped-parameter] parameter `p` has no `type`, and none follows from the tasks that it feeds | p | add its type, such as `type = "u32"`, or remove the parameter
3:13 [untyped-parameter] parameter `q` has no `type`, and none follows from the tasks that it feeds | q | add its type, such as `type = "u32"`, or remove the parameter
"#,
    );
}

#[test]
fn defaults_must_fit() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.take-u32"
with.n = "${p}"
[parameters.p]
default = -5
[parameters.q]
type = "string"
default = "${p}"
"#,
        r#"
7:11 [bad-literal] the default of parameter `p`: -5 does not fit `u32` (0 to 4294967295) | -5
8:13 warning[unused-parameter] parameter `q` is not used | q | remove it
10:11 [bad-default] the default of parameter `q` refers to something else | "${p}" | a default is a literal; write `$${` for a literal `${`
"#,
    );
}

#[test]
fn outputs_have_a_type_of_their_own() {
    rejected(
        r#"
components.t = "t.wasm"
[tasks.a]
call = "t.give-u32"
[outputs]
a = []
b = [1, "x"]
c = 2026-11-21
d = "${a.x}"
"#,
        r#"
6:5 [untyped-output] an empty list has no type | [] | remove it, or refer to a list
7:5 [type-mismatch] the elements of a list have one type, these are `s64` and `string` | [1, "x"] | use one output for each
8:5 [bad-literal] 2026-11-21 is a date or time, which no type is | 2026-11-21 | write it as a string: `"2026-11-21"`
9:6 [unknown-field] `${a}` is a `u32`, which has no field `x` | ${a.x}
"#,
    );
}

#[test]
fn a_mistake_of_shape_does_not_hide_those_of_meaning() {
    rejected(
        r#"
components = { t = "t.wasm", u = { pth = "u.wasm" }, v = { package = "a:v" } }
[parameters]
p = { tpye = "u32" }
[tasks.a]
cal = "t.take-u32"
with.n = "${p}"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
[tasks.c]
call = "t.take-u32"
with.n = "x"
[tasks.d]
call = "u.anything"
with.x = "${e}"
"#,
        r#"
2:36 [unknown-key] a component has no key `pth` | pth | did you mean `path`?
2:42 [unusable-component] component `u` does not exist | "u.wasm" | build it, or fix the path
2:60 [unavailable-key] `package` is not available in this version | package | remove it
4:7 [unknown-key] a parameter has no key `tpye` | tpye | did you mean `type`?
6:1 [unknown-key] a task has no key `cal` | cal | did you mean `call`?
13:10 [bad-literal] argument `n` of task `c`: wanted `u32`, found the string "x" | "x"
16:11 [unknown-name] no task or parameter named `e` | ${e} | the flow has `p`, `a`, `b`, `c`, `d`
"#,
    );
}

#[test]
fn a_default_file_that_cannot_be_used_is_told() {
    rejected(
        r#"
components.t = "t.wasm"
[parameters]
text = { default-file = "missing.csv" }
n = { type = "u32", default-file = "n.txt" }
[tasks.a]
call = "t.take-string"
with.text = "${text} ${n}"
"#,
        r#"
4:25 [unusable-file] file `missing.csv` does not exist | "missing.csv"
5:36 [bad-default] `default-file` gives a `string`, a `list<u8>` or a `blob`, parameter `n` is `u32` | "n.txt" | use `default`
"#,
    );
}

#[test]
fn a_result_without_types_is_told_what_would_fit() {
    let catalog = support::catalog().with("r.wasm", &["give: func() -> u32", "take: func(r: result) -> u32"]);
    let text =
        "components.r = \"r.wasm\"\ntasks.a.call = \"r.give\"\ntasks.b = { call = \"r.take\", with.r = \"${a}\" }\n";
    let source = std::sync::Arc::new(taskhost_flow::FlowSource::new("flow.toml", text));
    let mistakes =
        taskhost_flow::check(taskhost_flow::parse(&source).expect("a flow"), &support::Files::default(), &catalog)
            .expect_err("a mistake");
    assert!(
        support::picture(&mistakes).ends_with(
            "gives `result<u32, string>` | ${a} | to be given the failure, the parameter has to be `result<u32, string>`; to be given \
             only a value, `u32`"
        ),
        "{}",
        support::picture(&mistakes)
    );
}

#[test]
fn an_unknown_key_hides_no_other_mistake() {
    rejected(
        r#"
components.t = "t.wasm"
colour = "red"
[tasks.a]
call = "t.nope-at-all"
limits.memroy = 1
[tasks.b]
call = "t.add"
wiht = { a = "x", c = 1 }
retries = 3
[tasks.c]
call = "t.add"
inputs = { a = 1, b = 2 }
[outputs]
x = "${zzz}"
"#,
        r#"
3:1 [unknown-key] a flow has no key `colour` | colour | there are `name`, `description`, `parameters`, `components`, `tasks`, `defaults`, `runner`, `outputs` and 2 more
5:8 [unknown-function] component `t` has no function `nope-at-all` | "t.nope-at-all" | there are `give-u32`, `give-u64`, `give-string`, `give-bool`, `give-list`, `give-person`, `give-pair`, `give-maybe` and 22 more
6:8 [unknown-key] `limits` has no key `memroy` | memroy | did you mean `memory`?
7:8 [missing-argument] task `b` lacks the argument `b: u32` of `t.add` | b | add `with.b = …`
9:1 [unknown-key] a task has no key `wiht` | wiht | did you mean `with`?
9:14 [bad-literal] argument `a` of task `b`: wanted `u32`, found the string "x" | "x"
9:19 [unknown-argument] `t.add` has no parameter `c` | c | there are `a`, `b`
10:1 [unknown-key] a task has no key `retries` | retries | there are `call`, `flow`, `with`, `map`, `after`, `when`, `timeout`, `limits` and 10 more
13:1 [unknown-key] a task has no key `inputs` | inputs | there are `call`, `flow`, `with`, `map`, `after`, `when`, `timeout`, `limits` and 10 more
15:6 [unknown-name] no task or parameter named `zzz` | ${zzz} | the flow has `a`, `b`, `c`
"#,
    );
}

#[test]
fn a_table_of_an_unknown_name_brings_no_follow_ups() {
    rejected(
        r#"
components.t = "t.wasm"
inputs.n = { type = "u32" }
[task.a]
call = "t.take-u32"
with.n = "${n}"
[tasks.b]
call = "t.take-u32"
with.n = "${a}"
[outputs]
x = "${c}"
"#,
        r#"
3:1 [unknown-key] a flow has no key `inputs` | inputs | there are `name`, `description`, `parameters`, `components`, `tasks`, `defaults`, `runner`, `outputs` and 2 more
4:2 [unknown-key] a flow has no key `task` | task | did you mean `tasks`?
11:6 [unknown-name] no task or parameter named `c` | ${c} | the flow has `a`, `b`
"#,
    );
}

#[test]
fn what_is_not_used_is_warned_of_beside_mistakes_but_not_because_of_them() {
    rejected(
        r#"
components = { t = "t.wasm", unused = "files.wasm" }
parameters.p = { type = "u32", default = 1 }
tasks.a = { call = "t.take-u32", with.n = "x" }
"#,
        r#"
2:30 warning[unused-component] component `unused` is not used | unused | remove it
3:12 warning[unused-parameter] parameter `p` is not used | p | remove it
4:43 [bad-literal] argument `n` of task `a`: wanted `u32`, found the string "x" | "x"
"#,
    );
    rejected(
        r#"
components = { t = "t.wasm", other = "files.wasm" }
parameters.amount = { type = "u32", default = 1 }
tasks.a = { call = "t.take-u32", with.n = "${amuont}" }
tasks.b = { call = "ohter.run" }
"#,
        r#"
4:44 [unknown-name] no task or parameter named `amuont` | ${amuont} | did you mean `${amount}`?
5:20 [unknown-component] no component named `ohter` | "ohter.run" | did you mean `other`?
"#,
    );
}

#[test]
fn a_map_over_nothing_is_a_mistake() {
    rejected(
        r#"
components.t = "t.wasm"
tasks.a = { call = "t.take-u32", with.n = [1], map = [], on-failure = "collect" }
"#,
        r#"
3:54 [bad-map] `map` names no argument | [] | name the arguments to map over, or remove `map`
"#,
    );
}
