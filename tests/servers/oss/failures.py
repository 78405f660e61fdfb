"""The errors that OSS answers with.

https://www.alibabacloud.com/help/en/oss/support/http-status-code-1/
"""

from __future__ import annotations

from collections.abc import Mapping

_STATUSES = {
    "AccessDenied": 403,
    "BucketAlreadyExists": 409,
    "BucketNotEmpty": 409,
    "EntityTooSmall": 400,
    "FileAlreadyExists": 409,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidEncryptionAlgorithmError": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingArgument": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 400,
    "NotModified": 304,
    "ObjectNotAppendable": 409,
    "PositionNotEqualToLength": 409,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
}


class OSSError(Exception):
    """What a request is answered with that cannot be done.

    Parameters
    ----------
    code : str
        OSS's name of the error, which gives the HTTP status.
    message : str
        A sentence.
    details : mapping, optional
        Further elements of the answer's XML.
    headers : mapping, optional
        Further headers of the answer.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.status = _STATUSES[code]
        self.code = code
        self.message = message or code
        self.details = dict(details or {})
        self.headers = dict(headers or {})
