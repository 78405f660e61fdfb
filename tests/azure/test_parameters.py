"""Parameters: what each does, and what is refused with a reason. Nothing here needs a server."""

from __future__ import annotations

import base64
import pickle
import sys
from datetime import timedelta
from typing import Any

import pytest

from storagedriver import factory
from storagedriver.drivers.azure.parameters import load
from storagedriver.errors import MissingExtraError, ParameterError, StorageDriverWarning

KEY = base64.b64encode(b"key of a test").decode()
GIVEN = {"accountname": "acct", "accountkey": KEY, "container": "registry"}
STRING = f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY};EndpointSuffix=core.windows.net"
APPLICATION = {"type": "client_secret", "clientid": "c", "tenantid": "t", "secret": "hidden-secret"}


def without(*names: str, **others: Any) -> dict[str, Any]:
    return {name: value for name, value in {**GIVEN, **others}.items() if name not in names}


def test_defaults_are_those_of_the_registry() -> None:
    parsed, account = load("azure", GIVEN)
    assert (account.name, account.type, account.key) == ("acct", "shared_key", KEY)
    assert account.url == "https://acct.blob.core.windows.net"
    assert (parsed.max_retries, parsed.retry_delay) == (5, timedelta(milliseconds=100))
    assert (parsed.chunksize, parsed.uploadblobtype, parsed.prefix) == (8 << 20, "block", "")


@pytest.mark.parametrize(
    ("root", "trim", "prefix"),
    [
        ("", True, ""),
        ("/", True, ""),
        ("a/b", True, "a/b/"),
        ("/a/b/", True, "a/b/"),
        ("", False, "/"),
        ("/a/b/", False, "/a/b/"),
        ("a", False, "/a/"),
    ],
)
def test_rootdirectory(root: str, trim: bool, prefix: str) -> None:
    parsed, _ = load("azure", {**GIVEN, "rootdirectory": root, "trimlegacyrootprefix": trim})
    assert parsed.prefix == prefix


def test_realm_and_serviceurl() -> None:
    assert (
        load("azure", {**GIVEN, "realm": "core.chinacloudapi.cn"})[1].url == "https://acct.blob.core.chinacloudapi.cn"
    )
    url = "http://127.0.0.1:10000/acct"
    assert load("azure", {**GIVEN, "serviceurl": url + "/"})[1].url == url


@pytest.mark.parametrize("secret", ["", "?sv=1&sig=abc"])
def test_serviceurl_that_is_no_plain_url(secret: str) -> None:
    for url in ("acct.blob.core.windows.net", "ftp://host", "https://", "https://user:pass@host", "https://host/?x=1"):
        with pytest.raises(ParameterError, match="serviceurl") as caught:
            load("azure", {**GIVEN, "serviceurl": url + secret})
        assert "pass@" not in str(caught.value)
        assert "sig=abc" not in str(caught.value)


class TestConnectionString:
    def test_stands_for_account_key_and_url(self) -> None:
        _, account = load("azure", {"container": "registry", "connectionstring": STRING})
        assert (account.name, account.key, account.url) == ("acct", KEY, "https://acct.blob.core.windows.net")
        assert set(account.secrets) == {STRING, KEY}

    def test_may_name_the_endpoint(self) -> None:
        string = f"AccountName=acct;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/acct;"
        assert (
            load("azure", {"container": "registry", "connectionstring": string})[1].url == "http://127.0.0.1:10000/acct"
        )

    def test_may_say_the_same_as_the_others(self) -> None:
        url = "https://acct.blob.core.windows.net"
        assert load("azure", {**GIVEN, "connectionstring": STRING, "serviceurl": url})[1].key == KEY

    @pytest.mark.parametrize(
        ("name", "value"),
        [("accountname", "other"), ("accountkey", "b3RoZXI="), ("serviceurl", "https://other.blob.core.windows.net")],
    )
    def test_must_not_contradict_the_others(self, name: str, value: str) -> None:
        with pytest.raises(ParameterError, match="contradicts the connectionstring") as caught:
            load("azure", {"container": "registry", "connectionstring": STRING, name: value})
        assert caught.value.path == name
        assert KEY not in str(caught.value)

    @pytest.mark.parametrize("string", ["nonsense", "AccountKey=a2V5", f"AccountName=a;AccountKey={KEY};x"])
    def test_that_is_none(self, string: str) -> None:
        with pytest.raises(ParameterError, match="is no connection string") as caught:
            load("azure", {"container": "registry", "connectionstring": string})
        assert caught.value.__cause__ is None
        assert KEY not in str(caught.value)

    def test_without_a_key(self) -> None:
        string = "BlobEndpoint=https://acct.blob.core.windows.net;SharedAccessSignature=sv=1&sig=hidden"
        with pytest.raises(ParameterError, match="holds no AccountKey") as caught:
            load("azure", {"container": "registry", "connectionstring": string})
        assert "sig=hidden" not in str(caught.value)


