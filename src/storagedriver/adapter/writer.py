"""The life of a writer: open, then committed, cancelled or closed, once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from storagedriver.adapter.failures import translated
from storagedriver.adapter.store import Store, Upload
from storagedriver.driver import FileWriter
from storagedriver.errors import ConflictError, StorageDriverError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["UploadWriter"]


class UploadWriter(FileWriter):
    """The writer of `FsspecDriver`: it holds an `Upload` to the contract.

    Parameters
    ----------
    store : Store
        Whose upload it is.
    path : str
        Where it will be published.
    upload : Upload
        The upload, just begun or resumed.
    """

    def __init__(self, store: Store, path: str, upload: Upload) -> None:
        super().__init__()
        self._store = store
        self._path = path
        self._upload = upload
        self._cancelling = False

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<{type(self).__name__} {self._store.name} {self._path} {state}>"

    @property
    def size(self) -> int:
        """All bytes of this upload: earlier sessions and what is still buffered included."""
        return self._upload.size

    def tell(self) -> int:
        """The same as `size`: where the next byte goes."""
        return self.size

    def write(self, data: Buffer, /) -> int:
        """Take all of `data` and return its length in bytes; a failure has taken a prefix, which `size` counts."""
        self._check_open()
        self._check_kept()
        view = memoryview(data).cast("B")
        with translated(self._store, self._path):
            self._upload.write(view)
        return view.nbytes

    def commit(self) -> None:
        """Publish the content at the path. After a failure it can be called again."""
        self._check_open()
        self._check_kept()
        with self._ending():
            self._upload.commit()
        super().close()

    def cancel(self) -> None:
        """Remove everything of this upload. After a failure only this can be called again."""
        self._check_open()
        self._cancelling = True
        with translated(self._store, self._path):
            self._upload.cancel()
        super().close()

    def close(self) -> None:
        """Make all that was written durable, for another session to go on. After a failure it can be called again."""
        if self.closed:
            return
        self._check_kept()
        try:
            with self._ending():
                self._upload.suspend()
        except StorageDriverError as error:
            error.durable = self._upload.durable
            raise
        super().close()

    def discard(self) -> None:
        """Cancel after a failure. If that fails too, what is left can be purged."""
        if self.closed:
            return
        try:
            self.cancel()
        except Exception:  # noqa: BLE001 - the failure that came first is the one to report
            self._upload.abandon()
            super().close()

    def __del__(self) -> None:
        # io.IOBase would call close() here, which sends what is buffered.
        if "_upload" in self.__dict__ and not self.closed:
            warnings.warn(f"unclosed writer {self!r}", ResourceWarning, source=self, stacklevel=1)
            self._upload.abandon()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """A commit or a close. A conflict is final: nothing is left that another attempt could keep."""
        try:
            with translated(self._store, self._path):
                yield
        except ConflictError:
            self._upload.abandon()
            super().close()
            raise

    def _check_kept(self) -> None:
        """Raise if a part of the upload may be gone."""
        if self._cancelling:
            detail = "a cancel has failed, and may have removed a part of the upload: only cancel can be called again"
            raise StorageDriverError(detail, driver_name=self._store.name, path=self._path)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on a writer that was committed, cancelled or closed")
