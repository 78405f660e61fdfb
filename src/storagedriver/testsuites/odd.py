"""A driver whose cases use odd names, though they are written with plain ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from storagedriver.driver import (
    Capabilities,
    ConflictsDetected,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
    UploadInfo,
    Visit,
)
from storagedriver.errors import StorageDriverError
from storagedriver.paths import ROOT, NameRule, WalkOrder

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ODD", "OddNames"]

#: What stands before each name. Names that all begin alike are in the order of what follows.
ODD = " \u00e9%2F+=&#?~\U0001f600e\u0301 "


class OddNames(StorageDriver):
    """A driver that is called with plain names and uses odd ones.

    Parameters
    ----------
    driver : StorageDriver
        One that takes any name.
    """

    def __init__(self, driver: StorageDriver) -> None:
        self._driver = driver

    @property
    def name(self) -> str:
        """That of the driver."""
        return self._driver.name

    @property
    def capabilities(self) -> Capabilities:
        """Those of the driver."""
        return self._driver.capabilities

    @property
    def name_rule(self) -> NameRule:
        """The driver's rule."""
        return self._driver.name_rule

    @property
    def walk_order(self) -> WalkOrder:
        """That of the driver."""
        return self._driver.walk_order

    @property
    def conflicts_detected(self) -> ConflictsDetected:
        """What the driver says."""
        return self._driver.conflicts_detected

    def get_content(self, path: str) -> bytes:
        """As the driver does."""
        with _plain_errors():
            return self._driver.get_content(_odd(path))

    def put_content(self, path: str, content: Buffer) -> None:
        """As the driver does."""
        with _plain_errors():
            self._driver.put_content(_odd(path), content)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        """As the driver does."""
        with _plain_errors():
            return self._driver.reader(_odd(path), offset, length)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        """As the driver does."""
        with _plain_errors():
            return self._driver.writer(_odd(path), append)

    def stat(self, path: str) -> FileInfo:
        """As the driver does."""
        with _plain_errors():
            return _info(self._driver.stat(_odd(path)))

    def list(self, path: str) -> list[str]:
        """As the driver does."""
        with _plain_errors():
            return [_plain(child) for child in self._driver.list(_odd(path))]

    def move(self, source: str, dest: str) -> None:
        """As the driver does."""
        with _plain_errors():
            self._driver.move(_odd(source), _odd(dest))

    def copy(self, source: str, dest: str) -> None:
        """As the driver does."""
        with _plain_errors():
            self._driver.copy(_odd(source), _odd(dest))

    def delete(self, path: str) -> None:
        """As the driver does."""
        with _plain_errors():
            self._driver.delete(_odd(path))

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta = timedelta(minutes=20),
        client_address: str | None = None,
    ) -> str | None:
        """As the driver does."""
        with _plain_errors():
            return self._driver.redirect_url(_odd(path), method, expires, client_address)

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        """As the driver does."""
        with _plain_errors():
            self._driver.walk(_odd(path), lambda info: visit(_info(info)), _odd(start_after))

    def files(self, path: str = ROOT, start_after: str = "") -> Iterator[FileInfo]:
        """As the driver does."""
        with _plain_errors():
            yield from map(_info, self._driver.files(_odd(path), _odd(start_after)))

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        """As the driver does."""
        with _plain_errors():
            for upload in self._driver.uploads(_odd(path)):
                yield replace(upload, path=_plain(upload.path))

    def purge_uploads(self, path: str = ROOT, older_than: timedelta = timedelta(0)) -> list[UploadInfo]:  # type: ignore[valid-type]
        """As the driver does."""
        with _plain_errors():
            purged = self._driver.purge_uploads(_odd(path), older_than)
            return [replace(upload, path=_plain(upload.path)) for upload in purged]

    def upload_size(self, path: str) -> int:
        """As the driver does."""
        with _plain_errors():
            return self._driver.upload_size(_odd(path))


def _odd(path: str) -> str:
    """The path that is used. What makes a path invalid stays."""
    return "/".join(part if part in ("", ".", "..") else ODD + part for part in path.split("/"))


def _plain(path: str) -> str:
    parts = path.split("/")
    assert all(part.startswith(ODD) for part in parts[1:] if part), f"{path!r} has a name that was never used"
    return "/".join(part.removeprefix(ODD) for part in parts)


def _info(info: FileInfo) -> FileInfo:
    return FileInfo(_plain(info.path), info.size, info.mod_time, info.is_dir, info.version)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Have errors name what the case has named."""
    try:
        yield
    except StorageDriverError as error:
        error.path = error.path and error.path.replace(ODD, "")
        error.detail = error.detail.replace(ODD, "")
        raise
