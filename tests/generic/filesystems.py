"""Local filesystems that misbehave, each in one way that some filesystem out there has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem


class KilledError(BaseException):
    """Stands for SIGKILL: nothing handles it."""


class Dying(LocalFileSystem):  # type: ignore[misc]
    """Dies after a number of changes; from then on nothing works, cleaning up included."""

    protocol = "dying"

    def __init__(self, changes: int, **options: Any) -> None:
        super().__init__(**options)
        self.left = changes

    def _change(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KilledError

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            self._change()
            handle = super()._open(path, mode, **options)
            handle.f = _Dying(handle.f, self)
            return handle
        return super()._open(path, mode, **options)

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        self._change()
        super().mv(path1, path2, **options)

    def cp_file(self, path1: str, path2: str, **options: Any) -> None:
        self._change()
        super().cp_file(path1, path2, **options)

    def rm_file(self, path: str) -> None:
        self._change()
        super().rm_file(path)


class _Dying:
    """A file that is written; of the last write only half gets through."""

    def __init__(self, file: Any, fs: Dying) -> None:
        self._file = file
        self._fs = fs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        try:
            self._fs._change()
        except KilledError:
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            raise
        return int(self._file.write(data))


class NoOverwriting(LocalFileSystem):  # type: ignore[misc]
    """Its rename refuses to overwrite, as that of SMB and HDFS, and of SFTP before OpenSSH."""

    protocol = "nooverwriting"
    refuses = ""

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        if Path(path2).exists():
            raise OSError("Failure")
        if Path(path2).name == self.refuses and "~p" in path1:
            raise OSError("Failure")
        super().mv(path1, path2, **options)


class Full(LocalFileSystem):  # type: ignore[misc]
    """Its disk is full after ten bytes of a file."""

    protocol = "full"

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        handle = super()._open(path, mode, **options)
        if mode != "rb":
            handle.f = _Full(handle.f)
        return handle


class _Full:
    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        self._file.write(data[:10])
        self._file.flush()
        raise OSError(28, "No space left on device")


class Odd(LocalFileSystem):  # type: ignore[misc]
    """Lists the directory itself, everything twice, and names without a leading or with a trailing slash."""

    protocol = "odd"

    def ls(self, path: str, detail: bool = False, **options: Any) -> list[Any]:
        assert detail
        lines: list[Any] = super().ls(path, detail=True, **options)
        odd: list[Any] = [{"name": path.lstrip("/") + "/", "type": "directory", "size": 0}]
        for line in lines:
            slash = "/" if line["type"] == "directory" else ""
            odd.append({**line, "name": line["name"].lstrip("/") + slash})
        return odd + lines


class Caching(LocalFileSystem):  # type: ignore[misc]
    """Keeps listings for ever, as s3fs and gcsfs do unless they are told."""

    protocol = "caching"

    def ls(self, path: str, detail: bool = False, **options: Any) -> list[Any]:
        if path not in self.dircache:
            self.dircache[path] = super().ls(path, detail=detail, **options)
        lines: list[Any] = self.dircache[path]
        return lines


class Untold(LocalFileSystem):  # type: ignore[misc]
    """Its listings tell no times, as obstore's."""

    protocol = "untold"

    def ls(self, path: str, detail: bool = False, **options: Any) -> list[Any]:
        lines: list[Any] = super().ls(path, detail=detail, **options)
        return [{name: line[name] for name in ("name", "size", "type")} for line in lines]
