"""What an exception of the SDK or of the HTTP client means, decided by the store's code and the HTTP status, once.

The codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and, of all services,
https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
"""

from __future__ import annotations

import re
import ssl

from storagedriver.adapter.failures import names_of
from storagedriver.adapter.http import client as http
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.connection import HTTPError
from storagedriver.adapter.http.failures import classified, line
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    IntegrityError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = [
    "INVALID_BLOB_TYPE",
    "NO_BLOB",
    "classify",
    "code_of",
    "is_about_a_directory",
    "is_conflict",
    "is_passing",
    "status_of",
]

NO_BLOB = "BlobNotFound"
INVALID_BLOB_TYPE = "InvalidBlobType"
_OF_A_DIRECTORY = ("DirectoryIsNotEmpty", "OperationNotSupportedOnDirectory")

_KINDS: dict[str, type[StorageDriverError]] = {
    NO_BLOB: PathNotFoundError,
    "ContainerNotFound": BucketNotFoundError,
    **dict.fromkeys(
        (
            "AppendPositionConditionNotMet",
            "BlobAlreadyExists",
            "BlobOverwritten",
            "ConditionNotMet",
            "InvalidBlobOrBlock",
            "InvalidBlockList",
            "PendingCopyOperation",
            "SourceConditionNotMet",
        ),
        ConflictError,
    ),
    **dict.fromkeys(
        (
            "AuthenticationFailed",
            "BlobImmutableDueToPolicy",
            "InvalidAuthenticationInfo",
            "NoAuthenticationInformation",
        ),
        PermissionDeniedError,
    ),
    **dict.fromkeys(
        ("AccountBeingCreated", "ContainerBeingDeleted", "InternalError", "OperationTimedOut", "ServerBusy"),
        UnavailableError,
    ),
    # The body was damaged on its way.
    **dict.fromkeys(("Crc64Mismatch", "Md5Mismatch"), IntegrityError),
    # Archived: the status is a misleading 409.
    **dict.fromkeys(("BlobArchived", "BlobBeingRehydrated"), StorageDriverError),
}

_HINTS = {
    "AuthenticationFailed": "check accountname, accountkey and the clock of this machine",
    "AuthorizationFailure": "check the key, the rights of the identity and the network rules of the account",
    "AuthorizationPermissionMismatch": "the identity needs the role Storage Blob Data Contributor",
    "BlobArchived": "it is in the archive tier and has to be rehydrated first",
    "KeyBasedAuthenticationNotPermitted": "the account takes no key; give credentials of another type",
}
#: The SDK's names for a request for a token that got no answer.
_BROKEN = {"IncompleteReadError", "ServiceRequestError", "ServiceResponseError"}
_ELEMENT = re.compile(rb"<(Code|Message)>(.*?)</\1>", re.DOTALL)


def classify(error: BaseException) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`."""
    return classified(error, _answered, _unanswered)


def _unanswered(error: BaseException) -> Failure | None:
    """A request for a token that got none, because of the credentials, the certificate or the connection."""
    if isinstance(error, HTTPError):
        return None
    names = names_of(error, "azure")
    if "ClientAuthenticationError" in names:
        # azure-identity: it could not get a token, or it knows no way to one.
        return Failure(PermissionDeniedError, f"the credentials cannot be had: {line(error)}")
    if _is_tls(error):
        return Failure(StorageDriverError, f"TLS failed: {line(error)}; skipverify trusts any certificate")
    if isinstance(error, OSError) or names & _BROKEN:
        return Failure(UnavailableError, f"no connection or no answer: {line(error)}")
    return None


def code_of(error: BaseException) -> str:
    """The store's code, ``""`` for what is no answer of the store."""
    if isinstance(error, AnswerError):
        found = error.answer.headers.get("x-ms-error-code", "")
        return found or _elements(error.answer.content).get("Code", "")
    return ""


def status_of(error: BaseException) -> int:
    """The HTTP status of the answer, 0 for what is no answer of the store."""
    return error.answer.status if isinstance(error, AnswerError) else 0


def is_passing(answer: Answer) -> bool:
    """Whether the same request may succeed a little later, though it failed now."""
    code = answer.headers.get("x-ms-error-code", "") or _elements(answer.content).get("Code", "")
    return issubclass(_kind(code, answer.status), (IntegrityError, UnavailableError))


def is_about_a_directory(error: BaseException) -> bool:
    """Whether it says that a directory of a hierarchical namespace cannot be deleted by this protocol, or not yet.

    https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-known-issues
    """
    return code_of(error) in _OF_A_DIRECTORY


def is_conflict(error: BaseException) -> bool:
    """Whether it says that the blob or its blocks are not what they were."""
    return issubclass(classify(error).kind, ConflictError)


def _answered(error: AnswerError) -> Failure:
    code, status = code_of(error), status_of(error)
    kind = _kind(code, status)
    if kind is PathNotFoundError:
        # The path says all there is to say.
        return Failure(kind)
    message = _elements(error.answer.content).get("Message", "") or str(error)
    # What follows the first line are the id and the time of the request.
    message = next(iter(message.strip().splitlines()), "")
    detail = ": ".join(text for text in (code, message) if text)
    return Failure(kind, detail, _HINTS.get(code, ""))


def _kind(code: str, status: int) -> type[StorageDriverError]:
    return _KINDS.get(code) or http.kind_of(status)


def _elements(content: bytes) -> dict[str, str]:
    """The code and the message of an error's XML."""
    return {name.decode(): value.decode(errors="replace") for name, value in _ELEMENT.findall(content)}


def _is_tls(error: BaseException | None) -> bool:
    """Whether the server's certificate was refused, however deep in its causes that is."""
    seen = 0
    while error is not None and seen < 5:  # noqa: PLR2004 - the SDK wraps twice
        inner = getattr(error, "inner_exception", None) or getattr(error, "reason", None)
        if isinstance(error, ssl.SSLError) or "certificate verify failed" in str(error).lower():
            return True
        error = inner if isinstance(inner, BaseException) else error.__cause__
        seen += 1
    return False
