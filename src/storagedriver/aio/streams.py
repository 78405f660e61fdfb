"""The streams of a driver for asyncio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from storagedriver.aio.threads import run
from storagedriver.driver import FileReader, FileWriter

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer, Self

__all__ = ["AsyncFileReader", "AsyncFileWriter", "Closing", "Opening"]

S = TypeVar("S", bound="AsyncFileReader | AsyncFileWriter")

#: The most bytes of a piece of a stream.
_PIECE = 1 << 20


class Closing(ABC):
    """What an ``async with`` block closes at its end."""

    @abstractmethod
    async def close(self) -> None:
        """Close it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncFileReader(Closing):
    """A stream of a file's content: `FileReader` for asyncio. One task at a time may use it.

    ``async for`` gives the content in pieces of up to 1 MiB.
    """

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        #: What a read that was cancelled has read.
        self._kept = b""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._reader!r}>"

    @property
    def size(self) -> int:
        """The size of the whole object in bytes, whatever the offset of the stream."""
        return self._reader.size

    @property
    def mod_time(self) -> datetime:
        """When the object was last changed, aware and in UTC."""
        return self._reader.mod_time

    @property
    def version(self) -> str:
        """The version that is read, see `FileInfo.version`."""
        return self._reader.version

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._reader.closed

    async def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer than that before the end too; ``b""`` at the end.

        Parameters
        ----------
        size : int
            How many bytes at most; negative: all that are left.
        """
        if size == 0:
            return b""
        if size < 0:
            return await self._rest()
        if self._kept:
            given, self._kept = self._kept[:size], self._kept[size:]
            return given
        return await run(partial(self._reader.read, size), self._keep)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read(_PIECE):
            yield piece

    async def close(self) -> None:
        """Give the connection back."""
        await run(self._reader.close)

    async def _rest(self) -> bytes:
        pieces: list[bytes] = []
        try:
            async for piece in self:
                pieces.append(piece)  # noqa: PERF401 - those that were read before a failure are kept
        except BaseException:
            self._kept = b"".join(pieces) + self._kept
            raise
        return b"".join(pieces)

    def _keep(self, piece: bytes | None) -> None:
        self._kept += piece or b""


class AsyncFileWriter(Closing):
    """An upload: `FileWriter` for asyncio. One task at a time may use it.

    Leaving an ``async with`` block without `commit` closes the writer: the
    upload stays and can be resumed, it is never published so.
    """

    def __init__(self, writer: FileWriter) -> None:
        self._writer = writer

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._writer!r}>"

    @property
    def size(self) -> int:
        """All bytes of this upload: earlier sessions and what is still buffered included."""
        return self._writer.size

    @property
    def closed(self) -> bool:
        """Whether it was committed, cancelled or closed."""
        return self._writer.closed

    async def write(self, data: Buffer) -> int:
        """Take all of `data` and return its length in bytes; as `FileWriter.write`."""
        return await run(partial(self._writer.write, data))

    async def commit(self) -> None:
        """Publish the content at the path; as `FileWriter.commit`."""
        await run(self._writer.commit)

    async def cancel(self) -> None:
        """Remove everything of this upload; as `FileWriter.cancel`."""
        await run(self._writer.cancel)

    async def close(self) -> None:
        """Make all that was written durable, for another session to go on; as `FileWriter.close`."""
        await run(self._writer.close)


class Opening(Generic[S]):
    """A stream that is being opened: ``await`` it, or use it with ``async with``, which closes the stream, too."""

    def __init__(self, open_it: Callable[[], Awaitable[S]]) -> None:
        self._open = open_it
        self._stream: S | None = None

    def __await__(self) -> Generator[Any, None, S]:
        return self._open().__await__()

    async def __aenter__(self) -> S:
        self._stream = await self._open()
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()
