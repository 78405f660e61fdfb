"""A driver over a dict, small enough to fail on demand."""

from __future__ import annotations

import builtins
import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from typing_extensions import Buffer

from storagedriver.driver import (
    Capabilities,
    FileInfo,
    FileReader,
    FileWriter,
    SkipDir,
    StopWalk,
    StorageDriver,
    UploadInfo,
    Visit,
)
from storagedriver.errors import PathNotFoundError, UnsupportedMethodError
from storagedriver.paths import ancestors, check_directory, check_path, sort_key

EPOCH = datetime.fromtimestamp(0, timezone.utc)
CHANGED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)


class DictReader(FileReader):
    def __init__(self, content: bytes, offset: int, length: int | None) -> None:
        super().__init__()
        self._size = len(content)
        self._left = content[offset:] if length is None else content[offset : offset + length]

    @property
    def size(self) -> int:
        return self._size

    @property
    def mod_time(self) -> datetime:
        return CHANGED

    @property
    def version(self) -> str:
        return ""

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        piece, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


class DictWriter(FileWriter):
    def __init__(self, driver: DictDriver, path: str) -> None:
        super().__init__()
        self._driver = driver
        self._path = path
        self._size = len(driver.open_uploads[path])

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: Buffer, /) -> int:
        self._driver.fault("write")
        content = bytes(data)
        self._driver.open_uploads[self._path] += content
        self._size += len(content)
        return len(content)

    def commit(self) -> None:
        self._driver.fault("commit")
        self._driver.contents[self._path] = self._driver.open_uploads.pop(self._path)
        io.RawIOBase.close(self)

    def cancel(self) -> None:
        self._driver.open_uploads.pop(self._path, None)
        io.RawIOBase.close(self)

    def close(self) -> None:
        io.RawIOBase.close(self)


class DictDriver(StorageDriver):
    """Set `faults` to make a call fail, `sign` to make it sign."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.open_uploads: dict[str, bytes] = {}
        self.started: dict[str, datetime] = {}
        self.faults: dict[str, BaseException] = {}
        self.parameters: dict[str, Any] = {}
        self.base_url: str | None = None
        self.closed = 0
        self.whole_puts: list[str] = []

    def fault(self, call: str) -> None:
        if call in self.faults:
            raise self.faults[call]

    @property
    def name(self) -> str:
        return "dict"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(multiprocess=False, signs_urls=self.base_url is not None)

    def _missing(self, path: str) -> PathNotFoundError:
        return PathNotFoundError(driver_name=self.name, path=path)

    def get_content(self, path: str) -> bytes:
        self.fault("get_content")
        check_path(path, self.name)
        if path not in self.contents:
            raise self._missing(path)
        return self.contents[path]

    def put_content(self, path: str, content: Buffer) -> None:
        self.fault("put_content")
        check_path(path, self.name)
        self.contents[path] = bytes(content)
        self.whole_puts.append(path)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        self.fault("reader")
        return DictReader(self.get_content(path), offset, length)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        self.fault("writer")
        check_path(path, self.name)
        if not append:
            self.open_uploads[path] = b""
        elif path not in self.open_uploads:
            self.open_uploads[path] = self.get_content(path)
        return DictWriter(self, path)

    def _directories(self) -> set[str]:
        return {directory for path in self.contents for directory in ancestors(path)} | {"/"}

    def _info(self, path: str, *, is_dir: bool) -> FileInfo:
        if is_dir:
            return FileInfo(path, 0, EPOCH, is_dir=True)
        return FileInfo(path, len(self.contents[path]), CHANGED, is_dir=False)

    def stat(self, path: str) -> FileInfo:
        self.fault("stat")
        check_directory(path, self.name)
        if path in self.contents:
            return self._info(path, is_dir=False)
        if path in self._directories():
            return self._info(path, is_dir=True)
        raise self._missing(path)

    def list(self, path: str) -> builtins.list[str]:
        self.fault("list")
        check_directory(path, self.name)
        if path not in self._directories():
            raise self._missing(path)
        prefix = path.rstrip("/") + "/"
        inside = (name for name in self.contents if name.startswith(prefix))
        return sorted({prefix + name[len(prefix) :].split("/")[0] for name in inside})

    def move(self, source: str, dest: str) -> None:
        self.fault("move")
        self.contents[dest] = self.get_content(source)
        if source != dest:
            del self.contents[source]

    def delete(self, path: str) -> None:
        self.fault("delete")
        check_path(path, self.name)
        found = False
        for store in (self.contents, self.open_uploads):
            for name in [name for name in store if name == path or name.startswith(path + "/")]:
                del store[name]
                found = True
        if not found:
            raise self._missing(path)

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta = timedelta(minutes=20),
        client_address: str | None = None,
    ) -> str | None:
        del client_address
        self.fault("redirect_url")
        check_path(path, self.name)
        if method not in ("GET", "HEAD"):
            raise UnsupportedMethodError(method, driver_name=self.name, path=path)
        if self.base_url is None:
            return None
        return f"{self.base_url}{path}?method={method}&expires={expires.total_seconds():.0f}"

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        self.fault("walk")
        check_directory(path, self.name)
        if path not in self._directories():
            raise self._missing(path)
        prefix = path.rstrip("/") + "/"
        entries = [self._info(name, is_dir=False) for name in self.contents if name.startswith(prefix)]
        entries += [
            self._info(name, is_dir=True) for name in self._directories() if name.startswith(prefix) and name != path
        ]
        skipped = "\0"
        for info in sorted(entries, key=lambda info: info.sort_key("bytewise")):
            after = info.sort_key("bytewise") > sort_key(start_after, is_dir=False, order="bytewise")
            if not after or info.path.startswith(skipped):
                continue
            try:
                visit(info)
            except SkipDir:
                skipped = info.path + "/" if info.is_dir else skipped
            except StopWalk:
                return

    def uploads(self, path: str = "/") -> Iterator[UploadInfo]:
        self.fault("uploads")
        for number, (name, content) in enumerate(sorted(self.open_uploads.items())):
            if path in ("/", name) or name.startswith(path + "/"):
                yield UploadInfo(name, f"upload-{number}", self.started.get(name, CHANGED), len(content))

    def close(self) -> None:
        self.closed += 1
