"""A driver in a dict, on the contract alone: what the conformance suite is proved with.

It can have either value of each capability but `signs_urls`. With
``multiprocess`` its dict lies in a file that every call reads and writes.
"""

import contextlib
import io
import pickle
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

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
from storagedriver.errors import (
    ConflictError,
    InvalidOffsetError,
    ParameterError,
    PathNotFoundError,
    StorageDriverError,
    UnsupportedMethodError,
)
from storagedriver.paths import ROOT, ancestors, check_directory, check_path, sort_key

T = TypeVar("T")

EPOCH = datetime.fromtimestamp(0, timezone.utc)


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Upload:
    id: int
    path: str
    data: bytes
    started: datetime


@dataclass
class Store:
    files: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    #: The upload that was begun last at each path.
    begun: dict[str, int] = field(default_factory=dict)
    ids: int = 0

    def directories(self) -> set[str]:
        return self.kept | {up for path in self.files for up in ancestors(path)}


class DictReader(FileReader):
    def __init__(self, data: bytes, offset: int, length: int | None, changed: datetime = EPOCH) -> None:
        super().__init__()
        self._size = len(data)
        self._changed = changed
        self._stream = io.BytesIO(data[offset : None if length is None else offset + length])

    @property
    def size(self) -> int:
        return self._size

    @property
    def mod_time(self) -> datetime:
        return self._changed

    @property
    def version(self) -> str:
        return self._changed.isoformat()

    def readinto(self, buffer: Any, /) -> int:
        self._checkClosed()
        return self._stream.readinto(buffer)


class DictWriter(FileWriter):
    def __init__(self, driver: "DictDriver", upload: Upload, *, shows: bool = False) -> None:
        super().__init__()
        self.driver, self.upload, self.ended = driver, upload, False
        self.shown = False
        self.shows = shows  # at the first write, as a store does that cannot let a short tail grow
        self.data = bytearray(upload.data)

    @property
    def size(self) -> int:
        return len(self.data)

    def _check(self) -> None:
        if self.ended:
            raise ValueError("the writer is closed")

    def write(self, data: Any, /) -> int:
        self._check()
        taken = bytes(memoryview(data).cast("B"))
        if taken and self.shows:
            self.shown = True
            self.driver.publish(self.upload, bytes(self.data), last=False)
        self.data += taken
        return len(taken)

    def _end(self) -> None:
        self._check()
        self.ended = True

    def commit(self) -> None:
        self._end()
        self.driver.publish(self.upload, bytes(self.data))

    def cancel(self) -> None:
        self._end()
        self.driver.drop(self.upload, shown=self.shown)

    def close(self) -> None:
        if not self.ended:
            self.ended = True
            self.driver.keep(self.upload, bytes(self.data))
        io.RawIOBase.close(self)

    def __del__(self) -> None:
        if not getattr(self, "ended", True):
            self.ended = True
            warnings.warn(f"unclosed upload of {self.upload.path}", ResourceWarning, stacklevel=2)
        io.RawIOBase.close(self)


