"""A driver over a dictionary: uploads are invisible, it notes what is asked of it, and it fails on demand."""

from __future__ import annotations

import builtins
import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

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
from storagedriver.errors import PathNotFoundError
from storagedriver.paths import ROOT, ancestors, check_directory, check_path

if TYPE_CHECKING:
    from typing_extensions import Buffer

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class DictionaryReader(FileReader):
    def __init__(self, content: bytes, offset: int, length: int | None) -> None:
        self._size = len(content)
        self._stream = io.BytesIO(content[offset:] if length is None else content[offset : offset + length])

    @property
    def size(self) -> int:
        return self._size

    @property
    def mod_time(self) -> datetime:
        return EPOCH

    @property
    def version(self) -> str:
        return ""

    def readinto(self, buffer: Any, /) -> int:
        # Short reads are allowed, so there are some.
        return self._stream.readinto(memoryview(buffer)[:7777])


class DictionaryWriter(FileWriter):
    def __init__(self, driver: DictionaryDriver, path: str, content: bytes) -> None:
        self._driver = driver
        self._path = path
        self._content = bytearray(content)
        driver.unfinished[path] = self._content

    def write(self, data: Buffer, /) -> int:
        view = memoryview(data)
        self._driver.note("write", self._path, view.nbytes)
        self._content += view
        return view.nbytes

    @property
    def size(self) -> int:
        return len(self._content)

    def commit(self) -> None:
        self._driver.note("commit", self._path)
        self._driver.contents[self._path] = bytes(self._content)
        self._end()

    def cancel(self) -> None:
        self._driver.note("cancel", self._path)
        self._end()

    def close(self) -> None:
        io.RawIOBase.close(self)

    def __del__(self) -> None:
        pass

    def _end(self) -> None:
        self._driver.unfinished.pop(self._path, None)
        io.RawIOBase.close(self)


class DictionaryDriver(StorageDriver):
    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.unfinished: dict[str, bytearray] = {}
        self.calls: builtins.list[tuple[Any, ...]] = []
        #: The error to raise from the call of this name.
        self.failing: dict[str, Exception] = {}

    def note(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] in self.failing:
            raise self.failing[call[0]]

    def noted(self, name: str) -> builtins.list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]

    @property
    def name(self) -> str:
        return "dictionary"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(multiprocess=False)

    def get_content(self, path: str) -> bytes:
        check_path(path, self.name)
        self.note("get_content", path)
        return self._content(path)

    def put_content(self, path: str, content: Buffer) -> None:
        check_path(path, self.name)
        self.note("put_content", path, memoryview(content).nbytes)
        self.contents[path] = bytes(content)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        check_path(path, self.name)
        self.note("reader", path, offset, length)
        return DictionaryReader(self._content(path), offset, length)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        check_path(path, self.name)
        self.note("writer", path, append)
        if not append:
            return DictionaryWriter(self, path, b"")
        begun = self.unfinished.get(path)
        return DictionaryWriter(self, path, self._content(path) if begun is None else bytes(begun))

    def stat(self, path: str) -> FileInfo:
        check_directory(path, self.name)
        self.note("stat", path)
        if path in self.contents:
            return FileInfo(path, len(self.contents[path]), datetime.now(timezone.utc), is_dir=False)
        if path != ROOT and not any(other.startswith(path + "/") for other in self.contents):
            raise self._missing(path)
        return FileInfo(path, 0, EPOCH, is_dir=True)

    def list(self, path: str) -> builtins.list[str]:
        check_directory(path, self.name)
        self.note("list", path)
        prefix = path.rstrip("/") + "/"
        found = {prefix + other[len(prefix) :].partition("/")[0] for other in self.contents if other.startswith(prefix)}
        if not found and path != ROOT:
            raise self._missing(path)
        return sorted(found)

    def move(self, source: str, dest: str) -> None:
        check_path(dest, self.name)
        self.note("move", source, dest)
        self.contents[dest] = self._content(source)
        if source != dest:
            del self.contents[source]

    def copy(self, source: str, dest: str) -> None:
        check_path(dest, self.name)
        self.note("copy", source, dest)
        self.contents[dest] = self._content(source)

    def delete(self, path: str) -> None:
        check_path(path, self.name)
        self.note("delete", path)
        found = [other for other in self.contents if other == path or other.startswith(path + "/")]
        if not found:
            raise self._missing(path)
        for other in found:
            del self.contents[other]

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta = timedelta(minutes=20),
        client_address: str | None = None,
    ) -> str | None:
        check_path(path, self.name)
        self.note("redirect_url", path, method, expires, client_address)
        return None if path == "/unsigned" else f"https://example.com{path}?{method}"

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        check_directory(path, self.name)
        self.note("walk", path, start_after)
        prefix = path.rstrip("/") + "/"
        found = {other: False for other in self.contents if other.startswith(prefix)}
        above = {up for other in found for up in ancestors(other) if up.startswith(prefix)}
        if not found and path != ROOT:
            raise self._missing(path)
        skipped: builtins.list[str] = []
        for key in sorted([*found, *(up + "/" for up in above)]):
            if key.startswith(tuple(skipped)) or key <= start_after:
                continue
            is_dir = key.endswith("/")
            size = 0 if is_dir else len(self.contents[key])
            try:
                visit(FileInfo(key.rstrip("/"), size, EPOCH, is_dir))
            except SkipDir:
                skipped.append(key if is_dir else "//")
            except StopWalk:
                return

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        self.note("uploads", path)
        return iter(
            [
                UploadInfo(other, "1", EPOCH, len(content))
                for other, content in self.unfinished.items()
                if other == path or other.startswith(path.rstrip("/") + "/")
            ]
        )

    def _content(self, path: str) -> bytes:
        try:
            return self.contents[path]
        except KeyError:
            raise self._missing(path) from None

    def _missing(self, path: str) -> PathNotFoundError:
        return PathNotFoundError(driver_name=self.name, path=path)
