"""The driver itself, as its users call it."""

from __future__ import annotations

from collections.abc import Iterable

from storagedriver.__about__ import VERSION
from storagedriver.bench.subject import Subject
from storagedriver.driver import FileInfo, StorageDriver

__all__ = ["DriverSubject"]


class DriverSubject(Subject):
    """A driver that is ready; it is closed with the subject."""

    version = f"storagedriver {VERSION}"

    def __init__(self, driver: StorageDriver) -> None:
        super().__init__(driver.name, {})
        self._driver = driver

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """Through a writer."""
        with self._driver.writer(path) as writer:
            for piece in pieces:
                writer.write(piece)
            writer.commit()

    def read(self, path: str, piece: int) -> int:
        """Through a reader."""
        total = 0
        with self._driver.reader(path) as reader:
            while data := reader.read(piece):
                total += len(data)
        return total

    def put(self, path: str, content: bytes) -> None:
        """By `put_content`."""
        self._driver.put_content(path, content)

    def get(self, path: str) -> bytes:
        """By `get_content`."""
        return self._driver.get_content(path)

    def stat(self, path: str) -> None:
        """By `stat`."""
        self._driver.stat(path)

    def list(self, path: str) -> int:
        """By `list`."""
        return len(self._driver.list(path))

    def walk(self, path: str) -> int:
        """By `walk`."""
        found = 0

        def visit(_: FileInfo) -> None:
            nonlocal found
            found += 1

        self._driver.walk(path, visit)
        return found

    def move(self, source: str, dest: str) -> None:
        """By `move`."""
        self._driver.move(source, dest)

    def delete(self, path: str) -> None:
        """By `delete`."""
        self._driver.delete(path)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()