class DictDriver(StorageDriver):
    def __init__(self, capabilities: Capabilities | None = None, file: Path | None = None) -> None:
        self._capabilities = capabilities or Capabilities(multiprocess=file is not None, conflicts_detected="always")
        self._file = file
        self._store = Store()
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        return "dict"

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def __reduce__(self) -> tuple[Any, ...]:
        if self._file is None:
            raise UnsupportedMethodError("a store in memory cannot be pickled", driver_name=self.name)
        return type(self), (self._capabilities, self._file)

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        with self._lock:
            if self._file is None:
                yield self._store
                return
            store = pickle.loads(self._file.read_bytes()) if self._file.exists() else Store()
            yield store
            self._file.write_bytes(pickle.dumps(store))

    def missing(self, path: str) -> PathNotFoundError:
        return PathNotFoundError(driver_name=self.name, path=path)

    def save(self, store: Store, path: str, data: bytes) -> None:
        if not self._capabilities.key_and_prefix:
            for taken in ancestors(path):
                if taken in store.files:
                    raise StorageDriverError("a file is in the way", driver_name=self.name, path=taken)
            if path in store.directories():
                raise StorageDriverError("it is a directory", driver_name=self.name, path=path)
        store.files[path] = (data, _now())
        if self._capabilities.empty_directories:
            store.kept.update(ancestors(path))

    def data(self, path: str) -> bytes:
        with self.store() as store:
            if path not in store.files:
                raise self.missing(path)
            return store.files[path][0]

    def get_content(self, path: str) -> bytes:
        check_path(path, self.name)
        return self.data(path)

    def put_content(self, path: str, content: Any) -> None:
        check_path(path, self.name)
        with self.store() as store:
            self.save(store, path, bytes(memoryview(content).cast("B")))
            store.uploads.pop(path, None)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        check_path(path, self.name)
        if offset < 0 or (length is not None and length < 0):
            raise InvalidOffsetError(f"{offset}, {length}", driver_name=self.name, path=path)
        data = self.data(path)
        return DictReader(data, offset, length, self.stat(path).mod_time)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        check_path(path, self.name)
        with self.store() as store:
            if append and path in store.uploads:
                return DictWriter(
                    self, store.uploads[path], shows=self._capabilities.unfinished == "shown_when_resumed"
                )
            if append and path not in store.files:
                raise self.missing(path)
            store.ids += 1
            upload = Upload(store.ids, path, store.files[path][0] if append else b"", _now())
            store.begun[path] = upload.id
            if self._capabilities.unfinished == "shown":
                self.save(store, path, upload.data)
            store.uploads[path] = upload
            return DictWriter(self, upload)

    def is_current(self, store: Store, upload: Upload) -> bool:
        return upload.path in store.uploads and store.uploads[upload.path].id == upload.id

    def has_lost(self, store: Store, upload: Upload) -> bool:
        """Whether another writer of the path has won, as far as the store can tell."""
        if self._capabilities.conflicts_detected == "fresh":
            return store.begun[upload.path] != upload.id
        return self._capabilities.conflicts_detected == "always" and not self.is_current(store, upload)

    def moment(self) -> None:
        """Let others see the store as it is in the middle of a call, where it is in memory."""
        if self._file is None:
            self._lock.release()
            time.sleep(0.002)
            self._lock.acquire()

    def publish(self, upload: Upload, data: bytes, *, last: bool = True) -> None:
        with self.store() as store:
            if self.has_lost(store, upload):
                raise ConflictError(driver_name=self.name, path=upload.path)
            if not self._capabilities.atomic_replace:
                store.files.pop(upload.path, None)
                self.moment()
            self.save(store, upload.path, data)
            if last:
                store.uploads.pop(upload.path, None)

    def keep(self, upload: Upload, data: bytes) -> None:
        with self.store() as store:
            if self.is_current(store, upload):
                store.uploads[upload.path].data = data
                if self._capabilities.unfinished == "hides":
                    store.files.pop(upload.path, None)
                if self._capabilities.unfinished == "shown":
                    self.save(store, upload.path, data)

    def drop(self, upload: Upload, *, shown: bool = False) -> None:
        with self.store() as store:
            if self.is_current(store, upload):
                del store.uploads[upload.path]
                if shown or self._capabilities.unfinished == "shown":
                    store.files.pop(upload.path, None)

    def info(self, store: Store, path: str, *, is_dir: bool) -> FileInfo:
        if is_dir:
            return FileInfo(path, 0, EPOCH, is_dir=True)
        data, changed = store.files[path]
        return FileInfo(path, len(data), changed, is_dir=False, version=changed.isoformat())

    def stat(self, path: str) -> FileInfo:
        check_directory(path, self.name)
        with self.store() as store:
            if path in store.files:
                return self.info(store, path, is_dir=False)
            if path != ROOT and path not in store.directories():
                raise self.missing(path)
            return self.info(store, path, is_dir=True)

    def entries(self, store: Store, path: str) -> list[FileInfo]:
        if path != ROOT and path not in store.directories():
            raise self.missing(path)
        prefix = path.rstrip("/") + "/"
        found = [self.info(store, file, is_dir=False) for file in store.files if file.startswith(prefix)]
        found += [self.info(store, up, is_dir=True) for up in store.directories() if up.startswith(prefix)]
        return sorted(found, key=lambda info: info.sort_key(self.walk_order))

    def list(self, path: str) -> list[str]:
        check_directory(path, self.name)
        depth = path.rstrip("/").count("/") + 1
        with self.store() as store:
            return sorted({info.path for info in self.entries(store, path) if info.path.count("/") == depth})

    def move(self, source: str, dest: str) -> None:
        self.copy(source, dest)
        if source != dest:
            with self.store() as store:
                del store.files[source]

    def copy(self, source: str, dest: str) -> None:
        check_path(source, self.name)
        check_path(dest, self.name)
        data = self.data(source)
        with self.store() as store:
            if source != dest:
                if not self._capabilities.atomic_replace:
                    store.files.pop(dest, None)
                    self.moment()
                self.save(store, dest, data)

    def delete(self, path: str) -> None:
        check_path(path, self.name)
        with self.store() as store:
            parts: tuple[Any, ...] = (store.files, store.uploads, store.kept)
            found = [(part, name) for part in parts for name in part if self.is_below(name, path)]
            if not found:
                raise self.missing(path)
            for part, name in found:
                part.discard(name) if isinstance(part, set) else part.pop(name)

    @staticmethod
    def is_below(name: str, path: str) -> bool:
        return name == path or name.startswith(path.rstrip("/") + "/")

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta = timedelta(minutes=20),
        client_address: str | None = None,  # noqa: ARG002
    ) -> str | None:
        check_path(path, self.name)
        if method not in ("GET", "HEAD"):
            raise UnsupportedMethodError(repr(method), driver_name=self.name, path=path)
        if expires <= timedelta(0):
            raise ParameterError(str(expires), driver_name=self.name, path="expires")
        return None

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        check_directory(path, self.name)
        with self.store() as store:
            entries = self.entries(store, path)
            start = start_after.rstrip("/")
            is_dir = start not in store.files and start in store.directories()
        is_dir = is_dir or start_after.endswith("/")
        if start_after:
            limit = sort_key(start, is_dir=is_dir, order=self.walk_order)
            entries = [info for info in entries if info.sort_key(self.walk_order) > limit]
        self.tour(entries, visit)

    def tour(self, entries: Iterable[FileInfo], visit: Visit) -> None:
        skipped = "\n"
        for info in entries:
            if info.path.startswith(skipped):
                continue
            try:
                visit(info)
            except SkipDir:
                skipped = info.path + "/" if info.is_dir else skipped
            except StopWalk:
                return

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        check_directory(path, self.name)
        with self.store() as store:
            found = [upload for upload in store.uploads.values() if path == ROOT or self.is_below(upload.path, path)]
        return iter([UploadInfo(up.path, str(up.id), up.started, len(up.data)) for up in found])


