"""The parameters of the gcs driver, and what of them can be checked offline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from storagedriver.adapter.checksums import CHECKSUMS
from storagedriver.errors import ParameterError
from storagedriver.parameters import NamingParameters, anything, choice, integer, mapping, number, parse, string

__all__ = ["QUANTUM", "GCSParameters", "load"]

#: What the chunks of a resumable upload are multiples of, but for the last:
#: https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
QUANTUM = 256 << 10

#: What can be a name at all; the rest of Google's rules is left to the server.
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,222}")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class GCSParameters(NamingParameters):
    """The registry's parameters under its own names (registry/storage/driver/gcs/gcs.go), and ours.

    docs/drivers/gcs.md says what each does.
    """

    bucket: str = string(required=True)
    keyfile: str = string()
    credentials: dict[str, Any] | None = mapping(secret=True)
    rootdirectory: str = string()
    chunksize: int = integer(16 << 20, minimum=QUANTUM, multiple=QUANTUM, unit="bytes")
    maxconcurrency: int = integer(50, raised_to=25)
    useragent: str = string()
    endpoint: str = string()
    timeout: float = number(15)
    uploadconcurrency: Any = anything()
    readconcurrency: int = integer(1, minimum=1)
    payloadsigning: Any = anything()
    checksums: str = choice("auto", CHECKSUMS, fold=str.lower)

    @property
    def prefix(self) -> str:
        """What stands before every key: the root directory with a ``/`` at its end, or nothing."""
        root = self.rootdirectory.strip("/")
        return f"{root}/" if root else ""


def load(name: str, parameters: Mapping[str, Any] | None) -> GCSParameters:
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
        If a parameter is missing, has a value that cannot be, or means nothing here.
    """
    parsed = parse(GCSParameters, name, parameters)
    try:
        _check_bucket(parsed.bucket)
        _check_endpoint(parsed.endpoint)
        _check_meaningless(parsed)
    except ParameterError as error:
        error.driver_name = name
        raise
    return parsed


def _check_bucket(bucket: str) -> None:
    if bucket in (".", "..") or not _BUCKET.fullmatch(bucket):
        hint = ""
        if "://" in bucket:
            hint = "; give the name alone, without a scheme"
        elif "/" in bucket:
            hint = "; give the name alone, what follows the / belongs into rootdirectory"
        raise ParameterError(f"{bucket!r} cannot be the name of a bucket{hint}", path="bucket")


def _check_endpoint(endpoint: str) -> None:
    if not endpoint:
        return
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or endpoint.rstrip("/") != f"{parts.scheme}://{parts.netloc}":
        fine = False
    else:
        fine = _HOST.fullmatch(parts.netloc) is not None
    if not fine:
        shown = repr(endpoint) if "@" not in endpoint else "a URL with a user or a password"
        detail = f"{shown} is not allowed, it must be http:// or https://, a host, and maybe a port"
        raise ParameterError(detail, path="endpoint")


def _check_meaningless(parsed: GCSParameters) -> None:
    """What other drivers have may be said here as well, as long as it asks for what there is."""
    one = {None, "", 1, "1"}
    if parsed.uploadconcurrency not in one:
        detail = f"{parsed.uploadconcurrency!r} is not allowed, a resumable session takes one chunk after the other"
        raise ParameterError(detail, path="uploadconcurrency")
    if parsed.payloadsigning not in (None, "", "auto", "never"):
        detail = f"{parsed.payloadsigning!r} is not allowed, requests carry a token and nothing is signed"
        raise ParameterError(detail, path="payloadsigning")
