"""Lets the runner of the WASI testsuite (github.com/WebAssembly/wasi-testsuite) drive `taskhost call --command`.

The variable TASKHOST names the command, with words of its own if need be; without it, `taskhost` is looked up on the path.

The runner's interface has changed with time. Served are `compute_argv` with a list of folders, with or without the world that a test is for,
and with a single folder for the root. The first form of all, a script with `--test-file`, is not: later runners refuse a file that is both.
"""

import os
import shlex
import subprocess
from typing import Any, Dict, List, Tuple

TASKHOST = shlex.split(os.getenv("TASKHOST", "taskhost"), posix=os.name != "nt")


def get_name() -> str:
    return "taskhost"


def get_version() -> str:
    # `taskhost 0.1.0`
    done = subprocess.run(TASKHOST + ["--version"], encoding="UTF-8", capture_output=True, check=True)
    return done.stdout.split()[1]


def get_wasi_versions() -> List[str]:
    # Core modules of WASI 0.1 are no components.
    return ["wasm32-wasip2", "wasm32-wasip3"]


def get_wasi_worlds() -> List[str]:
    # Not `wasi:http/service`: taskhost sends requests, it does not serve any.
    return ["wasi:cli/command"]


def get_timeout_seconds() -> float:
    # The first run of a component compiles it.
    return 30.0


def compute_argv(
    test_path: str,
    args_env_dirs: Tuple[List[str], Dict[str, str], Any],
    _proposals: List[str],
    *_world_and_version: str,
) -> List[str]:
    args, env, dirs = args_env_dirs
    # Earlier tests of sockets do not name them as a proposal, and none wants to be without a network.
    argv = TASKHOST + ["call", test_path, "--command", "--network"]
    for host, guest in folders(dirs):
        argv += ["--dir", f"{host}::{guest}"]
    for name, value in env.items():
        argv += ["--env", f"{name}={value}"]
    return argv + ["--"] + list(args)


def folders(dirs: Any) -> List[Tuple[str, str]]:
    """Pairs of a folder and where the guest sees it, or a single folder that it sees as `/`."""
    if not dirs:
        return []
    if isinstance(dirs, (str, os.PathLike)):
        return [(os.fspath(dirs), "/")]
    return [(os.fspath(host), guest) for host, guest in dirs]
