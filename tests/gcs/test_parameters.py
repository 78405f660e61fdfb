"""The parameters: what is taken, what is refused and why. All offline."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import InvalidStorageDriverError, ParameterError, StorageDriverWarning
from tests.gcs.tokens import key_info, private_key


def make(**parameters: Any) -> FsspecDriver:
    driver = factory.create("gcs", {"bucket": "b", "endpoint": "http://127.0.0.1:1", **parameters})
    assert isinstance(driver, FsspecDriver)
    return driver


@pytest.mark.parametrize(
    ("parameter", "value", "reason"),
    [
        ("bucket", "", "required"),
        ("bucket", "gs://b", "without a scheme"),
        ("bucket", "b/dir", "rootdirectory"),
        ("bucket", "..", "name of a bucket"),
        ("chunksize", 1 << 20 | 1, "multiple of 262144"),
        ("chunksize", "131072", "at least 262144"),
        ("chunksize", 0, "at least"),
        ("maxconcurrency", "many", "integer"),
        ("endpoint", "localhost:4443", "http:// or https://"),
        ("endpoint", "http://h/path", "http:// or https://"),
        ("endpoint", "ftp://h", "http:// or https://"),
        ("timeout", 0, "above 0"),
        ("uploadconcurrency", 4, "one chunk after the other"),
        ("readconcurrency", "0", "at least 1"),
        ("payloadsigning", "always", "nothing is signed"),
        ("keyfile", "/no/such/file.json", "cannot be read"),
        ("credentials", "text", "map"),
        ("credentials", {"type": "authorized_user"}, "not supported"),
        ("credentials", {"client_email": "a@b"}, "no key of a service account"),
        ("credentials", {"client_email": "a@b", "private_key": "nonsense"}, "no key of a service account"),
    ],
)
def test_bad_values_are_refused_with_a_reason(parameter: str, value: Any, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason) as caught:
        make(**{parameter: value})
    assert caught.value.path == parameter
    assert "gcs" in str(caught.value)


def test_a_key_that_cannot_be_read_is_not_shown() -> None:
    broken = private_key().replace("A", "*")
    with pytest.raises(ParameterError) as caught:
        make(credentials={**key_info(), "private_key": broken})
    shown = str(caught.value) + caught.value.cause_text
    assert broken.splitlines()[1] not in shown
    with pytest.raises(ParameterError, match="a user or a password") as caught:
        make(endpoint="http://user:secret@host")
    assert "secret" not in str(caught.value)


def test_values_of_other_drivers_that_ask_for_nothing_else_are_taken() -> None:
    make(uploadconcurrency="1", readconcurrency=2, payloadsigning="auto")
    make(payloadsigning="never")


def test_unknown_names_give_a_warning() -> None:
    with pytest.warns(StorageDriverWarning, match="did you mean 'chunksize'"):
        make(chunk_size=1)


@pytest.mark.parametrize(("given", "slots"), [(10, 25), ("100", 100), (None, 50)])
def test_concurrency_is_at_least_25(given: Any, slots: int) -> None:
    assert make(maxconcurrency=given)._store.limit.slots == slots


@pytest.mark.parametrize("given", ["a/b", "/a/b", "/a/b/", "a/b//"])
def test_root_directory(given: str) -> None:
    assert make(rootdirectory=given)._store._bucket.full("key") == "a/b/key"  # type: ignore[attr-defined]


def test_key_file_is_read(tmp_path: Path) -> None:
    keyfile = tmp_path / "key.json"
    keyfile.write_text(json.dumps(key_info()))
    url = make(keyfile=str(keyfile)).redirect_url("/a")
    assert url is not None
    assert url.startswith("http://127.0.0.1:1/b/a?X-Goog-Algorithm=GOOG4-RSA-SHA256&")
    keyfile.write_text("{")
    with pytest.raises(ParameterError, match="no JSON"):
        make(keyfile=str(keyfile))
    keyfile.write_text("[]")
    with pytest.raises(ParameterError, match="no key"):
        make(keyfile=str(keyfile))


def test_key_from_an_environment_variable_may_have_its_line_ends_escaped() -> None:
    info = {**key_info(), "private_key": private_key().replace("\n", "\\n")}
    assert make(credentials=info).redirect_url("/a") is not None


def test_key_file_goes_before_the_map(tmp_path: Path) -> None:
    keyfile = tmp_path / "key.json"
    keyfile.write_text(json.dumps({**key_info(), "client_email": "file@x"}))
    url = make(keyfile=str(keyfile), credentials={**key_info(), "client_email": "map@x"}).redirect_url("/a")
    assert url is not None
    assert "file%40x" in url


def test_without_a_key_nothing_is_signed_for_an_emulator() -> None:
    driver = make()
    assert not driver.capabilities.signs_urls
    assert driver.redirect_url("/a") is None


def test_emulator_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:2")
    info = key_info()
    driver = factory.create("gcs", {"bucket": "b", "credentials": info})
    url = driver.redirect_url("/a")
    assert url is not None
    assert url.startswith("http://127.0.0.1:2/b/a?")
    url = make(credentials=info).redirect_url("/a")
    assert url is not None
    assert url.startswith("http://127.0.0.1:1/b/a?"), "the parameter goes before the environment"


def test_google_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    url = factory.create("gcs", {"bucket": "b", "rootdirectory": "r", "credentials": key_info()}).redirect_url("/a")
    assert url is not None
    assert url.startswith("https://storage.googleapis.com/b/r/a?")


def test_pickled_driver_keeps_its_parameters() -> None:
    driver = pickle.loads(pickle.dumps(make(credentials=key_info(), rootdirectory="r")))
    url = driver.redirect_url("/a")
    assert "/b/r/a?" in url


def test_nothing_secret_is_shown() -> None:
    driver = make(credentials=key_info())
    store = driver._store
    shown = "".join(map(repr, (driver, store, store._parameters, store._client, store._bucket)))  # type: ignore[attr-defined]
    assert private_key().splitlines()[1] not in shown
    assert key_info()["private_key_id"] not in shown


def test_the_name_in_gitlabs_registry_is_an_alias() -> None:
    with factory.create("gcs_next", {"bucket": "registry", "endpoint": "http://127.0.0.1:9"}) as driver:
        assert driver.name == "gcs_next"


@pytest.mark.parametrize("name", ["gs", "google"])
def test_another_name_says_which_driver_it_is(name: str) -> None:
    with pytest.raises(InvalidStorageDriverError, match="the driver for Google Cloud Storage is gcs"):
        factory.create(name, {})
