//! `taskhost __compile`: this process is the child in which a component is compiled. Users never see it.

use taskhost_sandbox::{CompileLimits, compile_stdin_to_stdout};

use crate::args::CompileArgs;

/// Does nothing else before or after: its exit codes are between parent and child.
pub(crate) fn run(args: &CompileArgs) -> ! {
    let limits = CompileLimits { memory_bytes_max: args.memory, cpu_seconds_max: args.cpu };
    std::process::exit(i32::from(compile_stdin_to_stdout(args.engine, limits)))
}
