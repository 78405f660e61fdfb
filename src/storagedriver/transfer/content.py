"""The content of one file, from one driver to the other: verified, and never half of it at its path."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import ConflictError, IntegrityError, PathNotFoundError, StorageDriverError, UnavailableError
from storagedriver.transfer.crew import Crew, Pace
from storagedriver.transfer.failures import WrongContentError
from storagedriver.transfer.options import STAGING, WHOLE, Options
from storagedriver.transfer.report import Report

__all__ = ["Contents"]

T = TypeVar("T")

_PIECE = 1 << 20
#: A writer is closed and opened again after so many bytes, or so many times `Options.resume_from` if that is less.
_KEPT_AFTER = 256 << 20
_KEPT_TIMES = 8


class Contents:
    """Copies contents from a source to a destination.

    Parameters
    ----------
    source, dest : StorageDriver
        The two ends.
    options : Options
        How.
    report : Report
        Is given the bytes that are read.
    crew : Crew
        Ends what runs.
    is_begun : callable
        Whether the destination had an unfinished upload at a path, and no content.
    """

    def __init__(
        self,
        source: StorageDriver,
        dest: StorageDriver,
        options: Options,
        report: Report,
        crew: Crew,
        is_begun: Callable[[str], bool],
    ) -> None:
        self._source = source
        self._dest = dest
        self._options = options
        self._report = report
        self._crew = crew
        self._is_begun = is_begun
        self._pace = Pace(options.bandwidth, crew.stopped)
        self._own: set[str] = set()
        self._unfinished = dest.capabilities.unfinished

    def attempted(self, call: Callable[[], T]) -> T:
        """The call, made again while a store has no answer."""
        for _ in range(self._options.attempts - 1):
            with suppress(UnavailableError):
                return call()
            self._crew.check()
        return call()

    def small(self, path: str) -> bytes:
        """The whole content of a small file of the source."""
        content = self._source.get_content(path)
        self._pace.take(len(content))
        self._report.read(len(content))
        return content

    def uncount(self, count: int) -> None:
        """Take bytes out of the progress, since they will be read once more."""
        self._report.read(-count)

    def put(self, path: str, content: bytes, *, check: bool) -> None:
        """Write a small file in one step, and compare what is at the destination then."""
        self._crew.check()
        self._dest.put_content(path, content)
        if check and self._options.verify != "size":
            if self._dest.get_content(path) != content:
                raise self._differs(path)
        else:
            self._check_size(path, len(content))

    def holds(self, path: str, content: bytes) -> bool:
        """Whether a file of the destination has exactly this content."""
        try:
            return self._dest.get_content(path) == content
        except PathNotFoundError:
            return False

    def blob(self, path: str, digest: str, size: int) -> bytes | None:
        """Copy a blob; its content if it is small.

        Raises
        ------
        WrongContentError
            If it is not what its digest says. Nothing is at the destination then, unless that is wanted.
        """
        if size <= WHOLE:
            content = self.small(path)
            self._check_digest(path, digest, _hash(digest.partition(":")[0], content))
            self.put(path, content, check=self._options.verify == "read")
            return content
        if self._unfinished in ("invisible", "hides"):
            self._upload_blob(path, path, digest, size, resumable=self._begun_at(path))
        elif self._unfinished == "shown" or size >= self._options.resume_from:
            self._upload_blob(path, f"{STAGING}/{digest.replace(':', '-')}", digest, size, resumable=True)
        else:
            self._upload_blob(path, path, digest, size, resumable=False)
        return None

    def other(self, path: str, size: int) -> int:
        """Copy a file that has no digest in its path, and compare what is at the destination then; its size."""
        if size <= WHOLE:
            content = self.small(path)
            self.put(path, content, check=True)
            return len(content)
        place = path
        if self._unfinished == "shown":
            place = f"{STAGING}/path-{hashlib.sha256(path.encode()).hexdigest()}"
        hasher = hashlib.sha256()
        writer = self._dest.writer(place)
        try:
            for piece in self._pieces(path):
                hasher.update(piece)
                writer.write(piece)
            size = writer.size
            writer.commit()
        except BaseException:
            # It begins again next time: its name does not say whether it is the same content.
            with suppress(StorageDriverError, ValueError):
                writer.cancel()
            raise
        if self._options.verify != "size":
            self._check_read_back(place, hasher.name, hasher.hexdigest(), path)
        self._publish(place, path, size)
        return size

    def same(self, path: str, size: int) -> bool:
        """Whether both ends have the same content at a path, where they have the same size."""
        if self._options.verify == "size":
            return True
        if size <= WHOLE:
            return self.holds(path, self.small(path))
        here = hashlib.sha256()
        for piece in self._pieces(path):
            here.update(piece)
        return self.dest_hash(path, "sha256") == here.hexdigest()

    def dest_hash(self, path: str, algorithm: str) -> str:
        """The hash of what is at the destination, in hexadecimal digits."""
        hasher = hashlib.new(algorithm)
        with self._dest.reader(path) as reader:
            while piece := reader.read(_PIECE):
                self._crew.check()
                hasher.update(piece)
        return hasher.hexdigest()

    def _upload_blob(self, path: str, place: str, digest: str, size: int, *, resumable: bool) -> None:
        algorithm, _, expected = digest.partition(":")
        if place != path and self._is_staged(place, size) and self.dest_hash(place, algorithm) == expected:
            self._report.resume()
            self._publish(place, path, size)
            return
        upload = self._opened(place, size, resumable=resumable and not self._options.copy_wrong)
        begun = upload.size
        if begun:
            self._report.resume()
        with upload:
            found = self._send(upload, path, algorithm)
            try:
                self._check_digest(path, digest, found)
            except WrongContentError:
                upload.cancel()
                raise
            upload.commit()
        if begun or (self._options.verify == "read" and found == expected):
            try:
                self._check_read_back(place, algorithm, found, path)
            except IntegrityError:
                self._dest.delete(place)
                if not begun:
                    raise
                self._upload_blob(path, place, digest, size, resumable=False)
                return
        self._publish(place, path, upload.size)

    def _opened(self, place: str, size: int, *, resumable: bool) -> _Upload:
        """An upload that goes on, if there is one of this blob, or a new one."""
        keeps = self._unfinished in ("shown", "hides")
        after = min(_KEPT_AFTER, self._options.resume_from * _KEPT_TIMES) if keeps else 0
        if resumable:
            with suppress(PathNotFoundError):
                upload = _Upload(self._dest, place, self._dest.writer(place, append=True), after)
                if upload.size <= size:
                    return upload
                upload.cancel()
        self._own.add(place)
        return _Upload(self._dest, place, self._dest.writer(place), after)

    def _send(self, upload: _Upload, path: str, algorithm: str) -> str:
        """Send what an upload lacks of a file; the hash of the whole file."""
        hasher = hashlib.new(algorithm)
        skip = upload.size
        for piece in self._pieces(path):
            hasher.update(piece)
            if skip < len(piece):
                upload.write(memoryview(piece)[skip:])
            skip = max(0, skip - len(piece))
        return hasher.hexdigest()

    def _pieces(self, path: str) -> Iterator[bytes]:
        """The content of a file of the source, at the pace that is allowed."""
        with self._source.reader(path) as reader:
            while piece := reader.read(_PIECE):
                self._crew.check()
                self._pace.take(len(piece))
                self._report.read(len(piece))
                yield piece

    def _begun_at(self, path: str) -> bool:
        return path in self._own or self._is_begun(path)

    def _is_staged(self, place: str, size: int) -> bool:
        """Whether a blob is whole at its place and only its move is left. What is shown may not be committed yet."""
        if self._unfinished == "shown":
            return False
        try:
            return self._dest.stat(place).size == size
        except PathNotFoundError:
            return False

    def _publish(self, place: str, path: str, size: int) -> None:
        self._check_size(place, size)
        if place != path:
            self._crew.check()
            self._dest.move(place, path)
            self._check_size(path, size)

    def _check_size(self, path: str, size: int) -> None:
        found = self._dest.stat(path)
        if found.is_dir or found.size != size:
            detail = f"it has {found.size} bytes at the destination, and {size} were written"
            raise IntegrityError(detail, driver_name=self._dest.name, path=path)

    def _check_read_back(self, place: str, algorithm: str, expected: str, path: str) -> None:
        if self.dest_hash(place, algorithm) != expected:
            raise self._differs(path)

    def _check_digest(self, path: str, digest: str, found: str) -> None:
        """Raise if a blob of the source is not what its digest says, or report it where it is wanted as it is."""
        algorithm, _, expected = digest.partition(":")
        if found == expected:
            return
        detail = f"the digest of its content is {algorithm}:{found}"
        if not self._options.copy_wrong:
            raise WrongContentError(detail, driver_name=self._source.name, path=path)
        self._report.find("wrong", path, f"{detail}; it is copied as it is")

    def _differs(self, path: str) -> IntegrityError:
        detail = "what is at the destination is not what was read from the source"
        return IntegrityError(detail, driver_name=self._dest.name, path=path)


class _Upload:
    """An upload of the destination; after an exception it stays, to go on with.

    Parameters
    ----------
    driver : StorageDriver
        The destination.
    path : str
        Where it is published.
    writer : FileWriter
        Its writer, just opened.
    kept_after : int
        After so many bytes the writer is closed and opened again, for stores
        that keep what was sent at a close only; 0: never.
    """

    def __init__(self, driver: StorageDriver, path: str, writer: FileWriter, kept_after: int) -> None:
        self._driver = driver
        self._path = path
        self._writer = writer
        self._kept_after = kept_after
        self._sent = 0

    @property
    def size(self) -> int:
        return self._writer.size

    def write(self, data: memoryview) -> None:
        self._writer.write(data)
        self._sent += len(data)
        if self._kept_after and self._sent >= self._kept_after:
            size, self._sent = self.size, 0
            self._writer.close()
            self._writer = self._driver.writer(self._path, append=True)
            if self.size != size:
                detail = f"the upload has {self.size} bytes, and {size} were sent"
                raise ConflictError(detail, driver_name=self._driver.name, path=self._path)

    def commit(self) -> None:
        self._writer.commit()

    def cancel(self) -> None:
        self._writer.cancel()

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or self._writer.closed:
            return
        # The failure that came first is the one to report.
        with suppress(StorageDriverError):
            self._writer.close()


def _hash(algorithm: str, content: bytes) -> str:
    return hashlib.new(algorithm, content).hexdigest()
