"""What the exceptions of fsspec filesystems mean, without knowing any of their SDKs."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from typing import Any

from fsspec.exceptions import FSTimeoutError

from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    InvalidPathError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
    UnsupportedMethodError,
)

__all__ = ["failure_of", "is_disconnected", "names_missing_bucket", "status_of"]

_UNAVAILABLE = {
    errno.EAGAIN,
    errno.EBUSY,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETRESET,
    errno.ENETUNREACH,
    errno.ENOTCONN,
    errno.ESTALE,
}
#: As S3, Google, Azure, OSS and Swift say it; fsspec makes "file not found" of them.
_MISSING_BUCKET = (
    "nosuchbucket",
    "bucket does not exist",
    "containernotfound",
    "container does not exist",
)
#: Exceptions of SDKs that derive from nothing that says what they are. The names are those of
#: botocore, aiohttp, azure-core, google-auth, paramiko, ftplib and httpx, each with its relations.
_UNAVAILABLE_NAMES = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "EndpointConnectionError",
    "error_temp",
    "HTTPClientError",
    "NoValidConnectionsError",
    "ReadTimeoutError",
    "ServerDisconnectedError",
    "ServiceRequestError",
    "ServiceResponseError",
    "SSHException",
    "TransportError",
}
#: The FTP answers of who is not logged in: RFC 959, 4.2.2.
_FTP_DENIED = re.compile(r"53[02][ -]")
#: obstore has one exception for all of these, and says the rest in words.
_STATUS_IN_TEXT = re.compile(r"\bstatus code:? ([45]\d\d)\b")
_NOT_SENT = "error sending request"
#: httpx has these among its failures of the transport, and no other try helps.
_NEVER_SENT_NAMES = {"UnsupportedProtocol", "LocalProtocolError"}
_DENIED_NAMES = {
    "AuthenticationException",
    "BadHostKeyException",
    "ClientAuthenticationError",
    "NoCredentialsError",
    "PermissionDeniedError",
    "UnauthenticatedError",
}


def failure_of(error: BaseException) -> Failure:
    """Say what an exception means; when in doubt, that something went wrong and nothing more."""
    # Some go on with pages of debugging after the first paragraph.
    detail = " ".join(str(error).partition("\n\n")[0].split())
    if names_missing_bucket(error):
        return Failure(BucketNotFoundError, detail)
    if isinstance(error, FileNotFoundError):
        return Failure(PathNotFoundError)
    status = status_of(error)
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, NotImplementedError):
        return Failure(UnsupportedMethodError, detail or "the filesystem cannot do this")
    denied = bool(names & _DENIED_NAMES) or ("error_perm" in names and _FTP_DENIED.match(str(error)))
    read_only = isinstance(error, OSError) and error.errno == errno.EROFS
    if read_only or isinstance(error, PermissionError) or status in (401, 403) or denied:
        return Failure(PermissionDeniedError, detail)
    if isinstance(error, (IsADirectoryError, NotADirectoryError, FileExistsError)):
        return Failure(ConflictError, "a file and a directory cannot have one name")
    if is_disconnected(error) or status == 429 or (status is not None and status >= 500):  # noqa: PLR2004 - HTTP
        return Failure(UnavailableError, detail)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return Failure(InvalidPathError, detail)
    return Failure(StorageDriverError, detail or type(error).__name__)


def is_disconnected(error: BaseException) -> bool:
    """Whether the filesystem could not be reached, or the connection broke."""
    if isinstance(error, (ConnectionError, EOFError, TimeoutError, FSTimeoutError, socket.gaierror)):
        return True
    if isinstance(error, OSError) and (error.errno in _UNAVAILABLE or "socket is closed" in str(error).lower()):
        return True
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & (_DENIED_NAMES | _NEVER_SENT_NAMES):
        return False
    return bool(names & _UNAVAILABLE_NAMES) or ("BaseError" in names and _NOT_SENT in str(error))


def names_missing_bucket(error: BaseException) -> bool:
    """Whether the store's own words say that it is the bucket that is missing."""
    return any(words in f"{type(link).__name__} {link}".lower() for link in _chain(error) for words in _MISSING_BUCKET)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an SDK has put on its exception, or on the one behind it."""
    link: BaseException | None = error
    while link is not None:
        for holder in (link, getattr(link, "response", None)):
            for name in ("status_code", "status", "code"):
                value: Any = getattr(holder, name, None)
                if isinstance(value, int) and 400 <= value < 600:  # noqa: PLR2004 - HTTP
                    return value
        link = link.__cause__
    found = _STATUS_IN_TEXT.search(str(error))
    return int(found[1]) if found else None