class TestCredentials:
    def test_key_may_be_named_as_such(self) -> None:
        assert load("azure", {**GIVEN, "credentials": {"type": "shared_key"}})[1].type == "shared_key"

    def test_client_secret(self) -> None:
        _, account = load("azure", without("accountkey", credentials=APPLICATION))
        assert (account.type, account.client_id, account.tenant_id) == ("client_secret", "c", "t")
        assert account.key == ""
        assert account.secrets == ["hidden-secret"]

    def test_default_credentials(self) -> None:
        _, account = load("azure", without("accountkey", credentials={"type": "default_credentials"}))
        assert account.type == "default_credentials"

    @pytest.mark.parametrize("missing", ["clientid", "tenantid", "secret"])
    def test_client_secret_needs_all_three(self, missing: str) -> None:
        credentials = {name: value for name, value in APPLICATION.items() if name != missing}
        with pytest.raises(ParameterError, match="it is required") as caught:
            load("azure", without("accountkey", credentials=credentials))
        assert caught.value.path == f"credentials.{missing}"

    def test_unknown_type(self) -> None:
        with pytest.raises(ParameterError, match="client_secret, shared_key, default_credentials") as caught:
            load("azure", {**GIVEN, "credentials": {"type": "password"}})
        assert caught.value.path == "credentials.type"
        assert caught.value.driver_name == "azure"

    def test_unknown_name_in_the_map(self) -> None:
        with pytest.warns(StorageDriverWarning, match="did you mean 'clientid'"):
            load("azure", {**GIVEN, "credentials": {"client_id": "x"}})

    def test_tokens_are_not_sent_in_clear(self) -> None:
        given = without("accountkey", credentials=APPLICATION, serviceurl="http://127.0.0.1/acct")
        with pytest.raises(ParameterError, match="must be https"):
            load("azure", given)

    def test_none_at_all(self) -> None:
        with pytest.raises(ParameterError, match="accountkey, a connectionstring or credentials"):
            load("azure", without("accountkey"))

    @pytest.mark.parametrize("key", ["no base64!", "="])
    def test_key_that_is_none(self, key: str) -> None:
        with pytest.raises(ParameterError, match="no base64") as caught:
            load("azure", {**GIVEN, "accountkey": key})
        assert key not in str(caught.value).replace("no base64:", "")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("container", "", "required"),
        ("container", "Upper", "container"),
        ("container", "a--b", "container"),
        ("container", "ab", "container"),
        ("container", "abc/def", "rootdirectory"),
        ("container", "https://x", "without a scheme"),
        ("accountname", "", "required"),
        ("max_retries", "-2", "at least -1"),
        ("retry_delay", "soon", "duration"),
        ("retry_delay", "-1s", "negative"),
        ("chunksize", "1", "65536"),
        ("chunksize", 4001 << 20, "4194304000"),
        ("uploadblobtype", "page", "block, append"),
        ("timeout", 0, "above 0"),
        ("uploadconcurrency", 0, "at least 1"),
        ("readconcurrency", 0, "at least 1"),
        ("trimlegacyrootprefix", "maybe", "true or false"),
        ("skipverify", 2, "true or false"),
        ("credentials", "text", "a map"),
        ("realm", "a/b", "domain"),
    ],
)
def test_value_that_cannot_be(name: str, value: Any, expected: str) -> None:
    with pytest.raises(ParameterError, match=expected) as caught:
        factory.create("azure", {**GIVEN, name: value})
    assert caught.value.driver_name == "azure"
    assert caught.value.path == name


