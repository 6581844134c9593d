"""Whether what a task returns, or raises as an `Err`, is of its type: componentize-py would end the task run with neither the function nor
the place.

Types are those of the bindings, which do not tell how large an integer may be. Of a long list the first elements are looked at, so that the
cost does not grow with it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from types import NoneType, UnionType
from typing import Any, NamedTuple

from taskhost_task.errors import Err

_ELEMENTS_CHECKED = 100

_TEXT_AS_ERR = "componentize_py_types.Err(wit_world.imports.str)"
"""What componentize-py writes into the description of a function whose `err` is a `string`; annotations do not tell."""


class Mismatch(NamedTuple):
    """A part of a value that is not of its type."""

    value: Any
    wanted: Any
    place: str = ""

    def inside(self, place: str) -> Mismatch:
        """The same, for the value that has that value at `place`."""
        return self._replace(place=place + self.place)

    def __str__(self) -> str:
        instead = f"{_name(type(self.value))} instead of {_name(self.wanted)}"
        return f"a value whose `{self.place}` is {instead}" if self.place else instead


_Check = Callable[[Any], Mismatch | None]
"""Looks at a value. Made while the component is built, since each task run begins anew."""


def checked(name: str, tasks: Any) -> Any:
    """The class `tasks` for the interface `name`, whose functions compare what they return with their types."""
    functions = dict(_functions(name, tasks))
    return type(tasks.__name__, (tasks,), functions) if functions else tasks


def _functions(name: str, tasks: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    protocol = _protocol(name)
    if protocol is None or not isinstance(tasks, type):
        return
    for function, declared in vars(protocol).items():
        own = getattr(tasks, function, None)
        if function.startswith("_") or not inspect.isfunction(own) or inspect.iscoroutinefunction(own):
            continue
        yield function, checking(own, declared)


def _protocol(name: str) -> Any:
    """The class of the bindings that says which functions there are; functions of no interface are in one of the world."""
    for module in ("wit_world.exports", "wit_world"):
        try:
            return getattr(importlib.import_module(module), name)
        except (ModuleNotFoundError, AttributeError):
            continue
    return None


def checking(function: Callable[..., Any], declared: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with what it returns or raises compared with its declaration in the bindings."""
    wanted = typing.get_type_hints(declared).get("return", NoneType)
    # What is returned in place of nothing is dropped.
    check: _Check = (lambda result: None) if wanted is NoneType else check_of(wanted)
    has_text_as_err = _TEXT_AS_ERR in (declared.__doc__ or "")

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except Err as error:
            if has_text_as_err and not isinstance(error.value, str):
                raise TypeError(f"`{function.__name__}` raised an `Err` of {_name(type(error.value))} instead of `str`") from error
            raise
        mismatch = check(result)
        if mismatch:
            raise TypeError(f"`{function.__name__}` returned {mismatch}")
        return result

    return call


def check_of(wanted: Any) -> _Check:
    """What tells whether a value is of the type `wanted`."""
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, UnionType):
        return _check_of_union(wanted)
    if origin is list:
        return _check_of_list(wanted)
    if origin is tuple:
        return _check_of_tuple(wanted)
    if dataclasses.is_dataclass(wanted):
        return _check_of_record(wanted)
    return _check_of_class(origin or wanted)


def _check_of_union(wanted: Any) -> _Check:
    """An option, a variant or a result: the class of the value decides which case it is."""
    cases = [(_has_class_of(case), check_of(case)) for case in typing.get_args(wanted)]

    def check(value: Any) -> Mismatch | None:
        for has_class, check_case in cases:
            if has_class(value):
                return check_case(value)
        return Mismatch(value, wanted)

    return check


def _check_of_list(wanted: Any) -> _Check:
    check_element = check_of(typing.get_args(wanted)[0])

    def check(value: Any) -> Mismatch | None:
        if not isinstance(value, list):
            return Mismatch(value, wanted)
        for at, element in enumerate(value[:_ELEMENTS_CHECKED]):
            mismatch = check_element(element)
            if mismatch:
                return mismatch.inside(f"[{at}]")
        return None

    return check


def _check_of_tuple(wanted: Any) -> _Check:
    checks = [check_of(part) for part in typing.get_args(wanted)]

    def check(value: Any) -> Mismatch | None:
        if not isinstance(value, tuple) or len(value) != len(checks):
            return Mismatch(value, wanted)
        for at, check_part in enumerate(checks):
            mismatch = check_part(value[at])
            if mismatch:
                return mismatch.inside(f"[{at}]")
        return None

    return check


def _check_of_record(wanted: Any) -> _Check:
    """By its fields: componentize-py takes any object that has them."""
    hints = typing.get_type_hints(wanted)
    checks = [(field.name, check_of(hints[field.name])) for field in dataclasses.fields(wanted)]

    def check(value: Any) -> Mismatch | None:
        for field, check_field in checks:
            if not hasattr(value, field):
                return Mismatch(value, wanted)
            mismatch = check_field(getattr(value, field))
            if mismatch:
                return mismatch.inside(f".{field}")
        return None

    return check


def _check_of_class(wanted: Any) -> _Check:
    has_class = _has_class_of(wanted)
    return lambda value: None if has_class(value) else Mismatch(value, wanted)


def _has_class_of(wanted: Any) -> Callable[[Any], bool]:
    """Whether a value is of the outermost class of a type, or of one that componentize-py takes for it."""
    kind = typing.get_origin(wanted) or wanted
    if kind is int:
        return lambda value: isinstance(value, int) or hasattr(value, "__index__")
    if kind is float:
        return lambda value: isinstance(value, float) or hasattr(value, "__float__") or hasattr(value, "__index__")
    if not isinstance(kind, type):
        # The type variable of `Ok`, `Err` and `Some`.
        return lambda value: True
    return lambda value: isinstance(value, kind)


def _name(kind: Any) -> str:
    if typing.get_origin(kind) in (typing.Union, UnionType):
        return " or ".join(_name(case) for case in typing.get_args(kind))
    if kind is NoneType:
        return "`None`"
    if isinstance(kind, type) and not typing.get_args(kind):
        return f"`{kind.__name__}`"
    return f"`{kind}`".replace("typing.", "")
