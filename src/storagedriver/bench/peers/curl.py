"""curl: what a request for the whole of an object takes when its content is dropped."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from storagedriver.bench.peers.curl_requests import REQUESTS, Request
from storagedriver.bench.subject import Subject
from storagedriver.errors import MissingExtraError, StorageDriverError

__all__ = ["Curl"]

_MEMORY = Path("/dev/shm")  # noqa: S108 - a filesystem in memory, where there is one
_BLOCK = 4 << 20


class Curl(Subject):
    """A process of curl for each object: one PUT from a file, one GET to nowhere.

    It is the limit of what streams can reach, and no way of storing: nothing
    is signed but the URL, and an object may be no larger than one request.
    The content of an object is a file that is there before the clock starts;
    the pieces are not looked at. The memory of its process is not counted.
    """

    drivers = frozenset(REQUESTS)

    def __init__(self, driver: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(driver, parameters)
        program = shutil.which("curl")
        if program is None:
            raise MissingExtraError("curl is needed: install the program")
        self._program = program
        answered = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603 - curl
        self.version = " ".join(answered.split()[:2])
        self._request = REQUESTS[driver](driver, parameters)
        self._content: IO[bytes] | None = None
        self._size = -1

    @property
    def content(self) -> Path | None:
        """The file that is written, if there is one."""
        return None if self._content is None else Path(self._content.name)

    def prepare(self, operation: str, size: int) -> None:
        """Make the file that will be written."""
        if operation != "write" or size == self._size:
            return
        self.close()
        self._content = _file(size)
        self._size = size

    def write(self, path: str, pieces: Iterable[bytes]) -> None:  # noqa: ARG002 - it would be Python that is measured
        """Upload the file that `prepare` has made."""
        if self.content is None:
            raise ValueError("prepare must be called before write")
        # Without an Expect, which some servers leave unanswered for a second.
        self._run(path, self._request("PUT", path), {"upload-file": str(self.content), "header": "Expect:"})

    def read(self, path: str, piece: int) -> int:  # noqa: ARG002 - curl has pieces of its own
        """Download an object and forget it."""
        return self._run(path, self._request("GET", path), {})

    def close(self) -> None:
        """Remove the file."""
        if self._content is not None:
            self._content.close()
            self._content = None
            self._size = -1

    def _run(self, path: str, request: Request, options: Mapping[str, str]) -> int:
        """Have a request sent; how many bytes came. Secrets go by standard input, which no list of processes shows."""
        more = {"output": os.devnull, "write-out": "%{response_code} %{size_download}", **options}
        settings = [("url", request.url), *(("header", header) for header in request.headers), *more.items()]
        if request.method:
            settings.append(("request", request.method))
        lines = ["silent", "show-error", "fail", "globoff", *(["insecure"] if request.insecure else [])]
        lines += [f"{name} = {_quoted(value)}" for name, value in settings]
        done = subprocess.run(  # noqa: S603 - curl
            [self._program, "--config", "-"], input="\n".join(lines), capture_output=True, text=True, check=False
        )
        status, _, size = done.stdout.partition(" ")
        if done.returncode or not status.startswith("2"):
            detail = done.stderr.strip() or f"curl: the answer was {status}"
            raise StorageDriverError(detail, driver_name=self.driver, path=path)
        return int(size)


def _file(size: int) -> IO[bytes]:
    """A temporary file of random bytes, in memory if there is room."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2 * size
    file = tempfile.NamedTemporaryFile(prefix="storagedriver-bench-", dir=_MEMORY if roomy else None)  # noqa: SIM115 - kept
    block = os.urandom(min(size, _BLOCK))
    for begin in range(0, size, _BLOCK):
        file.write(block[: size - begin])
    file.flush()
    return file


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
