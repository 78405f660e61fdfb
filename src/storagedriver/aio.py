"""The contract for asyncio: the calls of a driver as coroutines.

`StorageDriver.aio` gives it for any driver::

    async with driver.aio.reader("/a") as reader:
        async for piece in reader:
            ...

A call runs in a thread: waiting for a store costs no more there, and the
answers, the errors and the retries are those of the driver. `THREADS` calls
run at a time in a process; the others wait for their turn.

**Cancellation.** A request that is under way cannot be called back. A call
that is cancelled waits for it, and removes what it has opened: a reader is
closed, a new upload cancelled, and one that was resumed is closed and stays.
A `read` that was cancelled gives its bytes to the next one. A `write`, `put_content`
or `commit` that was cancelled may have done what it was to do.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from operator import methodcaller
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from storagedriver.adapter.limits import PerProcess
from storagedriver.driver import (
    Capabilities,
    ConflictsDetected,
    FileInfo,
    FileReader,
    FileWriter,
    StopWalk,
    StorageDriver,
    UploadInfo,
)
from storagedriver.paths import ROOT, WalkOrder

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer, Self

__all__ = ["THREADS", "AsyncFileReader", "AsyncFileWriter", "AsyncStorageDriver", "Opening"]

T = TypeVar("T")
S = TypeVar("S", bound="AsyncFileReader | AsyncFileWriter")

#: How many calls run at a time in a process.
THREADS = 256
#: The most bytes of a piece of a stream.
_PIECE = 1 << 20
#: How many entries of a listing are fetched by one call.
_ENTRIES = 500

_threads = PerProcess(lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="storagedriver-aio"))


class _Outcome(Generic[T]):
    """What became of a call. Of an exception that passes from thread to thread by itself, asyncio changes some."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._value: T | None = None
        self.error: BaseException | None = None
        try:
            self._value = call()
        except BaseException as error:  # noqa: BLE001 - it is raised by `get`
            self.error = error

    def get(self) -> T:
        """The result, or the error once: its traceback holds frames that hold this."""
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error
        return self._value  # type: ignore[return-value] # None is a result where T is None


def _in_the_pool(call: Callable[[], T]) -> Future[_Outcome[T]]:
    # What a trace belongs to is in the context.
    return _threads.get().submit(copy_context().run, _Outcome, call)


def _in_its_own_thread(call: Callable[[], T]) -> Future[_Outcome[T]]:
    running: Future[_Outcome[T]] = Future()
    running.set_running_or_notify_cancel()

    context = copy_context()

    def run() -> None:
        running.set_result(context.run(_Outcome, call))

    Thread(target=run, name="storagedriver-aio-walk", daemon=True).start()
    return running


async def _run(
    call: Callable[[], T],
    undo: Callable[[T], object] | None = None,
    *,
    start: Callable[[Callable[[], T]], Future[_Outcome[T]]] = _in_the_pool,
    stop: Callable[[], object] | None = None,
) -> T:
    """Make a call in a thread.

    Parameters
    ----------
    call : callable
        What is called.
    undo : callable, optional
        What takes back the result of a call that was cancelled and has
        succeeded nevertheless. It runs in a thread, too.
    start : callable
        Starts the thread.
    stop : callable, optional
        Has a call that was cancelled end soon.
    """
    running = start(call)
    try:
        outcome = await asyncio.wrap_future(running)
    except asyncio.CancelledError:
        if not running.cancelled():
            if stop is not None:
                stop()
            await _through(running)
            if undo is not None and running.result().error is None:
                await _through(_in_the_pool(partial(undo, running.result().get())))
        raise
    return outcome.get()


