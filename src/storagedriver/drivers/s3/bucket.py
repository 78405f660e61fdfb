"""One bucket and the root directory in it: names and headers that every request shares."""

from __future__ import annotations

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
    writing : dict
        The headers of a request that makes an object.
    lists_v1 : bool
        Whether the server is known to list in the first version of the request only.
    takes_conditions : bool
        Whether a request that writes may have a condition; True until the server has said that it knows none.
    """

    def __init__(self, requests: Requests, parameters: S3Parameters) -> None:
        self.requests = requests
        self.parameters = parameters
        self.name = parameters.bucket
        self.prefix = parameters.prefix
        self.writing = _writing(parameters)
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


def _writing(parameters: S3Parameters) -> dict[str, str]:
    writing = {"Content-Type": CONTENT_TYPE, "x-amz-acl": parameters.objectacl}
    if parameters.encrypt:
        writing["x-amz-server-side-encryption"] = "aws:kms" if parameters.keyid else "AES256"
        if parameters.keyid:
            writing["x-amz-server-side-encryption-aws-kms-key-id"] = parameters.keyid
    if parameters.storageclass != NO_STORAGE_CLASS:
        writing["x-amz-storage-class"] = parameters.storageclass
    return writing
