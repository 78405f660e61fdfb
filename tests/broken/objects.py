"""URLs, errors and driver objects with one fault each."""

import itertools
import os
import threading
from dataclasses import replace
from typing import Any

from storagedriver.driver import Capabilities, FileInfo, FileReader
from storagedriver.errors import (
    InvalidPathError,
    PathNotFoundError,
    StorageDriverError,
    UnavailableError,
)
from tests.broken.table import SECRET, breaks
from tests.dict_driver import DictDriver

# URLs and errors


@breaks("test_other_methods_are_refused")
class TakesAnyMethod(DictDriver):
    def redirect_url(self, path: str, method: str = "GET", *rest: Any, **named: Any) -> str | None:  # noqa: ARG002
        return super().redirect_url(path, "GET", *rest, **named)


@breaks("test_expiry_that_is_not_positive_is_refused")
class TakesAnyExpiry(DictDriver):
    def redirect_url(self, path: str, method: str = "GET", *_: Any, **__: Any) -> str | None:
        return super().redirect_url(path, method)


@breaks("test_get_is_the_default", "test_url_gives_the_content")
class GivesUrlsUndeclared(DictDriver):
    def redirect_url(self, path: str, *_: Any, **__: Any) -> str | None:
        return f"http://127.0.0.1:9{path}"


@breaks("test_missing_path")
class ErrorsWithoutAName(DictDriver):
    def missing(self, path: str) -> PathNotFoundError:
        return PathNotFoundError(path=path)


@breaks("test_missing_path")
class ErrorsWithoutAPath(DictDriver):
    def missing(self, path: str) -> PathNotFoundError:  # noqa: ARG002
        return PathNotFoundError(driver_name=self.name)


@breaks("test_missing_path", "test_histories_agree_with_a_model")
class ErrorsWithoutAType(DictDriver):
    def data(self, path: str) -> bytes:
        return self._store.files[path][0]


@breaks("test_missing_path")
class ErrorsThatDoNotUnpickle(DictDriver):
    def missing(self, path: str) -> PathNotFoundError:
        class LocalError(PathNotFoundError):
            pass

        return LocalError(driver_name=self.name, path=path)


@breaks("test_missing_path")
class ErrorsWithASecret(DictDriver):
    def missing(self, path: str) -> PathNotFoundError:
        error = super().missing(path)
        error.__cause__ = RuntimeError(f"GET https://user:{SECRET}@host/")
        return error


# Objects


@breaks("test_repr_holds_no_secret")
class ReprWithASecret(DictDriver):
    def __repr__(self) -> str:
        return f"<ReprWithASecret password={SECRET}>"


@breaks("test_capabilities_are_those_declared_to_the_suite")
class ChangesItsCapabilities(DictDriver):
    calls = itertools.count()

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, signs_urls=next(self.calls) > 0)


@breaks("test_pickled_driver_is_on_the_same_store", "test_driver_can_be_sent_to_another_process")
class PickledDriverHasAnotherStore(DictDriver):
    def __init__(self) -> None:
        super().__init__(Capabilities(conflicts_detected="always"))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


if hasattr(os, "fork"):

    @breaks("test_driver_can_be_used_after_a_fork")
    class FailsAfterAFork(DictDriver):
        def __init__(self) -> None:
            super().__init__()
            self.pid = os.getpid()

        def get_content(self, path: str) -> bytes:
            if os.getpid() != self.pid:
                raise RuntimeError("not fork-safe")
            return super().get_content(path)


@breaks("test_driver_can_be_closed_twice")
class ClosesOnce(DictDriver):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise StorageDriverError("closed", driver_name=self.name)
        self.closed = True


@breaks("test_many_open_streams_leave_room_for_calls")
class HoldsASlotForAStream(DictDriver):
    def __init__(self) -> None:
        super().__init__()
        self.slots = threading.Semaphore(10)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        if not self.slots.acquire(timeout=0.01):
            raise UnavailableError("no free slot", driver_name=self.name)
        return super().reader(path, offset, length)


@breaks("test_invalid_path_is_refused")
class RaisesPlainValueErrors(DictDriver):
    def stat(self, path: str) -> FileInfo:
        try:
            return super().stat(path)
        except InvalidPathError as error:
            raise ValueError(str(error)) from error
