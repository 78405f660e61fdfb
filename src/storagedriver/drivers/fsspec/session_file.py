"""The file that one session of a staged upload writes, and what becomes of it when that fails.

The file objects of fsspec filesystems do not say what is left of a write or a
close that failed, and most cannot go on after it: those of `AbstractBufferedFile`
would send a part twice, a buffered local file writes its buffer again, and a
file that failed to close calls itself closed. So the file object is given up.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from storagedriver.drivers.fsspec.files import Files, descriptor_of
from storagedriver.errors import StorageDriverError

__all__ = ["SessionFile"]

#: As long as no more than this was written, in bytes, it is kept to be written again.
_KEPT = 8 << 20


class SessionFile:
    """A new file that is written once, and finished.

    After a failure, or an interrupt, the next call puts it in order: what was
    written is written again, if it is not more than is kept in memory; a file
    on a local disk is cut to what was written before. If neither can be done,
    that call and all later ones raise.

    Parameters
    ----------
    files : Files
        The files of the store.
    key : str
        Where to write.

    Attributes
    ----------
    size : int
        The bytes that were taken.
    """

    def __init__(self, files: Files, key: str) -> None:
        self._files = files
        self.key = key
        self.size = 0
        self.finished = False
        self._handle: Any = None
        self._kept: bytearray | None = bytearray()
        # Whether a call has begun that has not come to its end.
        self._doubtful = False
        self._lost = False
        # Whether the file is there, closed, with all that was taken.
        self._closed = False
        self._local = self._files.is_local

    def write(self, data: bytes) -> None:
        """Take all of `data`, or raise and take nothing. A file that is finished takes nothing."""
        self.mend()
        if self.finished:
            raise ValueError("the file is finished")
        self._open()
        self._doubtful = True
        self._send(data)
        kept = self._kept
        fits = kept is not None and len(kept) + len(data) <= _KEPT
        if kept is not None and fits:
            kept += data
        self.size += len(data)
        if not fits:
            self._kept = None
        self._doubtful = False

    def finish(self) -> None:
        """Close the file, durably where it is a local one."""
        self.mend()
        if self.finished:
            return
        self._open()
        self._doubtful = True
        descriptor = descriptor_of(self._handle)
        if descriptor is not None:
            self._handle.flush()
            try:
                os.fsync(descriptor)
            except OSError:
                # Another fsync would prove nothing: the data has to be written again.
                self._local = False
                raise
        self._handle.close()
        self.finished = True
        self._handle = self._kept = None
        self._doubtful = False

    def drop(self) -> None:
        """Give it up, without publishing it. A part of it may be there."""
        handle, self._handle = self._handle, None
        self._lost = not self.finished
        if handle is not None:
            self._files.drop(handle)

    def abandon(self) -> None:
        """The same, without any network."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._files.abandon(handle)

    def _open(self) -> None:
        if self._handle is None:
            fs, path = self._files.fs, self._files.path(self.key)
            self._handle = fs.open(path, "ab") if self._closed else self._files.create(self.key)

    def _send(self, data: bytes) -> None:
        self._handle.write(data)
        if self._local:
            # Then a failure is one of this data, and nothing before it is still in memory.
            self._handle.flush()

    def mend(self) -> None:
        """Put in order what an earlier call has left. The file may be found to be finished then."""
        if self.finished:
            return
        if self._lost:
            raise self._is_lost()
        if not self._doubtful or self._cut() or self._write_again() or self._is_whole():
            self._doubtful = False
            return
        self._lost = True
        self._files.drop(self._handle)
        raise self._is_lost()

    def _cut(self) -> bool:
        """Cut a local file to what was written to it before the call that failed."""
        descriptor = descriptor_of(self._handle) if self._local else None
        if descriptor is None:
            return False
        copy = os.dup(descriptor)
        try:
            with contextlib.suppress(Exception):
                # It may write what it still has in its buffer.
                self._handle.close()
            if os.fstat(copy).st_size < self.size:
                return False
            os.ftruncate(copy, self.size)
        finally:
            os.close(copy)
        self._handle = None
        self._closed = True
        return True

    def _write_again(self) -> bool:
        """Begin the file anew with what was kept."""
        if self._kept is None or len(self._kept) < self.size:
            return False
        if self._handle is not None:
            self._files.drop(self._handle)
            self._handle = None
        self._closed = False
        self._local = self._files.is_local
        if self.size:
            del self._kept[self.size :]
            self._open()
            self._send(bytes(self._kept))
        return True

    def _is_whole(self) -> bool:
        """Whether the close that failed has made the file all the same."""
        if not getattr(self._handle, "closed", False):
            return False
        if self._files.is_local and not self._local:
            return False
        entry = self._files.entry(self.key)
        if entry is None or entry.is_dir or entry.size != self.size:
            return False
        self._handle = None
        self.finished = True
        return True

    def _is_lost(self) -> StorageDriverError:
        return StorageDriverError(
            f"{self.size} bytes of this session are lost, because the filesystem failed while it wrote them:"
            " only cancel is possible, or to go on with what earlier sessions have written"
        )