def test_values_as_text() -> None:
    parsed, _ = load(
        "azure",
        {**GIVEN, "max_retries": "7", "retry_delay": "2s", "skipverify": "true", "uploadblobtype": "Append"},
    )
    assert (parsed.max_retries, parsed.retry_delay) == (7, timedelta(seconds=2))
    assert (parsed.skipverify, parsed.uploadblobtype) == (True, "append")


def test_nothing_secret_is_shown() -> None:
    hidden = [KEY, STRING, "hidden-secret"]
    for given in (GIVEN, {"container": "registry", "connectionstring": STRING}, without(credentials=APPLICATION)):
        loaded = load("azure", given)
        with factory.create("azure", given) as driver:
            shown = repr(loaded) + repr(driver) + str(driver)
        assert not [text for text in hidden if text in shown]


def test_creating_is_offline_and_the_driver_is_pickled_by_its_parameters() -> None:
    driver = factory.create("azure", {**GIVEN, "serviceurl": "http://127.0.0.1:1/acct"})
    again = pickle.loads(pickle.dumps(driver))
    assert (again.name, again.capabilities) == (driver.name, driver.capabilities)
    driver.close()
    again.close()


@pytest.mark.parametrize("package", ["adlfs", "azure.storage.blob"])
def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for name in [name for name in sys.modules if name.startswith("storagedriver.drivers.azure.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r'pip install "storagedriver\[azure\]"'):
        factory.create("azure", GIVEN)


def test_urls_follow_the_service() -> None:
    with factory.create("azure", {**GIVEN, "rootdirectory": "r"}) as driver:
        url = driver.redirect_url("/a/b", expires=timedelta(hours=1))
    assert url is not None
    assert url.startswith("https://acct.blob.core.windows.net/registry/r/a/b?")
    assert "spr=https" in url
    with factory.create("azure", {**GIVEN, "serviceurl": "http://127.0.0.1:1/acct"}) as driver:
        url = driver.redirect_url("/a", "HEAD")
    assert url is not None
    assert url.startswith("http://127.0.0.1:1/acct/registry/a?")
    assert "spr=" not in url
    with factory.create("azure", without("accountkey", credentials={"type": "default_credentials"})) as driver:
        assert driver.redirect_url("/a") is None


# --- names of other registries


GITLAB = {"accountname": "acct", "container": "registry"}


@pytest.mark.parametrize(
    "names", [("credentials_type", "client_id", "tenant_id"), ("credentialstype", "clientid", "tenantid")]
)
def test_credentials_as_gitlab_has_them(names: tuple[str, str, str]) -> None:
    kind, client, tenant = names
    given = {**GITLAB, kind: "client_secret", client: "c", tenant: "t", "secret": KEY}
    _, account = load("azure_v2", given)
    assert (account.type, account.client_id, account.tenant_id, account.secret) == ("client_secret", "c", "t", KEY)
    assert KEY not in repr(account)


@pytest.mark.parametrize(("legacy", "prefix"), [("true", "/root/"), ("false", "root/"), (None, "root/")])
def test_legacyrootprefix_of_gitlab(legacy: str | None, prefix: str) -> None:
    given = {**GITLAB, "accountkey": KEY, "rootdirectory": "/root", "legacyrootprefix": legacy}
    assert load("azure_v2", given)[0].prefix == prefix


def test_legacyrootprefix_that_is_no_boolean_is_refused_by_its_name() -> None:
    with pytest.raises(ParameterError, match="legacyrootprefix: 'x' is not allowed, it must be true or false"):
        load("azure", {**GITLAB, "accountkey": KEY, "legacyrootprefix": "x"})


def test_trimlegacyrootprefix_counts_before_legacyrootprefix() -> None:
    given = {**GITLAB, "accountkey": KEY, "trimlegacyrootprefix": "true", "legacyrootprefix": "true"}
    assert load("azure", given)[0].prefix == ""


def test_the_name_in_gitlabs_registry_is_an_alias() -> None:
    with factory.create("azure_v2", {**GITLAB, "accountkey": KEY}) as driver:
        assert driver.name == "azure_v2"
