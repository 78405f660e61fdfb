"""Calls from everywhere: from fsspec's event loop, another one, and threads that such a loop waits for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeVar

import fsspec
import pytest
from fsspec.asyn import AsyncFileSystem, get_loop
from fsspec.implementations.dirfs import DirFileSystem

from storagedriver import StorageDriverError, factory
from storagedriver.adapter.loop import close_on, own_loop, run_on
from storagedriver.filesystem import StorageDriverFileSystem
from tests.gcs import tokens as gcs_tokens
from tests.servers.azurite import AzuriteServer
from tests.servers.gcs import GCSServer
from tests.servers.s3 import S3Server
from tests.servers.swift import SwiftServer

T = TypeVar("T")

#: What may be waited for, in seconds: who waits for himself does not end.
_PATIENCE = 60


def on_the_loop(call: Callable[[], T]) -> T:
    """What a call gives that is made in the thread of fsspec's event loop."""

    async def coroutine() -> T:
        return call()

    return asyncio.run_coroutine_threadsafe(coroutine(), get_loop()).result(_PATIENCE)


def in_another_loop(call: Callable[[], T]) -> T:
    """What it gives in a coroutine of a loop of this thread."""

    async def coroutine() -> T:
        return call()

    return asyncio.run(coroutine())


def beside_the_loop(call: Callable[[], T]) -> T:
    """What it gives in a thread that a coroutine of fsspec's loop waits for."""

    async def coroutine() -> T:
        return await asyncio.to_thread(call)

    return asyncio.run_coroutine_threadsafe(coroutine(), get_loop()).result(_PATIENCE)


@pytest.fixture(scope="module")
def token_service() -> Iterator[gcs_tokens.TokenService]:
    with gcs_tokens.serving() as service:
        yield service


@pytest.fixture(params=["s3", "s3 of the environment", "gcs", "azure", "swift", "fsspec"])
def fs(
    request: pytest.FixtureRequest, rootdirectory: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StorageDriverFileSystem]:
    """A cold filesystem, on credentials that have to be asked for where the store has such."""
    driver = request.param.partition(" ")[0]
    parameters: dict[str, Any]
    if driver == "s3":
        s3: S3Server = request.getfixturevalue("seaweedfs")
        parameters = s3.parameters(rootdirectory)
        if request.param != driver:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", parameters.pop("accesskey"))
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", parameters.pop("secretkey"))
    elif driver == "gcs":
        gcs: GCSServer = request.getfixturevalue("fake_gcs")
        service: gcs_tokens.TokenService = request.getfixturevalue("token_service")
        credentials = gcs_tokens.key_info(f"{service.url}/token")
        parameters = gcs.parameters(rootdirectory, credentials=credentials)
    elif driver == "azure":
        azure: AzuriteServer = request.getfixturevalue("azurite")
        parameters = azure.parameters(rootdirectory)
    elif driver == "swift":
        swift: SwiftServer = request.getfixturevalue("swift")
        parameters = swift.parameters(f"test-{rootdirectory.rpartition('/')[2]}")
    else:
        of_fsspec: S3Server = request.getfixturevalue("seaweedfs")
        parameters = {"url": f"s3://{of_fsspec.bucket}/{rootdirectory}", "storage_options": s3fs_options(of_fsspec)}
    with closing(factory.create(driver, parameters)) as made:
        yield StorageDriverFileSystem(made)


def s3fs_options(server: S3Server) -> dict[str, Any]:
    return {
        "key": server.access_key,
        "secret": server.secret_key,
        "endpoint_url": server.endpoint,
        "client_kwargs": {"region_name": server.region},
        "skip_instance_cache": True,
    }


def use(fs: StorageDriverFileSystem) -> bytes:
    """A life in short: what is read, written, listed and removed, with what threads have to do with it."""
    fs.makedirs("/d/e", exist_ok=True)
    fs.pipe({"/d/a": b"1", "/d/b": b"2", "/d/c": b"3"})
    with fs.open("/d/large", "wb", block_size=10) as file:
        file.write(b"4" * 100)
    fs.mv("/d/a", "/d/e/a")
    fs.cp_file("/d/b", "/d/e/b")
    assert fs.find("/d") == ["/d/b", "/d/c", "/d/e/a", "/d/e/b", "/d/large"]
    content = b"".join(fs.cat(["/d/e/a", "/d/b", "/d/c"]).values())
    content += b"".join(fs.cat_ranges(["/d/large"] * 3, [0, 1, 2], [1, 2, 3], on_error="raise"))
    if fs.driver.capabilities.signs_urls:
        fs.driver.redirect_url("/d/b")
    fs.rm("/d", recursive=True)
    assert fs.find("/d") == []
    fs.driver.close()
    return content