class RootedDriver(DictDriver):
    """One with a root directory: it sees a part of a store that others see other parts of."""

    def __init__(self, whole: Store, root: str, capabilities: Capabilities | None = None) -> None:
        super().__init__(capabilities)
        self.whole, self.root = whole, root

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        with self._lock:
            seen = Store(self.below(self.whole.files), self.uploads_below(self.whole.uploads), ids=self.whole.ids)
            seen.kept = set(self.below(dict.fromkeys(self.whole.kept)))
            seen.begun = self.below(self.whole.begun)
            files, uploads, kept, begun = set(seen.files), set(seen.uploads), set(seen.kept), set(seen.begun)
            try:
                yield seen
            finally:
                self.write_back(self.whole.files, seen.files, files)
                self.write_back(self.whole.uploads, seen.uploads, uploads)
                self.write_back(self.whole.begun, seen.begun, begun)
                self.whole.kept -= {self.root + path for path in kept}
                self.whole.kept |= {self.root + path for path in seen.kept}
                self.whole.ids = seen.ids

    def below(self, part: dict[str, T]) -> dict[str, T]:
        return {path[len(self.root) :]: value for path, value in part.items() if path.startswith(self.root + "/")}

    def uploads_below(self, part: dict[str, Upload]) -> dict[str, Upload]:
        return self.below(part)

    def write_back(self, whole: dict[str, T], seen: dict[str, T], before: set[str]) -> None:
        for path in before - set(seen):
            whole.pop(self.root + path, None)
        for path, value in seen.items():
            whole[self.root + path] = value


def beside(driver: DictDriver) -> list[DictDriver]:
    """Drivers on the same store, with root directories whose names are like that of the driver."""
    assert isinstance(driver, RootedDriver)
    roots = [f"{driver.root}-x", f"{driver.root}x", driver.root[:-1], driver.root.rpartition("/")[0], ""]
    return [RootedDriver(driver.whole, root, driver.capabilities) for root in roots]
