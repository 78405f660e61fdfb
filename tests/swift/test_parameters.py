"""The parameters: what is required, refused and passed over."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from storagedriver import ParameterError, StorageDriverWarning, factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.drivers.swift.parameters import load

V3 = "https://auth.example/v3"
GOOD: dict[str, Any] = {"authurl": V3, "container": "c", "username": "u", "password": "secret-of-a-test"}


@pytest.mark.parametrize("name", ["authurl", "container", "username", "password"])
def test_required(name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name}: it is required"):
        load("swift", {**GOOD, name: None})


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"chunksize": (1 << 20) - 1}, "chunksize"),
        ({"chunksize": (5 << 30) + 1}, "chunksize"),
        ({"authversion": 4}, "authversion"),
        ({"endpointtype": "secret"}, "endpointtype"),
        ({"container": "a/b"}, "container"),
        ({"container": "c" * 257}, "container"),
        ({"authurl": "auth.example"}, "authurl"),
        ({"authurl": "https://u:p@auth.example/v3"}, "authurl"),
        ({"insecureskipverify": "yes"}, "insecureskipverify"),
        ({"tempurlmethods": ["FETCH"]}, "tempurlmethods"),
        ({"payloadsigning": "always"}, "payloadsigning"),
        ({"applicationcredentialid": "i"}, "applicationcredentialsecret"),
        ({"applicationcredentialsecret": "s"}, "applicationcredentialid"),
        ({"applicationcredentialname": "n", "applicationcredentialsecret": "s", "username": ""}, "username"),
        ({"applicationcredentialid": "i", "applicationcredentialsecret": "s", "authversion": 2}, "authversion"),
        ({"applicationcredentialid": "i", "applicationcredentialsecret": "s", "trustid": "t"}, "trustid"),
        ({"trustid": "t", "authversion": 1}, "trustid"),
    ],
)
def test_refused(parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError, match=rf"^swift: invalid parameter: {named}: "):
        load("swift", {**GOOD, **parameters})


@pytest.mark.parametrize("name", ["tenant", "region", "domain", "tenantdomainid"])
def test_what_tempauth_does_not_know_is_passed_over_with_a_warning(name: str) -> None:
    with pytest.warns(StorageDriverWarning, match=f"{name} is ignored"):
        load("swift", {**GOOD, "authurl": "https://auth.example/auth/v1.0", name: "x"})


def test_password_is_not_needed_with_an_application_credential() -> None:
    parsed = load(
        "swift",
        {"authurl": V3, "container": "c", "applicationcredentialid": "i", "applicationcredentialsecret": "s"},
    )
    assert parsed.credentials.known_version == 3


@pytest.mark.parametrize(
    ("url", "version"),
    [
        ("https://x/auth/v1.0", 1),
        ("https://x/v1.0/", 1),
        ("https://x:5000/v2.0", 2),
        ("https://x/identity/v3", 3),
        ("https://x/identity", 0),
        ("https://v3.example/", 0),
    ],
)
def test_version_is_guessed_from_the_url(url: str, version: int) -> None:
    assert load("swift", {**GOOD, "authurl": url}).credentials.known_version == version
    assert load("swift", {**GOOD, "authurl": url, "authversion": 3}).credentials.known_version == 3


def test_numbers_and_texts_as_yaml_may_give_them() -> None:
    parsed = load("swift", {**GOOD, "tenantid": 42, "chunksize": "20971520", "tempurlmethods": "get, head"})
    assert (parsed.tenantid, parsed.chunksize, parsed.tempurlmethods) == ("42", 20 << 20, ("GET", "HEAD"))


def test_secrets_are_not_shown() -> None:
    parsed = load("swift", {**GOOD, "secretkey": "temp-url-secret"})
    driver = factory.create("swift", {**GOOD, "secretkey": "temp-url-secret"})
    assert isinstance(driver, FsspecDriver)
    shown = repr(parsed) + repr(parsed.credentials) + repr(parsed.temp_urls) + repr(driver) + repr(driver.filesystem)
    assert "secret-of-a-test" not in shown
    assert "temp-url-secret" not in shown


def test_making_and_pickling_a_driver_is_offline() -> None:
    driver = pickle.loads(pickle.dumps(factory.create("swift", GOOD)))
    assert driver.name == "swift"
    driver.close()
