//! Looks for anything that nobody granted: arguments, environment, files, names, input, a terminal.
//! expect: ok: refused all

use std::io::Read;

pub(crate) fn attack(target: &crate::Target) -> Result<String, String> {
    let mut ways = crate::Ways::default();
    let some = |is_some: bool| if is_some { Ok(()) } else { Err(()) };
    ways.tried("an argument", some(!wasip2::cli::environment::get_arguments().is_empty()));
    ways.tried("the environment", some(!wasip2::cli::environment::get_environment().is_empty()));
    ways.tried("a working folder", wasip2::cli::environment::initial_cwd().ok_or(()));
    // There is a `/`, in which every path is refused and told.
    for (folder, name) in wasip2::filesystem::preopens::get_directories() {
        let entries = folder.read_directory();
        let first = entries.and_then(|entries| entries.read_directory_entry()).ok().flatten();
        ways.tried(format_args!("an entry of {name}"), first.ok_or(()));
        ways.tried(format_args!("the parent of {name}"), folder.stat_at(wasip2::filesystem::types::PathFlags::empty(), ".."));
    }
    ways.tried("input", some(std::io::stdin().read(&mut [0; 1]).is_ok_and(|length| length > 0)));
    ways.tried("a terminal", wasip2::cli::terminal_stdout::get_terminal_stdout().ok_or(()));
    for path in ["/", ".", "..", "/etc/passwd", "/proc/self/environ", "/dev/null", &target.folder] {
        ways.tried(path, std::fs::metadata(path));
        ways.tried(path, std::fs::read_dir(path));
        ways.tried(path, std::fs::write(format!("{path}/taskhost-attack"), "x"));
    }
    ways.verdict()
}
