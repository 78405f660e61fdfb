"""An upload that grows in place."""

from __future__ import annotations

import contextlib
import errno
import os

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.store import Upload
from storagedriver.drivers.filesystem.disk import sync_directory
from storagedriver.errors import ConflictError, StorageDriverError

__all__ = ["FileUpload"]

#: Smaller writes are gathered up to this, in bytes.
_BUFFER = 1 << 18
#: How an fsync fails when data is lost. Other failures are those of opening the directory.
_LOST = {errno.EIO, errno.ENOSPC, errno.EDQUOT}


class FileUpload(Upload):
    """A file that is written at its end.

    Before bytes are added the file must be the one that was opened, and as
    long as this upload has made it: else another writer has been there. What
    a write has added that failed, or was interrupted, is cut off again, by
    that call or by the next one.

    After an fsync that failed the system counts the data as written, and the
    next fsync succeeds whether it is on the disk or not. So it is not asked
    again: every later `suspend` and `commit` raises. Only `cancel` is left.

    Parameters
    ----------
    path : str
        Where the file is.
    file : int
        Its descriptor, open for appending; the upload closes it.
    limit : Limit
        The store's; the upload takes a slot for what it does.
    durable : int or None
        How many bytes of the file are known to be on the disk.
    """

    def __init__(self, path: str, file: int, limit: Limit, durable: int | None) -> None:
        self._path = path
        self._limit = limit
        self._file = file
        self._durable = durable
        status = os.fstat(file)
        self._identity = (status.st_dev, status.st_ino)
        # How many bytes are in the file, and what follows them. They are set
        # together, so that an interrupt finds the one or the other state.
        self._state: tuple[int, bytearray] = (status.st_size, bytearray())
        #: How long the file is at most, if a write was cut off.
        self._reach = status.st_size
        self._changed = False
        self._failed_sync: OSError | None = None

    def __del__(self) -> None:
        self.abandon()

    @property
    def size(self) -> int:
        """What is in the file and what is buffered."""
        written, buffer = self._state
        return written + len(buffer)

    @property
    def durable(self) -> int | None:
        """What was in the file at its last fsync; None if there was none and the file was there before."""
        return self._durable

    def write(self, data: memoryview, /) -> None:
        """Gather small pieces; write large ones through. It takes all, or nothing."""
        buffer = self._state[1]
        if len(buffer) + len(data) < _BUFFER:
            buffer += data
            return
        self._flush()
        self._append(data)

    def suspend(self) -> None:
        """Bring everything to the disk."""
        if self._file < 0:
            return
        try:
            self._flush()
            if self._changed:
                self._check()
        except StorageDriverError:
            raise
        except OSError:
            # What could be written is brought to the disk all the same.
            with contextlib.suppress(OSError):
                self._sync()
            raise
        self._sync()
        self.abandon()

    def commit(self) -> None:
        """Bring everything to the disk, if the file is still this upload's."""
        if self._file < 0:
            return
        self._check()
        self.suspend()

    def cancel(self) -> None:
        """Unlink the file, unless another writer has replaced it."""
        with self._limit.slot(), contextlib.suppress(FileNotFoundError):
            if self._identify() == self._identity:
                os.unlink(self._path)
        self.abandon()

    def abandon(self) -> None:
        """Close the file."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _flush(self) -> None:
        buffer = self._state[1]
        if buffer:
            self._append(memoryview(bytes(buffer)))

    def _append(self, data: memoryview) -> None:
        """Write behind what is in the file: what was buffered, or, when nothing is, something new."""
        with self._limit.slot():
            self._check()
            self._changed = True
            start = self._state[0]
            end = start + len(data)
            self._reach = end
            try:
                while data:
                    data = data[os.write(self._file, data) :]
                self._state = (end, bytearray())
            except BaseException:
                with contextlib.suppress(OSError):
                    self._cut_off()
                raise

    def _check(self) -> None:
        """Raise `ConflictError` if another writer has changed the file."""
        try:
            intact = self._identify() == self._identity
        except FileNotFoundError:
            intact = False
        if not intact or self._cut_off() != self._state[0]:
            raise ConflictError("the file was changed, replaced or removed by another writer")

    def _cut_off(self) -> int:
        """Remove what a write of this upload has left that did not come to its end; give the size then."""
        written = self._state[0]
        size = os.fstat(self._file).st_size
        if written < size <= self._reach:
            os.ftruncate(self._file, written)
            size = written
        self._reach = written
        return size

    def _sync(self) -> None:
        if self._failed_sync is not None:
            error = self._failed_sync
            message = f"{error.strerror}: after an fsync that failed it is not known what is on the disk"
            raise OSError(error.errno, message) from error
        with self._limit.slot():
            try:
                os.fsync(self._file)
                sync_directory(os.path.dirname(self._path))
            except OSError as error:
                if error.errno in _LOST:
                    self._failed_sync = error
                raise
        self._durable = self._state[0]

    def _identify(self) -> tuple[int, int]:
        status = os.stat(self._path)
        return (status.st_dev, status.st_ino)
