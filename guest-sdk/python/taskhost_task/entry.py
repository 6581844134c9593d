"""What `taskhost build` makes a component of: the author's module `tasks`, made ready for a sandbox without files.

componentize-py runs Python up to here while it builds, and keeps its memory. Where a task runs there are no sources and no modules but those
in that memory. Hence three things are done at this last moment:

- lines of the author's sources are kept for tracebacks (`taskhost_task.tracebacks`),
- modules that the standard library imports late are imported now (`taskhost_task.late_imports`),
- what tasks return is compared with its type (`taskhost_task.results`), since componentize-py tells a mistake there without a place.
"""

from importlib.util import find_spec
from typing import Any

from taskhost_task import late_imports, results, tracebacks

late_imports.prepare()
tracebacks.install(find_spec("tasks"))

import tasks as _tasks  # type: ignore[import-not-found]  # noqa: E402

late_imports.import_now()
tracebacks.keep_sources()


def __getattr__(name: str) -> Any:
    """The author's class for an interface, by the interface's name."""
    return results.checked(name, getattr(_tasks, name))
