"""What a task can ask of its host, and which host that is: taskhost inside of a component, a fake one elsewhere.

The other modules of this package are thin over `current`; the real host is in `taskhost_task.component_host`, the fake one in
`taskhost_task.testing`.
"""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wit_world.imports.blobs import Blob

IS_COMPONENT = sys.platform == "wasi"
"""Whether this is the Python inside of a component."""


class Level(enum.IntEnum):
    """How much a message matters, least first."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARNING = 3
    ERROR = 4


@dataclass(frozen=True)
class Context:
    """Which task run this is. For logs and for names of things outside; results should not depend on it."""

    flow_run: str
    """Identifies the flow run; the same for all of its task runs."""
    task: str
    """The task's path in the flow run, such as ``months/clean``."""
    task_run: str
    """Identifies this task run; the same in each of its attempts, so that it can serve as an idempotency key."""
    attempt: int
    """1 for the first attempt."""
    map_index: int | None
    """Position in the mapped list; ``None`` if the task is not mapped."""
    seconds_left: float
    """Seconds until the host ends this attempt, waiting included."""


class PieceWriter(Protocol):
    """A blob that is being made, as the host has it."""

    def append(self, piece: bytes, /) -> None: ...

    def finish(self) -> Blob: ...


class Host(Protocol):
    """The interfaces of ``taskhost:task``."""

    def is_logged(self, level: Level) -> bool: ...

    def log(self, level: Level, message: str) -> None: ...

    def progress(self, done: int, total: int, message: str) -> None: ...

    def context(self) -> Context: ...

    def write_blob(self) -> PieceWriter: ...


_current: Host | None = None


def current() -> Host:
    """The host of the task that runs."""
    global _current
    if _current is None:
        _current = _default()
    return _current


def replace(host: Host | None) -> Host | None:
    """Makes `host` the current one, and gives the one before; for `taskhost_task.testing`."""
    global _current
    before, _current = _current, host
    return before


def _default() -> Host:
    # Imported here, since each of them exists in one of the two worlds only.
    if IS_COMPONENT:
        from taskhost_task.component_host import ComponentHost

        return ComponentHost()
    from taskhost_task.testing import FakeHost

    return FakeHost(echo=True)


if IS_COMPONENT:
    # While the component is built, since nothing can be imported later.
    _current = _default()
