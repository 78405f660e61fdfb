"""The parameters of the azure driver, and what of them can be checked offline."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from storagedriver.adapter.checksums import CHECKSUMS
from storagedriver.errors import ParameterError
from storagedriver.parameters import (
    NamingParameters,
    boolean,
    choice,
    duration,
    integer,
    mapping,
    number,
    parse,
    string,
)

__all__ = ["LARGEST_BLOCK", "Account", "AzureParameters", "load"]

_KIB = 1 << 10
_MIB = 1 << 20
#: The most bytes of a block: https://learn.microsoft.com/azure/storage/blobs/scalability-targets
LARGEST_BLOCK = 4000 * _MIB

#: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata,
#: and the containers with names of their own, such as ``$web``.
_CONTAINER = re.compile(r"(?=.{3,63}\Z)(?:[a-z0-9](?:-?[a-z0-9])*|\$[a-z]+)")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

#: Names of GitLab's registry, for what belongs into ``credentials`` and for the opposite of ``trimlegacyrootprefix``.
_IN_CREDENTIALS = {
    "credentials_type": "type",
    "credentialstype": "type",
    "client_id": "clientid",
    "clientid": "clientid",
    "tenant_id": "tenantid",
    "tenantid": "tenantid",
    "secret": "secret",
}
_LEGACY = "legacyrootprefix"

CredentialType = Literal["shared_key", "client_secret", "default_credentials"]


@dataclass(frozen=True)
class _Credentials:
    """The registry's map ``credentials``."""

    type: str = choice("", ("client_secret", "shared_key", "default_credentials"))
    clientid: str = string()
    tenantid: str = string()
    secret: str = string(secret=True)


@dataclass(frozen=True)
class AzureParameters(NamingParameters):
    """The registry's parameters under its own names (registry/storage/driver/azure/parser.go), and ours.

    docs/drivers/azure.md says what each does.
    """

    accountname: str = string()
    accountkey: str = string(secret=True)
    container: str = string(required=True)
    credentials: dict[str, Any] | None = mapping(secret=True)
    connectionstring: str = string(secret=True)
    realm: str = string("core.windows.net")
    serviceurl: str = string()
    rootdirectory: str = string()
    trimlegacyrootprefix: bool = boolean(True)
    max_retries: int = integer(5, minimum=-1)
    retry_delay: timedelta = duration(timedelta(milliseconds=100))
    skipverify: bool = boolean()
    uploadblobtype: str = choice("block", ("block", "append"), fold=str.lower)
    chunksize: int = integer(8 * _MIB, minimum=64 * _KIB, maximum=LARGEST_BLOCK, unit="bytes")
    timeout: float = number(15)
    uploadconcurrency: int = integer(4, minimum=1)
    readconcurrency: int = integer(1, minimum=1)
    checksums: str = choice("auto", CHECKSUMS, fold=str.lower)

    @property
    def prefix(self) -> str:
        """What stands before every key: the root directory with a ``/`` at its end, or nothing.

        Up to 2.8 the registry left the ``/`` at the beginning of its paths in the blobs' names.
        """
        root = self.rootdirectory.strip("/")
        start = "" if self.trimlegacyrootprefix else "/"
        return f"{start}{root}/" if root else start

    @property
    def looks_like_2_8(self) -> bool:
        """Whether it is written as for a registry up to 2.8: one from 3.0 on takes no key without a type."""
        has_type = bool(self.credentials and self.credentials.get("type"))
        return bool(self.accountkey) and not has_type and self.trimlegacyrootprefix


@dataclass(frozen=True)
class Account:
    """Where the service is, and who asks: what the parameters say of it in several ways.

    Attributes
    ----------
    name : str
        The account.
    url : str
        The service, without a trailing ``/``.
    type : {"shared_key", "client_secret", "default_credentials"}
        What requests are signed with.
    key : str
        The account's key, base64; empty for the other two.
    client_id, tenant_id, secret : str
        The application, for ``client_secret``.
    connection_string : str
        The parameter, which holds the key.
    """

    name: str
    url: str
    type: CredentialType
    key: str = field(default="", repr=False)
    client_id: str = ""
    tenant_id: str = ""
    secret: str = field(default="", repr=False)
    connection_string: str = field(default="", repr=False)

    @property
    def secrets(self) -> list[str]:
        """The texts that must not be shown, the longest first."""
        found = {self.connection_string, self.key, self.secret} - {""}
        return sorted(found, key=len, reverse=True)


def load(name: str, parameters: Mapping[str, Any] | None) -> tuple[AzureParameters, Account]:
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
    parsed = parse(AzureParameters, name, _translated(name, parameters or {}))
    try:
        _check_container(parsed.container)
        account = _account(name, parsed)
        if parsed.retry_delay < timedelta(0):
            raise _refused("retry_delay", f"{parsed.retry_delay} is not allowed, it must not be negative")
    except ParameterError as error:
        error.driver_name = name
        raise
    return parsed, account


@dataclass(frozen=True)
class _Legacy:
    """What GitLab's registry has in place of ``trimlegacyrootprefix``."""

    legacyrootprefix: bool | None = dataclasses.field(default=None, metadata=boolean().metadata)


