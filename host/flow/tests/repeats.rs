//! `retry`, `cache`, `priority`, `tags` and `[limits.tags]`: what they give, and what is told of those that cannot be meant so.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use support::{Files, accepted, check_in, misshapen, picture, rejected, rejected_in};
use taskhost_flow::written::{RetryWritten, Spanned, TaskWritten};
use taskhost_flow::{Action, Flow, FlowFile, FlowSource, Task, TaskKind, check};
use taskhost_model::{Retry, Reuse, TaskCall};

fn task<'f>(flow: &'f Flow, name: &str) -> &'f Task {
    flow.tasks.iter().find(|task| &*task.name == name).expect("a task")
}

fn call<'f>(flow: &'f Flow, name: &str) -> &'f TaskCall {
    match &task(flow, name).kind {
        TaskKind::Call(call) => call,
        TaskKind::Subflow(_) => panic!("a subflow"),
    }
}

#[test]
fn nothing_is_repeated_cached_or_counted_unless_the_flow_says_so() {
    let flow = accepted("components.c = \"all.wasm\"\ntasks.a.call = \"c.run\"\n", "");
    let a = task(&flow, "a");
    assert_eq!((a.retry, a.priority, a.tags.len(), call(&flow, "a").cache), (Retry::NEVER, 0, 0, None));
}

#[test]
fn a_retry_has_sensible_delays_and_a_key_of_a_task_wins_over_that_of_the_defaults() {
    let flow = accepted(
        r#"
components.c = "all.wasm"
[defaults]
retry = { delay = "10ms", backoff = 1.5, max-delay = "2s", jitter = false }
[tasks.a]
call = "c.run"
[tasks.b]
call = "c.run"
retry = 7
[tasks.c]
call = "c.run"
retry = { backoff = 3, max-delay = "1h", jitter = true }
[tasks.d]
call = "c.run"
retry = 1
"#,
        "",
    );
    let milliseconds = Duration::from_millis;
    let a = Retry { attempts: 3, delay: milliseconds(10), backoff: 1.5, delay_max: milliseconds(2000), jitter: false };
    assert_eq!(task(&flow, "a").retry, a);
    assert_eq!(task(&flow, "b").retry, Retry { attempts: 7, ..a });
    let c = Retry { backoff: 3.0, delay_max: milliseconds(3_600_000), jitter: true, ..a };
    assert_eq!(task(&flow, "c").retry, c);
    assert!(!task(&flow, "d").retry.follows(1));
    let alone = accepted("components.c = \"all.wasm\"\ntasks.a = { call = \"c.run\", retry = 3 }\n", "");
    let second = milliseconds(1000);
    let wanted = Retry { attempts: 3, delay: second, backoff: 2.0, delay_max: 60 * second, jitter: true };
    assert_eq!(task(&alone, "a").retry, wanted);
    let slow = "components.c = \"all.wasm\"\ntasks.a = { call = \"c.run\", retry.delay = \"2h\" }\n";
    assert_eq!(task(&accepted(slow, ""), "a").retry.delay_after(2, 0) * 2, milliseconds(7_200_000));
}

#[test]
fn retries_that_cannot_be_meant_so_are_told_with_the_way_out() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
retry = 0
[tasks.b]
call = "c.f"
retry = { attempts = 1001, backoff = 0.5, delay = "soon", jitter = "yes", max-dely = "1s" }
[tasks.c]
call = "c.f"
retry = true
[defaults]
retry = { backoff = "2", attempts = 1.5 }
"#,
        r#"
4:9 [bad-value] `retry` wants a number from 1 to 1000 | 0
7:22 [bad-value] `attempts` wants a number from 1 to 1000 | 1001
7:38 [bad-value] `backoff` wants a number from 1 to 100 | 0.5
7:51 [bad-duration] `soon` does not begin with a number | "soon" | a duration is `"250ms"`, `"1s"`, `"1.5m"`, `"1h"` or `"2d"`
7:68 [wrong-shape] `jitter` wants `true` or `false`, not a string | "yes" | write `jitter = true`, without quotes
7:75 [unknown-key] `retry` has no key `max-dely` | max-dely | did you mean `max-delay`?
10:9 [wrong-shape] `retry` wants a number of attempts or a table, not a boolean | true | write `retry = 3`, or `retry = { attempts = 3, delay = "1s" }`
12:21 [wrong-shape] `backoff` wants a number, not a string | "2"
12:37 [wrong-shape] `attempts` wants an integer, not a float | 1.5
"#,
    );
    rejected(
        r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
retry = { delay = "2s", max-delay = "1s" }
"#,
        r#"
5:1 [bad-value] `max-delay` (1s) is shorter than `delay` (2s) | retry | make `max-delay` longer, or `delay` shorter
"#,
    );
}

