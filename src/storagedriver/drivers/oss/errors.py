"""What a failure means, decided by the store's code and the HTTP status, once.

The codes: https://www.alibabacloud.com/help/en/oss/support/http-status-code-1/
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from storagedriver.adapter.http import client as http
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.document import error_fields
from storagedriver.adapter.http.failures import classified
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    IntegrityError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["classify", "code_of", "is_passing"]

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
            # The body was cut on its way.
            "IncompleteBody",
        ),
        UnavailableError,
    ),
    # It was damaged.
    "InvalidDigest": IntegrityError,
    # The object is in an archive; the answer's status is a misleading 403.
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

_REDIRECTS = (301, 302, 303, 307, 308)


def classify(error: Exception) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`."""
    return classified(error, _answered)


def code_of(error: BaseException) -> str:
    """The store's code, ``""`` for what is no answer of the store."""
    return _fields(error.answer).get("Code", "") if isinstance(error, AnswerError) else ""


def is_passing(answer: Answer) -> bool:
    """Whether the same request may succeed a little later, though it failed now."""
    return issubclass(_kind_of(_fields(answer).get("Code", ""), answer.status), (IntegrityError, UnavailableError))


def _kind_of(code: str, status: int) -> type[StorageDriverError]:
    """What the store says; where it says nothing, what the status means."""
    return _KINDS.get(code) or http.kind_of(status)


def _answered(error: AnswerError) -> Failure:
    answer = error.answer
    fields = _fields(answer)
    code, status = fields.get("Code", ""), answer.status
    message = fields.get("Message", "") or f"HTTP {status} without a reason"
    detail = ": ".join(" ".join(text.split()) for text in (code, message) if text)
    endpoint = fields.get("Endpoint")
    if (endpoint and code == "AccessDenied") or status in _REDIRECTS:
        where = f"the bucket is at {endpoint}" if endpoint else "the bucket is at another endpoint"
        return Failure(ParameterError, f"{where}, set region or endpoint to it ({detail})")
    kind = _kind_of(code, status)
    if kind is PathNotFoundError:
        # The path says all there is to say.
        return Failure(kind)
    return Failure(kind, detail, _HINTS.get(code, ""))


def _fields(answer: Answer) -> Mapping[str, str]:
    """What the store says of a failure, in the content or, after HEAD, in a header.

    Source: https://www.alibabacloud.com/help/en/oss/developer-reference/error-responses
    """
    return error_fields(answer.content or _decoded(answer.headers.get("x-oss-err", "")))


def _decoded(header: str) -> bytes:
    try:
        return base64.b64decode(header)
    except ValueError:
        return b""
