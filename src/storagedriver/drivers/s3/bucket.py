"""One bucket and the root directory in it: names and headers that every request shares."""

from __future__ import annotations

from storagedriver.adapter.checksums import md5_header
from storagedriver.drivers.s3.parameters import NO_STORAGE_CLASS, S3Parameters
from storagedriver.drivers.s3.requests import Requests
from storagedriver.drivers.s3.urls import quoted

__all__ = ["CONTENT_TYPE", "COPY_RATE", "NAMESPACE", "Bucket"]

#: What the registry gives everything it writes.
CONTENT_TYPE = "application/octet-stream"
#: That of the documents that are sent.
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
#: The slowest copying store that is waited for, in bytes a second.
COPY_RATE = 16 << 20


class Bucket:
    """Where the objects lie.

    Parameters
    ----------
    requests : Requests
        The requests.
    parameters : S3Parameters
        The driver's parameters.

    Attributes
    ----------
    name : str
        The bucket's name.
    prefix : str
        What stands before every key.
    making : dict
        The headers of a request that makes an object.
    lists_v1 : bool
        Whether the server is known to list in the first version of the request only.
    takes_conditions : bool
        Whether a request may have a condition; True until the server has refused one.
    """

    def __init__(self, requests: Requests, parameters: S3Parameters) -> None:
        self.requests = requests
        self.parameters = parameters
        self.name = parameters.bucket
        self.prefix = parameters.prefix
        self.making = _making(parameters)
        self._sends_md5 = parameters.checksums == "always" and not parameters.signs_payloads
        self.lists_v1 = False
        self.takes_conditions = True

    def full(self, key: str) -> str:
        """The key as the server knows it."""
        return self.prefix + key

    def relative(self, key: str) -> str:
        """The key without the root directory."""
        return key[len(self.prefix) :]

    def source(self, key: str) -> dict[str, str]:
        """The header that names an object as the source of a copy."""
        between = "/object/" if self.name.startswith("arn:") else "/"
        return {"x-amz-copy-source": quoted(f"{self.name}{between}{self.full(key)}")}

    def checking(self, data: memoryview) -> dict[str, str]:
        """The MD5 of a body, where it is demanded and no signature covers the body."""
        return md5_header(data) if self._sends_md5 else {}


def _making(parameters: S3Parameters) -> dict[str, str]:
    making = {"Content-Type": CONTENT_TYPE, "x-amz-acl": parameters.objectacl}
    if parameters.encrypt:
        making["x-amz-server-side-encryption"] = "aws:kms" if parameters.keyid else "AES256"
        if parameters.keyid:
            making["x-amz-server-side-encryption-aws-kms-key-id"] = parameters.keyid
    if parameters.storageclass != NO_STORAGE_CLASS:
        making["x-amz-storage-class"] = parameters.storageclass
    return making
