"""Drivers of the small HTTP store with one fault each, which show when a request fails."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from typing import Any, TypeVar
from urllib.parse import urlencode

from storagedriver.driver import FileInfo, UploadInfo
from storagedriver.errors import PathNotFoundError, StorageDriverError, UnavailableError
from storagedriver.paths import ROOT
from tests.faults.http_store import HTTPDriver, HTTPWriter

T = TypeVar("T", bound=type[HTTPDriver])

#: Each broken driver, and the script and the way that find it so.
BROKEN: dict[type[HTTPDriver], tuple[str, str]] = {}


def breaks(script: str, way: str) -> Callable[[T], T]:
    def enter(driver: T) -> T:
        BROKEN[driver] = script, way
        return driver

    return enter


@breaks("a stream of three parts", "503 once")
class CommitsWithoutALostPart(HTTPDriver):
    class writer_class(HTTPWriter):  # noqa: N801 - it stands for the attribute
        def deliver(self) -> None:
            sent, waiting = self.state
            self.state = (sent, b"")
            if waiting:
                self.send(sent, waiting)
                self.state = (sent + len(waiting), b"")


@breaks("close with a part and a tail", "503 each time")
class CloseLosesTheTail(HTTPDriver):
    class writer_class(HTTPWriter):  # noqa: N801
        def close(self) -> None:
            if not self.closed:
                with suppress(StorageDriverError):
                    self.deliver()
                self.state = (self.size, b"")
            super().close()


@breaks("append to an upload", "reset after")
class SendsTwiceAfterALostAnswer(HTTPDriver):
    class writer_class(HTTPWriter):  # noqa: N801
        def send(self, offset: int, data: bytes) -> None:  # noqa: ARG002 - this is the fault
            self.driver.ask("PUT", "upload", data, path=self.path, id=self.id)


@breaks("move", "reset before")
class MoveDeletesTheSourceAfterAFailedCopy(HTTPDriver):
    def move(self, source: str, dest: str) -> None:
        try:
            self.copy(source, dest)
        finally:
            self.ask("DELETE", "file", path=source)


@breaks("read with an offset", "reply cut")
class ReadEndsEarly(HTTPDriver):
    def ask(self, method: str, what: str, body: bytes = b"", **asked: str) -> bytes:
        if (method, what) != ("GET", "file"):
            return super().ask(method, what, body, **asked)
        try:
            with closing(http.client.HTTPConnection(self.host, timeout=self.timeout)) as connection:
                connection.request(method, f"/{what}?{urlencode(asked)}", body)
                answer = connection.getresponse()
                try:
                    content = answer.read()
                except http.client.IncompleteRead as error:
                    content = error.partial
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(str(error), driver_name=self.name) from error
        if answer.status != 200:
            kind = PathNotFoundError if answer.status == 404 else UnavailableError
            raise kind(driver_name=self.name, path=asked["path"])
        return content


@breaks("put", "a page in its place")
class BelievesAPage(HTTPDriver):
    def is_from_the_store(self, headers: Mapping[str, str]) -> bool:
        del headers
        return True


@breaks("delete a file", "head of the reply cut")
class BelievesHalfAHead(HTTPDriver):
    def is_from_the_store(self, headers: Mapping[str, str]) -> bool:
        return "Content-Length" not in headers or super().is_from_the_store(headers)


@breaks("cancel", "reset before")
class CancelLeavesTheUpload(HTTPDriver):
    class writer_class(HTTPWriter):  # noqa: N801
        def cancel(self) -> None:
            with suppress(StorageDriverError):
                super().cancel()
            if not self.closed:
                super(HTTPWriter, self).close()


@breaks("a stream of a part and a bit", "503 once")
class SizeCountsWhatWasNotTaken(HTTPDriver):
    class writer_class(HTTPWriter):  # noqa: N801
        counted = 0

        @property
        def size(self) -> int:
            return self.counted

        def write(self, data: Any, /) -> int:
            self.counted += len(data)
            return super().write(data)


@breaks("list", "503 once")
class ListsNothingWhenItIsRefused(HTTPDriver):
    def list(self, path: str) -> list[str]:
        try:
            return super().list(path)
        except UnavailableError:
            return []


@breaks("put over content", "403")
class PutDoesNotLookAtTheAnswer(HTTPDriver):
    def put_content(self, path: str, content: Any) -> None:
        with suppress(StorageDriverError):
            super().put_content(path, content)


@breaks("delete a tree", "503 once")
class DeleteGivesUp(HTTPDriver):
    def delete(self, path: str) -> None:
        try:
            super().delete(path)
        except UnavailableError:
            return


@breaks("append to a short tail", "503 once")
class FailedResumeStartsOver(HTTPDriver):
    def writer(self, path: str, append: bool = False) -> Any:
        try:
            return super().writer(path, append)
        except UnavailableError:
            return super().writer(path)


@breaks("a stream of a part and a bit over content", "interrupt before")
class InterruptLosesTheBuffer(HTTPDriver):
    class writer_class(HTTPWriter):  # noqa: N801
        def deliver(self) -> None:
            sent, waiting = self.state
            self.state = (sent, b"")
            try:
                if waiting:
                    self.send(sent, waiting)
            except Exception:
                self.state = (sent, waiting)
                raise
            self.state = (sent + len(waiting), b"")


@breaks("stat of a file", "reset before")
class FailureIsAMissingPath(HTTPDriver):
    def stat(self, path: str) -> FileInfo:
        try:
            return super().stat(path)
        except UnavailableError as error:
            raise PathNotFoundError(driver_name=self.name, path=path) from error


@breaks("close with a short tail", "503 once")
class PurgeRemovesNothing(HTTPDriver):
    def purge_uploads(self, *_: Any) -> list[UploadInfo]:
        return []


@breaks("uploads", "503 once")
class UploadsMakesOneUp(HTTPDriver):
    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        try:
            return super().uploads(path)
        except StorageDriverError:
            return iter([UploadInfo(f"{path}/data", "?", self.stat(path).mod_time)])


@breaks("a stream of 1 byte over content", "reset after")
class FailedCommitDeletesTheContent(HTTPDriver):
    class writer_class(HTTPWriter):  # noqa: N801
        def commit(self) -> None:
            try:
                super().commit()
            except StorageDriverError:
                self.driver.ask("DELETE", "file", path=self.path)
                raise
