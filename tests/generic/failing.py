"""Filesystems of which one call fails, before or after it has had an effect."""

from __future__ import annotations

import io
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
from fsspec.spec import AbstractBufferedFile


class InjectedError(OSError):
    """What the filesystem raises."""


class Plan:
    """Which calls fail.

    Parameters
    ----------
    number : int
        The first call that fails, from 0 on.
    moment : {"before", "half", "after"}
        Whether nothing of it is done, half of it, or all.
    error : type
        What is raised.
    """

    def __init__(
        self, number: int = 1 << 30, moment: str = "before", error: type[BaseException] = InjectedError
    ) -> None:
        self.number = number
        self.moment = moment
        self.error = error
        self.count = 0
        self.failures = 1
        self.done: list[str] = []

    def call(self, name: str, do: Any, half: Any = None) -> Any:
        """Make a call, or have it fail."""
        failing = self.number <= self.count < self.number + self.failures
        self.count += 1
        if not failing:
            return do()
        self.done.append(name)
        if self.moment == "half" and half is not None:
            half()
        if self.moment == "after":
            do()
        raise self.error(f"call {self.count} failed: {name}")


class _File:
    """A file that is written, each call of which may fail."""

    def __init__(self, file: Any, plan: Plan) -> None:
        self._file = file
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: Any) -> int:
        return int(
            self._plan.call(
                "write", lambda: self._file.write(data), lambda: self._file.write(bytes(data)[: len(data) // 2])
            )
        )

    def flush(self) -> None:
        self._plan.call("flush", self._file.flush)

    def close(self) -> None:
        if not self._file.closed:
            self._plan.call("close", self._file.close, self._file.close)


class FailingLocal(LocalFileSystem):  # type: ignore[misc]
    """The local filesystem, failing."""

    protocol = "failinglocal"

    def __init__(self, plan: Plan, **options: Any) -> None:
        super().__init__(**options)
        self.plan = plan

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            return super()._open(path, mode, **options)
        handle = self.plan.call("open", lambda: super(FailingLocal, self)._open(path, mode, **options))
        handle.f = _File(handle.f, self.plan)
        return handle

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        self.plan.call("mv", lambda: super(FailingLocal, self).mv(path1, path2, **options))

    def cp_file(self, path1: str, path2: str, **options: Any) -> None:
        def half() -> None:
            with open(path1, "rb") as source, open(path2, "wb") as dest:  # noqa: PTH123 - as `shutil` does
                content = source.read()
                dest.write(content[: len(content) // 2])

        self.plan.call("cp", lambda: super(FailingLocal, self).cp_file(path1, path2, **options), half)

    def rm_file(self, path: str) -> None:
        self.plan.call("rm", lambda: super(FailingLocal, self).rm_file(path))

    def ls(self, path: str, detail: bool = False, **options: Any) -> Any:
        return self.plan.call("ls", lambda: super(FailingLocal, self).ls(path, detail=detail, **options))


class _Object(AbstractBufferedFile):  # type: ignore[misc]
    """An object that is there when it was closed; its parts are kept as a multipart upload keeps them."""

    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        part = self.buffer.getvalue()
        self.fs.plan.call("part", lambda: self.parts.append(part), lambda: self.parts.append(part))
        if final:
            self.fs.plan.call("publish", self._publish)
        return True

    def _publish(self) -> None:
        content = b"".join(self.parts)
        MemoryFile(self.fs, self.path, content).commit()

    def discard(self) -> None:
        self.parts = []
        self.buffer = io.BytesIO()


class FailingObjects(MemoryFileSystem):  # type: ignore[misc]
    """Something like an object store, failing: files of `AbstractBufferedFile`, and no rename."""

    protocol = "failingobjects"
    mv = MemoryFileSystem.__mro__[1].mv

    def __init__(self, plan: Plan, **options: Any) -> None:
        super().__init__(global_store=False, **options)
        self.plan = plan

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            return super()._open(path, mode, **options)
        return self.plan.call("open", lambda: _Object(self, path, mode, 1 << 20))

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:  # noqa: ARG002 - they are for others
        name = self._strip_protocol(path)
        self.plan.call("put", lambda: MemoryFile(self, name, bytes(value)).commit())

    def cp_file(self, path1: str, path2: str, **options: Any) -> None:
        self.plan.call("cp", lambda: super(FailingObjects, self).cp_file(path1, path2, **options))

    def rm_file(self, path: str) -> None:
        self.plan.call("rm", lambda: super(FailingObjects, self).rm_file(path))

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        return self.plan.call("ls", lambda: super(FailingObjects, self).ls(path, detail=detail, **options))


class FailingMemory(FailingObjects):
    """The filesystem in memory, failing: one that keeps directories, and whose files are all in memory."""

    protocol = "failingmemory"

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            return MemoryFileSystem._open(self, path, mode, **options)
        handle = self.plan.call("open", lambda: MemoryFileSystem._open(self, path, mode, **options))
        return _File(handle, self.plan)
