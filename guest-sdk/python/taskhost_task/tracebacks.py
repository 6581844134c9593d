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
from importlib.machinery import ModuleSpec
from types import TracebackType
from typing import NoReturn

from taskhost_task.late_imports import is_building

_SDK = os.path.dirname(__file__)
_MACHINERY = (*(os.path.join(_SDK, name) for name in ("entry.py", "results.py", "late_imports.py")), "/bundled/", "/world/")
"""What calls the author's functions, and what their imports call: nothing to look at. The last two are folders of componentize-py."""

_LENGTH_MAX = 6000
"""Of a longer text the middle is left out: the host keeps 8 KiB of a task's last words."""

_shown_as: dict[str, str] = {os.path.dirname(_SDK): "sdk"}
"""Folders of the build, and what the author calls them."""

_sources: pathlib.PurePath | None = None


def install(author: ModuleSpec | None) -> None:
    """Makes this module tell of exceptions that nobody catches, in the words of the author of the module `author`."""
    global _sources
    if author and author.origin:
        _sources = pathlib.PurePath(author.origin).parent
        _shown_as[str(_sources)] = "src"
    sys.excepthook = _excepthook


def keep_sources() -> None:
    """Keeps the lines of the author's modules for tracebacks, and that other modules have none."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not file or file in linecache.cache:
            continue
        is_of_author = _sources is not None and pathlib.PurePath(file).is_relative_to(_sources)
        lines = _lines_of(file) if is_of_author else []
        # Without a time, `linecache` does not look at the file again.
        linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def _lines_of(file: str) -> list[str]:
    return pathlib.Path(file).read_text(encoding="utf-8").splitlines(keepends=True)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    try:
        text = text_of(error)
    except BaseException:  # no memory, no stack
        text = f"{kind.__name__}\n"
    if is_building():
        sys.stderr.write(text)
    else:
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
        frames = [_plain(frame) for frame in part.stack or () if not frame.filename.startswith(_MACHINERY)]
        # Without frames there is no heading either.
        part.stack = traceback.StackSummary.from_list(frames) if frames else None  # type: ignore[assignment]
    text = "".join(told.format())
    for folder, name in _shown_as.items():
        text = text.replace(f'File "{folder}/', f'File "{name}/')
    return _shortened(text)


def _shortened(text: str) -> str:
    if len(text) <= _LENGTH_MAX:
        return text
    half = _LENGTH_MAX // 2
    # Whole lines, unless they are too long for that.
    before, after = text[:half].rpartition("\n")[0], text[-half:].partition("\n")[2]
    return f"{before or text[:half]}\n  … {len(text) - _LENGTH_MAX} characters more …\n{after or text[-half:]}"


def _plain(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    """Without columns: to underline a part of a line, `traceback` parses it, and Python opens a file to tell what does not parse."""
    return traceback.FrameSummary(frame.filename, frame.lineno, frame.name, lookup_line=False)


def _parts(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield told
    for part in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if part is not None:
            yield from _parts(part)
