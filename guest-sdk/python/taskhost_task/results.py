"""Whether what a task returns is of its type: componentize-py would end the task run with neither the function nor the place.

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

_ELEMENTS_CHECKED = 100


class Mismatch(NamedTuple):
    """A part of a value that is not of its type."""

    place: str
    value: Any
    wanted: Any

    def __str__(self) -> str:
        instead = f"{_name(type(self.value))} instead of {_name(self.wanted)}"
        return f"a value whose `{self.place}` is {instead}" if self.place else instead


_Check = Callable[[Any, str], Mismatch | None]
"""Looks at a value that stands at a place. Made while the component is built, since each task run begins anew."""


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
        wanted = typing.get_type_hints(declared).get("return", NoneType)
        if wanted is not NoneType:
            yield function, _checking(own, check_of(wanted))


def _protocol(name: str) -> Any:
    """The class of the bindings that says which functions there are; functions of no interface are in one of the world."""
    for module in ("wit_world.exports", "wit_world"):
        try:
            return getattr(importlib.import_module(module), name)
        except (ModuleNotFoundError, AttributeError):
            continue
    return None


def _checking(function: Callable[..., Any], check: _Check) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        result = function(*arguments)
        mismatch = check(result, "")
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
    cases = [(_class_of(case), check_of(case)) for case in typing.get_args(wanted)]

    def check(value: Any, place: str) -> Mismatch | None:
        for kind, check_case in cases:
            if isinstance(value, kind):
                return check_case(value, place)
        return Mismatch(place, value, wanted)

    return check


def _check_of_list(wanted: Any) -> _Check:
    check_element = check_of(typing.get_args(wanted)[0])

    def check(value: Any, place: str) -> Mismatch | None:
        if not isinstance(value, list):
            return Mismatch(place, value, wanted)
        for at, element in enumerate(value[:_ELEMENTS_CHECKED]):
            mismatch = check_element(element, f"{place}[{at}]")
            if mismatch:
                return mismatch
        return None

    return check


def _check_of_tuple(wanted: Any) -> _Check:
    checks = [check_of(part) for part in typing.get_args(wanted)]

    def check(value: Any, place: str) -> Mismatch | None:
        if not isinstance(value, tuple) or len(value) != len(checks):
            return Mismatch(place, value, wanted)
        for at, check_part in enumerate(checks):
            mismatch = check_part(value[at], f"{place}[{at}]")
            if mismatch:
                return mismatch
        return None

    return check


def _check_of_record(wanted: Any) -> _Check:
    """By its fields: componentize-py takes any object that has them."""
    hints = typing.get_type_hints(wanted)
    # A field of type `T` (that of `Ok`, `Err` and `Some`) may be anything.
    checks = [(field.name, check_of(hints[field.name])) for field in dataclasses.fields(wanted)]

    def check(value: Any, place: str) -> Mismatch | None:
        for field, check_field in checks:
            if not hasattr(value, field):
                return Mismatch(place, value, wanted)
            mismatch = check_field(getattr(value, field), f"{place}.{field}")
            if mismatch:
                return mismatch
        return None

    return check


def _check_of_class(wanted: Any) -> _Check:
    kind = _class_of(wanted)
    return lambda value, place: None if isinstance(value, kind) else Mismatch(place, value, wanted)


def _class_of(wanted: Any) -> Any:
    """What `isinstance` takes for a type."""
    kind = typing.get_origin(wanted) or wanted
    if kind is int:
        return typing.SupportsIndex
    if kind is float:
        return (typing.SupportsFloat, typing.SupportsIndex)
    return kind if isinstance(kind, type) else object


def _name(kind: Any) -> str:
    if typing.get_origin(kind) in (typing.Union, UnionType):
        return " or ".join(_name(case) for case in typing.get_args(kind))
    if kind is NoneType:
        return "`None`"
    if isinstance(kind, type) and not typing.get_args(kind):
        return f"`{kind.__name__}`"
    return f"`{kind}`".replace("typing.", "")
