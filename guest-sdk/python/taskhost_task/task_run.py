"""Which task run this is, and how far it is."""

from __future__ import annotations

from taskhost_task import host
from taskhost_task.host import Context


def context() -> Context:
    """Which task run this is."""
    return host.current().context()


def progress(done: int, total: int = 0, message: str = "") -> None:
    """Tells the host that `done` of `total` units are done; a `total` of 0 means that it is not known.

    Shown live, never stored. Cheap to call often: the host shows only the latest.
    """
    host.current().progress(done, total, message)
