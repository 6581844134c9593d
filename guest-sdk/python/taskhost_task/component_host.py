"""The real host: the bindings that componentize-py makes of ``taskhost:task``."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from taskhost_task.host import Context, Level, PieceWriter


class ComponentHost:
    """Calls the interfaces that the component's world imports. Without them messages are printed, and the rest is an error."""

    def __init__(self) -> None:
        self._log = _interface("log")
        self._progress = _interface("progress")
        self._context = _interface("context")
        self._blobs = _interface("blobs")
        self._levels = list(self._log.Level) if self._log else []

    def is_logged(self, level: Level) -> bool:
        return self._log is None or bool(self._log.enabled(self._levels[level]))

    def log(self, level: Level, message: str) -> None:
        if self._log is None:
            print(f"{level.name.lower()}: {message}", file=sys.stderr)
        else:
            self._log.log(self._levels[level], message)

    def progress(self, done: int, total: int, message: str) -> None:
        if self._progress is not None:
            self._progress.report(done, total, message)

    def context(self) -> Context:
        if self._context is None:
            raise _missing("context")
        of_host = self._context.get()
        return Context(
            flow_run=of_host.flow_run,
            task=of_host.task,
            task_run=of_host.task_run,
            attempt=of_host.attempt,
            map_index=of_host.map_index if of_host.mapped else None,
            seconds_left=of_host.seconds_left,
        )

    def write_blob(self) -> PieceWriter:
        if self._blobs is None:
            raise _missing("blobs")
        return _Writer(self._blobs)


class _Writer:
    def __init__(self, blobs: Any) -> None:
        self._class = blobs.BlobWriter
        self._writer = blobs.BlobWriter()

    def append(self, piece: bytes, /) -> None:
        self._writer.append(piece)

    def finish(self) -> Any:
        return self._class.finish(self._writer)


def _interface(name: str) -> Any:
    """The bindings of an interface; the longer name is that of a world that imports another interface of the same name."""
    for module in (f"wit_world.imports.taskhost_task_{name}", f"wit_world.imports.{name}"):
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError:
            continue
    return None


def _missing(name: str) -> RuntimeError:
    return RuntimeError(f"the world of this component lacks `import taskhost:task/{name}@0.1.0;`")
