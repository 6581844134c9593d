"""The last words of a task that raises."""

from taskhost_task import results, tracebacks


def returns_text() -> str:
    return ""


def returns_nothing() -> None:
    return None


def test_frames_of_the_machinery_are_left_out() -> None:
    call = results.checking(returns_nothing, returns_text)
    try:
        call()
    except TypeError as error:
        text = tracebacks.text_of(error)
    assert "results.py" not in text
    assert text.endswith("TypeError: `returns_nothing` returned `None` instead of `str`\n")


def test_what_led_to_an_exception_is_told() -> None:
    try:
        try:
            raise KeyError("row")
        except KeyError as missing:
            raise RuntimeError("while looking") from missing
    except RuntimeError as error:
        text = tracebacks.text_of(error)
    assert text.index("KeyError: 'row'") < text.index("direct cause") < text.index("RuntimeError: while looking")


def even(number: int) -> bool:
    return odd(number - 1)


def odd(number: int) -> bool:
    return even(number - 1)


def test_a_recursion_without_end_fits_into_what_the_host_keeps() -> None:
    try:
        even(0)
    except RecursionError as error:
        text = tracebacks.text_of(error)
    assert text.startswith("Traceback (most recent call last):\n")
    assert " characters more …\n" in text
    assert text.endswith("RecursionError: maximum recursion depth exceeded\n")
    assert len(text) < 6100


def test_a_long_message_is_shortened() -> None:
    text = tracebacks.text_of(ValueError("ab" * 10_000))
    assert text.startswith("ValueError: abab")
    assert len(text) < 6100
