"""Reading: ranges of a file, and the file object that fsspec's caches read them for."""

from __future__ import annotations

from typing import Any

from fsspec.spec import AbstractBufferedFile

from storagedriver.driver import StorageDriver
from storagedriver.errors import ConflictError

__all__ = ["PIECE", "ReadFile", "read_range"]

#: How much is asked of a driver's stream at once, in bytes.
PIECE = 1 << 20


def read_range(driver: StorageDriver, path: str, start: int, length: int | None, size: int | None = None) -> bytes:
    """A range of a file, with one bounded read of the driver.

    Parameters
    ----------
    driver : StorageDriver
        Whose file it is.
    path : str
        The file.
    start : int
        Where the range begins, in bytes.
    length : int, optional
        How long it is, in bytes; None: up to the end. What is past the end of the file is left out.
    size : int, optional
        How large the file must be, in bytes.

    Raises
    ------
    ConflictError
        If the file has another size, because it was replaced.
    """
    with driver.reader(path, start, length) as reader:
        if size is not None and reader.size != size:
            detail = f"it has {reader.size} bytes by now, and had {size} when it was opened"
            raise ConflictError(detail, driver_name=driver.name, path=path)
        left = reader.size - start if length is None else length
        pieces = []
        while left > 0 and (piece := reader.read(min(left, PIECE))):
            pieces.append(piece)
            left -= len(piece)
    return b"".join(pieces)


class ReadFile(AbstractBufferedFile):  # type: ignore[misc]
    """A seekable file, read in ranges as fsspec's cache of the file asks for them."""

    def _fetch_range(self, start: int, end: int) -> Any:
        # Some caches ask for whole blocks, also at the end.
        return read_range(self.fs.driver, self.path, start, min(end, self.size) - start, self.size)
