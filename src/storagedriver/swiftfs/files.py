"""The filesystem's open files."""

from __future__ import annotations

import errno
import io
import secrets
from types import TracebackType
from typing import Any

from fsspec.spec import AbstractBufferedFile

from storagedriver.swiftfs import owned
from storagedriver.swiftfs.container import Container
from storagedriver.swiftfs.errors import for_fsspec
from storagedriver.swiftfs.segments import copy_pieces, numbered, pieces, remove_segments

__all__ = ["SwiftFile", "TextFile"]


class SwiftFile(AbstractBufferedFile):  # type: ignore[misc]
    """An open object.

    What is written is published by `close`, as one object if it fits into a
    block, else as a dynamic large object with a segment for each block. Leaving
    a ``with`` block by an exception publishes nothing, and neither does the
    garbage collection.

    Parameters
    ----------
    fs : SwiftFileSystem
        The filesystem.
    path : str
        ``container/key``.
    container, key : Container, str
        The same.
    mode : {"rb", "wb", "ab", "xb"}
        How it is opened.
    **options
        Those of `fsspec.spec.AbstractBufferedFile`.
    """

    def __init__(self, fs: Any, path: str, container: Container, key: str, *, mode: str = "rb", **options: Any) -> None:
        self._container = container
        self._key = key
        self._segments = ""
        self._count = 0
        self._whole: bytes | None = None
        self.closed: bool
        super().__init__(fs, path, mode=mode, **options)
        if mode == "ab":
            self._take_over()

    def commit(self) -> None:
        """Publish what was written."""
        with for_fsspec(self.path):
            if self._segments:
                beside = owned.segments_container(self._container)
                manifest = f"{beside.name}/{self._segments}"
                owned.replace(
                    self._container,
                    self._key,
                    lambda: self._container.put_manifest(self._key, manifest, self.loc),
                )
            else:
                content = self._whole or b""
                if self.mode == "xb":
                    if not self._container.create(self._key, content, writer=secrets.token_hex(8)):
                        raise FileExistsError(errno.EEXIST, "there is such an object", self.path)
                else:
                    owned.replace(self._container, self._key, lambda: self._container.put(self._key, content))
        self._segments = ""

    def discard(self) -> None:
        """Delete what was written and not published."""
        segments, self._segments = self._segments, ""
        self._whole = None
        if segments:
            with for_fsspec(self.path):
                remove_segments(owned.segments_container(self._container), segments)

    def abort(self) -> None:
        """Give the file up: nothing is published."""
        if not self.closed:
            self.closed = True
            self.discard()

    def close(self) -> None:
        """Publish the file, unless it is part of a transaction."""
        if self.closed:
            return
        try:
            super().close()
            if self.mode != "rb" and self.autocommit:
                self.commit()
        except BaseException:
            self.discard()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.mode != "rb":
            self.abort()
        else:
            self.close()

    def __del__(self) -> None:
        # The base class would publish here.
        self.closed = True

    def _upload_chunk(self, final: bool = False) -> bool:
        """Send the block as a segment; one that is the whole content is kept until it is published."""
        content = self.buffer.getvalue()
        if final and not self._segments:
            self._whole = content
        elif content:
            with for_fsspec(self.path):
                self._send(content)
        return True

    def _send(self, content: bytes) -> None:
        beside = owned.segments_container(self._container)
        self._segments = self._segments or owned.new_segments(self._key)
        self._count += 1
        beside.put(numbered(self._segments, self._count), content)

    def _take_over(self) -> None:
        """Begin with what is there: a small content is written again, a large one copied on the server."""
        with for_fsspec(self.path):
            info = self._container.head(self._key, raw=True)
            if info is None:
                return
            if not info.is_large and (info.size or 0) < self.blocksize:
                self.loc = self.buffer.write(self.fs.cat_file(self.path))
                return
            parts = pieces(self._container, self._key, info)
            beside = owned.segments_container(self._container)
            beside.make()
            self._segments = owned.new_segments(self._key)
            copied = copy_pieces(beside, parts, self._segments)
            self._count = len(copied)
            self.loc = sum(part.size for part in copied)


class TextFile(io.TextIOWrapper):
    """A text file that is given up when its ``with`` block raises."""

    def __init__(self, binary: SwiftFile, **options: Any) -> None:
        super().__init__(binary, **options)
        self._binary = binary

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._binary.abort()
        self.close()