async def _through(running: Future[Any]) -> None:
    """Wait until a call has ended, however often that is cancelled."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wake(_: Future[Any]) -> None:
        # A loop that was closed meanwhile waits for nothing.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ended.set)

    running.add_done_callback(wake)
    while not ended.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await ended.wait()


class AsyncFileReader:
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
        return await _run(partial(self._reader.read, size), self._keep)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read(_PIECE):
            yield piece

    async def close(self) -> None:
        """Give the connection back."""
        await _run(self._reader.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

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


class AsyncFileWriter:
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
        return await _run(partial(self._writer.write, data))

    async def commit(self) -> None:
        """Publish the content at the path; as `FileWriter.commit`."""
        await _run(self._writer.commit)

    async def cancel(self) -> None:
        """Remove everything of this upload; as `FileWriter.cancel`."""
        await _run(self._writer.cancel)

    async def close(self) -> None:
        """Make all that was written durable, for another session to go on; as `FileWriter.close`."""
        await _run(self._writer.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


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


class AsyncStorageDriver:
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
        return await _run(lambda: self.driver.walk_order)

    async def conflicts_detected(self) -> ConflictsDetected:
        """Of which writers the server at hand finds the loser."""
        return await _run(lambda: self.driver.conflicts_detected)

    async def get_content(self, path: str) -> bytes:
        """The whole content of a small file."""
        return await _run(partial(self.driver.get_content, path))

    async def put_content(self, path: str, content: Buffer) -> None:
        """Write a whole small file, atomically."""
        await _run(partial(self.driver.put_content, path, content))

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> Opening[AsyncFileReader]:
        """Open a file for streaming: ``async with driver.aio.reader(path) as reader``."""

        async def open_it() -> AsyncFileReader:
            opened = await _run(partial(self.driver.reader, path, offset, length), methodcaller("close"))
            return AsyncFileReader(opened)

        return Opening(open_it)

    def writer(self, path: str, append: bool = False) -> Opening[AsyncFileWriter]:
        """Begin an upload, or go on with one: ``async with driver.aio.writer(path) as writer``."""

        async def open_it() -> AsyncFileWriter:
            undo = methodcaller("close" if append else "cancel")
            return AsyncFileWriter(await _run(partial(self.driver.writer, path, append), undo))

        return Opening(open_it)

    async def stat(self, path: str) -> FileInfo:
        """What is at `path`."""
        return await _run(partial(self.driver.stat, path))

    async def exists(self, path: str) -> bool:
        """Whether there is a file or a directory at `path`."""
        return await _run(partial(self.driver.exists, path))

    async def list(self, path: str) -> builtins.list[str]:
        """The absolute paths of the direct children, sorted, files and directories."""
        return await _run(partial(self.driver.list, path))

    async def move(self, source: str, dest: str) -> None:
        """Move one file."""
        await _run(partial(self.driver.move, source, dest))

    async def copy(self, source: str, dest: str) -> None:
        """Copy one file."""
        await _run(partial(self.driver.copy, source, dest))

    async def delete(self, path: str) -> None:
        """Delete the file, everything below it and every unfinished upload there."""
        await _run(partial(self.driver.delete, path))

    async def redirect_url(self, path: str, *arguments: Any, **others: Any) -> str | None:
        """A signed URL from which a client can fetch the file itself; as `StorageDriver.redirect_url`."""
        return await _run(partial(self.driver.redirect_url, path, *arguments, **others))

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
        await _run(partial(self.driver.walk, path, in_the_loop, start_after), start=_in_its_own_thread, stop=stop)

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
        return await _run(partial(self.driver.purge_uploads, path, older_than))

    async def upload_size(self, path: str) -> int:
        """How many bytes a resume would find, without taking the upload over."""
        return await _run(partial(self.driver.upload_size, path))

    async def close(self) -> None:
        """Close the driver: give back connections and threads."""
        await _run(self.driver.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _each(begin: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """The items of an iterator, some hundred by each call in a thread."""
    iterator = await _run(begin, _end)
    try:
        while items := await _run(lambda: list(islice(iterator, _ENTRIES))):
            for item in items:
                yield item
    finally:
        await _run(partial(_end, iterator))


def _end(iterator: Iterator[Any]) -> None:
    """Close a generator; other iterators hold nothing."""
    close = getattr(iterator, "close", None)
    if close is not None:
        close()
