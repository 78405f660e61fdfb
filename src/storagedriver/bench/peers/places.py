"""Where the objects of a driver are, in the words of the libraries that peers are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from storagedriver.bench.peers.libraries import needing
from storagedriver.drivers.gcs.parameters import GCSParameters
from storagedriver.drivers.gcs.parameters import load as load_gcs
from storagedriver.drivers.s3.parameters import S3Parameters
from storagedriver.errors import ParameterError

if TYPE_CHECKING:
    from storagedriver.drivers.azure.parameters import Account, AzureParameters
    from storagedriver.drivers.swift.layout import Layout
    from storagedriver.drivers.swift.parameters import SwiftParameters
    from storagedriver.swiftfs.auth import Account as SwiftAccount

__all__ = [
    "GOOGLE",
    "azure_account",
    "azure_connection_string",
    "azure_credential",
    "gcs_bearer",
    "gcs_place",
    "s3_client",
    "s3_config",
    "swift_place",
]

GOOGLE = "https://storage.googleapis.com"

_ADDRESSING = {None: "auto", True: "path", False: "virtual"}
#: With fewer than are in use boto3 logs a warning, and connects anew each time.
_CONNECTIONS = 100


def s3_config(parameters: S3Parameters) -> dict[str, Any]:
    """How the endpoint and the bucket are addressed, as botocore's `Config` takes it."""
    s3: dict[str, Any] = {"addressing_style": _ADDRESSING[parameters.forcepathstyle]}
    if parameters.accelerate:
        s3["use_accelerate_endpoint"] = True
    config: dict[str, Any] = {"s3": s3, "signature_version": "s3v4" if parameters.v4auth else "s3"}
    if parameters.usedualstack:
        config["use_dualstack_endpoint"] = True
    if parameters.usefipsendpoint:
        config["use_fips_endpoint"] = True
    return config


def s3_client(parameters: S3Parameters) -> Any:
    """A client of boto3. Without an access key it looks for credentials by itself."""
    with needing("boto3"):
        import boto3  # noqa: PLC0415 - slow to load, and not for every peer
        from botocore.config import Config  # noqa: PLC0415 - the same

    return boto3.session.Session().client(
        "s3",
        region_name=parameters.region or None,
        endpoint_url=parameters.endpoint or None,
        use_ssl=parameters.secure,
        verify=False if parameters.skipverify else None,
        aws_access_key_id=parameters.accesskey or None,
        aws_secret_access_key=parameters.secretkey or None,
        config=Config(max_pool_connections=_CONNECTIONS, **s3_config(parameters)),
    )


def azure_account(driver: str, parameters: Mapping[str, Any]) -> tuple[AzureParameters, Account]:
    """The parameters of the azure driver, and the account they name.

    Raises
    ------
    ParameterError
        If the driver refuses them, or if the names of its blobs begin with a
        ``/``, which most libraries take away.
    """
    with needing("azure-storage-blob"):
        from storagedriver.drivers.azure.parameters import load  # noqa: PLC0415 - needs the SDK

    parsed, account = load(driver, parameters)
    if not parsed.trimlegacyrootprefix:
        detail = "a peer cannot reach blobs whose names begin with /"
        raise ParameterError(detail, driver_name=driver, path="trimlegacyrootprefix")
    return parsed, account


def azure_connection_string(account: Account) -> str:
    """An account with a key, and its address, in one string."""
    parts = {
        "DefaultEndpointsProtocol": urlsplit(account.url).scheme,
        "AccountName": account.name,
        "AccountKey": account.key,
        "BlobEndpoint": account.url,
    }
    return ";".join(f"{name}={value}" for name, value in parts.items())


def azure_credential(account: Account) -> Any:
    """Who asks, as the SDK's clients take it."""
    if account.type == "shared_key":
        return {"account_name": account.name, "account_key": account.key}
    with needing("azure-identity"):
        from azure.identity import ClientSecretCredential, DefaultAzureCredential  # noqa: PLC0415 - slow to load

    if account.type == "client_secret":
        return ClientSecretCredential(account.tenant_id, account.client_id, account.secret)
    return DefaultAzureCredential()


def gcs_place(driver: str, parameters: Mapping[str, Any]) -> tuple[GCSParameters, str, Any]:
    """The parameters of the gcs driver, where the server is, and who asks.

    Returns
    -------
    parameters : GCSParameters
        What the driver makes of them.
    endpoint : str
        The URL of the server, ``""`` for Google's.
    who : "anon", "google_default" or google.auth.credentials.Credentials
        No user, the user that Google's libraries find, or a service account.
    """
    with needing("google-auth"):
        from storagedriver.drivers.gcs.credentials import emulator, token_of  # noqa: PLC0415 - needs google-auth

    parsed = load_gcs(driver, parameters)
    return parsed, parsed.endpoint.rstrip("/") or emulator(), token_of(parsed)


def gcs_bearer(who: Any) -> Callable[[], dict[str, str]]:
    """Gives the headers that say who asks, as `gcs_place` found it; a token that has run out is renewed."""
    if who == "anon":
        return dict
    with needing("google-auth"):
        import google.auth  # noqa: PLC0415 - slow to load
        from google.auth.transport.requests import Request  # noqa: PLC0415 - the same

    if who == "google_default":
        who, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.read_write"])

    def headers() -> dict[str, str]:
        if not who.valid:
            who.refresh(Request())
        return {"Authorization": f"Bearer {who.token}"}

    return headers


def swift_place(driver: str, parameters: Mapping[str, Any]) -> tuple[SwiftParameters, SwiftAccount, Layout]:
    """The parameters of the swift driver, its account, and its names in the container, which is there then."""
    with needing("storagedriver[swift]"):
        from storagedriver.drivers.swift.layout import Layout  # noqa: PLC0415 - needs an extra
        from storagedriver.drivers.swift.parameters import load  # noqa: PLC0415 - the same
        from storagedriver.swiftfs.auth import Account  # noqa: PLC0415 - the same
        from storagedriver.swiftfs.client import Client  # noqa: PLC0415 - the same
        from storagedriver.swiftfs.container import Container  # noqa: PLC0415 - the same

    parsed = load(driver, parameters)
    account = Account(parsed.credentials, timeout=parsed.timeout, verify=not parsed.insecureskipverify)
    # The driver makes it at its first write, which may not have been yet.
    client = Client(account, timeout=parsed.timeout, verify=not parsed.insecureskipverify)
    Container(client, parsed.container).make()
    client.close()
    return parsed, account, Layout(parsed.prefix)
