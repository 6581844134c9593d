"""Bulk data by reference, as file objects.

A task whose WIT says ``use taskhost:task/blobs@0.1.0.{blob};`` takes and gives blobs::

    import io
    from taskhost_task import blobs
    from wit_world.imports.blobs import Blob

    def upper(self, text: Blob) -> Blob:
        upper = blobs.Writer()
        for line in io.TextIOWrapper(blobs.reader(text), encoding="utf-8"):
            upper.write(line.upper().encode())
        return upper.finish()

A blob never changes, and needs memory for one piece of it only.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from taskhost_task import host

if TYPE_CHECKING:
    from typing_extensions import Buffer
    from wit_world.imports.blobs import Blob

__all__ = ["PIECE_BYTES", "PIECE_BYTES_MAX", "Writer", "from_bytes", "from_pieces", "pieces", "read", "reader"]

PIECE_BYTES_MAX = 4 << 20
"""Most bytes that one call of the host takes or gives."""

PIECE_BYTES = 1 << 20
"""What is read and written at once where nothing else is asked for."""


def reader(blob: Blob, buffer_bytes: int = PIECE_BYTES) -> io.BufferedReader:
    """The blob as a binary file that can be read and sought in; for text put an `io.TextIOWrapper` around it."""
    return io.BufferedReader(_RawReader(blob), buffer_bytes)


def pieces(blob: Blob, piece_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
    """The blob from its beginning to its end, in pieces of at most `piece_bytes`."""
    at = 0
    while piece := blob.read(float(at), min(piece_bytes, PIECE_BYTES_MAX)):
        yield piece
        at += len(piece)


def read(blob: Blob) -> bytes:
    """All of its bytes at once: for blobs that fit into the task's memory."""
    return b"".join(pieces(blob, PIECE_BYTES_MAX))


def from_bytes(content: bytes) -> Blob:
    """A blob of these bytes."""
    return from_pieces([content])


def from_pieces(content: Iterable[bytes]) -> Blob:
    """A blob of these pieces, one after another, of any size."""
    writer = Writer()
    for piece in content:
        writer.write(piece)
    return writer.finish()


class Writer(io.BufferedIOBase):
    """A blob that is being made, as a binary file. One that is not finished leaves nothing behind."""

    # What `io.TextIOWrapper` asks of a file.
    name = "<blob>"

    def __init__(self, buffer_bytes: int = PIECE_BYTES) -> None:
        super().__init__()
        self._to = host.current().write_blob()
        self._held = bytearray()
        self._held_max = min(buffer_bytes, PIECE_BYTES_MAX)
        self._length = 0

    def writable(self) -> bool:
        return not self.closed

    def tell(self) -> int:
        return self._length

    def write(self, content: Buffer, /) -> int:
        if self.closed:
            raise ValueError("write to a blob that is finished or closed")
        with memoryview(content) as view, view.cast("B") as data:
            for at in range(0, len(data), PIECE_BYTES_MAX):
                self._held += data[at : at + PIECE_BYTES_MAX]
                if len(self._held) >= self._held_max:
                    self._hand_over()
            self._length += len(data)
            return len(data)

    def finish(self) -> Blob:
        """The bytes that were written, as a blob. Nothing can be written after it."""
        if self.closed:
            raise ValueError("this blob is finished or closed")
        self._hand_over()
        blob = self._to.finish()
        self.close()
        return blob

    def close(self) -> None:
        self._held.clear()
        super().close()

    def _hand_over(self) -> None:
        for at in range(0, len(self._held), PIECE_BYTES_MAX):
            self._to.append(bytes(self._held[at : at + PIECE_BYTES_MAX]))
        self._held.clear()


class _RawReader(io.RawIOBase):
    def __init__(self, blob: Blob) -> None:
        super().__init__()
        self._blob = blob
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._blob.read(float(self._at), min(len(buffer), PIECE_BYTES_MAX))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: int(self._blob.length())}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

