"""What a failure means, decided by the store's code and the HTTP status, once.

The codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from storagedriver.adapter.failures import names_of
from storagedriver.adapter.http import client as http
from storagedriver.adapter.http.answer import Answer, AnswerError
from storagedriver.adapter.http.document import error_fields
from storagedriver.adapter.http.failures import classified, line
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    IntegrityError,
    InvalidPathError,
    ParameterError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["NoCredentialsError", "classify", "code_of", "is_passing", "kind_of", "status"]

_KINDS: dict[str, type[StorageDriverError]] = {
    "NoSuchKey": PathNotFoundError,
    "KeyTooLongError": InvalidPathError,
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
        ),
        UnavailableError,
    ),
    # The body was damaged on its way.
    **dict.fromkeys(
        ("BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"),
        IntegrityError,
    ),
    # The object is in an archive; the answer's status is a misleading 403.
    "InvalidObjectState": StorageDriverError,
    "NotImplemented": StorageDriverError,
}

#: The answers to a request that went to another region than the bucket's.
_REDIRECTS = frozenset(
    (
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "Redirect",
        "TemporaryRedirect",
    )
)

_REDIRECTED = (301, 302, 303, 307, 308)

_HINTS = {
    "AccessControlListNotSupported": "the bucket takes no ACLs, leave objectacl out",
    "EntityTooSmall": "cancel the upload and write it again, with a larger chunksize",
    "InvalidAccessKeyId": "check accesskey",
    "InvalidPart": (
        "another writer has replaced a part, or the store wants all parts but the last of one length, for which"
        " there is equalparts; cancel the upload and write it again"
    ),
    "InvalidObjectState": "the object is archived and has to be restored first",
    "InvalidStorageClass": "set storageclass to one that the store knows, or to NONE",
    "RequestTimeTooSkewed": "check the clock of this machine",
    "SecondLevelDomainForbidden": "the store wants the bucket in the host, set forcepathstyle to false",
    "SignatureDoesNotMatch": "check secretkey and region",
}

_NO_CREDENTIALS = (
    "set accesskey and secretkey, the variables AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, a profile, or a role of the machine"
)
#: By their names in botocore, which is not loaded for them: why there are no credentials, and wrong settings.
_CREDENTIALS = {
    "CredentialRetrievalError",
    "MetadataRetrievalError",
    "PartialCredentialsError",
    "SSOError",
    "TokenRetrievalError",
}
_SETTINGS = {
    "BaseEndpointResolverError",
    "ConfigNotFound",
    "EndpointProviderError",
    "InvalidConfigError",
    "InvalidEndpointConfigurationError",
    "InvalidProxiesConfigError",
    "InvalidRegionError",
    "NoRegionError",
    "ParamValidationError",
    "ProfileNotFound",
    "UnsupportedS3ArnError",
    "UnsupportedS3ConfigurationError",
}
_CONNECTIONS = {"ConnectionError", "HTTPClientError"}


class NoCredentialsError(Exception):
    """There is nothing to sign a request with."""


def classify(error: BaseException) -> Failure:
    """Say what the exception means. When in doubt: `StorageDriverError`."""
    return classified(error, _answered, _unanswered)


def _unanswered(error: BaseException) -> Failure | None:
    """A request that was not sent, because of the credentials or the settings."""
    names = names_of(error, "botocore")
    if isinstance(error, NoCredentialsError) or "NoCredentialsError" in names:
        return Failure(PermissionDeniedError, "there are no credentials", _NO_CREDENTIALS)
    if names & _CREDENTIALS:
        return Failure(PermissionDeniedError, f"the credentials cannot be had: {line(error)}")
    if names & _SETTINGS:
        return Failure(ParameterError, line(error))
    if names & _CONNECTIONS:
        return Failure(UnavailableError, line(error))
    return None


def code_of(error: BaseException) -> str:
    """The store's code, ``""`` for what is no answer of the store."""
    return error_fields(error.answer.content).get("Code", "") if isinstance(error, AnswerError) else ""


def status(error: BaseException) -> int:
    """The HTTP status of the answer, 0 for what is no answer of the store."""
    return error.answer.status if isinstance(error, AnswerError) else 0


def is_passing(answer: Answer) -> bool:
    """Whether the same request may succeed a little later, though it failed now."""
    kind = kind_of(error_fields(answer.content).get("Code", ""), answer.status)
    return issubclass(kind, (IntegrityError, UnavailableError))


def kind_of(code: str, http_status: int = 0) -> type[StorageDriverError]:
    """The error of the contract for a code and, where the code says nothing, the status."""
    return _KINDS.get(code) or http.kind_of(http_status)


def _answered(error: AnswerError) -> Failure:
    fields = error_fields(error.answer.content)
    code = fields.get("Code", "")
    detail = ": ".join(" ".join(text.split()) for text in (code, fields.get("Message", "")) if text) or str(error)
    region = fields.get("Region") or error.answer.headers.get("x-amz-bucket-region", "")
    redirected = code in _REDIRECTS or (not code and error.answer.status in _REDIRECTED)
    if redirected and region:
        where = f"the bucket is in the region {region!r} ({detail})"
        return Failure(ParameterError, where, f"set region to {region!r}")
    if code == "AuthorizationHeaderMalformed":
        return Failure(PermissionDeniedError, detail, "check accesskey and region")
    if redirected:
        endpoint = fields.get("Endpoint", "")
        where = f"; the store points to {endpoint}" if endpoint else ""
        return Failure(ParameterError, f"the bucket is in another region or at another endpoint{where} ({detail})")
    kind = kind_of(code, error.answer.status)
    if kind is PathNotFoundError:
        # The path says all there is to say.
        return Failure(kind)
    return Failure(kind, detail, _HINTS.get(code, ""))
