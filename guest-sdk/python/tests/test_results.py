"""What a task returns, compared with the types of its bindings."""

import enum
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Generic, Optional, TypeVar, Union

import pytest

from taskhost_task import Err
from taskhost_task.results import check_of, checking

T = TypeVar("T")


@dataclass
class Some(Generic[T]):
    value: T


@dataclass
class Circle:
    value: float


@dataclass
class Nothing:
    pass


class Colour(enum.Enum):
    RED = 0


@dataclass
class Row:
    name: str
    sizes: list[int]


# As componentize-py writes them.
Shape = Union[Circle, Nothing]
Nested = Optional[Some[Optional[int]]]


def problem(value: Any, wanted: Any) -> str | None:
    mismatch = check_of(wanted)(value)
    return mismatch and str(mismatch)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1, int),
        (True, bool),
        (1, float),
        (Decimal("1.5"), float),
        ("a", str),
        (b"a", bytes),
        ([], list[int]),
        ((1, "a"), tuple[int, str]),
        (None, Optional[int]),
        (1, Optional[float]),
        ([1], Optional[list[int]]),
        (Some(None), Nested),
        (Circle(1.5), Shape),
        (Nothing(), Shape),
        (Colour.RED, Colour),
        (Row("a", [1]), Row),
        (SimpleNamespace(name="a", sizes=[]), Row),
        ([Row("a", [1])] * 1000, list[Row]),
    ],
)
def test_what_componentize_py_takes_is_right(value: Any, wanted: Any) -> None:
    assert problem(value, wanted) is None


@pytest.mark.parametrize(
    ("value", "wanted", "words"),
    [
        (None, int, "`None` instead of `int`"),
        (1.0, int, "`float` instead of `int`"),
        (None, bool, "`None` instead of `bool`"),
        ("1", float, "`str` instead of `float`"),
        (bytearray(b"a"), bytes, "`bytearray` instead of `bytes`"),
        ((1,), list[int], "`tuple` instead of `list[int]`"),
        ([1, "a"], tuple[int, str], "`list` instead of `tuple[int, str]`"),
        ((1,), tuple[int, str], "`tuple` instead of `tuple[int, str]`"),
        ("a", Optional[int], "`str` instead of `int` or `None`"),
        (1, Nested, "`int` instead of `Some[Optional[int]]` or `None`"),
        (1.0, Shape, "`float` instead of `Circle` or `Nothing`"),
        (Circle("a"), Shape, "a value whose `.value` is `str` instead of `float`"),  # type: ignore[arg-type]
        ("red", Colour, "`str` instead of `Colour`"),
        ({"name": "a"}, Row, "`dict` instead of `Row`"),
        ([Row("a", [1, None])], list[Row], "a value whose `[0].sizes[1]` is `None` instead of `int`"),  # type: ignore[list-item]
    ],
)
def test_what_it_would_not_take_is_told_with_its_place(value: Any, wanted: Any, words: str) -> None:
    told = problem(value, wanted)
    assert told is not None
    # Python 3.14 writes `int | None`.
    assert told.replace(f"{__name__}.", "").replace("int | None", "Optional[int]") == words


def declared(number: int) -> int:
    """As componentize-py describes it.

    Raises: `componentize_py_types.Err(wit_world.imports.str)`
    """
    raise NotImplementedError


def test_a_right_result_comes_through() -> None:
    assert checking(lambda number: number + 1, declared)(1) == 2


def test_a_wrong_result_is_an_error_with_the_function() -> None:
    def halve(number: int) -> float:
        return number / 2

    with pytest.raises(TypeError, match="`halve` returned `float` instead of `int`"):
        checking(halve, declared)(1)


def test_an_err_that_is_no_text_is_an_error_with_the_function() -> None:
    def divide(number: int) -> int:
        raise Err(number)

    with pytest.raises(TypeError, match="`divide` raised an `Err` of `int` instead of `str`") as raised:
        checking(divide, declared)(1)
    assert isinstance(raised.value.__cause__, Err)


def test_an_err_of_text_comes_through() -> None:
    def refuse(number: int) -> int:
        raise Err("no")

    with pytest.raises(Err, match="no"):
        checking(refuse, declared)(1)
