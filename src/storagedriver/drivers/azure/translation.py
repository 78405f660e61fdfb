"""The driver's parameters in the words of adlfs."""

from __future__ import annotations

from typing import Any

from storagedriver.drivers.azure.parameters import Account, AzureParameters
from storagedriver.errors import UnsupportedMethodError
from storagedriver.translation import Translation, place

__all__ = ["translate"]


def translate(parameters: AzureParameters, account: Account) -> Translation:
    """The URL and the options of adlfs; what `storagedriver.drivers.azure.parameters.load` gives is translated.

    Raises
    ------
    UnsupportedMethodError
        If the blobs' names begin with a ``/``, which adlfs takes away.
    """
    if parameters.prefix.startswith("/"):
        detail = "adlfs has no names that begin with a /, which blobs have where trimlegacyrootprefix is false"
        raise UnsupportedMethodError(detail)
    return place("abfs", parameters.container, parameters.prefix), {
        **_credentials(account),
        "assume_container_exists": True,
        "blocksize": parameters.chunksize,
        "connection_timeout": parameters.timeout,
        "read_timeout": parameters.timeout,
    }


def _credentials(account: Account) -> dict[str, Any]:
    host = account.url.removeprefix("https://")
    if account.type == "shared_key":
        # With a key alone adlfs knows https only.
        parts = {
            "DefaultEndpointsProtocol": account.url.partition("://")[0],
            "AccountName": account.name,
            "AccountKey": account.key,
            "BlobEndpoint": account.url,
        }
        return {"connection_string": ";".join(f"{name}={value}" for name, value in parts.items())}
    options: dict[str, Any] = {"account_name": account.name, "account_host": host, "anon": False}
    if account.type == "client_secret":
        options.update(tenant_id=account.tenant_id, client_id=account.client_id, client_secret=account.secret)
    return options
