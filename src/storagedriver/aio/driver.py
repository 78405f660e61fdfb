"""The calls of a driver for asyncio."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from functools import partial
from itertools import islice
from operator import methodcaller
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from storagedriver.aio.streams import AsyncFileReader, AsyncFileWriter, Closing, Opening
from storagedriver.aio.threads import in_its_own_thread, run
from storagedriver.driver import Capabilities, ConflictsDetected, FileInfo, StopWalk, StorageDriver, UploadInfo
from storagedriver.paths import ROOT, WalkOrder

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["AsyncStorageDriver"]

T = TypeVar("T")

#: How many entries of a listing are fetched by one call.
_ENTRIES = 500


class AsyncStorageDriver(Closing):
    """The calls of a driver for asyncio. Parameters, results and errors are those of `StorageDriver`.

    It can be used from any event loop, and from several.

    Parameters
    ----------
    driver : StorageDriver
        The driver.
    """

    def __init__(self, driver: StorageDriver) -> None:
        self.driver = driver

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.driver!r}>"

    @property
    def name(self) -> str:
        """The name the driver is registered by."""
        return self.driver.name

    @property
    def capabilities(self) -> Capabilities:
        """In what this store differs from others."""
        return self.driver.capabilities

    async def walk_order(self) -> WalkOrder:
        """The order of a walk on the server at hand."""
        return await run(lambda: self.driver.walk_order)

    async def conflicts_detected(self) -> ConflictsDetected:
        """Of which writers the server at hand finds the loser."""
        return await run(lambda: self.driver.conflicts_detected)

    async def get_content(self, path: str) -> bytes:
        """The whole content of a small file."""
        return await run(partial(self.driver.get_content, path))

    async def put_content(self, path: str, content: Buffer) -> None:
        """Write a whole small file, atomically."""
        await run(partial(self.driver.put_content, path, content))

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> Opening[AsyncFileReader]:
        """Open a file for streaming: ``async with driver.aio.reader(path) as reader``."""

        async def open_it() -> AsyncFileReader:
            opened = await run(partial(self.driver.reader, path, offset, length), methodcaller("close"))
            return AsyncFileReader(opened)

        return Opening(open_it)

    def writer(self, path: str, append: bool = False) -> Opening[AsyncFileWriter]:
        """Begin an upload, or go on with one: ``async with driver.aio.writer(path) as writer``."""

        async def open_it() -> AsyncFileWriter:
            undo = methodcaller("close" if append else "cancel")
            return AsyncFileWriter(await run(partial(self.driver.writer, path, append), undo))

        return Opening(open_it)

    async def stat(self, path: str) -> FileInfo:
        """What is at `path`."""
        return await run(partial(self.driver.stat, path))

    async def exists(self, path: str) -> bool:
        """Whether there is a file or a directory at `path`."""
        return await run(partial(self.driver.exists, path))

    async def list(self, path: str) -> builtins.list[str]:
        """The absolute paths of the direct children, sorted, files and directories."""
        return await run(partial(self.driver.list, path))

    async def move(self, source: str, dest: str) -> None:
        """Move one file."""
        await run(partial(self.driver.move, source, dest))

    async def copy(self, source: str, dest: str) -> None:
        """Copy one file."""
        await run(partial(self.driver.copy, source, dest))

    async def delete(self, path: str) -> None:
        """Delete the file, everything below it and every unfinished upload there."""
        await run(partial(self.driver.delete, path))

    async def redirect_url(self, path: str, *arguments: Any, **others: Any) -> str | None:
        """A signed URL from which a client can fetch the file itself; as `StorageDriver.redirect_url`."""
        return await run(partial(self.driver.redirect_url, path, *arguments, **others))

    async def walk(self, path: str, visit: Callable[[FileInfo], Awaitable[None] | None], start_after: str = "") -> None:
        """Visit everything below `path`, depth first.

        Parameters
        ----------
        path, start_after
            As for `StorageDriver.walk`.
        visit : callable or coroutine function
            As there. It runs in the event loop, and the walk waits for it. It
            may use the driver.
        """
        loop = asyncio.get_running_loop()
        last: list[Future[BaseException | None]] = []
        is_over = Event()

        async def visited(info: FileInfo) -> BaseException | None:
            try:
                result = visit(info)
                if result is not None:
                    await result
            except Exception as error:  # noqa: BLE001 - the walk raises it
                return error
            return None

        def in_the_loop(info: FileInfo) -> None:
            if is_over.is_set():
                raise StopWalk
            last[:] = [asyncio.run_coroutine_threadsafe(visited(info), loop)]
            try:
                error = last[0].result()
            except CancelledError:
                raise asyncio.CancelledError from None
            if error is not None:
                last.clear()
                try:
                    raise error
                finally:
                    # The traceback holds this frame.
                    del error

        def stop() -> None:
            is_over.set()
            for visiting in last:
                visiting.cancel()

        # Its thread waits for `visit`, whose own calls need those of the pool.
        await run(partial(self.driver.walk, path, in_the_loop, start_after), start=in_its_own_thread, stop=stop)

    async def files(self, path: str = ROOT, start_after: str = "") -> AsyncIterator[FileInfo]:
        """The files below `path`, in the order of a walk."""
        async for info in _each(partial(self.driver.files, path, start_after)):
            yield info

    async def uploads(self, path: str = ROOT) -> AsyncIterator[UploadInfo]:
        """The unfinished uploads at `path` and below it."""
        async for upload in _each(partial(self.driver.uploads, path)):
            yield upload

    async def purge_uploads(self, path: str = ROOT, older_than: timedelta = timedelta(0)) -> builtins.list[UploadInfo]:
        """Remove the unfinished uploads at `path` and below it."""
        return await run(partial(self.driver.purge_uploads, path, older_than))

    async def upload_size(self, path: str) -> int:
        """How many bytes a resume would find, without taking the upload over."""
        return await run(partial(self.driver.upload_size, path))

    async def close(self) -> None:
        """Close the driver: give back connections and threads."""
        await run(self.driver.close)


async def _each(begin: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """The items of an iterator, some hundred by each call in a thread."""
    iterator = await run(begin, _end)
    try:
        while items := await run(lambda: list(islice(iterator, _ENTRIES))):
            for item in items:
                yield item
    finally:
        await run(partial(_end, iterator))


def _end(iterator: Iterator[Any]) -> None:
    """Close a generator; other iterators hold nothing."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
