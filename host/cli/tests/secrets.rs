//! Secrets on the command line: what is missing or wrong, and what becomes of commands that give them.

#[path = "support/otlp.rs"]
mod otlp;
mod support;

use std::process::Command;

use support::{Folder, Said, guest};

/// A folder with a flow that wants two secrets, and with a place of its own for a user's configuration.
fn wanting() -> Folder {
    let folder = Folder::new();
    let component = guest("outside");
    let flow = format!(
        "name = \"wanting\"\n[components]\noutside = {component:?}\n[tasks.fetch]\ncall = \"outside.setting\"\n\
         with.key = \"city\"\n[tasks.fetch.allow]\nsecrets = [\"api-token\", \"password\"]\n"
    );
    folder.write("flow.toml", flow);
    folder
}

fn alone<'c>(folder: &Folder, command: &'c mut Command) -> &'c mut Command {
    command.env("XDG_CONFIG_HOME", folder.0.join("config")).env_remove("TASKHOST_SECRETS").env("HOME", &folder.0)
}

fn run(folder: &Folder, arguments: &[&str]) -> Said {
    alone(folder, &mut folder.command(arguments)).output().expect("a process").into()
}

fn write_file_of_secrets(folder: &Folder, content: &str) {
    std::fs::create_dir_all(folder.0.join("config/taskhost")).expect("a folder");
    folder.write("config/taskhost/secrets.toml", content);
}

