"""The tasks as plain Python."""

import pathlib

import pytest
from taskhost_task import Err
from taskhost_task.testing import FakeHost
from wit_world.exports.tasks import Frequency, Level, Section

import english
from tasks import Tasks

HARBOUR = pathlib.Path(__file__, "../../harbour.txt").resolve().read_text(encoding="utf-8")


def test_a_heading_begins_a_section() -> None:
    with FakeHost() as host:
        sections = Tasks().split("preface\n# One\na b\nc\n\n# Two\n")
    assert sections == [Section("One", "a b\nc\n\n"), Section("Two", "")]
    assert host.messages == ["2 sections"]


def test_a_text_without_headings_is_an_error() -> None:
    with pytest.raises(Err, match="no heading"):
        Tasks().split("just words")


def test_sentences_end_with_a_mark_and_a_space() -> None:
    text = '"Here," says a voice. "You are here." It costs 1.50 euros!\nDoes it?'
    assert english.sentences(text) == ['"Here," says a voice.', '"You are here.', "It costs 1.50 euros!", "Does it?"]


@pytest.mark.parametrize(("word", "count"), [("fog", 1), ("harbour", 2), ("crane", 1), ("table", 2), ("recommendation", 5), ("hm", 1)])
def test_syllables_are_groups_of_vowels(word: str, count: int) -> None:
    assert english.syllables(word) == count


def test_fog_reads_more_easily_than_the_crane() -> None:
    tasks = Tasks()
    levels = {section.title: tasks.measure(section).level for section in tasks.split(HARBOUR)}
    assert levels == {"Before sunrise": Level.EASY, "The crane": Level.HARD, "Fog": Level.EASY}


def test_a_section_without_words_is_an_error() -> None:
    with pytest.raises(Err, match="`Empty` has no words"):
        Tasks().measure(Section("Empty", "1 2 3\n"))


def test_small_words_are_not_counted() -> None:
    assert Tasks().frequent("The fog and the crane. FOG!", 1) == [Frequency("fog", 2)]
