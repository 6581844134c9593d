"""Write a taskhost task in Python.

    wit/world.wit ── bindings ──► class Tasks ── componentize-py ──► component ──► flow.toml

A task is a method of a class that is named as the WIT interface. With ``greet: func(name: string) -> result<string, string>;`` in the
interface ``tasks``, ``src/tasks.py`` is::

    from taskhost_task import Err, log
    from wit_world import exports


    class Tasks(exports.Tasks):
        def greet(self, name: str) -> str:
            if not name:
                raise Err("nobody to greet")
            log.info(f"greeting {name}")
            return f"Hello, {name}!"

What is printed becomes the task's log. An `Err` is the ``err`` of a ``result``; any other exception fails the task run with its message
and traceback, and nothing else.

Outside of a component the same code runs against a fake host, `taskhost_task.testing`. Start reading at `taskhost_task.host`.
"""

from taskhost_task import blobs, log
from taskhost_task.errors import Err
from taskhost_task.host import Context
from taskhost_task.log import LogHandler
from taskhost_task.task_run import context, progress

__all__ = ["Context", "Err", "LogHandler", "blobs", "context", "log", "progress"]
