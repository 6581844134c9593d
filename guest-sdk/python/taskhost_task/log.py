"""Messages with a level, over ``taskhost:task/log``.

::

    from taskhost_task import log

    log.info(f"read {len(rows)} rows")
    log.debug("first row: %r", rows[0])  # formatted only if somebody keeps debug messages

`LogHandler` is for code that uses the standard library's `logging`. Printing works too; a message has a level as well, by which its
reader can choose.
"""

from __future__ import annotations

import logging
from typing import Any

from taskhost_task import host, tracebacks
from taskhost_task.host import Level

__all__ = ["Level", "LogHandler", "debug", "enabled", "error", "info", "trace", "warning", "write"]


def trace(message: object, *arguments: object) -> None:
    """Logs details for the author."""
    write(Level.TRACE, message, *arguments)


def debug(message: object, *arguments: object) -> None:
    """Logs details for whoever looks for a mistake."""
    write(Level.DEBUG, message, *arguments)


def info(message: object, *arguments: object) -> None:
    """Logs what everybody may see."""
    write(Level.INFO, message, *arguments)


def warning(message: object, *arguments: object) -> None:
    """Logs something to look at."""
    write(Level.WARNING, message, *arguments)


def error(message: object, *arguments: object) -> None:
    """Logs something that went wrong."""
    write(Level.ERROR, message, *arguments)


def enabled(level: Level) -> bool:
    """Whether anybody keeps messages of this level: lets a task skip composing what nobody would see."""
    return host.current().is_logged(level)


def write(level: Level, message: object, *arguments: object) -> None:
    """Logs a message if somebody keeps messages of `level`; `arguments` are put in as `logging` does it, by ``%``."""
    to = host.current()
    if to.is_logged(level):
        to.log(level, str(message) % arguments if arguments else str(message))


class LogHandler(logging.Handler):
    """Brings what is logged with the standard library's `logging` into the task's log::

        import logging
        from taskhost_task import LogHandler

        logging.basicConfig(level=logging.INFO, handlers=[LogHandler()])
    """

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        # The level travels beside the message, so the format of `basicConfig` would name it twice.
        self.setFormatter(_Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        level = _level_of(record.levelno)
        to = host.current()
        if not to.is_logged(level):
            return
        try:
            to.log(level, self.format(record))
        except Exception:
            self.handleError(record)


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:
        return tracebacks.text_of(ei[1]).rstrip("\n") if host.IS_COMPONENT else super().formatException(ei)


def _level_of(levelno: int) -> Level:
    if levelno < logging.DEBUG:
        return Level.TRACE
    if levelno < logging.INFO:
        return Level.DEBUG
    if levelno < logging.WARNING:
        return Level.INFO
    if levelno < logging.ERROR:
        return Level.WARNING
    return Level.ERROR
