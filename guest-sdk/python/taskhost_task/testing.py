"""A host for unit tests, which run without taskhost and without WebAssembly::

    from taskhost_task.testing import FakeHost
    from tasks import Tasks

    def test_somebody_is_greeted():
        with FakeHost() as host:
            assert Tasks().greet("Ada") == "Hello, Ada!"
        assert host.messages == ["greeting Ada"]

It keeps what a task logs and reports. Without one, tests run too: messages go to stderr, and the context is that of `FakeHost`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple

from taskhost_task import host
from taskhost_task.host import Context, Level

__all__ = ["Context", "FakeBlob", "FakeHost", "Level", "LogLine", "Progress"]

READ_BYTES_MAX = 4 << 20


class LogLine(NamedTuple):
    """One message of a task."""

    level: Level
    message: str


class Progress(NamedTuple):
    """How far a task said that it is."""

    done: int
    total: int
    message: str


@dataclass
class FakeBlob:
    """A blob in memory, with the methods of ``wit_world.imports.blobs.Blob``; `FakeHost.blob` makes one."""

    content: bytes

    def length(self) -> float:
        return float(len(self.content))

    def read(self, offset: float, most: int) -> bytes:
        if offset != int(offset) or offset < 0:
            raise ValueError(f"{offset} is no offset")
        at = int(offset)
        return self.content[at : at + min(most, READ_BYTES_MAX)]


class FakeHost:
    """Stands in for taskhost as long as a ``with`` lasts, and remembers what tasks tell it."""

    log_lines: list[LogLine]
    """What was logged, in order."""
    reports: list[Progress]
    """What was reported as progress, in order."""

    def __init__(
        self,
        *,
        flow_run: str = "test-flow-run",
        task: str = "test",
        task_run: str = "test-task-run",
        attempt: int = 1,
        map_index: int | None = None,
        seconds_left: float = 60.0,
        level: Level = Level.TRACE,
        echo: bool = False,
    ) -> None:
        """What a task sees as its context; messages below `level` are not kept; with `echo` they go to stderr, too."""
        self._context = Context(flow_run, task, task_run, attempt, map_index, seconds_left)
        self._level = level
        self._echo = echo
        self._before: list[host.Host | None] = []
        self.log_lines = []
        self.reports = []

    @property
    def messages(self) -> list[str]:
        """What was logged, without levels."""
        return [line.message for line in self.log_lines]

    def blob(self, content: bytes) -> Any:
        """A blob to give to a task. `Any`, because tasks are written against the class of their own bindings."""
        return FakeBlob(content)

    def __enter__(self) -> FakeHost:
        self._before.append(host.replace(self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        host.replace(self._before.pop())

    # What a task calls; see `taskhost_task.host.Host`.

    def is_logged(self, level: Level) -> bool:
        return level >= self._level

    def log(self, level: Level, message: str) -> None:
        if self._echo:
            print(f"{level.name.lower()}: {message}", file=sys.stderr)
        else:
            self.log_lines.append(LogLine(level, message))

    def progress(self, done: int, total: int, message: str) -> None:
        if not self._echo:
            self.reports.append(Progress(done, total, message))

    def context(self) -> Context:
        return self._context

    def write_blob(self) -> _FakeWriter:
        return _FakeWriter()


class _FakeWriter:
    def __init__(self) -> None:
        self._content = bytearray()

    def append(self, piece: bytes, /) -> None:
        if len(piece) > READ_BYTES_MAX:
            raise ValueError(f"{len(piece)} bytes at once; the most is {READ_BYTES_MAX}")
        self._content += piece

    def finish(self) -> Any:
        return FakeBlob(bytes(self._content))
