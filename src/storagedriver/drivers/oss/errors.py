"""What an exception of the SDK or of the HTTP client means, decided by the store's code and the HTTP status, once.

The codes: https://www.alibabacloud.com/help/en/oss/support/http-status-code-1/
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import ParseError

from oss2 import exceptions as sdk

from storagedriver.adapter.deleting import DeleteError
from storagedriver.adapter.http import client as http
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["classify"]

_KINDS: dict[str, type[StorageDriverError]] = {
    "NoSuchKey": PathNotFoundError,
    "NoSuchBucket": BucketNotFoundError,
    **dict.fromkeys(
        (
            "AccessDenied",
            "InvalidAccessKeyId",
            "InvalidSecurityToken",
            "RequestTimeTooSkewed",
            "SecurityTokenExpired",
            "SignatureDoesNotMatch",
            "UserDisable",
        ),
        PermissionDeniedError,
    ),
    **dict.fromkeys(("NoSuchUpload", "PreconditionFailed"), ConflictError),
    **dict.fromkeys(
        (
            "DownloadTrafficRateLimitExceeded",
            "InternalError",
            "QpsLimitExceeded",
            "RequestTimeout",
            "ServiceUnavailable",
            "UploadTrafficRateLimitExceeded",
            # The body was damaged or cut on its way.
            "IncompleteBody",
            "InvalidDigest",
        ),
        UnavailableError,
    ),
    # The object lies in an archive; the answer's status is a misleading 403.
    "InvalidObjectState": StorageDriverError,
    # The bucket must not be changed: nothing was done by anybody in between.
    "FileImmutable": PermissionDeniedError,
    "NotImplemented": StorageDriverError,
}

_HINTS = {
    "InvalidAccessKeyId": "check accesskeyid",
    "InvalidObjectState": "the object is archived and has to be restored first",
    "RequestTimeTooSkewed": "check the clock of this machine",
    "SignatureDoesNotMatch": "check accesskeysecret and bucket",
    "UserDisable": "the account is disabled, or a bill is open",
}

_SHOWN = 10
_REDIRECTS = (301, 302, 307)


def classify(error: Exception) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`."""
    if isinstance(error, StorageDriverError):
        return Failure(type(error), error.detail)
    if isinstance(error, DeleteError):
        return error.failure
    if isinstance(error, sdk.ServerError):
        return _answered(error)
    if isinstance(error, ParseError):
        return Failure(UnavailableError, f"half an answer, or none of the store's: {_line(error)}")
    return http.classify(error) or Failure(StorageDriverError, f"{type(error).__name__}: {_line(error)}")


def _answered(error: sdk.ServerError) -> Failure:
    details: Mapping[str, str | None] = error.details
    message = error.message or f"HTTP {error.status} without a reason"
    detail = ": ".join(" ".join(text.split()) for text in (error.code, message) if text)
    endpoint = details.get("Endpoint")
    if (endpoint and error.code == "AccessDenied") or error.status in _REDIRECTS:
        where = f"the bucket is at {endpoint}" if endpoint else "the bucket is at another endpoint"
        return Failure(ParameterError, f"{where}, set region or endpoint to it ({detail})")
    kind = _kind_of(error.code, error.status)
    if kind is PathNotFoundError:
        # The path says all there is to say.
        return Failure(kind)
    hint = _HINTS.get(error.code)
    return Failure(kind, f"{detail}; {hint}" if hint else detail)


def _kind_of(code: str, status: int) -> type[StorageDriverError]:
    """The error of the contract for a code and, where the code says nothing, the status."""
    if code in _KINDS:
        return _KINDS[code]
    if status in (401, 403):
        return PermissionDeniedError
    if status in (409, 412):
        return ConflictError
    if status in (408, 429) or status >= 500:  # noqa: PLR2004 - HTTP's classes
        return UnavailableError
    return StorageDriverError


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
