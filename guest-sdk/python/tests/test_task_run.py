"""Context and progress, and that fake hosts keep apart."""

from taskhost_task import context, log, progress
from taskhost_task.testing import Context, FakeHost, Progress


def test_the_context_is_what_the_test_says() -> None:
    with FakeHost(task="months/clean", attempt=2, map_index=7):
        assert context() == Context(
            flow_run="test-flow-run",
            task="months/clean",
            task_run="test-task-run",
            attempt=2,
            map_index=7,
            seconds_left=60.0,
        )


def test_progress_is_kept_in_order() -> None:
    with FakeHost() as host:
        progress(1, 3, "reading")
        progress(2)
    assert host.reports == [Progress(1, 3, "reading"), Progress(2, 0, "")]


def test_a_fake_host_lasts_as_long_as_its_with() -> None:
    with FakeHost() as outer:
        with FakeHost(attempt=2) as inner:
            log.info("inside")
        log.info("outside")
        assert context().attempt == 1
    assert (inner.messages, outer.messages) == (["inside"], ["outside"])


def test_without_a_fake_host_there_is_a_context_too() -> None:
    progress(1)
    assert context().map_index is None
