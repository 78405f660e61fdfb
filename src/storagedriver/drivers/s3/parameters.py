"""The parameters of the s3 driver, and what of them can be checked offline."""

from __future__ import annotations

import dataclasses
import difflib
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from storagedriver.adapter.checksums import CHECKSUMS
from storagedriver.errors import ParameterError, StorageDriverWarning
from storagedriver.parameters import NamingParameters, boolean, choice, integer, number, parse, string

__all__ = ["DEFAULT_ACL", "DEFAULT_STORAGE_CLASS", "LOG_LEVELS", "NO_STORAGE_CLASS", "S3Parameters", "load"]

_MIB = 1 << 20
#: The sizes that S3 allows for a part: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_MIN_PART = 5 * _MIB
_MAX_PART = 5 << 30

NO_STORAGE_CLASS = "NONE"
#: What an object has for which nothing is asked:
#: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
DEFAULT_STORAGE_CLASS = "STANDARD"
DEFAULT_ACL = "private"
_STORAGE_CLASSES = (
    NO_STORAGE_CLASS,
    "EXPRESS_ONEZONE",
    "GLACIER_IR",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "OUTPOSTS",
    "REDUCED_REDUNDANCY",
    DEFAULT_STORAGE_CLASS,
    "STANDARD_IA",
)
_ACLS = (
    DEFAULT_ACL,
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
)
LOG_LEVELS = (
    "off",
    "debug",
    "debugwithsigning",
    "debugwithhttpbody",
    "debugwithrequestretries",
    "debugwithrequesterrors",
    "debugwitheventstreambody",
)

#: What a client can address at all. What S3 itself allows is narrower and has
#: changed over time; other stores allow more, so the rest is left to the server.
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_ARN = re.compile(r"arn:aws[a-z-]*:s3(?:-outposts|-object-lambda)?:[a-z0-9-]*:[0-9]{12}:[A-Za-z0-9./:_-]+")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~%-]+)*")
_AMAZON = re.compile(r"(?:\A|\.)amazonaws\.com(?:\.cn)?\Z")

#: Cloudflare R2: https://developers.cloudflare.com/r2/api/tokens/#get-s3-api-credentials-from-an-api-token
_R2 = ".r2.cloudflarestorage.com"
#: Hosts of stores that want all parts of an upload but the last of one length.
_EQUAL_PARTS = (_R2,)

#: What GitLab's registry and OpenShift's call by names of their own.
_SYNONYMS = {"pathstyle": "forcepathstyle"}
_FOREIGN = {
    "checksum_algorithm": "checksums says what is compared",
    "checksum_disabled": "set checksums to never if the server takes no checksums",
    "credentialsconfigpath": "set AWS_SHARED_CREDENTIALS_FILE in the environment to the name of that file",
    "virtualhostedstyle": "set forcepathstyle to the opposite",
    "objectownership": "set objectacl to bucket-owner-full-control if the bucket takes no ACLs",
}


def _unset() -> Any:
    """A boolean that the endpoint decides where it is not given."""
    return dataclasses.field(default=None, metadata=boolean().metadata)


