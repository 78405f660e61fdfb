"""What a driver's calls do by default, made of the calls that every driver has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from storagedriver.errors import PathNotFoundError, StorageDriverError
from storagedriver.paths import check_path

if TYPE_CHECKING:
    from storagedriver.driver import FileInfo, StorageDriver, UploadInfo

__all__ = ["begun_before", "copy", "files", "purge_uploads", "upload_size"]

#: How many entries `files` takes from one walk before it yields them.
_BATCH = 1000
_PIECE = 1 << 20


def begun_before(uploads: Iterable[UploadInfo], older_than: timedelta) -> list[UploadInfo]:
    """Those of the uploads that are older than that; all of them if it is nothing.

    The clock of a store may be a little ahead, and some round times up.
    """
    limit = datetime.now(timezone.utc) - older_than
    return [upload for upload in uploads if not older_than or upload.started <= limit]


def copy(driver: StorageDriver, source: str, dest: str) -> None:
    """As `StorageDriver.copy`: the content goes through the client."""
    with driver.reader(source) as reader:
        if source == dest:
            return
        writer = driver.writer(dest)
        try:
            while piece := reader.read(_PIECE):
                writer.write(piece)
            writer.commit()
        except BaseException:
            # The failure that came first is the one to report.
            with contextlib.suppress(StorageDriverError, ValueError):
                writer.cancel()
            raise


def files(driver: StorageDriver, path: str, start_after: str, *, stop: type[Exception]) -> Iterator[FileInfo]:
    """As `StorageDriver.files`: a walk that is ended by `stop` after each batch, and begins again behind it."""
    while True:
        batch: list[FileInfo] = []

        def visit(info: FileInfo, batch: list[FileInfo] = batch) -> None:
            batch.append(info)
            if len(batch) == _BATCH:
                raise stop

        driver.walk(path, visit, start_after)
        yield from (info for info in batch if not info.is_dir)
        if len(batch) < _BATCH:
            return
        last = batch[-1]
        start_after = last.path + "/" if last.is_dir else last.path


def purge_uploads(driver: StorageDriver, path: str, older_than: timedelta) -> list[UploadInfo]:
    """As `StorageDriver.purge_uploads`: each upload is resumed and cancelled."""
    purged = begun_before(driver.uploads(path), older_than)
    for upload in purged:
        driver.writer(upload.path, append=True).cancel()
    return purged


def upload_size(driver: StorageDriver, path: str) -> int:
    """As `StorageDriver.upload_size`: the newest upload that is listed with its size, else the content."""
    check_path(path, driver.name, driver.name_rule)
    own = [upload for upload in driver.uploads(path) if upload.path == path and upload.size is not None]
    if own:
        newest = max(own, key=lambda upload: upload.started)
        return newest.size or 0
    info = driver.stat(path)
    if info.is_dir:
        raise PathNotFoundError(driver_name=driver.name, path=path)
    return info.size
