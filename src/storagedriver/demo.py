"""The main job, shown on one layer: ``python -m storagedriver.demo``.

A process streams a layer in and is killed half way. A second one finds the
unfinished upload, goes on and commits. Then the layer is moved to where a
registry keeps it, listed, walked, read back and verified.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from storagedriver import factory
from storagedriver.driver import FileInfo, StorageDriver
from storagedriver.errors import StorageDriverError

__all__ = ["main"]

_PIECE = 1 << 20
#: Beside whatever a registry keeps, should it be run on its storage.
_ROOT = "/storagedriver-demo"
_UPLOAD = f"{_ROOT}/repositories/demo/_uploads/5f0c6f4e/data"


def layer(size: int, offset: int = 0) -> Iterator[bytes]:
    """The bytes of a layer of `size` bytes from `offset` on, in pieces of at most 1 MiB."""
    while offset < size:
        number, begin = divmod(offset, _PIECE)
        seed = hashlib.sha256(str(number).encode()).digest()
        piece = (seed * (_PIECE // len(seed)))[begin : size - number * _PIECE]
        yield piece
        offset += len(piece)


def _break_off(driver: StorageDriver, size: int) -> None:
    """Write the first half of the layer, then die without a word."""
    writer = driver.writer(_UPLOAD)
    for piece in layer(size // 2):
        writer.write(piece)
    os.kill(os.getpid(), signal.SIGKILL)


def _resume(driver: StorageDriver, size: int) -> None:
    """Go on where the upload ends, and commit it."""
    with driver.writer(_UPLOAD, append=True) as writer:
        print(f"  {writer.size / _PIECE:.0f} MiB are there, going on")
        begun, offset = time.perf_counter(), writer.size
        for piece in layer(size, offset):
            writer.write(piece)
        writer.commit()
        _report("written", size - offset, begun)


def _report(what: str, size: int, begun: float) -> None:
    seconds = time.perf_counter() - begun
    print(f"  {what}: {size / _PIECE:.0f} MiB in {seconds:.2f} s, {size / 1e6 / seconds:.0f} MB/s", flush=True)


def _run(target: Any, driver: StorageDriver, size: int) -> int | None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=(driver, size))
    process.start()
    process.join()
    return process.exitcode


def _show(info: FileInfo) -> None:
    print(f"    {info.path}{'/' if info.is_dir else f'  {info.size} bytes'}")


def run(driver: StorageDriver, size: int) -> None:
    """Do the main job on a driver, which is left as it was.

    Parameters
    ----------
    driver : StorageDriver
        It must be one that several processes can share.
    size : int
        The size of the layer in bytes.

    Raises
    ------
    StorageDriverError
        If the layer that is read back is not the one that was written.
    """
    print(f"{driver.name}: a first process streams a layer of {size / _PIECE:.0f} MiB in and is killed half way")
    print(f"  it ended with {_run(_break_off, driver, size)}")
    print("a second process resumes the upload and commits it")
    if _run(_resume, driver, size) != 0:
        raise StorageDriverError("the second process failed", driver_name=driver.name, path=_UPLOAD)
    expected = hashlib.sha256()
    for piece in layer(size):
        expected.update(piece)
    digest = expected.hexdigest()
    blob = f"{_ROOT}/blobs/sha256/{digest[:2]}/{digest}/data"
    driver.move(_UPLOAD, blob)
    print(f"the layer is a blob now: {driver.list(blob.removesuffix('/data'))[0]}")
    print("walk:")
    driver.walk(_ROOT, _show)
    print("read it back")
    begun, content = time.perf_counter(), hashlib.sha256()
    with driver.reader(blob) as reader:
        while piece := reader.read(_PIECE):
            content.update(piece)
    _report("read and hashed", size, begun)
    if content.hexdigest() != digest:
        raise StorageDriverError("the layer differs from what was written", driver_name=driver.name, path=blob)
    print(f"  sha256:{digest} is right")
    driver.delete(_ROOT)


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration from a command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m storagedriver.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="of the layer, in MiB (256)")
    parser.add_argument("--driver", default="filesystem", help="the driver's name (filesystem, in a new directory)")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the driver")
    options = parser.parse_args(arguments)
    parameters = dict(parameter.partition("=")[::2] for parameter in options.param)
    with contextlib.ExitStack() as stack:
        if options.driver == "filesystem" and not parameters:
            parameters["rootdirectory"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="storagedriver-"))
        try:
            run(stack.enter_context(factory.create(options.driver, parameters)), options.size * _PIECE)
        except StorageDriverError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
