"""A driver over a dict that fails where a test says so, and is looked at after each change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from typing_extensions import Buffer

from storagedriver.driver import Visit
from storagedriver.errors import StorageDriverError
from tests.cli.dict_store import DictDriver


class WatchedDriver(DictDriver):
    """Set `broken` to let reads or writes of paths fail, and `watch` to see each change.

    Attributes
    ----------
    broken : dict
        The error of each path that cannot be read, written or deleted.
    broken_walks : dict
        The error that ends the walk of a directory, after all its entries.
    changes : list of tuple
        Each change: what was done and where.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        super().__init__()
        self.contents = dict(files or {})
        self.broken: dict[str, StorageDriverError] = {}
        self.broken_walks: dict[str, StorageDriverError] = {}
        self.changes: list[tuple[str, str]] = []
        self.watch: Callable[[dict[str, bytes]], None] = lambda _: None
        self._changing = threading.RLock()

    def get_content(self, path: str) -> bytes:
        if path in self.broken:
            raise self.broken[path]
        return super().get_content(path)

    def put_content(self, path: str, content: Buffer) -> None:
        if path in self.broken:
            raise self.broken[path]
        with self._changing:
            super().put_content(path, content)
            self.changed("put", path)

    def move(self, source: str, dest: str) -> None:
        with self._changing:
            super().move(source, dest)
            self.changed("put", dest)

    def delete(self, path: str) -> None:
        if path in self.broken:
            raise self.broken[path]
        with self._changing:
            super().delete(path)
            self.changed("delete", path)

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        with self._changing:
            super().walk(path, visit, start_after)
        if path in self.broken_walks:
            raise self.broken_walks[path]

    def uploads(self, path: str = "/") -> Any:
        return iter(list(super().uploads(path)))

    def changed(self, what: str, path: str) -> None:
        if not path.startswith("/.storagedriver-transfer"):
            self.changes.append((what, path))
            self.watch({name: found for name, found in self.contents.items() if name.startswith("/docker")})
