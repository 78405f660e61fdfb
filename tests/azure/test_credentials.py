"""Tokens instead of the key, over TLS: in a process of its own, where nothing has read the certificates yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from functools import partial
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.errors import PermissionDeniedError, StorageDriverError, UnavailableError
from tests.azure.token_service import CLIENT, SECRET, TENANT, TOKEN_HEAD, token_service
from tests.servers.azurite import AzuriteServer

_ROUND = """
import json, logging, pickle, sys, warnings
warnings.simplefilter("error")
logging.basicConfig(level=logging.DEBUG)
from storagedriver import factory
from storagedriver.errors import StorageDriverError
found = {}
try:
    with factory.create("azure", json.load(sys.stdin)) as driver:
        driver.put_content("/dir/put", b"content")
        with driver.writer("/dir/upload") as writer:
            writer.write(b"one,")
        found["uploads"] = [info.path for info in driver.uploads()]
        with pickle.loads(pickle.dumps(driver)) as other, other.writer("/dir/upload", append=True) as writer:
            writer.write(b"two")
            writer.commit()
        driver.move("/dir/upload", "/dir/moved")
        with driver.reader("/dir/moved", 2) as reader:
            found["moved"] = reader.readall().decode()
        found["list"] = driver.list("/dir")
        found["url"] = driver.redirect_url("/dir/put")
        found["signs"] = driver.capabilities.signs_urls
        found["repr"] = repr(driver)
        driver.delete("/dir")
        found["exists"] = driver.exists("/dir")
except StorageDriverError as error:
    found["error"] = [type(error).__name__, str(error)]
json.dump(found, sys.stdout)
"""


_ON_THE_LOOP = """
import asyncio
from fsspec.asyn import get_loop
async def main():
{script}
asyncio.run_coroutine_threadsafe(main(), get_loop()).result(100)
"""


def round_trip(
    parameters: dict[str, Any], certificate: str, *, on_the_loop: bool = False, **environment: str
) -> tuple[dict[str, Any], str]:
    """What a process finds that does a little of everything, maybe on fsspec's event loop, and what it logs."""
    script = _ON_THE_LOOP.format(script=textwrap.indent(_ROUND, "    ")) if on_the_loop else _ROUND
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    trusted = {"SSL_CERT_FILE": certificate, "REQUESTS_CA_BUNDLE": certificate}
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(parameters).encode(),
        env={**clean, **trusted, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )
    log = done.stderr.decode()
    assert done.returncode == 0, log
    return json.loads(done.stdout), log


def with_tokens(server: AzuriteServer, root: str, **credentials: str) -> dict[str, Any]:
    parameters = server.parameters(root, credentials=credentials)
    del parameters["accountkey"]
    return parameters


EXPECTED = {
    "uploads": ["/dir/upload"],
    "moved": "e,two",
    "list": ["/dir/moved", "/dir/put"],
    "url": None,
    "signs": False,
    "repr": "<FsspecDriver azure>",
    "exists": False,
}


def test_client_secret(azurite_tls: AzuriteServer, root: str) -> None:
    parameters = with_tokens(azurite_tls, root, type="client_secret", clientid=CLIENT, tenantid=TENANT, secret=SECRET)
    with token_service(azurite_tls.certificate) as (authority, asked):
        found, log = round_trip(parameters, azurite_tls.certificate, AZURE_AUTHORITY_HOST=authority)
    assert found == EXPECTED
    assert {told["scope"] for told in asked} == {"https://storage.azure.com/.default"}
    assert len(asked) <= 4, "tokens are not kept"
    assert SECRET not in log
    assert TOKEN_HEAD not in log


