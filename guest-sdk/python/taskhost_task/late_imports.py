"""Modules that are imported while a task runs: there are none, so those of the standard library are imported before.

Only what was imported while the component was built is in its memory.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_WITH_LATE_IMPORTS = {"datetime": "_strptime", "time": "_strptime"}
"""What the standard library imports in the midst of a function."""


def is_building() -> bool:
    """Whether the component is being built: to empty this list is the last that componentize-py does."""
    return sys.argv == [""]


def prepare() -> None:
    """Has a module that is missing while a task runs told in words that help, without a look at folders that are not there."""
    # Before the last one, which looks into folders.
    sys.meta_path.insert(len(sys.meta_path) - 1, _Finder(sys.path))


def import_now() -> None:
    """Imports what the loaded modules of the standard library would import later."""
    # Encodings are looked up by name when text is decoded; all of them take no more than some hundred KiB.
    encodings = importlib.import_module("encodings")
    names = [f"encodings.{module.name}" for module in pkgutil.iter_modules(encodings.__path__)]
    names += {late for module, late in _WITH_LATE_IMPORTS.items() if module in sys.modules}
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:  # those of other systems
            pass


class _Finder:
    def __init__(self, path: Sequence[str]) -> None:
        self._folders = tuple(f"{folder}/" for folder in path)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if is_building() or any(self._is_elsewhere(folder) for folder in path or sys.path):
            return None
        raise ModuleNotFoundError(
            f"`{name}` is not in this component, because it was not imported while the component was built: "
            "import it at the top of a module",
            name=name,
        )

    def _is_elsewhere(self, folder: str) -> bool:
        """Whether it is a folder that the task added: one that the flow grants."""
        return not f"{folder}/".startswith(self._folders)
