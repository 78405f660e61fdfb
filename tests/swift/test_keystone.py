"""Keystone's tokens: the conformance suite with a password and with an application credential, and more."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from storagedriver import ParameterError, PermissionDeniedError, UnavailableError, factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.drivers.swift.store import SwiftStore
from storagedriver.testsuites import suite
from storagedriver.testsuites.helpers import MIB, pattern
from tests.servers.keystone import REGION, KeystoneServer
from tests.swift.conftest import TEMP_URL_KEY
from tests.variants import only

CONTENT = pattern(4 * MIB, 1)
#: Swift remembers for so many seconds that a token is good.
REMEMBERED = 5.5


def _make(server: KeystoneServer, **others: Any) -> FsspecDriver:
    parameters = {"authurl": server.auth_url, "container": "tests", "chunksize": MIB, "secretkey": TEMP_URL_KEY}
    # Keystone takes its time where it has little of the machine.
    parameters["timeout"] = 60
    driver = factory.create("swift", {**parameters, **others})
    assert isinstance(driver, FsspecDriver)
    return driver


def _password(server: KeystoneServer) -> dict[str, Any]:
    return {"username": server.user, "password": server.password, "tenant": server.project}


def _credential(server: KeystoneServer) -> dict[str, Any]:
    return {
        "applicationcredentialid": server.credential_id,
        "applicationcredentialsecret": server.credential_secret,
    }


def _written(driver: StorageDriver) -> StorageDriver:
    # The container is made at the first write, and before it there is nothing that could be listed.
    driver.put_content("/first", b"")
    driver.delete("/first")
    return driver


def _with_password(keystone: KeystoneServer, rootdirectory: str) -> StorageDriver:
    return _written(_make(keystone, prefix=rootdirectory, **_password(keystone)))


def _with_credential(keystone: KeystoneServer, rootdirectory: str) -> StorageDriver:
    return _written(_make(keystone, prefix=rootdirectory, **_credential(keystone)))


def _refused(keystone: KeystoneServer) -> StorageDriver:
    return _make(keystone, **{**_password(keystone), "password": "wrong-secret-of-a-test"})


def _refused_credential(keystone: KeystoneServer) -> StorageDriver:
    return _make(keystone, **{**_credential(keystone), "applicationcredentialsecret": "wrong-secret-of-a-test"})


def _unreachable(refused_endpoint: str) -> StorageDriver:
    parameters = {"authurl": refused_endpoint, "username": "any", "password": "any", "container": "any"}
    return factory.create("swift", {**parameters, "timeout": 2})


# Keystone gives a token and an address. They matter in signed URLs, errors and pickled drivers, and are the same for
# all kinds of requests.
TestPassword = suite(
    "swift with Keystone's password",
    _with_password,
    SwiftStore.capabilities,
    areas=only("errors"),
    make_refused=_refused,
    make_unreachable=_unreachable,
    secrets=["wrong-secret-of-a-test", TEMP_URL_KEY],
)
TestCredential = suite(
    "swift with an application credential",
    _with_credential,
    SwiftStore.capabilities,
    areas=only("errors"),
    make_refused=_refused_credential,
    secrets=["wrong-secret-of-a-test", TEMP_URL_KEY],
)


@pytest.fixture
def driver(keystone: KeystoneServer) -> Iterator[FsspecDriver]:
    with _make(keystone, prefix=uuid.uuid4().hex, **_password(keystone)) as driver:
        yield driver


def token_of(driver: FsspecDriver) -> str:
    return str(driver.filesystem.fs.client.account.access().token)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"domain": "Default"},
        {"domainid": "default", "region": REGION},
        {"tenantdomain": "Default", "authversion": 3},
        {"tenantdomainid": "default", "endpointtype": "internal"},
    ],
    ids=lambda others: "-".join(others) or "plain",
)
def test_ways_to_say_who_one_is(keystone: KeystoneServer, others: dict[str, Any]) -> None:
    with _make(keystone, **_password(keystone), **others) as driver:
        driver.put_content("/who", b"x")


def test_project_by_its_id_and_by_default(keystone: KeystoneServer) -> None:
    user = {"username": keystone.user, "password": keystone.password}
    for project in ({"tenantid": keystone.project_id}, {}):
        with _make(keystone, **user, **project) as driver:
            driver.put_content("/who", b"x")


def test_version_is_asked_for_where_the_url_does_not_say_it(keystone: KeystoneServer) -> None:
    with _make(keystone, authurl=keystone.endpoint, **_password(keystone)) as driver:
        driver.put_content("/who", b"x")


def test_application_credential_by_its_name(keystone: KeystoneServer) -> None:
    named = {
        "applicationcredentialname": keystone.credential_name,
        "applicationcredentialsecret": keystone.credential_secret,
        "username": keystone.user,
    }
    with _make(keystone, **named) as driver:
        driver.put_content("/who", b"x")


def test_trust(keystone: KeystoneServer) -> None:
    trusted = {"username": "admin", "password": "of-the-admin", "trustid": keystone.trust_id}
    with _make(keystone, **trusted) as driver:
        driver.put_content("/who", b"x")


def test_region_that_is_not_in_the_catalog(keystone: KeystoneServer) -> None:
    with (
        _make(keystone, **_password(keystone), region="elsewhere") as driver,
        pytest.raises(ParameterError, match="elsewhere"),
    ):
        driver.list("/")


def test_url_where_there_is_no_keystone(keystone: KeystoneServer) -> None:
    with (
        _make(keystone, **_password(keystone), authurl=f"{keystone.endpoint}/elsewhere/v3") as driver,
        pytest.raises(ParameterError, match="check authurl"),
    ):
        driver.list("/")


def test_identity_service_that_does_not_answer(keystone: KeystoneServer, black_hole: str) -> None:
    with (
        _make(keystone, **_password(keystone), authurl=f"{black_hole}/v3", timeout=1) as driver,
        pytest.raises(UnavailableError),
    ):
        driver.list("/")


def test_token_that_is_revoked_in_the_middle_is_renewed(keystone: KeystoneServer, driver: FsspecDriver) -> None:
    with driver.writer("/data") as writer:
        writer.write(CONTENT[: 2 * MIB])
        first = token_of(driver)
        keystone.revoke(first)
        time.sleep(REMEMBERED)
        writer.write(CONTENT[2 * MIB :])
        writer.commit()
    second = token_of(driver)
    assert second != first
    with driver.reader("/data") as reader:
        found = reader.read(100)
        keystone.revoke(second)
        time.sleep(REMEMBERED)
        while piece := reader.read(1 << 16):
            found += piece
    assert found == CONTENT
    assert token_of(driver) not in (first, second)


def test_token_that_is_revoked_before_a_bulk_delete_is_renewed(keystone: KeystoneServer, driver: FsspecDriver) -> None:
    for number in range(5):
        driver.put_content(f"/dir/{number}", b"x")
    keystone.revoke(token_of(driver))
    time.sleep(REMEMBERED)
    driver.delete("/dir")
    assert not driver.exists("/dir")


def test_user_without_a_role_is_refused(keystone: KeystoneServer) -> None:
    """The trust is not the user's, so there is no project to act in."""
    user = {"username": keystone.user, "password": keystone.password, "tenant": "admin"}
    with _make(keystone, **user) as driver, pytest.raises(PermissionDeniedError):
        driver.put_content("/a", b"x")