@pytest.mark.parametrize("where", [on_the_loop, in_another_loop, beside_the_loop], ids=lambda where: where.__name__)
def test_every_call_works_from_everywhere(
    fs: StorageDriverFileSystem, where: Callable[[Callable[[], bytes]], bytes]
) -> None:
    assert where(lambda: use(fs)) == b"231444"


@pytest.fixture
def plain(seaweedfs: S3Server) -> Any:
    """s3fs, which waits for fsspec's event loop."""
    return fsspec.filesystem("s3", **s3fs_options(seaweedfs))


@pytest.mark.parametrize("where", [on_the_loop, in_another_loop, beside_the_loop], ids=lambda where: where.__name__)
@pytest.mark.parametrize("is_below", [False, True], ids=["itself", "below a dir"])
def test_a_filesystem_object_works_from_its_own_loop(
    plain: Any, seaweedfs: S3Server, rootdirectory: str, is_below: bool, where: Callable[[Callable[[], bytes]], bytes]
) -> None:
    root = f"{seaweedfs.bucket}/{rootdirectory}"
    parameters = {"fs": DirFileSystem(root, plain)} if is_below else {"fs": plain, "rootdirectory": root}
    fs = StorageDriverFileSystem(factory.create("fsspec", parameters))
    assert where(lambda: use(fs)) == b"231444"
    # And from this thread, by the filesystem itself.
    assert use(fs) == b"231444"


class Stubborn(AsyncFileSystem):  # type: ignore[misc]
    """A filesystem that is made for fsspec's loop and no other."""

    protocol = "stubborn"
    cachable = False

    def __init__(self) -> None:
        super().__init__()

    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": 1, "type": "file"}

    async def _cat_file(self, path: str, *_: Any, **__: Any) -> bytes:
        return path.encode()

    async def _rm_file(self, path: str, **_: Any) -> None:
        raise PermissionError(path)


def test_a_filesystem_that_can_only_wait_for_itself_says_so_at_once() -> None:
    fs = StorageDriverFileSystem(factory.create("fsspec", {"fs": Stubborn()}))
    calls: list[Callable[[], Any]] = [
        lambda: fs.cat_file("/a"),
        lambda: fs.cat(["/a", "/b", "/c"]),
        lambda: fs.cat_ranges(["/a", "/b"], 0, 1, on_error="raise"),
    ]
    for call in calls:
        with pytest.raises(StorageDriverError, match="asyncio.to_thread"):
            on_the_loop(call)
        beside_the_loop(call)
        call()


@pytest.mark.parametrize("driver", ["s3", "fsspec"])
def test_the_plain_filesystem_is_awaited_on_fsspec_s_loop(driver: str, seaweedfs: S3Server, rootdirectory: str) -> None:
    url = f"s3://{seaweedfs.bucket}/{rootdirectory}"
    parameters = {
        "s3": seaweedfs.parameters(rootdirectory),
        "fsspec": {"url": url, "storage_options": s3fs_options(seaweedfs)},
    }[driver]
    with factory.create(driver, parameters) as made:
        made.put_content("/a", b"1")
        made.redirect_url("/a")
        below = made.filesystem
        awaited = asyncio.run_coroutine_threadsafe(below._cat_file("a"), get_loop())
        assert (awaited.result(_PATIENCE), below.cat_file("a"), made.get_content("/a")) == (b"1", b"1", b"1")
        assert type(below.fs).from_json(below.fs.to_json()).cat_file(f"{url}/a") == b"1"


def test_what_closes_on_the_loop_of_this_thread_is_not_waited_for() -> None:
    closed: list[str] = []
    is_closed = asyncio.Event()

    async def close() -> None:
        closed.append("closed")
        is_closed.set()

    async def coroutine() -> list[str]:
        close_on(own_loop(), close, _PATIENCE)
        before = list(closed)
        await is_closed.wait()
        return before

    assert run_on(own_loop(), coroutine) == []
    close_on(own_loop(), close, _PATIENCE)
    assert closed == ["closed"] * 2
    ended = asyncio.new_event_loop()
    ended.close()
    close_on(ended, close, _PATIENCE)
    assert len(closed) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_a_loop_of_its_own() -> None:
    async def number() -> int:
        return 5

    assert run_on(own_loop(), number) == 5
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = run_on(own_loop(), number, 10)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
