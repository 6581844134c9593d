"""The tasks as plain Python, with a fake host: no WebAssembly, no taskhost."""

import pytest
from taskhost_task import Err
from taskhost_task.testing import FakeHost
from wit_world.exports.tasks import Greeting, Person

from tasks import Tasks


def test_somebody_is_greeted_by_name() -> None:
    with FakeHost() as host:
        greeting = Tasks().greet(Person(name="Ada", age=36))
    assert greeting == Greeting(text="Hello, Ada, 36 years old!", letters=25)
    assert host.messages == ["greeting Ada"]


def test_an_age_may_be_unknown() -> None:
    assert Tasks().greet(Person(name="Zoë", age=None)).text == "Hello, Zoë!"


def test_a_person_without_a_name_is_an_error() -> None:
    with pytest.raises(Err, match="a person needs a name"):
        Tasks().greet(Person(name=" ", age=None))