@dataclass(frozen=True)
class S3Parameters(NamingParameters):
    """The registry's parameters under its own names (registry/storage/driver/s3-aws/s3.go), and ours.

    docs/drivers/s3.md says what each does.
    """

    bucket: str = string(required=True)
    region: str = string()
    accesskey: str = string()
    secretkey: str = string(secret=True)
    regionendpoint: str = string()
    redirectendpoint: str = string()
    forcepathstyle: bool | None = _unset()
    encrypt: bool = boolean()
    keyid: str = string()
    secure: bool = boolean(True)
    skipverify: bool = boolean()
    v4auth: bool = boolean(True)
    chunksize: int = integer(10 * _MIB, minimum=_MIN_PART, maximum=_MAX_PART, unit="bytes")
    equalparts: bool | None = _unset()
    multipartcopychunksize: int = integer(32 * _MIB, minimum=_MIN_PART, maximum=_MAX_PART, unit="bytes")
    multipartcopymaxconcurrency: int = integer(100, minimum=1)
    multipartcopythresholdsize: int = integer(32 * _MIB, minimum=0, maximum=_MAX_PART, unit="bytes")
    rootdirectory: str = string()
    storageclass: str = choice(DEFAULT_STORAGE_CLASS, _STORAGE_CLASSES, fold=str.upper)
    objectacl: str = choice(DEFAULT_ACL, _ACLS)
    useragent: str = string()
    usedualstack: bool = boolean()
    accelerate: bool = boolean()
    usefipsendpoint: bool = boolean()
    loglevel: str = choice("off", LOG_LEVELS, fold=str.lower, synonyms={False: "off"})
    payloadsigning: str = choice("auto", ("auto", "always", "never"), fold=str.lower)
    checksums: str = choice("auto", CHECKSUMS, fold=str.lower)
    timeout: float = number(15)
    uploadconcurrency: int = integer(4, minimum=1)
    readconcurrency: int = integer(1, minimum=1)

    @property
    def endpoint(self) -> str:
        """The URL of the server, ``""`` where the region says it."""
        if not self.regionendpoint or "://" in self.regionendpoint:
            return self.regionendpoint.rstrip("/")
        return f"{'https' if self.secure else 'http'}://{self.regionendpoint.rstrip('/')}"

    @property
    def equal_parts(self) -> bool:
        """Whether all parts of an upload but the last must have one length, as Cloudflare R2 wants it.

        https://developers.cloudflare.com/r2/objects/multipart-objects/
        """
        if self.equalparts is None:
            return (urlsplit(self.endpoint).hostname or "").endswith(_EQUAL_PARTS)
        return self.equalparts

    @property
    def prefix(self) -> str:
        """What stands before every key: the root directory with a ``/`` at its end, or nothing."""
        root = self.rootdirectory.strip("/")
        return f"{root}/" if root else ""

    @property
    def signs_payloads(self) -> bool:
        """Whether the hash of a body goes into the signature of its request."""
        if self.payloadsigning == "auto":
            return self.endpoint.startswith("http://") or not (self.endpoint or self.secure)
        return self.payloadsigning == "always"


