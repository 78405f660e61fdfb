"""Middleware: for one configuration, a registry's redirects and our URLs are the same."""

from __future__ import annotations

import http.client
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from storagedriver import configuration
from storagedriver.driver import StorageDriver
from storagedriver.errors import StorageDriverWarning
from storagedriver.middleware.cloudfront.signer import Signer
from tests.middleware.ranges_server import RangesServer, ranges_server
from tests.registry.blobs import Blobs, digest_of
from tests.registry.storages import MakeStorage, Storage, as_registry_has_it
from tests.registry.tree import blob_path
from tests.servers.docker_registry import Registry
from tests.servers.plugin import StartRegistry

CONTENT = b"the content of a blob"
PAIR = "APKAEXAMPLE"
REDIRECT = {"name": "redirect", "options": {"baseurl": "https://mirror.example:8443"}}
#: Seconds that may pass between the two URLs of a comparison.
APART = 60


@pytest.fixture(scope="module")
def pem() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.fixture
def cloudfront(pem: bytes, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "pk.pem"
    file.write_bytes(pem)
    options = {"baseurl": "https://d1.example/p", "privatekey": str(file), "keypairid": PAIR, "duration": "47m"}
    return {"name": "cloudfront", "options": options}


@pytest.fixture
def ranges() -> Iterator[RangesServer]:
    with ranges_server() as server:
        yield server


class Both:
    """A registry with a blob, and our driver, of one configuration."""

    def __init__(self, start: StartRegistry, storage: Storage, middleware: Sequence[dict[str, Any]]) -> None:
        sections = {"storage": as_registry_has_it(storage), "middleware": {"storage": list(middleware)}}
        self.registry: Registry = start(sections["storage"], {"middleware": sections["middleware"]})
        blobs = Blobs(self.registry, "foo/bar")
        self.digest = digest_of(CONTENT)
        blobs.finish(blobs.send(blobs.begin(), CONTENT), self.digest)
        with warnings.catch_warnings():
            # Of cloudfront in a place where it changes nothing.
            warnings.simplefilter("ignore", StorageDriverWarning)
            self.driver: StorageDriver = configuration.load(json.dumps(sections), {}).create_driver()

    def redirect(self, client: str | None) -> str:
        """Where the registry sends a client."""
        connection = http.client.HTTPConnection(self.registry.address, timeout=60)
        try:
            headers = {"X-Forwarded-For": client} if client else {}
            connection.request("GET", f"/v2/foo/bar/blobs/{self.digest}", headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 307
            return str(answer.headers["Location"])
        finally:
            connection.close()

    def urls(self, client: str | None = None) -> tuple[str, str]:
        """The registry's and ours."""
        ours = self.driver.redirect_url(blob_path(self.digest), client_address=client)
        return self.redirect(client), str(ours)


def check_signed(pem: bytes, theirs: str, ours: str) -> None:
    """One URL but for the second at which it was made: with that, the signature is the same."""
    (moment,) = parse_qs(urlsplit(theirs).query)["Expires"]
    (other,) = parse_qs(urlsplit(ours).query)["Expires"]
    assert abs(int(moment) - int(other)) <= APART
    plain = ours.partition("?")[0]
    assert Signer(PAIR, pem).sign(plain, int(moment)) == theirs
    assert Signer(PAIR, pem).sign(plain, int(other)) == ours


def test_redirect_on_a_store_that_cannot_sign(registry: StartRegistry, storage: MakeStorage) -> None:
    second = {"name": "redirect", "options": {"baseurl": "http://second.example"}}
    theirs, ours = Both(registry, storage("filesystem"), [REDIRECT, second]).urls()
    assert ours == theirs == "http://second.example" + blob_path(digest_of(CONTENT))


@pytest.mark.parametrize("first", ["redirect", "cloudfront"])
def test_two_of_them_are_chained_in_order(
    registry: StartRegistry, storage: MakeStorage, cloudfront: dict[str, Any], first: str
) -> None:
    chain = [REDIRECT, cloudfront] if first == "redirect" else [cloudfront, REDIRECT]
    theirs, ours = Both(registry, storage("seaweedfs"), chain).urls()
    assert ours == theirs


def test_cloudfront_and_the_clients_that_are_sent_to_the_store(
    registry: StartRegistry, storage: MakeStorage, cloudfront: dict[str, Any], pem: bytes, ranges: RangesServer
) -> None:
    filtered = {"ipfilteredby": "awsregion", "awsregion": "us-east-1,eu-west-1", "iprangesurl": ranges.url}
    cloudfront["options"].update(filtered)
    name, parameters = storage("seaweedfs")
    both = Both(registry, (name, parameters), [cloudfront])
    for client in (None, "192.0.2.1", "52.93.178.234"):
        check_signed(pem, *both.urls(client))
    for client in ("3.5.1.2", "2a05:d07a:a000::1"):
        theirs, ours = (urlsplit(url) for url in both.urls(client))
        assert theirs[:3] == ours[:3]
        assert ours.netloc == urlsplit(parameters["regionendpoint"]).netloc
    assert both.driver.get_content(blob_path(both.digest)) == CONTENT
