"""What an error of a call leaves: no cycle of references, and the type that was raised."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.aio import AsyncStorageDriver
from storagedriver.driver import FileInfo
from storagedriver.errors import PathNotFoundError


class VisitError(Exception):
    pass


async def refused(_info: FileInfo) -> None:
    raise VisitError


async def all_of(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        pass


CALLS: dict[str, Callable[[AsyncStorageDriver], Awaitable[object]]] = {
    "get_content": lambda driver: driver.get_content("/missing"),
    "reader": lambda driver: opened(driver.reader("/missing")),
    "files": lambda driver: all_of(driver.files("/missing")),
    "walk": lambda driver: driver.walk("/missing", refused),
    "visit": lambda driver: driver.walk("/", refused),
}


async def opened(opening: Awaitable[Any]) -> Any:
    return await opening


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("store", ["inmemory", "filesystem"])
def test_an_error_is_freed_without_a_collection_of_cycles(name: str, store: str, tmp_path: Path) -> None:
    async def main() -> weakref.ref[BaseException]:
        parameters = {"rootdirectory": str(tmp_path)} if store == "filesystem" else {}
        async with factory.create(store, parameters).aio as driver:
            await driver.put_content("/file", b"")
            try:
                await CALLS[name](driver)
            except (PathNotFoundError, VisitError) as error:
                left: weakref.ref[BaseException] = weakref.ref(error)
            # What the loop and the thread have of the call is gone with the next one.
            await driver.exists("/file")
            return left

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(main())() is None
    finally:
        gc.enable()


def test_a_visit_that_is_cancelled_by_itself_cancels_the_walk() -> None:
    async def visit(_info: FileInfo) -> None:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    async def main() -> None:
        async with factory.create("inmemory").aio as driver:
            await driver.put_content("/file", b"")
            with pytest.raises(asyncio.CancelledError):
                await driver.walk("/", visit)

    asyncio.run(main())
