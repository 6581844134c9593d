"""How a task fails: with an `Err` of its own, or by any other exception.

An `Err` is the ``err`` of a function whose WIT says ``result<T, E>``: ``raise Err("nobody to greet")``. Any other exception is a mistake in the
task; it fails the task run with its message and traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from componentize_py_types import Err
else:
    try:
        # This very class, since componentize-py takes no other for an `err`, not even one derived from it.
        from componentize_py_types import Err
    except ModuleNotFoundError:  # unit tests before the first build
        from dataclasses import dataclass
        from typing import Generic, TypeVar

        E = TypeVar("E")

        @dataclass(frozen=True)
        class Err(Generic[E], Exception):
            """The ``err`` of a ``result``."""

            value: E


__all__ = ["Err"]


def _let_err_pass_context_managers() -> None:
    """`Err` is a frozen dataclass; `contextlib` sets the traceback of what is raised through a context manager, and would fail."""
    frozen = Err.__setattr__

    def set_attribute(error: Any, name: str, value: Any) -> None:
        if name.startswith("__"):
            Exception.__setattr__(error, name, value)
        else:
            frozen(error, name, value)

    Err.__setattr__ = set_attribute  # type: ignore[method-assign]


_let_err_pass_context_managers()