def test_default_credentials_where_a_coroutine_of_fsspec_s_loop_calls(azurite_tls: AzuriteServer, root: str) -> None:
    parameters = with_tokens(azurite_tls, root, type="default_credentials")
    identity: dict[str, Any] = {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_SECRET": SECRET}
    with token_service(azurite_tls.certificate) as (authority, _):
        found, _ = round_trip(
            parameters, azurite_tls.certificate, on_the_loop=True, AZURE_AUTHORITY_HOST=authority, **identity
        )
    assert found == EXPECTED


def test_secret_that_is_refused(azurite_tls: AzuriteServer, root: str) -> None:
    wrong = "wrong-secret-of-a-test"
    parameters = with_tokens(azurite_tls, root, type="client_secret", clientid=CLIENT, tenantid=TENANT, secret=wrong)
    with token_service(azurite_tls.certificate) as (authority, _):
        found, log = round_trip(parameters, azurite_tls.certificate, AZURE_AUTHORITY_HOST=authority)
    assert found["error"][0] == "PermissionDeniedError"
    assert "the secret is not the right one" in found["error"][1]
    assert wrong not in log + found["error"][1]


def test_token_service_that_cannot_be_reached(azurite_tls: AzuriteServer, root: str, refused_endpoint: str) -> None:
    parameters = with_tokens(azurite_tls, root, type="client_secret", clientid=CLIENT, tenantid=TENANT, secret=SECRET)
    authority = refused_endpoint.replace("http://", "https://")
    found, _ = round_trip(parameters | {"timeout": 3}, azurite_tls.certificate, AZURE_AUTHORITY_HOST=authority)
    assert found["error"][0] == "UnavailableError"


def test_shared_key_over_tls(azurite_tls: AzuriteServer, root: str) -> None:
    found, log = round_trip(azurite_tls.parameters(root), azurite_tls.certificate)
    url = found.pop("url")
    assert url.startswith("https://")
    assert "spr=https" in url
    assert found == {**{name: value for name, value in EXPECTED.items() if name != "url"}, "signs": True}
    assert azurite_tls.key not in log
    assert "SharedKey" not in log


def test_environment_of_adlfs_is_not_used(azurite_tls: AzuriteServer, root: str) -> None:
    elsewhere: dict[str, Any] = {
        "AZURE_STORAGE_CONNECTION_STRING": "AccountName=other;AccountKey=b3RoZXI=",
        "AZURE_STORAGE_ACCOUNT_NAME": "other",
        "AZURE_STORAGE_ACCOUNT_KEY": "b3RoZXI=",
        "AZURE_STORAGE_SAS_TOKEN": "sig=other",
    }
    found, _ = round_trip(azurite_tls.parameters(root), azurite_tls.certificate, **elsewhere)
    assert found["moved"] == EXPECTED["moved"]


def test_certificate_is_checked_unless_skipverify_says_otherwise(azurite_tls: AzuriteServer, root: str) -> None:
    with factory.create("azure", azurite_tls.parameters(root)) as driver:
        for call in (partial(driver.put_content, "/a", b"x"), partial(driver.copy, "/a", "/b")):
            with pytest.raises(StorageDriverError, match="skipverify") as caught:
                call()
            assert not isinstance(caught.value, UnavailableError)
    with factory.create("azure", azurite_tls.parameters(root, skipverify=True)) as driver:
        driver.put_content("/a", b"x")
        driver.copy("/a", "/b")


def test_wrong_key_is_permission_denied_with_a_hint(azurite: AzuriteServer, root: str) -> None:
    wrong = "d3Jvbmcgc2VjcmV0IG9mIGEgdGVzdA=="
    with (
        factory.create("azure", azurite.parameters(root, accountkey=wrong)) as driver,
        pytest.raises(PermissionDeniedError, match="check the key"),
    ):
        driver.stat("/")


def test_connection_string_stands_for_account_key_and_url(azurite: AzuriteServer, root: str) -> None:
    parameters = {"container": azurite.container, "rootdirectory": root, "connectionstring": azurite.connection_string}
    with factory.create("azure", parameters) as driver:
        driver.put_content("/a", b"x")
        driver.copy("/a", "/b")
        url = driver.redirect_url("/a")
        assert url is not None
        assert url.startswith(f"{azurite.service_url}/")
        assert azurite.key not in repr(driver) + url
