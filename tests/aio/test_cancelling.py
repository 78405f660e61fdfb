"""What a cancelled call leaves: nothing open, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from threading import Event
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.driver import FileInfo, StorageDriver
from storagedriver.middleware import MiddlewareDriver
from tests.servers.s3 import S3Server


class Held(MiddlewareDriver):
    """A driver whose next call waits until it may go on."""

    def __init__(self, driver: StorageDriver) -> None:
        super().__init__(driver)
        self.began, self.may_go_on = Event(), Event()
        self.opened: list[Any] = []

    def reader(self, *arguments: Any) -> Any:
        return self._hold(lambda: self.driver.reader(*arguments))

    def writer(self, *arguments: Any) -> Any:
        return self._hold(lambda: self.driver.writer(*arguments))

    def _hold(self, open_it: Callable[[], Any]) -> Any:
        self.began.set()
        assert self.may_go_on.wait(10)
        self.opened.append(open_it())
        return self.opened[-1]


@pytest.fixture
def held(seaweedfs: S3Server, rootdirectory: str) -> Iterator[Held]:
    with factory.create("s3", seaweedfs.parameters(rootdirectory)) as driver:
        yield Held(driver)


async def cancelled_in(held: Held, awaited: Awaitable[Any]) -> None:
    """Cancel a call while its thread is at work."""
    task = asyncio.ensure_future(awaited)
    await asyncio.to_thread(held.began.wait, 10)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    held.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def opened(opening: Awaitable[Any]) -> Any:
    return await opening


def test_a_reader_that_is_not_wanted_any_more_is_closed(held: Held) -> None:
    held.put_content("/a", b"content")
    asyncio.run(cancelled_in(held, opened(held.aio.reader("/a"))))
    assert held.opened[0].closed


def test_a_new_writer_that_is_not_wanted_any_more_leaves_no_upload(held: Held) -> None:
    asyncio.run(cancelled_in(held, opened(held.aio.writer("/a"))))
    assert held.opened[0].closed
    assert list(held.uploads("/")) == []


def test_an_upload_that_was_to_be_resumed_stays(held: Held) -> None:
    with held.driver.writer("/a") as writer:
        writer.write(b"content")
    asyncio.run(cancelled_in(held, opened(held.aio.writer("/a", append=True))))
    assert held.opened[0].closed
    assert held.upload_size("/a") == 7


def test_a_call_that_has_not_begun_is_not_made() -> None:
    driver = factory.create("inmemory")

    async def cancel_at_once() -> None:
        task = asyncio.ensure_future(driver.aio.put_content("/a", b"content"))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancel_at_once())
    assert not driver.exists("/a")


@pytest.mark.parametrize("size", [3, -1])
def test_bytes_of_a_read_that_was_cancelled_are_given_by_the_next(size: int) -> None:
    driver = factory.create("inmemory")
    content = bytes(range(256)) * (10 << 12)
    driver.put_content("/a", content)

    async def read() -> bytes:
        async with driver.aio.reader("/a") as reader:
            given = await reader.read(5)
            for _ in range(20):
                task = asyncio.ensure_future(reader.read(size))
                await asyncio.sleep(0.0005)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    given += await task
            return given + await reader.read()

    assert asyncio.run(read()) == content


def test_a_walk_ends_when_it_is_cancelled() -> None:
    driver = factory.create("inmemory")
    for number in range(10):
        driver.put_content(f"/{number}", b"")
    visited: list[str] = []

    async def visit(info: FileInfo) -> None:
        visited.append(info.path)
        await asyncio.sleep(10 if len(visited) == 3 else 0)

    async def walk() -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(driver.aio.walk("/", visit), 0.3)

    asyncio.run(walk())
    assert visited == ["/0", "/1", "/2"]


def test_a_loop_over_files_can_be_left() -> None:
    driver = factory.create("inmemory")
    for number in range(2000):
        driver.put_content(f"/{number:04}", b"")

    async def first() -> str:
        async for info in driver.aio.files("/"):
            return info.path
        return ""

    assert asyncio.run(first()) == "/0000"


def test_more_walks_than_threads_whose_visits_use_the_driver() -> None:
    driver = factory.create("inmemory")
    driver.put_content("/a", b"content")
    found: list[bytes] = []

    async def visit(info: FileInfo) -> None:
        found.append(await driver.aio.get_content(info.path))

    async def walk() -> None:
        walks: list[Coroutine[Any, Any, None]] = [driver.aio.walk("/", visit) for _ in range(300)]
        await asyncio.gather(*walks)

    asyncio.run(walk())
    assert found == [b"content"] * 300
