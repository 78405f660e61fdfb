"""Text and compression around a `WriteFile`, which keep its promise."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from storagedriver.filesystem.writing import WriteFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["CompressedFile", "TextFile"]


class CompressedFile(io.BufferedIOBase):
    """A compressor and the file below it, closed together.

    A compressor leaves the file that it writes to open, and its trailer has
    to be written before that file is published.

    Parameters
    ----------
    raw : WriteFile
        The file below.
    compressor : file object
        Writes to `raw`.
    """

    def __init__(self, raw: WriteFile, compressor: Any) -> None:
        self._raw = raw
        self._compressor = compressor

    def write(self, data: Buffer, /) -> int:
        """Compress some bytes."""
        return int(self._compressor.write(data))

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def tell(self) -> int:
        """How many bytes were given to the compressor."""
        return int(self._compressor.tell())

    def close(self) -> None:
        """Write the end of the compressed stream and publish the file."""
        self._finish(self._raw.close)

    def abort(self) -> None:
        """Give the file up because of an error."""
        self._raw.abort()
        self._shut()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish(lambda: self._raw.__exit__(None, None, None))
        else:
            self.abort()

    def __del__(self) -> None:
        if not self.closed:
            self._raw.drop()
            self._shut()

    def _dealloc_warn(self, source: Any) -> None:  # noqa: ARG002 - the signature is CPython's
        self._raw.drop()

    def _finish(self, publish: Callable[[], None]) -> None:
        if self.closed:
            return
        try:
            self._compressor.close()
        except BaseException:
            self.abort()
            raise
        super().close()
        publish()

    def _shut(self) -> None:
        """Close the compressor, whose last bytes go nowhere."""
        super().close()
        self._raw.sink()
        self._compressor.close()


class TextFile(io.TextIOWrapper):
    """A text file that is discarded when its ``with`` block raises."""

    def __init__(self, binary: WriteFile | CompressedFile, **options: Any) -> None:
        super().__init__(binary, **options)  # type: ignore[arg-type]
        self._binary = binary

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self.closed:
            try:
                self.flush()
            except BaseException:
                self._binary.abort()
                raise
        self._binary.__exit__(kind, error, trace)
