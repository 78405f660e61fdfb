"""The life of a writer: open, then committed, cancelled or closed, once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from storagedriver.adapter.failures import translated
from storagedriver.adapter.store import Store, Upload
from storagedriver.driver import FileWriter
from storagedriver.errors import ConflictError

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
        """Take all of `data` and return its length in bytes."""
        self._check_open()
        view = memoryview(data).cast("B")
        with translated(self._store, self._path):
            self._upload.write(view)
        return view.nbytes

    def commit(self) -> None:
        """Publish the content at the path."""
        self._check_open()
        try:
            with translated(self._store, self._path):
                self._upload.commit()
        except ConflictError:
            # There is nothing left that a close() could keep.
            self._upload.abandon()
            super().close()
            raise
        super().close()

    def cancel(self) -> None:
        """Remove everything of this upload."""
        self._check_open()
        with translated(self._store, self._path):
            self._upload.cancel()
        super().close()

    def close(self) -> None:
        """Make all that was written durable, for another session to go on."""
        if self.closed:
            return
        try:
            with translated(self._store, self._path):
                self._upload.suspend()
        except BaseException:
            self._upload.abandon()
            raise
        finally:
            super().close()

    def __del__(self) -> None:
        # io.IOBase would call close() here, which sends what is buffered.
        if "_upload" in self.__dict__ and not self.closed:
            warnings.warn(f"unclosed writer {self!r}", ResourceWarning, source=self, stacklevel=1)
            self._upload.abandon()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on a writer that was committed, cancelled or closed")
