"""A task's own error."""

import contextlib
import dataclasses
from collections.abc import Iterator

import pytest

from taskhost_task import Err


@contextlib.contextmanager
def opened() -> Iterator[None]:
    yield


def test_an_err_has_its_value_and_its_words() -> None:
    with pytest.raises(Err) as raised:
        raise Err("nobody to greet")
    assert raised.value.value == "nobody to greet"
    assert str(raised.value) == "nobody to greet"


def test_an_err_passes_context_managers() -> None:
    with pytest.raises(Err, match="inside"):
        with opened():
            raise Err("inside")


def test_the_value_of_an_err_stays_as_it_is() -> None:
    error = Err("first")
    with pytest.raises(dataclasses.FrozenInstanceError):
        error.value = "second"  # type: ignore[misc]
