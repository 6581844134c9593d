"""What a task logs reaches its host, with its level."""

import logging
from collections.abc import Iterator

import pytest

from taskhost_task import LogHandler, log
from taskhost_task.log import Level
from taskhost_task.testing import FakeHost, LogLine


def test_each_level_has_its_function() -> None:
    with FakeHost() as host:
        log.trace("a")
        log.debug("b")
        log.info("c")
        log.warning("d")
        log.error("e")
    assert host.log_lines == [LogLine(level, message) for level, message in zip(Level, "abcde", strict=True)]


def test_arguments_are_put_in_as_by_logging() -> None:
    with FakeHost() as host:
        log.info("%s has %d rows", "a.csv", 3)
        log.info("100 %")
    assert host.messages == ["a.csv has 3 rows", "100 %"]


def test_what_nobody_keeps_is_not_composed() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("composed")

    with FakeHost(level=Level.INFO) as host:
        log.debug(Costly())
        log.debug("%s", Costly())
        assert not log.enabled(Level.DEBUG)
        assert log.enabled(Level.INFO)
    assert host.messages == []


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.Logger("rows")
    logger.addHandler(LogHandler())
    yield logger


def test_the_logging_of_the_standard_library_works(logger: logging.Logger) -> None:
    with FakeHost() as host:
        logger.log(5, "finest")
        logger.debug("a")
        logger.info("read %d rows", 3)
        logger.warning("c")
        logger.critical("d")
    assert host.log_lines == [
        LogLine(Level.TRACE, "finest"),
        LogLine(Level.DEBUG, "a"),
        LogLine(Level.INFO, "read 3 rows"),
        LogLine(Level.WARNING, "c"),
        LogLine(Level.ERROR, "d"),
    ]


def test_a_logged_exception_brings_its_traceback(logger: logging.Logger) -> None:
    with FakeHost() as host:
        try:
            raise KeyError("row")
        except KeyError:
            logger.exception("no such row")
    (line,) = host.log_lines
    assert line.level == Level.ERROR
    assert line.message.startswith("no such row\nTraceback (most recent call last):")


def test_without_a_fake_host_messages_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("greeting Ada")
    assert capsys.readouterr().err == "info: greeting Ada\n"
