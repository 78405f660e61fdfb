"""The parameters of the oss driver, and what of them can be checked offline."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from storagedriver.adapter.checksums import CHECKSUMS
from storagedriver.errors import ParameterError
from storagedriver.parameters import NamingParameters, boolean, choice, integer, number, parse, string

__all__ = ["Addressing", "OSSParameters", "is_address", "load"]

_MIB = 1 << 20
#: The registry's least (registry/storage/driver/oss/oss.go); OSS itself allows 100 KiB.
_MIN_PART = 5 * _MIB
#: https://www.alibabacloud.com/help/en/oss/developer-reference/uploadpart
_MAX_PART = 5 << 30

#: https://www.alibabacloud.com/help/en/oss/user-guide/bucket-naming-conventions
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?")
_ALIBABA = ".aliyuncs.com"

#: How a request names the bucket: in the path, as a label before the host, or
#: not at all because the host is the bucket's own.
Addressing = Literal["path", "virtual", "cname"]


@dataclass(frozen=True)
class OSSParameters(NamingParameters):
    """The registry's parameters under its own names (registry/storage/driver/oss/oss.go), and ours.

    docs/drivers/oss.md says what each does.
    """

    accesskeyid: str = string(required=True)
    accesskeysecret: str = string(required=True, secret=True)
    region: str = string(required=True)
    bucket: str = string(required=True)
    endpoint: str = string()
    internal: bool = boolean()
    encrypt: bool = boolean()
    secure: bool = boolean(True)
    chunksize: int = integer(10 * _MIB, minimum=_MIN_PART, maximum=_MAX_PART, unit="bytes")
    rootdirectory: str = string()
    addressing: str = choice("auto", ("auto", "path", "virtual", "cname"), fold=str.lower)
    signatureversion: str = choice("auto", ("auto", "v1", "v4"), fold=str.lower)
    payloadsigning: str = choice("auto", ("auto", "always", "never"), fold=str.lower)
    checksums: str = choice("auto", CHECKSUMS, fold=str.lower)
    timeout: float = number(15)
    readconcurrency: int = integer(1, minimum=1)
    uploadconcurrency: int = integer(4, minimum=1)

    @property
    def url(self) -> str:
        """Scheme and host of the endpoint, without a bucket that `style` puts before it."""
        if "://" in self.endpoint:
            return self.endpoint.rstrip("/").lower()
        host = self.endpoint.rstrip("/") or f"{self.region}{'-internal' if self.internal else ''}{_ALIBABA}"
        return f"{'https' if self.secure else 'http'}://{host}"

    @property
    def host(self) -> str:
        """The host of the endpoint, without a port."""
        return urlsplit(self.url).hostname or ""

    @property
    def style(self) -> Addressing:
        """How the bucket is named where `addressing` leaves it open.

        An endpoint in the registry's configuration is the bucket's own host.
        The endpoints of a region are recognised by their domain, and those that
        cannot carry a bucket's name by being an address.
        """
        if self.addressing in ("path", "virtual", "cname"):
            return self.addressing  # type: ignore[return-value]
        host = self.host
        if not self.endpoint:
            return "virtual"
        if is_address(host):
            return "path"
        if host.endswith(_ALIBABA) and not host.startswith(f"{self.bucket}."):
            return "virtual"
        return "cname"

    @property
    def prefix(self) -> str:
        """What stands before every key: the root directory with a ``/`` at its end, or nothing."""
        root = self.rootdirectory.strip("/")
        return f"{root}/" if root else ""

    @property
    def region_id(self) -> str:
        """The region as version 4 of the signature names it, ``cn-hangzhou``; ``""`` if the parameter names none."""
        identifier = self.region.rpartition("oss-")[2].removesuffix("-internal")
        return "" if identifier == "accelerate" or identifier.startswith("accelerate-") else identifier

    @property
    def signs_v4(self) -> bool:
        """Whether requests are signed in version 4.

        Alibaba takes version 1 no longer for new buckets; servers of others may know nothing else.
        """
        if self.signatureversion == "auto":
            return self.host.endswith(_ALIBABA) and bool(self.region_id)
        return self.signatureversion == "v4"

    @property
    def signs_payloads(self) -> bool:
        """Whether the MD5 of a body goes into the signature of its request."""
        if self.payloadsigning == "auto":
            return self.url.startswith("http://")
        return self.payloadsigning == "always"

    def locate(self, bucket: str, key: str) -> str:
        """The URL of a key of a bucket, without a query.

        Parameters
        ----------
        bucket : str
            Any bucket; ``""`` for the service itself.
        key : str
            The whole key; ``""`` for the bucket itself.
        """
        scheme, _, host = self.url.partition("://")
        # Of a segment of dots HTTP clients make a step in a hierarchy, which keys do not have.
        path = "/".join(
            quote(part, safe="") if part.strip(".") else part.replace(".", "%2E") for part in key.split("/")
        )
        if not bucket or self.style == "cname":
            return f"{scheme}://{host}/{path}"
        if self.style == "virtual":
            return f"{scheme}://{bucket}.{host}/{path}"
        return f"{scheme}://{host}/{bucket}/{path}"


def load(name: str, parameters: Mapping[str, Any] | None) -> OSSParameters:
    """Parse the registry's map and check what does not need a server.

    Parameters
    ----------
    name : str
        The driver's name, for errors.
    parameters : mapping, optional
        What the user gave.

    Raises
    ------
    ParameterError
        If a parameter is missing, has a value that cannot be, or contradicts another.
    """
    parsed = parse(OSSParameters, name, parameters)
    try:
        _check_bucket(parsed.bucket)
        _check_endpoint(parsed)
        _check_region(parsed)
    except ParameterError as error:
        error.driver_name = name
        raise
    return parsed


def _check_bucket(bucket: str) -> None:
    if _BUCKET.fullmatch(bucket):
        return
    hint = "; it must be 3 to 63 lower-case letters, digits and hyphens"
    if "://" in bucket:
        hint = "; give the name alone, without a scheme"
    elif "/" in bucket:
        hint = "; give the name alone, what follows the / belongs into rootdirectory"
    raise ParameterError(f"{bucket!r} cannot be the name of a bucket{hint}", path="bucket")


def _check_endpoint(parsed: OSSParameters) -> None:
    """Scheme and host only: a path, a query or a password would be dropped or sent in silence."""
    scheme, separator, rest = parsed.endpoint.rpartition("://")
    fine = (not separator or scheme.lower() in ("http", "https")) and _HOST.fullmatch(rest.rstrip("/"))
    if parsed.endpoint and not fine:
        shown = repr(parsed.endpoint) if "@" not in parsed.endpoint else "a URL with a user or a password"
        detail = f"{shown} is not allowed, it must be a host and maybe a port, with or without http:// or https://"
        raise ParameterError(detail, path="endpoint")
    if parsed.style == "virtual":
        host = parsed.host
        if is_address(host):
            detail = f"virtual is not possible with {host}: a bucket's name cannot stand before an address"
            raise ParameterError(detail, path="addressing")
        if host.startswith(f"{parsed.bucket}."):
            detail = f"virtual would put the bucket before {host}, which begins with it already"
            raise ParameterError(detail, path="addressing")
    if parsed.style != "virtual" and not parsed.endpoint:
        detail = f"{parsed.addressing} is for an endpoint of your own: Alibaba's buckets are virtual hosts"
        raise ParameterError(detail, path="addressing")


def _check_region(parsed: OSSParameters) -> None:
    region = parsed.region
    if parsed.signatureversion == "v4" and not parsed.region_id:
        detail = f"{region!r} is no region, which signatures of version 4 contain: give the bucket's, and an endpoint"
        raise ParameterError(detail, path="region")
    if parsed.endpoint or (_REGION.fullmatch(region) and "oss-" in region):
        return
    hint = f", did you mean 'oss-{region}'?" if _REGION.fullmatch(region) else ""
    detail = f"{region!r} cannot be the name of a region such as 'oss-cn-hangzhou'{hint}"
    raise ParameterError(detail, path="region")


def is_address(host: str) -> bool:
    """Whether a host is an address, before which no bucket's name can stand."""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