#[test]
fn each_missing_secret_is_told_in_json_too() {
    let folder = wanting();
    let said = run(&folder, &["run", "flow.toml", "--json"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let json: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(json["state"], "rejected");
    let messages: Vec<&str> = json["mistakes"]
        .as_array()
        .expect("mistakes")
        .iter()
        .filter_map(|mistake| mistake["message"].as_str())
        .collect();
    assert_eq!(
        messages,
        ["api-token", "password"].map(|name| format!("secret `{name}`, which task `fetch` wants: it is given nowhere"))
    );
    assert_eq!(json["mistakes"][0]["code"], "unusable-secret");
    // Each with the way to give that very one.
    for (at, name) in ["api-token", "password"].into_iter().enumerate() {
        let help = json["mistakes"][at]["help"].as_str().expect("a help");
        assert!(help.starts_with(&format!("give it with `--secret {name}=env:VARIABLE`")), "{help}");
        assert!(
            said.stderr.contains(&format!("it is given nowhere\nhelp: give it with `--secret {name}=")),
            "{said:?}"
        );
    }
}

#[test]
fn a_call_speaks_of_no_task() {
    let folder = wanting();
    let component = guest("outside");
    let said = run(&folder, &["call", &component, "setting", "key=x", "--allow", "secrets=api-token", "--json"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.starts_with("error: secret `api-token`: it is given nowhere"), "{said:?}");
    assert!(said.stdout.contains("\"message\": \"secret `api-token`: it is given nowhere\""), "{said:?}");
}

#[test]
fn a_secret_that_is_given_twice_or_by_no_name_is_wrong_usage() {
    let folder = wanting();
    let said = run(&folder, &["run", "flow.toml", "--secret", "api-token=env:A", "--secret", "api-token=env:B"]);
    assert_eq!(said.code, Some(2));
    assert_eq!(said.stderr, "error: secret `api-token` is given twice\nhelp: keep one `--secret` for it\n");
    let said = run(&folder, &["run", "flow.toml", "--secret", "api_token=env:A"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.starts_with("error: `api_token` is no name of a secret: "), "{said:?}");
    assert!(said.stderr.ends_with("help: write `api-token`\n"), "{said:?}");
}

#[test]
fn a_name_that_nobody_wants_is_told_with_the_one_that_was_meant() {
    let folder = wanting();
    let said = run(&folder, &["run", "flow.toml", "--secret", "api-tokn=env:A"]);
    assert!(
        said.stderr.starts_with(
            "warning: no task wants the secret `api-tokn`: it was not looked up; did you mean `api-token`?\n"
        ),
        "{said:?}"
    );
    write_file_of_secrets(&folder, "pasword = { env = \"A\" }\n");
    let said = run(&folder, &["run", "flow.toml"]);
    assert!(said.stderr.contains("which task `fetch` wants: it is given nowhere, but `pasword` is\n"), "{said:?}");
    write_file_of_secrets(&folder, "api_token = { env = \"A\" }\n");
    let said = run(&folder, &["run", "flow.toml"]);
    assert!(said.stderr.contains("wants: line 1 of the file of secrets `"), "{said:?}");
    assert!(said.stderr.contains("/secrets.toml`: `api_token` is no name of a secret: "), "{said:?}");
    assert!(said.stderr.contains("help: write `api-token`\n"), "{said:?}");
}

#[cfg(target_os = "linux")]
mod signals {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use super::*;

    fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !is_so() {
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether a process runs; one that is over and was not waited for does not.
    fn runs(id: &str) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat"));
        state.is_ok_and(|state| !state.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])))
    }

    #[test]
    fn a_command_that_gives_a_secret_and_what_it_started_end_with_us() {
        for signal in ["-INT", "-TERM"] {
            let folder = wanting();
            write_file_of_secrets(
                &folder,
                "password = { file = \"../../flow.toml\" }\n\
                 api-token = { command = [\"sh\", \"-c\", \"sleep 600 & echo $$ $! > started; mv started ids; wait\"] }\n",
            );
            // As a service starts it: without a terminal.
            let mut command = Command::new("setsid");
            let ours = folder.command(&["run", "flow.toml"]);
            command.arg(ours.get_program()).args(ours.get_args()).current_dir(&folder.0);
            command.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let mut child = alone(&folder, &mut command).stderr(Stdio::null()).spawn().expect("`setsid`");
            let ids = folder.0.join("ids");
            until("the command starts", || ids.exists());
            let ids = std::fs::read_to_string(ids).expect("ids");
            let ids: Vec<&str> = ids.split_whitespace().collect();
            assert!(ids.len() == 2 && ids.iter().all(|id| runs(id)), "{ids:?}");
            let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
            assert!(sent.expect("`kill`").success());
            assert_eq!(child.wait().expect("an end").code(), Some(130));
            until("the command and its child end", || !ids.iter().any(|id| runs(id)));
        }
    }
}

/// Everything below a folder.
fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn a_secret_is_in_nothing_that_a_recorded_run_leaves_on_disk_sends_or_logs() {
    let folder = Folder::new();
    let collector = otlp::Collector::start();
    let component = guest("outside");
    folder.write("token.txt", "hunter2-correct-horse\nsecond line of it");
    folder.write(
        "flow.toml",
        format!(
            "name = \"telling\"\n[components]\noutside = {component:?}\n[tasks.tell]\ncall = \"outside.tell-setting\"\n\
             map = [\"how\"]\nwith = {{ key = \"api-token\", how = [\"print\", \"return\", \"fail\", \"open\", \"panic\"] }}\n\
             on-failure = \"collect\"\ncache = true\nretry = {{ attempts = 2, delay = \"1ms\" }}\nallow.secrets = [\"api-token\"]\n\
             [outputs]\ntold = \"${{tell}}\"\n"
        ),
    );
    let data = folder.0.join("data");
    let mut command = folder.command(&["run", "flow.toml", "--secret", "api-token=file:token.txt"]);
    command.env("TASKHOST_DATA_FOLDER", &data).env("TASKHOST_CACHE_FOLDER", folder.0.join("compiled"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint).env("TASKHOST_METRICS", "file:data/taskhost.prom");
    command.env("TASKHOST_LOG", "trace").env("TASKHOST_LOG_FORMAT", "json");
    let said: Said = alone(&folder, &mut command).output().expect("a process").into();
    assert_eq!(said.code, Some(0), "{said:?}");
    folder.write("data/spans.bin", collector.bytes());
    folder.write("data/said.txt", format!("{}{}", said.stdout, said.stderr));
    assert_eq!(collector.spans().iter().filter(|span| span.get("taskhost.task") == "tell").count(), 8, "{said:?}");
    assert!(
        said.stderr.contains("\"secrets are there\"") && said.stderr.contains("\"names\":\"api-token\""),
        "{said:?}"
    );
    let mut found = Vec::new();
    files(&data, &mut found);
    let mut says_stars = false;
    for path in &found {
        let bytes = std::fs::read(path).expect("a file");
        let has = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
        for part in ["hunter2", "horse", "second line of it"] {
            assert!(!has(part), "`{part}` is in {}", path.display());
        }
        says_stars |= has("log ***");
    }
    assert!(says_stars, "the run is recorded, with its log: {found:?}");
}
