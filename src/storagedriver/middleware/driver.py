"""`MiddlewareDriver`: a driver that is another one in everything that it does not change."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from storagedriver.driver import (
    Capabilities,
    ConflictsDetected,
    FileInfo,
    FileReader,
    FileWriter,
    RootReport,
    StorageDriver,
    UploadInfo,
    Visit,
)
from storagedriver.errors import ParameterError, UnsupportedMethodError
from storagedriver.middleware.options import LONGEST
from storagedriver.paths import ROOT, NameRule, WalkOrder, check_path

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem
    from typing_extensions import Buffer

__all__ = ["MiddlewareDriver", "SigningMiddleware", "for_urls", "is_for_urls"]

F = TypeVar("F", bound=Callable[..., StorageDriver])
_MARK = "changes_urls_alone"


def for_urls(create: F) -> F:
    """Mark the callable of a middleware that changes nothing but URLs.

    Where no URL is wanted, as in most subcommands of the command, it is left
    out, and the packages and files that it needs are not needed.
    """
    setattr(create, _MARK, True)
    return create


def is_for_urls(create: Callable[..., StorageDriver]) -> bool:
    """Whether a callable is marked so."""
    return getattr(create, _MARK, False) is True


class MiddlewareDriver(StorageDriver):
    """A driver around another one. Every call goes to that one; a middleware overrides what it changes.

    What that driver has beside the contract is found here, too. It is pickled
    if that driver is, and if what a middleware keeps can be.

    Parameters
    ----------
    driver : StorageDriver
        The driver below. It is closed with this one.
    """

    def __init__(self, driver: StorageDriver) -> None:
        self.driver = driver

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self.driver!r}>"

    def __getattr__(self, name: str) -> Any:
        # Not what belongs to this object itself, which has no driver yet while it is unpickled.
        if name.startswith("_") or name == "driver":
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(self.driver, name)

    @property
    def name(self) -> str:
        """The name of the driver below."""
        return self.driver.name

    @property
    def capabilities(self) -> Capabilities:
        """Those of the driver below."""
        return self.driver.capabilities

    @property
    def name_rule(self) -> NameRule:
        """The rule that paths follow below."""
        return self.driver.name_rule

    @property
    def walk_order(self) -> WalkOrder:
        """The order of a walk on the server at hand."""
        return self.driver.walk_order

    @property
    def conflicts_detected(self) -> ConflictsDetected:
        """Of which writers the server at hand finds the loser."""
        return self.driver.conflicts_detected

    @property
    def filesystem(self) -> AbstractFileSystem:
        """The plain fsspec filesystem of the driver below."""
        return self.driver.filesystem

    def get_content(self, path: str) -> bytes:
        """The whole content of a small file."""
        return self.driver.get_content(path)

    def put_content(self, path: str, content: Buffer) -> None:
        """Write a whole small file, atomically."""
        self.driver.put_content(path, content)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        """Open a file for streaming."""
        return self.driver.reader(path, offset, length)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        """Begin an upload, or go on with one."""
        return self.driver.writer(path, append)

    def stat(self, path: str) -> FileInfo:
        """What is at `path`."""
        return self.driver.stat(path)

    def list(self, path: str) -> builtins.list[str]:
        """The absolute paths of the direct children."""
        return self.driver.list(path)

    def move(self, source: str, dest: str) -> None:
        """Move one file."""
        self.driver.move(source, dest)

    def copy(self, source: str, dest: str) -> None:
        """Copy one file."""
        self.driver.copy(source, dest)

    def delete(self, path: str) -> None:
        """Delete the file, everything below it and every unfinished upload there."""
        self.driver.delete(path)

    def redirect_url(
        self,
        path: str,
        method: str = "GET",
        expires: timedelta | None = None,
        client_address: str | None = None,
    ) -> str | None:
        """A URL from which a client can fetch the file, as the driver below gives it.

        Parameters
        ----------
        path, method, client_address
            As for `StorageDriver.redirect_url`.
        expires : timedelta, optional
            How long the URL shall work. None: as long as the options of the
            middleware say that signs it, or else the driver's default.
        """
        if expires is None:
            return self.driver.redirect_url(path, method, client_address=client_address)
        return self.driver.redirect_url(path, method, expires, client_address)

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        """Visit everything below `path`, depth first."""
        self.driver.walk(path, visit, start_after)

    def exists(self, path: str) -> bool:
        """Whether there is a file or a directory at `path`."""
        return self.driver.exists(path)

    def files(self, path: str = ROOT, start_after: str = "") -> Iterator[FileInfo]:
        """The files below `path`, in the order of a walk."""
        return self.driver.files(path, start_after)

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        """The unfinished uploads at `path` and below it."""
        return self.driver.uploads(path)

    def purge_uploads(self, path: str = ROOT, older_than: timedelta = timedelta(0)) -> builtins.list[UploadInfo]:
        """Remove the unfinished uploads at `path` and below it."""
        return self.driver.purge_uploads(path, older_than)

    def upload_size(self, path: str) -> int:
        """How many bytes a resume would find, without taking the upload over."""
        return self.driver.upload_size(path)

    def root_report(self) -> RootReport:
        """What there is to say of the root directory."""
        return self.driver.root_report()

    def close(self) -> None:
        """Close the driver below."""
        self.driver.close()


class SigningMiddleware(MiddlewareDriver):
    """A middleware that makes URLs of its own, whatever the driver below can sign."""

    @property
    def capabilities(self) -> Capabilities:
        """Those of the driver below; there are URLs in any case."""
        return replace(self.driver.capabilities, signs_urls=True)

    def check_url(self, path: str, method: str, expires: timedelta | None) -> None:
        """Check the arguments of `redirect_url` as every driver does.

        Raises
        ------
        InvalidPathError
            If `path` cannot name a file.
        UnsupportedMethodError
            If `method` is neither GET nor HEAD.
        ParameterError
            If `expires` is not positive, or longer than a hundred years.
        """
        check_path(path, self.name, self.name_rule)
        if method not in ("GET", "HEAD"):
            detail = f"{method!r} cannot be signed, only GET and HEAD"
            raise UnsupportedMethodError(detail, driver_name=self.name, path=path)
        if expires is not None and not timedelta(0) < expires <= LONGEST:
            detail = f"{expires} is not allowed, it must be positive and at most {LONGEST.days} days"
            raise ParameterError(detail, driver_name=self.name, path="expires")
