"""How an exception ends a task run: its traceback is the last that the task says, and nothing of the machinery stands after it.

componentize-py prints an exception, then panics; its panic would be the last word, without meaning for the author.
"""

from __future__ import annotations

import linecache
import os
import pathlib
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType, TracebackType
from typing import NoReturn

from taskhost_task.late_imports import is_building

_SDK = os.path.dirname(__file__)
_MACHINERY = tuple(os.path.join(_SDK, name) for name in ("results.py", "late_imports.py"))
"""What calls the author's functions, and what their imports call: nothing to look at."""

_shown_as: dict[str, str] = {os.path.dirname(_SDK): "sdk"}
"""Folders of the build, and what the author calls them."""


def install() -> None:
    """Makes this module tell of exceptions that leave a task."""
    sys.excepthook = _excepthook


def keep_sources_beside(module: ModuleType) -> None:
    """Keeps the lines of the author's modules, of which `module` is one, for tracebacks, and that other modules have none."""
    sources = os.path.dirname(module.__file__ or "")
    _shown_as[sources] = "src"
    for other in list(sys.modules.values()):
        file = getattr(other, "__file__", None)
        if not file or file in linecache.cache:
            continue
        lines = _lines_of(file) if pathlib.PurePath(file).is_relative_to(sources) else []
        # Without a time, `linecache` does not look at the file again.
        linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def _lines_of(file: str) -> list[str]:
    return pathlib.Path(file).read_text(encoding="utf-8").splitlines(keepends=True)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if is_building():
        sys.__excepthook__(kind, error, trace)
        return
    try:
        text = text_of(error)
    except BaseException:  # no memory, no stack, or a `__str__` that raises
        text = f"{kind.__name__}\n"
    _end_with(text)


def _end_with(last_words: str) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(last_words)
    sys.stderr.flush()
    os.abort()


def text_of(error: BaseException) -> str:
    """The traceback of `error` and of what led to it, as the author would see it."""
    told = traceback.TracebackException.from_exception(error, compact=True)
    for part in _parts(told):
        frames = [frame for frame in part.stack or () if frame.filename not in _MACHINERY]
        # Without frames there is no heading either.
        part.stack = traceback.StackSummary.from_list(frames) if frames else None  # type: ignore[assignment]
    text = "".join(told.format())
    for folder, name in _shown_as.items():
        text = text.replace(f'File "{folder}/', f'File "{name}/')
    return text


def _parts(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield told
    for part in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if part is not None:
            yield from _parts(part)