def _translated(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters under the registry's own names, where GitLab's registry has others."""
    known = {parameter: value for parameter, value in given.items() if parameter not in {*_IN_CREDENTIALS, _LEGACY}}
    moved = {_IN_CREDENTIALS[parameter]: value for parameter, value in given.items() if parameter in _IN_CREDENTIALS}
    if moved:
        inner = known.get("credentials") or {}
        known["credentials"] = {**moved, **inner} if isinstance(inner, Mapping) else inner
    legacy = parse(_Legacy, name, {_LEGACY: given.get(_LEGACY)}).legacyrootprefix
    if legacy is not None and known.get("trimlegacyrootprefix") in (None, ""):
        known["trimlegacyrootprefix"] = not legacy
    return known


def _refused(parameter: str, detail: str) -> ParameterError:
    return ParameterError(detail, path=parameter)


def _check_container(container: str) -> None:
    if _CONTAINER.fullmatch(container):
        return
    hint = ""
    if "://" in container:
        hint = "; give the name alone, without a scheme"
    elif "/" in container:
        hint = "; give the name alone, what follows the / belongs into rootdirectory"
    detail = f"{container!r} cannot be the name of a container: 3 to 63 of a-z, 0-9 and single -{hint}"
    raise _refused("container", detail)


def _account(name: str, parsed: AzureParameters) -> Account:
    """Join what the parameters say of the account in their different ways."""
    given = _credentials(name, parsed)
    connected = _connection_string(parsed.connectionstring)
    for parameter, value in (("accountname", parsed.accountname), ("accountkey", parsed.accountkey)):
        if value and connected and value != getattr(connected, parameter.removeprefix("account")):
            raise _refused(parameter, "it contradicts the connectionstring; give one of the two")
    account = parsed.accountname or (connected.name if connected else "")
    if not account:
        raise _refused("accountname", "it is required where there is no connectionstring")
    key = parsed.accountkey or (connected.key if connected else "")
    kind = _type(given, key)
    url = _service_url(parsed, account, connected.url if connected else "")
    if kind == "shared_key":
        _check_key("accountkey" if parsed.accountkey or not connected else "connectionstring", key)
        return Account(account, url, kind, key, connection_string=parsed.connectionstring)
    if url.startswith("http://"):
        detail = f"it must be https for credentials of the type {kind}, whose tokens would be sent in clear"
        raise _refused("serviceurl", detail)
    if kind == "default_credentials":
        return Account(account, url, kind, connection_string=parsed.connectionstring)
    for parameter in ("clientid", "tenantid", "secret"):
        if not getattr(given, parameter):
            raise _refused(f"credentials.{parameter}", "it is required for credentials of the type client_secret")
    return Account(
        account, url, kind, "", given.clientid, given.tenantid, given.secret, connection_string=parsed.connectionstring
    )


def _credentials(name: str, parsed: AzureParameters) -> _Credentials:
    try:
        return parse(_Credentials, name, parsed.credentials)
    except ParameterError as error:
        error.path = f"credentials.{error.path}"
        raise


def _type(given: _Credentials, key: str) -> CredentialType:
    if given.type == "client_secret":
        return "client_secret"
    if given.type == "default_credentials":
        return "default_credentials"
    if not key and not given.type:
        detail = "give an accountkey, a connectionstring or credentials with a type; requests must be signed somehow"
        raise _refused("accountkey", detail)
    return "shared_key"


def _check_key(parameter: str, key: str) -> None:
    try:
        if base64.b64decode(key, validate=True):
            return
    except binascii.Error:
        pass
    raise _refused(parameter, "its key is empty or no base64: it must be one of the account's two access keys")


def _connection_string(value: str) -> Account | None:
    """The account in a connection string, read by the SDK."""
    if not value:
        return None
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - slow to load

    try:
        with BlobServiceClient.from_connection_string(value) as client:
            url, credential = client.url, client.credential
    except (ValueError, KeyError):
        # Not even as a cause: the SDK's message may hold the key.
        raise _refused("connectionstring", "*** is no connection string of a storage account") from None
    key = getattr(credential, "account_key", "")
    if not key:
        detail = "it holds no AccountKey; a shared access signature can neither sign URLs nor be renewed"
        raise _refused("connectionstring", detail)
    return Account(credential.account_name, url.rstrip("/"), "shared_key", key)


def _service_url(parsed: AzureParameters, account: str, connected: str) -> str:
    if parsed.serviceurl:
        url = parsed.serviceurl.rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc) or parts.query or parts.fragment:
            shown = repr(url) if "@" not in url and "?" not in url else "a URL with a password or a query"
            detail = f"{shown} is not allowed, it must be http:// or https://, a host, and maybe a port and a path"
            raise _refused("serviceurl", detail)
        if connected and connected != url:
            raise _refused("serviceurl", "it contradicts the connectionstring; give one of the two")
        return url
    if connected:
        return connected
    if not _HOST.fullmatch(f"{account}.blob.{parsed.realm}"):
        raise _refused("realm", f"{parsed.realm!r} is no domain, such as core.windows.net")
    return f"https://{account}.blob.{parsed.realm}"