def load(name: str, parameters: Mapping[str, Any] | None) -> S3Parameters:
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
    given = {_SYNONYMS.get(parameter, parameter): value for parameter, value in (parameters or {}).items()}
    level = given.get("loglevel")
    if isinstance(level, str) and level and level.lower() not in LOG_LEVELS:
        # GitLab's registry has the same words with a "log" before each.
        near = difflib.get_close_matches(level.lower().removeprefix("log"), LOG_LEVELS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else f" of {', '.join(LOG_LEVELS)}"
        _warn(name, f"loglevel {level!r} is no level and means off, as in the registry{hint}")
        given["loglevel"] = "off"
    parsed = parse(S3Parameters, name, given, hints=_FOREIGN)
    parsed = _without_contradictions(name, parsed)
    try:
        _check_bucket(parsed)
        _check_credentials(parsed)
        _check_endpoints(parsed)
        _check_region(parsed)
    except ParameterError as error:
        error.driver_name = name
        raise
    return parsed


def _warn(name: str, message: str) -> None:
    warnings.warn(f"{name}: {message}", StorageDriverWarning, stacklevel=4)


def _without_contradictions(name: str, parsed: S3Parameters) -> S3Parameters:
    """The parameters without those that the registry passes over beside another one."""
    changed: dict[str, Any] = {}
    for parameter in ("usedualstack", "accelerate", "usefipsendpoint"):
        if parsed.regionendpoint and getattr(parsed, parameter):
            _warn(name, f"{parameter} chooses one of Amazon's endpoints and does nothing beside regionendpoint")
            changed[parameter] = False
    if parsed.accelerate and parsed.forcepathstyle and not parsed.regionendpoint:
        _warn(name, "forcepathstyle does nothing beside accelerate: accelerated buckets are virtual hosts")
        changed["forcepathstyle"] = None
    endpoint = urlsplit(parsed.endpoint)
    if endpoint.path.rpartition("/")[2] == parsed.bucket and not _is_r2(endpoint.hostname):
        hint = "leave the bucket out of regionendpoint if it should be there once"
        _warn(name, f"requests go to {parsed.endpoint}/{parsed.bucket}/; {hint}")
    return dataclasses.replace(parsed, **changed)


def _is_r2(host: str | None) -> bool:
    return (host or "").endswith(_R2)


def _refused(parameter: str, detail: str) -> ParameterError:
    return ParameterError(detail, path=parameter)


def _check_bucket(parsed: S3Parameters) -> None:
    bucket = parsed.bucket
    if bucket in (".", "..") or not (_BUCKET.fullmatch(bucket) or _ARN.fullmatch(bucket)):
        hint = ""
        if "://" in bucket:
            hint = "; give the name alone, without a scheme"
        elif "/" in bucket:
            hint = "; give the name alone, what follows the / belongs into rootdirectory"
        raise _refused("bucket", f"{bucket!r} cannot be the name or the ARN of a bucket{hint}")


def _check_credentials(parsed: S3Parameters) -> None:
    if bool(parsed.accesskey) != bool(parsed.secretkey):
        missing, given = ("secretkey", "accesskey") if parsed.accesskey else ("accesskey", "secretkey")
        detail = f"{given} is given without it; give both, or neither for the credentials of the environment"
        raise _refused(missing, detail)


def _check_endpoints(parsed: S3Parameters) -> None:
    for parameter in ("regionendpoint", "redirectendpoint"):
        _check_endpoint(parameter, getattr(parsed, parameter))
    if parsed.redirectendpoint and "://" not in parsed.redirectendpoint:
        raise _refused("redirectendpoint", f"{parsed.redirectendpoint!r} must begin with http:// or https://")
    host = urlsplit(parsed.endpoint).hostname or ""
    if not parsed.v4auth and (not host or _AMAZON.search(host)):
        raise _refused("v4auth", "false is not allowed on Amazon S3, which takes signatures of version 4 only")
    if parsed.accelerate:
        if parsed.usefipsendpoint:
            raise _refused("accelerate", "it contradicts usefipsendpoint: no accelerated endpoint is a FIPS endpoint")
        if "." in parsed.bucket:
            raise _refused("accelerate", "it is not possible for a bucket with a dot in its name")


def _check_endpoint(parameter: str, endpoint: str) -> None:
    """No query and no password, which would be dropped or sent in silence; a path only where requests go."""
    scheme, separator, rest = endpoint.rpartition("://")
    host, slash, path = rest.rstrip("/").partition("/")
    if endpoint and _is_r2(host.partition(":")[0]) and path:
        shown = f"{scheme or 'https'}://{host}"
        detail = f"the {path!r} in it is the name of a bucket, which belongs into bucket; give {shown!r} alone"
        raise _refused(parameter, detail)
    fine = (not separator or scheme.lower() in ("http", "https")) and _HOST.fullmatch(host)
    if not endpoint or (fine and (not path or (parameter == "regionendpoint" and _PATH.fullmatch(slash + path)))):
        return
    shown = repr(endpoint) if not {"@", "?"} & {*endpoint} else "a URL with a user, a password or a query"
    allowed = "http:// or https://, a host, and maybe a port"
    if parameter == "regionendpoint":
        allowed += " and a path"
    raise _refused(parameter, f"{shown} is not allowed, it must be {allowed}")


def _check_region(parsed: S3Parameters) -> None:
    if parsed.regionendpoint:
        return
    if not parsed.region:
        raise _refused("region", "it is required where there is no regionendpoint")
    known = _regions()
    if parsed.region not in known:
        near = difflib.get_close_matches(parsed.region, known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        detail = f"{parsed.region!r} is none that the installed botocore knows{hint}"
        raise _refused("region", f"{detail}; a region of another store goes with a regionendpoint")


def _regions() -> list[str]:
    from botocore.loaders import create_loader  # noqa: PLC0415 - an extra

    partitions = create_loader().load_data("partitions")["partitions"]
    return [region for partition in partitions for region in partition["regions"] if "global" not in region]