#[test]
fn a_retry_of_code_is_held_to_the_same_bounds() {
    struct Nothing;
    impl taskhost_flow::Surroundings for Nothing {
        fn subflow(&self, _: &std::path::Path) -> Result<Arc<FlowSource>, String> {
            Err("does not exist".into())
        }
        fn default_file(&self, _: &std::path::Path) -> Result<Vec<u8>, String> {
            Err("does not exist".into())
        }
    }
    let mut file = FlowFile::new(Arc::new(FlowSource::new("code", "")));
    let mut task = TaskWritten::new("a", Action::Call("c.f".into()));
    let given = Some(Spanned::new(()));
    task.retry = RetryWritten { attempts: Some(0), backoff: Some(f64::NAN), given, ..RetryWritten::default() };
    task.priority = Some(Spanned::new(i32::MIN));
    file.tasks.push(task);
    let mistakes = check(file, &Nothing, &support::catalog()).expect_err("mistakes");
    let codes: Vec<&str> = mistakes.iter().map(|mistake| mistake.code).collect();
    assert_eq!(codes, ["unknown-component", "bad-value", "bad-value", "bad-value"], "{}", picture(&mistakes));
}

#[test]
fn a_cached_task_that_may_touch_nothing_is_deterministic() {
    let flow = accepted(
        r#"
components.c = "all.wasm"
[defaults]
cache = true
[tasks.always]
call = "c.run"
[tasks.an-hour]
call = "c.run"
cache = "1h"
allow.config = { city = "Oslo" }
[tasks.never]
call = "c.run"
cache = false
"#,
        "",
    );
    let shown = |name| (call(&flow, name).cache, call(&flow, name).deterministic);
    assert_eq!(shown("always"), (Some(Reuse::Always), true));
    assert_eq!(shown("an-hour"), (Some(Reuse::Within(Duration::from_secs(3600))), true));
    assert_eq!(shown("never"), (None, false));
}

#[test]
fn a_cached_task_with_grants_is_warned_of_and_sees_the_real_clock() {
    let text = r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
cache = true
allow = { read = ["in"], http = ["GET https://example.com/*"] }
"#;
    let checked = check_in(text, &Files(HashMap::from([("in/a.csv", "")]))).expect("accepted");
    assert_eq!(
        picture(&checked.notes),
        "5:1 warning[impure-cache] task `a` has `cache`, but its result may depend on more than its arguments: it is allowed `read`, \
         `http` | cache | write `cache = false`, or take these grants away, unless what it reaches never changes"
    );
    assert!(!call(&checked.flow, "a").deterministic && call(&checked.flow, "a").cache.is_some());
}

#[test]
fn a_task_with_secrets_is_told_that_its_cache_has_no_effect() {
    let text = r#"
components.c = "all.wasm"
defaults.cache = true
[tasks.a]
call = "c.run"
allow = { http = ["GET https://example.com/*"], secrets = ["token"] }
[tasks.b]
call = "c.run"
cache = false
allow.secrets = ["token"]
"#;
    let checked = check_in(text, &Files(HashMap::new())).expect("accepted");
    assert_eq!(
        picture(&checked.notes),
        "3:10 warning[useless-cache] task `a` has `cache`, which has no effect: results of tasks with secrets are not kept | cache | \
         write `cache = false`, or let a task without the secret do what takes long"
    );
}

#[test]
fn a_cached_task_with_variables_is_deterministic_since_their_values_are_compared() {
    let text = r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
cache = true
allow = { env = ["LANG"] }
"#;
    let checked = check_in(text, &Files(HashMap::new())).expect("accepted");
    assert_eq!(picture(&checked.notes), "");
    assert!(call(&checked.flow, "a").deterministic);
}

#[test]
fn a_cache_that_cannot_be_meant_so_is_told() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
cache = 5
[tasks.b]
call = "c.f"
cache = "yes"
"#,
        r#"
