"""The parameters of the swift driver, and what of them can be checked offline."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from storagedriver.adapter.checksums import CHECKSUMS
from storagedriver.errors import ParameterError, StorageDriverWarning
from storagedriver.parameters import NamingParameters, boolean, choice, integer, number, parse, string
from storagedriver.swiftfs.auth import Credentials
from storagedriver.swiftfs.container import LARGEST
from storagedriver.swiftfs.tempurl import TempUrlSettings

__all__ = ["SwiftParameters", "load"]

_MIB = 1 << 20
_LONGEST_CONTAINER = 256
_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")


def _methods() -> Any:
    """A list of HTTP methods, or their names with commas between them."""

    def convert(value: Any) -> tuple[str, ...]:
        words = value.strip("[]").split(",") if isinstance(value, str) else list(value)
        names = tuple(str(word).strip().upper() for word in words)
        if not set(names) <= set(_METHODS):
            raise ValueError
        return names

    allowed = "a list of " + ", ".join(_METHODS)
    metadata = {"convert": convert, "required": False, "secret": False, "allowed": allowed}
    return dataclasses.field(default=("GET", "HEAD"), metadata=metadata)


@dataclass(frozen=True)
class SwiftParameters(NamingParameters):
    """The registry's parameters under its own names (registry/storage/driver/swift/swift.go in 2.8), and ours.

    docs/drivers/swift.md says what each does.
    """

    authurl: str = string(required=True)
    container: str = string(required=True)
    username: str = string()
    password: str = string(secret=True)
    tenant: str = string()
    tenantid: str = string()
    domain: str = string()
    domainid: str = string()
    tenantdomain: str = string()
    tenantdomainid: str = string()
    trustid: str = string()
    applicationcredentialid: str = string()
    applicationcredentialname: str = string()
    applicationcredentialsecret: str = string(secret=True)
    region: str = string()
    endpointtype: str = choice("public", ("public", "internal", "admin"), fold=str.lower)
    authversion: int = integer(0, minimum=0, maximum=3)
    prefix: str = string()
    insecureskipverify: bool = boolean()
    chunksize: int = integer(20 * _MIB, minimum=_MIB, maximum=LARGEST, unit="bytes")
    secretkey: str = string(secret=True)
    accesskey: str = string()
    tempurlcontainerkey: bool = boolean()
    tempurlmethods: tuple[str, ...] = _methods()
    timeout: float = number(15)
    uploadconcurrency: int = integer(4, minimum=1)
    readconcurrency: int = integer(1, minimum=1)
    payloadsigning: str = choice("auto", ("auto", "always", "never"), fold=str.lower)
    checksums: str = choice("auto", CHECKSUMS, fold=str.lower)

    @property
    def credentials(self) -> Credentials:
        """Who we are to the identity service."""
        return Credentials(
            auth_url=self.authurl,
            user=self.username,
            key=self.password,
            version=self.authversion,
            tenant=self.tenant,
            tenant_id=self.tenantid,
            domain=self.domain,
            domain_id=self.domainid,
            tenant_domain=self.tenantdomain,
            tenant_domain_id=self.tenantdomainid,
            trust_id=self.trustid,
            application_credential_id=self.applicationcredentialid,
            application_credential_name=self.applicationcredentialname,
            application_credential_secret=self.applicationcredentialsecret,
            region=self.region,
            interface=self.endpointtype,
        )

    @property
    def temp_urls(self) -> TempUrlSettings:
        """What is said of signed URLs."""
        return TempUrlSettings(
            key=self.secretkey,
            access_key=self.accesskey,
            container_key=self.tempurlcontainerkey,
            methods=self.tempurlmethods,
        )


def load(name: str, parameters: Mapping[str, Any] | None) -> SwiftParameters:
    """Parse the registry's map and check what does not need a server.

    Raises
    ------
    ParameterError
        If a parameter is missing, has a value that cannot be, or contradicts another.
    """
    parsed = parse(SwiftParameters, name, parameters)
    try:
        _check_places(parsed)
        _check_credentials(parsed)
        _check_version(parsed)
        if parsed.payloadsigning == "always":
            raise _refused("payloadsigning", "Swift has no signatures of payloads: a token stands for the request")
    except ParameterError as error:
        error.driver_name = name
        raise
    _warn_of_ignored(name, parsed)
    return parsed


def _refused(parameter: str, detail: str) -> ParameterError:
    return ParameterError(detail, path=parameter)


def _check_places(parsed: SwiftParameters) -> None:
    parts = urlsplit(parsed.authurl)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = repr(parsed.authurl) if "@" not in parsed.authurl else "a URL with a user or a password"
        raise _refused("authurl", f"{shown} is not allowed, it must begin with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise _refused("authurl", "a user and a password do not belong into the URL; give username and password")
    if "/" in parsed.container or len(parsed.container.encode()) > _LONGEST_CONTAINER:
        hint = "; what follows the / belongs into prefix" if "/" in parsed.container else ""
        raise _refused("container", f"{parsed.container!r} cannot be the name of a container{hint}")


def _check_credentials(parsed: SwiftParameters) -> None:
    if parsed.applicationcredentialid or parsed.applicationcredentialname:
        if not parsed.applicationcredentialsecret:
            raise _refused("applicationcredentialsecret", "it is required with an application credential")
        if not parsed.applicationcredentialid and not parsed.username:
            raise _refused("username", "it is required with applicationcredentialname, which is a name of that user's")
        return
    if parsed.applicationcredentialsecret:
        detail = "it or applicationcredentialname is required with applicationcredentialsecret"
        raise _refused("applicationcredentialid", detail)
    for parameter in ("username", "password"):
        if not getattr(parsed, parameter):
            raise _refused(parameter, "it is required")


def _check_version(parsed: SwiftParameters) -> None:
    version = parsed.credentials.known_version
    if version in (1, 2) and parsed.applicationcredentialsecret:
        raise _refused("authversion", "application credentials need version 3")
    if version == 1 and parsed.trustid:
        raise _refused("trustid", "trusts need version 2 or 3")
    if parsed.trustid and parsed.applicationcredentialsecret:
        raise _refused("trustid", "an application credential cannot use a trust")


def _warn_of_ignored(name: str, parsed: SwiftParameters) -> None:
    """What the registry passes over in silence for this version of the identity service."""
    version = parsed.credentials.known_version
    unknown: tuple[str, ...] = ()
    if version == 1:
        unknown = ("tenant", "region", "domain", "domainid", "tenantdomain", "tenantdomainid")
    elif version == 2:  # noqa: PLR2004 - a version
        unknown = ("domain", "domainid", "tenantdomain", "tenantdomainid")
    for parameter in unknown:
        if getattr(parsed, parameter):
            message = f"{name}: {parameter} is ignored: authentication of version {version} has no such thing"
            warnings.warn(message, StorageDriverWarning, stacklevel=4)
