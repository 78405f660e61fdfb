"""Readers and writers that are recorded until they are closed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from storagedriver.driver import FileReader, FileWriter
from storagedriver.telemetry.recording import Recording

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["InstrumentedReader", "InstrumentedWriter"]

R = TypeVar("R")

#: How many bytes are added to the metrics at a time: to add them costs more than to read a small piece.
_ENOUGH = 1 << 20


class _Transfer:
    """The bytes of a stream on their way to the metrics, and the failure that counts at its end."""

    def __init__(self, record: Recording) -> None:
        self.record = record
        self.error: BaseException | None = None
        self.is_over = False
        self._pid = os.getpid()
        self._read = 0
        self._written = 0

    def run(self, function: Callable[..., R], *arguments: Any) -> R:
        """A call of the stream; its failure is kept until another call succeeds."""
        try:
            result = self.record.step(function, *arguments)
        except BaseException as error:
            self.error = error
            raise
        self.error = None
        return result

    def add(self, read: int, written: int) -> None:
        self._read += read
        self._written += written
        if self._read + self._written >= _ENOUGH:
            self._flush()

    def end(self, outcome: str) -> None:
        """End the record, once, and not where the stream only is because its process was forked."""
        if not self.is_over and self._pid == os.getpid():
            self.is_over = True
            self._flush()
            error, self.error = self.error, None
            self.record.end_stream(outcome, error)

    def _flush(self) -> None:
        self.record.transferred(self._read, self._written)
        self._read = self._written = 0


class InstrumentedReader(FileReader):
    """A reader whose bytes are counted, and whose record ends with `close`.

    Parameters
    ----------
    reader : FileReader
        The reader of the driver below.
    record : Recording
        The record, begun before the reader was opened.
    """

    def __init__(self, reader: FileReader, record: Recording) -> None:
        super().__init__()
        self._reader = reader
        self._transfer = _Transfer(record)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self._reader!r}>"

    def __getattr__(self, name: str) -> Any:
        return _attribute(self, "_reader", name)

    @property
    def size(self) -> int:
        """The size of the whole object in bytes, whatever the offset of the stream."""
        return self._reader.size

    @property
    def mod_time(self) -> datetime:
        """When the object was last changed, aware and in UTC. It may have to be asked for."""
        return self._transfer.record.step(lambda: self._reader.mod_time)

    @property
    def version(self) -> str:
        """The version that is read."""
        return self._reader.version

    def seekable(self) -> bool:
        """Whether the reader below has other positions."""
        return self._reader.seekable()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to another position, if the reader below can."""
        return self._transfer.run(self._reader.seek, offset, whence)

    def tell(self) -> int:
        """The position, as the reader below counts it."""
        return self._reader.tell()

    def fileno(self) -> int:
        """The descriptor, if the reader below has one."""
        return self._reader.fileno()

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes; everything that is left if it is negative or None."""
        return self._counted(self._transfer.run(self._reader.read, size))

    def readall(self) -> bytes:
        """Everything that is left."""
        return self._counted(self._transfer.run(self._reader.readall))

    def readinto(self, buffer: Buffer, /) -> int:
        """Read up to the length of `buffer` into it, and return how many bytes that was."""
        count = self._transfer.run(self._reader.readinto, buffer)
        self._transfer.add(count or 0, 0)
        return count

    def close(self) -> None:
        """Close the reader below, and end the record."""
        if not self.closed:
            self._transfer.record.step(self._reader.close)
            super().close()
            self._transfer.end("closed")

    def _counted(self, data: bytes | None) -> bytes:
        self._transfer.add(len(data or b""), 0)
        return data  # type: ignore[return-value] # None only of streams that do not wait


class InstrumentedWriter(FileWriter):
    """A writer whose bytes are counted, and whose record ends with `commit`, `cancel` or `close`.

    Parameters
    ----------
    writer : FileWriter
        The writer of the driver below.
    record : Recording
        The record, begun before the writer was made.
    begin : callable
        Begins the record of a call that belongs to it, by the name of the operation.
    """

    def __init__(self, writer: FileWriter, record: Recording, begin: Callable[[str], Recording]) -> None:
        super().__init__()
        self._writer = writer
        self._transfer = _Transfer(record)
        self._begin = begin
        self._counted = writer.size

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self._writer!r}>"

    def __getattr__(self, name: str) -> Any:
        return _attribute(self, "_writer", name)

    def __del__(self) -> None:
        # io.IOBase would call close() here, which sends what is buffered. The writer below says that it was dropped.
        if "_transfer" in self.__dict__:
            self._transfer.end("dropped")

    @property
    def size(self) -> int:
        """All bytes of this upload: earlier sessions and what is still buffered included."""
        return self._writer.size

    def tell(self) -> int:
        """Where the next byte goes, as the writer below counts it."""
        return self._writer.tell()

    def fileno(self) -> int:
        """The descriptor, if the writer below has one."""
        return self._writer.fileno()

    def write(self, data: Buffer, /) -> int:
        """Take all of `data` and return its length in bytes; a failure has taken a prefix, which `size` counts."""
        try:
            count = self._transfer.run(self._writer.write, data)
        except BaseException:
            with contextlib.suppress(Exception):
                self._take(self._writer.size - self._counted)
            self._settle()
            raise
        self._take(count)
        return count

    def commit(self) -> None:
        """Publish the content at the path. After a failure it can be called again."""
        self._finish("writer.commit", self._writer.commit, "committed")

    def cancel(self) -> None:
        """Remove everything of this upload. After a failure only this can be called again."""
        self._finish("writer.cancel", self._writer.cancel, "cancelled")

    def close(self) -> None:
        """Make all that was written durable, for another session to go on. After a failure it can be called again."""
        self._finish("writer.close", self._writer.close, "closed")

    def _take(self, count: int) -> None:
        self._counted += count
        self._transfer.add(0, count)

    def _finish(self, operation: str, function: Callable[[], None], outcome: str) -> None:
        """Make a call that ends the upload if it succeeds, recorded by itself."""
        if self.closed:
            function()
            return
        record = self._begin(operation)
        try:
            self._transfer.run(record.run, function)
        except BaseException:
            self._settle()
            raise
        record.end()
        self._settle(outcome)

    def _settle(self, outcome: str = "conflict") -> None:
        """End the record if the writer below is closed: after a failure, only a conflict has closed it."""
        if self._writer.closed:
            super().close()
            self._transfer.end(outcome)


def _attribute(stream: object, below: str, name: str) -> Any:
    """What the stream below has beside the contract."""
    if name.startswith("_"):
        message = f"{type(stream).__name__!r} object has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(getattr(stream, below), name)
