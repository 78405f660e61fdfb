"""Writing: the file object that publishes on a successful close and never otherwise."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractBufferedFile

from storagedriver.errors import StorageDriverError
from storagedriver.filesystem.upload import Upload

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["WriteFile"]

logger = logging.getLogger(__name__)


class WriteFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file to be written: at its path after `close`, all of it, or not at all.

    Nothing is published when the file is left by an exception or dropped
    without `close`, and what was at the path before stays. ``close()`` has no
    arguments to tell it of an exception, and much of what wraps a file
    (``fsspec.open``, `io.TextIOWrapper`, pandas) calls just that; so a file
    that is closed while an exception is being handled which came up after the
    file was opened is taken to be left by it. That is logged. `commit`
    publishes, whatever is being handled.

    Parameters
    ----------
    fs : StorageDriverFileSystem
        The filesystem.
    path : str
        The path of the file.
    mode : {"wb", "ab", "xb"}
        Replace, append, or create only.
    block_size : int
        How many bytes are held in memory before they are sent. A file of up to
        this size is put in one request.
    autocommit : bool
        Whether `close` publishes. If not, that is left to `commit`.
    begin : int
        The position of the first byte: how much there is already to append to.
    **kwargs
        Other options of `AbstractBufferedFile`.
    """

    def __init__(
        self, fs: Any, path: str, mode: str, block_size: int, *, autocommit: bool, begin: int = 0, **kwargs: Any
    ) -> None:
        # Older versions of fsspec do not know "xb".
        super().__init__(fs, path, mode=mode.replace("x", "w"), block_size=block_size, autocommit=autocommit, **kwargs)
        self.mode = mode
        self.loc = begin
        self.buffer: io.BytesIO = io.BytesIO()
        self._upload: Upload | None = Upload(fs.driver, path, append=mode == "ab", small=self.blocksize)
        self._error: BaseException | None = None
        self._sink = False
        self._opened_during = sys.exc_info()[1]

    def write(self, data: Buffer) -> int:
        """Take all of `data` and return its length in bytes."""
        view = memoryview(data).cast("B")
        if self._sink:
            return view.nbytes
        upload = self._check_open()
        if self.buffer.tell() + view.nbytes <= self.blocksize:
            self.buffer.write(view)
        else:
            self._send(upload, self.buffer.getbuffer())
            self.buffer = io.BytesIO()
            self._send(upload, view)
        self.loc += view.nbytes
        return view.nbytes

    def writable(self) -> bool:
        """Whether it is open."""
        return not self.closed

    def flush(self, force: bool = False) -> None:  # noqa: ARG002 - what is held back is sent by close
        """Nothing: a part of an upload cannot be seen, and a small one could not be sent."""
        if self.closed and not self._sink:
            raise ValueError("I/O operation on closed file.")

    def close(self) -> None:
        """Publish the file, or, without autocommit, leave that to `commit`.

        Raises
        ------
        FileExistsError
            In mode ``xb``, if there is something at the path by now.
        StorageDriverError
            If an earlier write failed, which leaves nothing to publish.
        """
        if self.closed:
            return
        error = sys.exc_info()[1]
        if error is not None and error is not self._opened_during:
            logger.warning("%s is not published: it was closed while %r was handled", self.path, type(error).__name__)
            self.abort()
            return
        self._finish()

    def commit(self) -> None:
        """Publish the file, if that has not happened and it was not discarded."""
        if not self.closed:
            self.autocommit = False
            self._finish()
        upload, self._upload = self._upload, None
        if upload is not None:
            self._publish(upload)

    def discard(self) -> None:
        """Give the file up. It does nothing once it is published."""
        self.closed = True
        self._opened_during = None
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.cancel()

    def abort(self) -> None:
        """Give the file up because of an error, which no other one may hide."""
        self.closed = True
        self._opened_during = None
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.cancel_quietly()

    def drop(self) -> None:
        """Give the file up without any network."""
        if self._upload is None:
            return
        self.sink()
        self._upload.forget()
        self._upload = self._opened_during = None
        self.buffer = io.BytesIO()
        message = f"unclosed file {self.path}: it is not published"
        warnings.warn(message, ResourceWarning, source=self, stacklevel=2)

    def sink(self) -> None:
        """Take whatever a compressor still writes when it is dropped or closed in vain."""
        self.closed = self._sink = True

    def __hash__(self) -> int:
        # That of the base class asks the store.
        return id(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()
        elif not self.closed:
            self._finish()

    def __del__(self) -> None:
        # A file that failed to open has no upload.
        if getattr(self, "_upload", None) is not None:
            self.drop()

    def _dealloc_warn(self, source: Any) -> None:  # noqa: ARG002 - the signature is CPython's
        """What CPython's text and buffered wrappers call before they close because they were dropped."""
        self.drop()

    def _finish(self) -> None:
        self.closed = True
        self._opened_during = None
        self._check_written()
        if self.autocommit and self._upload is not None:
            upload, self._upload = self._upload, None
            self._publish(upload)

    def _publish(self, upload: Upload) -> None:
        try:
            if self.mode == "xb":
                self.fs.check_missing(self.path)
            upload.publish(self.buffer.getvalue())
        except BaseException:
            upload.cancel_quietly()
            raise
        finally:
            self.buffer = io.BytesIO()

    def _send(self, upload: Upload, data: memoryview) -> None:
        if not data.nbytes:
            return
        try:
            upload.write(data)
        except BaseException as error:
            self._error = error
            self._upload = None
            upload.cancel_quietly()
            raise

    def _check_written(self) -> None:
        if self._error is not None:
            detail = "nothing is published, because a write failed"
            raise StorageDriverError(detail, driver_name=self.fs.driver.name, path=self.path) from self._error

    def _check_open(self) -> Upload:
        self._check_written()
        if self.closed or self._upload is None:
            raise ValueError("I/O operation on closed file.")
        return self._upload
