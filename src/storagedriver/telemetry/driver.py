"""`InstrumentedDriver`: a driver whose calls are recorded."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from storagedriver.driver import FileInfo, FileReader, FileWriter, RootReport, StorageDriver, UploadInfo, Visit
from storagedriver.errors import ParameterError
from storagedriver.middleware.driver import MiddlewareDriver
from storagedriver.paths import ROOT
from storagedriver.telemetry.recording import Recorder, Recording, is_unset
from storagedriver.telemetry.streams import InstrumentedReader, InstrumentedWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["InstrumentedDriver"]

R = TypeVar("R")


class InstrumentedDriver(MiddlewareDriver):
    """The driver below, with a span and metrics for each call; see `storagedriver.telemetry.instrument`.

    Parameters
    ----------
    driver : StorageDriver
        The driver below.
    paths : bool
        Whether spans have paths.
    tracer_provider, meter_provider : optional
        Where spans and metrics go; None: to those that the program sets.

    Raises
    ------
    ParameterError
        If the driver is instrumented already.
    """

    def __init__(
        self,
        driver: StorageDriver,
        *,
        paths: bool = False,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        super().__init__(driver)
        if _is_instrumented(driver):
            detail = "the driver is instrumented already, each call would count twice"
            raise ParameterError(detail, driver_name="telemetry")
        self._paths = paths
        self._recorder = Recorder(
            driver.name, paths=paths, tracer_provider=tracer_provider, meter_provider=meter_provider
        )
        given = tracer_provider is not None or meter_provider is not None
        self._is_off = _never if given else is_unset()

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.driver, self._paths)

    def get_content(self, path: str) -> bytes:
        """The whole content of a small file."""
        if self._is_off():
            return self.driver.get_content(path)
        record = self._recorder.begin("get_content", path)
        content = record.run(self.driver.get_content, path)
        record.transferred(len(content), 0)
        record.end()
        return content

    def put_content(self, path: str, content: Buffer) -> None:
        """Write a whole small file, atomically."""
        if self._is_off():
            self.driver.put_content(path, content)
            return
        record = self._recorder.begin("put_content", path)
        record.run(self.driver.put_content, path, content)
        record.transferred(0, memoryview(content).nbytes)
        record.end()

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        """Open a file for streaming."""
        if self._is_off():
            return self.driver.reader(path, offset, length)
        record = self._recorder.begin("reader", path)
        reader = record.run(self.driver.reader, path, offset, length)
        record.measure()
        return InstrumentedReader(reader, record)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        """Begin an upload, or go on with one."""
        if self._is_off():
            return self.driver.writer(path, append)
        record = self._recorder.begin("writer", path)
        writer = record.run(self.driver.writer, path, append)
        record.measure()
        return InstrumentedWriter(writer, record, partial(self._recorder.begin, path=path, context=record.context))

    def stat(self, path: str) -> FileInfo:
        """What is at `path`."""
        return self._recorded("stat", path, "", super().stat, path)

    def list(self, path: str) -> builtins.list[str]:
        """The absolute paths of the direct children."""
        return self._recorded("list", path, "", super().list, path)

    def move(self, source: str, dest: str) -> None:
        """Move one file."""
        self._recorded("move", source, dest, super().move, source, dest)

    def copy(self, source: str, dest: str) -> None:
        """Copy one file."""
        self._recorded("copy", source, dest, super().copy, source, dest)

    def delete(self, path: str) -> None:
        """Delete the file, everything below it and every unfinished upload there."""
        self._recorded("delete", path, "", super().delete, path)

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta | None = None,
        client_address: str | None = None,
    ) -> str | None:
        """A URL from which a client can fetch the file, as the driver below gives it."""
        function = super().redirect_url
        return self._recorded("redirect_url", path, "", function, path, method, expires, client_address)

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        """Visit everything below `path`, depth first. The time is that of `visit`, too."""
        self._recorded("walk", path, "", super().walk, path, visit, start_after)

    def exists(self, path: str) -> bool:
        """Whether there is a file or a directory at `path`."""
        return self._recorded("exists", path, "", super().exists, path)

    def files(self, path: str = ROOT, start_after: str = "") -> Iterator[FileInfo]:
        """The files below `path`, in the order of a walk. The time is that of the caller's loop, too."""
        return self._iterated("files", path, super().files, path, start_after)

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        """The unfinished uploads at `path` and below it. The time is that of the caller's loop, too."""
        return self._iterated("uploads", path, super().uploads, path)

    def purge_uploads(self, path: str = ROOT, older_than: timedelta = timedelta(0)) -> builtins.list[UploadInfo]:
        """Remove the unfinished uploads at `path` and below it."""
        return self._recorded("purge_uploads", path, "", super().purge_uploads, path, older_than)

    def upload_size(self, path: str) -> int:
        """How many bytes a resume would find, without taking the upload over."""
        return self._recorded("upload_size", path, "", super().upload_size, path)

    def root_report(self) -> RootReport:
        """What the root of the driver below is like."""
        return self._recorded("root_report", ROOT, "", super().root_report)

    def _recorded(self, operation: str, path: str, dest: str, function: Callable[..., R], *arguments: Any) -> R:
        if self._is_off():
            return function(*arguments)
        record = self._recorder.begin(operation, path, dest)
        result = record.run(function, *arguments)
        record.end()
        return result

    def _iterated(
        self, operation: str, path: str, function: Callable[..., Iterator[R]], *arguments: Any
    ) -> Iterator[R]:
        """What a call lists. Each step may be a request; between two of them nothing is recorded."""
        if self._is_off():
            return function(*arguments)
        record = self._recorder.begin(operation, path)
        return _steps(record.run(function, *arguments), record)


def _steps(items: Iterator[R], record: Recording) -> Iterator[R]:
    end: Any = object()
    failure: BaseException | None = None
    try:
        try:
            while (item := record.step(next, items, end)) is not end:
                yield item
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                record.step(close)
    except BaseException as error:
        failure = None if isinstance(error, GeneratorExit) else error
        raise
    finally:
        record.end(failure)


def _is_instrumented(driver: StorageDriver) -> bool:
    while isinstance(driver, MiddlewareDriver):
        if isinstance(driver, InstrumentedDriver):
            return True
        driver = driver.driver
    return False


def _never() -> bool:
    return False


def _again(driver: StorageDriver, paths: bool) -> InstrumentedDriver:
    return InstrumentedDriver(driver, paths=paths)