4:9 [wrong-shape] `cache` wants `true`, `false` or a duration, not an integer | 5 | write `cache = true`, or how old a result may be: `cache = "1h"`
7:9 [bad-duration] `yes` does not begin with a number | "yes" | a duration is `"250ms"`, `"1s"`, `"1.5m"`, `"1h"` or `"2d"`
"#,
    );
    rejected(
        r#"
components.c = "all.wasm"
[tasks.a]
call = "c.run"
cache = true
deterministic = false
"#,
        r#"
6:17 [bad-deterministic] task `a` has `cache`, so it is `deterministic`: equal runs are to be equal | false | remove `deterministic = false`, or write `cache = false`
"#,
    );
}

#[test]
fn a_subflow_task_has_priority_and_tags_but_neither_retry_nor_cache() {
    let inner = "components.c = \"all.wasm\"\ntasks.b.call = \"c.run\"\n";
    let files = Files(HashMap::from([("inner.toml", inner)]));
    let good = "tasks.a = { flow = \"inner.toml\", priority = -5, tags = [\"x\", \"db\", \"x\"] }\ndefaults.retry = 3\ndefaults.cache = true\n";
    let checked = check_in(good, &files).unwrap_or_else(|mistakes| panic!("{}", picture(&mistakes)));
    let a = task(&checked.flow, "a");
    assert_eq!((a.priority, a.retry), (-5, Retry::NEVER));
    assert_eq!(*a.tags, ["db".into(), "x".into()]);
    rejected_in(
        r#"
[tasks.a]
flow = "inner.toml"
retry = 3
cache = "1h"
"#,
        &files,
        r#"
4:1 [misplaced-key] task `a` runs a flow, whose tasks say themselves what `retry` says | retry | put `retry` into the `[defaults]` or the tasks of that flow
5:1 [misplaced-key] task `a` runs a flow, whose tasks say themselves what `cache` says | cache | put `cache` into the `[defaults]` or the tasks of that flow
"#,
    );
}

#[test]
fn tag_limits_count_for_the_flow_that_is_run_and_useless_ones_are_told() {
    let inner = "components.c = \"all.wasm\"\ntasks.b = { call = \"c.run\", tags = \"db\" }\nlimits.tags.db = 1\n";
    let files = Files(HashMap::from([("inner.toml", inner)]));
    let text = "tasks.a.flow = \"inner.toml\"\n[limits.tags]\ndb = 2\ndbb = 4\nother = 1\n";
    let checked = check_in(text, &files).unwrap_or_else(|mistakes| panic!("{}", picture(&mistakes)));
    assert_eq!(checked.flow.tag_limits, [("db".into(), 2), ("dbb".into(), 4), ("other".into(), 1)]);
    assert_eq!(
        picture(&checked.notes),
        "inner.toml:3:13 note[tag-limit-inside] `[limits.tags]` of a subflow does not count: that of the flow that is run does | db | move it \
         there; tags of tasks inside count for it\n\
         4:1 warning[unused-tag-limit] no task has the tag `dbb`, so its limit has no effect | dbb | did you mean `db`?\n\
         5:1 warning[unused-tag-limit] no task has the tag `other`, so its limit has no effect | other | remove it, or give tasks the tag: \
         `tags = [\"…\"]`"
    );
}

#[test]
fn priorities_and_tags_that_cannot_be_meant_so_are_told() {
    misshapen(
        r#"
[tasks.a]
call = "c.f"
priority = 1001
tags = 5
[tasks.b]
call = "c.f"
priority = "high"
[limits]
tags = { db = 0, disk = "2" }
[limits.tag]
net = 1
"#,
        r#"
4:12 [bad-value] `priority` wants a number from -1000 to 1000 | 1001 | higher ones start first; it is 0 where none is given
5:8 [wrong-shape] `tags` wants a name or an array of names, not an integer | 5
8:12 [wrong-shape] `priority` wants an integer, not a string | "high"
10:15 [bad-value] `db` wants a number from 1 to 1000000 | 0
10:25 [wrong-shape] `disk` wants an integer, not a string | "2"
11:9 [unknown-key] `limits` of a flow has no key `tag` | tag | did you mean `tags`?
"#,
    );
    rejected(
        "components.c = \"all.wasm\"\ntasks.a = { call = \"c.run\", tags = [\"Data Base\"] }\n",
        "2:37 [bad-name] `Data Base` is no name: names begin with a letter and are words joined by `-`, each in lower case (or all in upper case) | \"Data Base\" | write `data-base`",
    );
}
