"""Blobs as files, over the fake host."""

import io

import pytest

from taskhost_task import blobs
from taskhost_task.testing import FakeHost


def test_what_is_written_is_read_again() -> None:
    blob = blobs.from_bytes(b"one\ntwo\n")
    assert blob.length() == 8.0
    assert blobs.read(blob) == b"one\ntwo\n"


def test_a_blob_is_a_file_of_lines() -> None:
    blob = FakeHost().blob("früh\nspät\n".encode())
    lines = io.TextIOWrapper(blobs.reader(blob), encoding="utf-8")
    assert [line.rstrip("\n") for line in lines] == ["früh", "spät"]


def test_a_reader_can_seek() -> None:
    reader = blobs.reader(FakeHost().blob(b"0123456789"), buffer_bytes=4)
    assert reader.seek(-2, io.SEEK_END) == 8
    assert reader.read() == b"89"
    assert reader.seek(1) == 1
    assert reader.read(2) == b"12"
    assert reader.seek(20) == 20
    assert reader.read() == b""
    with pytest.raises(ValueError, match="before the beginning"):
        reader.seek(-1)


def test_pieces_are_no_larger_than_asked_for() -> None:
    assert list(blobs.pieces(FakeHost().blob(b"abcde"), 2)) == [b"ab", b"cd", b"e"]
    assert list(blobs.pieces(FakeHost().blob(b""))) == []


def test_what_is_written_travels_in_pieces_that_the_host_takes() -> None:
    # The fake host refuses more than 4 MiB at once, as taskhost does.
    content = bytes(range(256)) * (9 << 12)
    writer = blobs.Writer()
    assert writer.write(content) == len(content)
    assert writer.write(memoryview(b"end")) == 3
    assert writer.tell() == len(content) + 3
    assert blobs.read(writer.finish()) == content + b"end"


def test_a_writer_takes_text_through_a_wrapper() -> None:
    writer = blobs.Writer()
    text = io.TextIOWrapper(writer, encoding="utf-8", write_through=True)
    print("größer", file=text)
    assert blobs.read(writer.finish()) == "größer\n".encode()


def test_pieces_become_a_blob() -> None:
    assert blobs.read(blobs.from_pieces(str(number).encode() for number in range(12))) == b"01234567891011"


def test_nothing_is_written_after_the_end() -> None:
    writer = blobs.Writer()
    writer.finish()
    with pytest.raises(ValueError, match="finished"):
        writer.write(b"more")
    with pytest.raises(ValueError, match="finished"):
        writer.finish()
