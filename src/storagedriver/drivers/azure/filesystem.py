"""adlfs's filesystem, on a client that is made from the driver's parameters."""

from __future__ import annotations

from typing import Any

from adlfs import AzureBlobFileSystem
from azure.storage.blob.aio import BlobServiceClient

from storagedriver.drivers.azure.parameters import Account, AzureParameters

__all__ = ["make_filesystem", "token_credential"]


class _FileSystem(AzureBlobFileSystem):  # type: ignore[misc] # adlfs has no types
    """adlfs makes its own client: https only, and from the environment before its arguments.

    Parameters
    ----------
    client : dict
        What the SDK's client is made with.
    **options
        adlfs's own.
    """

    def __init__(self, client: dict[str, Any], **options: Any) -> None:
        self._client = client
        super().__init__(**options)

    def do_connect(self) -> None:
        """Make the client. It is offline."""
        self.connection_string = self.sas_token = None
        self.account_url = self._client["account_url"]
        self.service_client = BlobServiceClient(**self._client)


def make_filesystem(parameters: AzureParameters, account: Account) -> AzureBlobFileSystem:
    """The filesystem on one account, with the credentials that the parameters name.

    Parameters
    ----------
    parameters : AzureParameters
        How to speak to it.
    account : Account
        Where it is and who asks.
    """
    credential: Any = account.key or token_credential(account)
    client = {
        "account_url": account.url,
        "credential": _named(account) if account.key else credential,
        "connection_timeout": parameters.timeout,
        "read_timeout": parameters.timeout,
        "connection_verify": not parameters.skipverify,
        "retry_total": max(0, parameters.max_retries),
        "initial_backoff": parameters.retry_delay.total_seconds(),
        "increment_base": 2,
        "random_jitter_range": parameters.retry_delay.total_seconds() / 2,
    }
    return _FileSystem(
        client,
        account_name=account.name,
        account_key=account.key or None,
        credential=None if account.key else credential,
        anon=True,
        blocksize=parameters.chunksize,
        # Asking for the container's properties takes more rights than the driver needs.
        assume_container_exists=True,
        skip_instance_cache=True,
        use_listings_cache=False,
    )


def _named(account: Account) -> dict[str, str]:
    """The key with the account's name, which a URL with an IP address does not tell."""
    return {"account_name": account.name, "account_key": account.key}


def token_credential(account: Account) -> Any:
    """What gives tokens for an account without a key. It belongs to the event loop that it is first used on."""
    # Slow to load, and not needed with a key.
    from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential  # noqa: PLC0415

    if account.type == "client_secret":
        return ClientSecretCredential(account.tenant_id, account.client_id, account.secret)
    return DefaultAzureCredential()
