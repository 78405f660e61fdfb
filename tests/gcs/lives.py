"""Contents in chunks, the ways of a writer through them, and what can happen meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileWriter
from storagedriver.errors import ConflictError
from storagedriver.testsuites.faults.actions import Action, Pass
from storagedriver.testsuites.faults.exchange import Exchange
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from tests.gcs.conftest import CHUNK

Proxied = tuple[FsspecDriver, FaultProxy]

A, B, C, D = (bytes([letter]) * CHUNK for letter in b"ABCD")
TAIL = b"the tail"


def is_last(request: Request) -> bool:
    """Whether a request publishes a session."""
    return not request.headers.get("content-range", "*").endswith("*")


def is_state(request: Request) -> bool:
    """Whether a request keeps the state."""
    return request.method == "POST" and "uploadType=multipart" in request.query


def begin(driver: FsspecDriver, content: bytes, path: str = "/data") -> FileWriter:
    writer = driver.writer(path)
    writer.write(content)
    return writer


def leave(driver: FsspecDriver, content: bytes, path: str = "/data") -> None:
    begin(driver, content, path).close()


def has(driver: FsspecDriver, content: bytes, path: str = "/data") -> None:
    """The content is there, and no upload."""
    found = driver.get_content(path)
    assert (len(found), found == content) == (len(content), True)
    assert list(driver.uploads()) == []


def resumed(driver: FsspecDriver, content: bytes, path: str = "/data") -> None:
    """A resume finds that content, and a commit publishes it."""
    assert driver.upload_size(path) == len(content)
    with driver.writer(path, append=True) as writer:
        assert writer.size == len(content)
        writer.commit()
    has(driver, content, path)


class Meanwhile(Action):
    """Something else happens before the server gets the request."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call

    def perform(self, exchange: Exchange) -> None:
        self.call()
        Pass().perform(exchange)


class Interrupt(Action):
    """SIGINT while the client waits: the server never gets the request, or has done what it asks for."""

    def __init__(self, *, done: bool) -> None:
        self.done = done

    def perform(self, exchange: Exchange) -> None:
        if self.done:
            exchange.send_request()
            exchange.receive()
            exchange.drop_reply()
        _interrupt()
        exchange.wait(1)
        exchange.abort()


def _interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def arrive(writer: FileWriter, *, quietly: bool = False) -> None:
    """Wait until all full chunks are with the server."""
    engine = writer._upload._engine  # type: ignore[attr-defined] # there is no call for it
    try:
        engine.settle()
    except ConflictError:
        if not quietly:
            raise
