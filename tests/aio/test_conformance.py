"""The conformance suite, with each call made by way of a coroutine."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Thread
from typing import Any, TypeVar

from storagedriver import factory
from storagedriver.aio import AsyncFileReader, AsyncFileWriter, AsyncStorageDriver
from storagedriver.driver import (
    Capabilities,
    ConflictsDetected,
    FileInfo,
    FileReader,
    FileWriter,
    SkipDir,
    StopWalk,
    StorageDriver,
    UploadInfo,
    Visit,
)
from storagedriver.drivers.inmemory.store import InMemoryStore
from storagedriver.drivers.s3.store import S3Store
from storagedriver.paths import WalkOrder
from storagedriver.testsuites import suite
from tests.servers.s3 import S3Server

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        # An exception is carried by hand: asyncio gives another TimeoutError for one.
        async def outcome() -> tuple[T | None, Exception | None]:
            try:
                return await coroutine, None
            except Exception as error:  # noqa: BLE001 - it is raised by the caller
                return None, error

        value, error = asyncio.run_coroutine_threadsafe(outcome(), self.loop).result()
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Reader(FileReader):
    def __init__(self, reader: AsyncFileReader, loop: Loop) -> None:
        self._reader, self._loop = reader, loop

    @property
    def size(self) -> int:
        return self._reader.size

    @property
    def mod_time(self) -> datetime:
        return self._reader.mod_time

    @property
    def version(self) -> str:
        return self._reader.version

    def readinto(self, buffer: Any) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        view = memoryview(buffer).cast("B")
        piece = self._loop.wait(self._reader.read(len(view)))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._loop.wait(self._reader.close())
        super().close()


class Writer(FileWriter):
    def __init__(self, writer: AsyncFileWriter, loop: Loop) -> None:
        self._writer, self._loop = writer, loop

    @property
    def size(self) -> int:
        return self._writer.size

    def tell(self) -> int:
        return self.size

    @property
    def closed(self) -> bool:
        return self._writer.closed

    def write(self, data: Any, /) -> int:
        return self._loop.wait(self._writer.write(data))

    def commit(self) -> None:
        self._loop.wait(self._writer.commit())

    def cancel(self) -> None:
        self._loop.wait(self._writer.cancel())

    def close(self) -> None:
        self._loop.wait(self._writer.close())

    def __del__(self) -> None:
        pass


class Bridge(StorageDriver):
    """A driver whose calls are those of an `AsyncStorageDriver`."""

    def __init__(self, driver: AsyncStorageDriver) -> None:
        self._driver = driver
        self._loop = Loop()

    @property
    def name(self) -> str:
        return self._driver.name

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    @property
    def walk_order(self) -> WalkOrder:
        return self._loop.wait(self._driver.walk_order())

    @property
    def conflicts_detected(self) -> ConflictsDetected:
        return self._loop.wait(self._driver.conflicts_detected())

    def __reduce__(self) -> tuple[Any, ...]:
        return Bridge, (self._driver,)

    def get_content(self, path: str) -> bytes:
        return self._loop.wait(self._driver.get_content(path))

    def put_content(self, path: str, content: Any) -> None:
        self._loop.wait(self._driver.put_content(path, content))

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        async def opened() -> AsyncFileReader:
            return await self._driver.reader(path, offset, length)

        return Reader(self._loop.wait(opened()), self._loop)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        async def opened() -> AsyncFileWriter:
            return await self._driver.writer(path, append)

        return Writer(self._loop.wait(opened()), self._loop)

    def stat(self, path: str) -> FileInfo:
        return self._loop.wait(self._driver.stat(path))

    def list(self, path: str) -> builtins.list[str]:
        return self._loop.wait(self._driver.list(path))

    def move(self, source: str, dest: str) -> None:
        self._loop.wait(self._driver.move(source, dest))

    def copy(self, source: str, dest: str) -> None:
        self._loop.wait(self._driver.copy(source, dest))

    def delete(self, path: str) -> None:
        self._loop.wait(self._driver.delete(path))

    def exists(self, path: str) -> bool:
        return self._loop.wait(self._driver.exists(path))

    def redirect_url(self, path: str, *arguments: Any, **others: Any) -> str | None:
        return self._loop.wait(self._driver.redirect_url(path, *arguments, **others))

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        # Python lets no StopIteration out of a coroutine: the error of a visit that ends the walk is raised here.
        errors: builtins.list[Exception] = []

        def visited(info: FileInfo) -> None:
            try:
                visit(info)
            except (SkipDir, StopWalk):
                raise
            except Exception as error:
                errors.append(error)
                raise StopWalk from error

        async def in_a_thread(info: FileInfo) -> None:
            # It uses this driver, which waits for the event loop.
            await asyncio.to_thread(visited, info)

        self._loop.wait(self._driver.walk(path, in_a_thread, start_after))
        for error in errors:
            raise error

    def files(self, path: str = "/", start_after: str = "") -> Iterator[FileInfo]:
        async def found() -> builtins.list[FileInfo]:
            return [info async for info in self._driver.files(path, start_after)]

        return iter(self._loop.wait(found()))

    def uploads(self, path: str = "/") -> Iterator[UploadInfo]:
        async def found() -> builtins.list[UploadInfo]:
            return [upload async for upload in self._driver.uploads(path)]

        return iter(self._loop.wait(found()))

    def purge_uploads(self, path: str = "/", older_than: timedelta = timedelta(0)) -> builtins.list[UploadInfo]:
        return self._loop.wait(self._driver.purge_uploads(path, older_than))

    def upload_size(self, path: str) -> int:
        return self._loop.wait(self._driver.upload_size(path))

    def close(self) -> None:
        self._loop.wait(self._driver.close())
        with suppress(RuntimeError):
            self._loop.close()


_AREAS = ("content", "streams", "uploads", "stat", "listing", "walk", "moving", "deleting", "names", "errors")


def _inmemory() -> StorageDriver:
    return Bridge(factory.create("inmemory").aio)


def _s3(seaweedfs: S3Server, rootdirectory: str) -> StorageDriver:
    return Bridge(factory.create("s3", seaweedfs.parameters(rootdirectory)).aio)


TestInMemory = suite("inmemory by aio", _inmemory, InMemoryStore.capabilities, areas=_AREAS)
TestS3 = suite("s3 by aio", _s3, S3Store.capabilities, areas=("uploads", "walk"))
