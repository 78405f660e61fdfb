"""The driver's parameters in the words of s3fs."""

from __future__ import annotations

from typing import Any

from storagedriver.drivers.s3.parameters import NO_STORAGE_CLASS, S3Parameters
from storagedriver.drivers.s3.urls import HOST_LABEL
from storagedriver.translation import Translation, place

__all__ = ["options", "translate"]

#: For what a user does on the plain filesystem, in seconds.
_READ_TIMEOUT = 60.0


def options(parameters: S3Parameters, endpoint: str) -> dict[str, Any]:
    """The options of s3fs.

    Parameters
    ----------
    parameters : S3Parameters
        Checked by `storagedriver.drivers.s3.parameters.load`.
    endpoint : str
        The URL of the server; ``""`` for the one that the region says.
    """
    found: dict[str, Any] = {
        "use_ssl": parameters.secure,
        "config_kwargs": _config(parameters, endpoint),
        "client_kwargs": _client(parameters),
    }
    if parameters.accesskey:
        found.update(key=parameters.accesskey, secret=parameters.secretkey)
    if endpoint:
        found["endpoint_url"] = endpoint
    written = _written(parameters)
    if written:
        found["s3_additional_kwargs"] = written
    return found


def translate(parameters: S3Parameters) -> Translation:
    """The URL and the options of s3fs."""
    return place("s3", parameters.bucket, parameters.prefix), options(parameters, parameters.endpoint)


def _config(parameters: S3Parameters, endpoint: str) -> dict[str, Any]:
    """What goes to botocore's ``Config``."""
    # Without a word about it, us-east-1 is the global endpoint, which is in the way of a network with its own.
    s3: dict[str, Any] = {
        "addressing_style": _addressing(parameters, endpoint),
        "us_east_1_regional_endpoint": "regional",
    }
    if parameters.accelerate:
        s3["use_accelerate_endpoint"] = True
    config: dict[str, Any] = {
        "connect_timeout": parameters.timeout,
        "read_timeout": max(_READ_TIMEOUT, parameters.timeout),
        "signature_version": "s3v4" if parameters.v4auth else "s3",
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "s3": s3,
    }
    if parameters.usedualstack:
        config["use_dualstack_endpoint"] = True
    if parameters.usefipsendpoint:
        config["use_fips_endpoint"] = True
    if parameters.useragent:
        config["user_agent_extra"] = parameters.useragent
    return config


def _client(parameters: S3Parameters) -> dict[str, Any]:
    """What goes to botocore's client."""
    client: dict[str, Any] = {}
    if parameters.region:
        client["region_name"] = parameters.region
    if parameters.skipverify:
        client["verify"] = False
    return client


def _written(parameters: S3Parameters) -> dict[str, str]:
    """What goes with each object that is written."""
    written = {}
    if parameters.encrypt:
        written["ServerSideEncryption"] = "aws:kms" if parameters.keyid else "AES256"
        if parameters.keyid:
            written["SSEKMSKeyId"] = parameters.keyid
    if parameters.objectacl != "private":
        written["ACL"] = parameters.objectacl
    if parameters.storageclass not in ("STANDARD", NO_STORAGE_CLASS):
        written["StorageClass"] = parameters.storageclass
    return written


def _addressing(parameters: S3Parameters, endpoint: str) -> str:
    if parameters.forcepathstyle is not None and not parameters.accelerate:
        return "path" if parameters.forcepathstyle else "virtual"
    if not endpoint and HOST_LABEL.fullmatch(parameters.bucket):
        # What "auto" comes to, but for signed URLs: those it makes for the
        # global endpoint, which new regions answer with a redirect.
        return "virtual"
    return "auto"
