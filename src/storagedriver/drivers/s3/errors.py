"""What an exception of the SDK means, decided by the store's code and the HTTP status, once.

The codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as sdk

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

__all__ = ["classify", "error_code", "is_transient", "kind_of", "status"]

_TOO_MANY_REQUESTS = 429
_NOT_IMPLEMENTED = 501

_KINDS: dict[str, type[StorageDriverError]] = {
    "NoSuchKey": PathNotFoundError,
    "NoSuchBucket": BucketNotFoundError,
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccountProblem",
            "AllAccessDisabled",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidPayer",
            "InvalidSecurity",
            "InvalidToken",
            "InvalidTokenId",
            "NotSignedUp",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnauthorizedAccess",
        ),
        PermissionDeniedError,
    ),
    **dict.fromkeys(
        ("ConditionalRequestConflict", "NoSuchUpload", "OperationAborted", "PreconditionFailed"), ConflictError
    ),
    **dict.fromkeys(
        (
            "BandwidthLimitExceeded",
            "BusyError",
            "IncompleteBody",
            "InternalError",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestTimeout",
            "ServiceUnavailable",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
            # The body was damaged on its way.
            "BadDigest",
            "XAmzContentSHA256Mismatch",
        ),
        UnavailableError,
    ),
    # The object lies in an archive; the answer's status is a misleading 403.
    "InvalidObjectState": StorageDriverError,
    "NotImplemented": StorageDriverError,
}

#: The answers to a request that went to another region than the bucket's.
_REDIRECTS = frozenset(
    (
        "301",
        "302",
        "307",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "Redirect",
        "TemporaryRedirect",
    )
)

_HINTS = {
    "AccessControlListNotSupported": "the bucket takes no ACLs, set objectacl to bucket-owner-full-control",
    "EntityTooSmall": "cancel the upload and write it again, with a larger chunksize",
    "InvalidAccessKeyId": "check accesskey",
    "InvalidPart": (
        "another writer has replaced a part, or the store wants all parts but the last of one length, for which"
        " there is equalparts; cancel the upload and write it again"
    ),
    "InvalidObjectState": "the object is archived and has to be restored first",
    "RequestTimeTooSkewed": "check the clock of this machine",
    "SignatureDoesNotMatch": "check secretkey and region",
}

_NO_CREDENTIALS = (
    "there are no credentials; set accesskey and secretkey, the variables AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, a profile, or a role of the machine"
)

_CREDENTIALS = (
    sdk.CredentialRetrievalError,
    sdk.PartialCredentialsError,
    sdk.MetadataRetrievalError,
    sdk.SSOError,
    sdk.TokenRetrievalError,
)
_SETTINGS = (
    sdk.BaseEndpointResolverError,
    sdk.ConfigNotFound,
    sdk.EndpointProviderError,
    sdk.InvalidConfigError,
    sdk.InvalidEndpointConfigurationError,
    sdk.InvalidProxiesConfigError,
    sdk.InvalidRegionError,
    sdk.NoRegionError,
    sdk.ParamValidationError,
    sdk.ProfileNotFound,
    sdk.UnsupportedS3ArnError,
    sdk.UnsupportedS3ConfigurationError,
)


def classify(error: BaseException) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`."""
    if isinstance(error, StorageDriverError):
        return Failure(type(error), error.detail)
    if isinstance(error, sdk.ClientError):
        return _answered(error)
    if isinstance(error, DeleteError):
        return error.failure
    return _unanswered(error)


def _unanswered(error: BaseException) -> Failure:
    """A request that did not get as far as an answer."""
    failure = http.classify(error) if isinstance(error, Exception) else None
    if failure is not None:
        return failure
    if isinstance(error, sdk.NoCredentialsError):
        return Failure(PermissionDeniedError, _NO_CREDENTIALS)
    if isinstance(error, _CREDENTIALS):
        return Failure(PermissionDeniedError, f"the credentials cannot be had: {_line(error)}")
    if isinstance(error, sdk.SSLError):
        return Failure(StorageDriverError, f"{_line(error)}; skipverify trusts any certificate")
    if _is_broken_connection(error):
        return Failure(UnavailableError, _line(error))
    if isinstance(error, _SETTINGS):
        return Failure(ParameterError, _line(error))
    return Failure(StorageDriverError, f"{type(error).__name__}: {_line(error)}")


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    return issubclass(classify(error).kind, UnavailableError)


def error_code(error: BaseException) -> str:
    """The store's code, ``""`` for what is no answer of the store."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, sdk.ClientError) else ""


def status(error: BaseException) -> int:
    """The HTTP status of the answer, 0 for what is no answer of the store."""
    if not isinstance(error, sdk.ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def kind_of(code: str, http_status: int = 0) -> type[StorageDriverError]:
    """The error of the contract for a code and, where the code says nothing, the status."""
    if code in _KINDS:
        return _KINDS[code]
    if http_status in (401, 403):
        return PermissionDeniedError
    if http_status in (409, 412):
        return ConflictError
    if http_status in (408, _TOO_MANY_REQUESTS) or (http_status >= 500 and http_status != _NOT_IMPLEMENTED):  # noqa: PLR2004 - HTTP's classes
        return UnavailableError
    return StorageDriverError


def _answered(error: sdk.ClientError) -> Failure:
    code = error_code(error)
    fields: dict[str, Any] = dict(error.response.get("Error", {}))
    message = str(fields.get("Message") or "").strip()
    detail = ": ".join(" ".join(text.split()) for text in (code, message) if text)
    region = _region(error, fields)
    if code in _REDIRECTS and region:
        return Failure(ParameterError, f"the bucket is in the region {region!r}, set region to it ({detail})")
    if code == "AuthorizationHeaderMalformed":
        return Failure(PermissionDeniedError, f"{detail}; check accesskey and region")
    if code in _REDIRECTS:
        return Failure(ParameterError, f"the bucket is in another region or at another endpoint ({detail})")
    kind = kind_of(code, status(error))
    if kind is PathNotFoundError:
        # The path says all there is to say.
        return Failure(kind)
    hint = _HINTS.get(code)
    return Failure(kind, f"{detail}; {hint}" if hint else detail)


def _region(error: sdk.ClientError, fields: Mapping[str, Any]) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(fields.get("Region") or headers.get("x-amz-bucket-region") or "")


def _is_broken_connection(error: BaseException) -> bool:
    import aiohttp  # noqa: PLC0415 - loaded with s3fs, and slow to load
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - the same

    kinds = (
        sdk.ConnectionError,
        sdk.HTTPClientError,
        sdk.IncompleteReadError,
        sdk.ResponseStreamingError,
        aiohttp.ClientError,
        # Half an answer, or a page of a proxy in between.
        ResponseParserError,
        asyncio.TimeoutError,
        OSError,
    )
    return isinstance(error, kinds)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
