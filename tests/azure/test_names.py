"""Names of blobs: those of registry 2.8, those that no path can have, and long listings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import StorageDriverWarning
from storagedriver.testsuites.faults.actions import Answer
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import pattern, put_all, upload
from tests.azure.conftest import MakeAzure, empty_container
from tests.servers.azurite import AzuriteServer
from tests.walking import check_pages_are_fetched_ahead


@pytest.mark.parametrize(("trim", "start"), [(True, ""), (False, "/")])
def test_names_are_those_of_the_registry(
    make_azure: MakeAzure, azurite: AzuriteServer, root: str, trim: bool, start: str
) -> None:
    driver = make_azure(root, trimlegacyrootprefix=trim)
    driver.put_content("/dir/put", b"x")
    upload(driver, "/dir/upload", b"x")
    with azurite.client() as container:
        names = [blob.name for blob in container.list_blobs(name_starts_with=f"{start}{root}")]
    assert names == [f"{start}{root}/dir/put", f"{start}{root}/dir/upload"]
    driver.copy("/dir/put", "/dir/copy")
    assert driver.list("/dir") == ["/dir/copy", "/dir/put", "/dir/upload"]


def test_names_that_no_path_can_have(driver: FsspecDriver, azurite: AzuriteServer, root: str) -> None:
    strange = ["a b", "a%20b", "a+b", "\u00e4&<>'\"", "dir//below", "dir/x/", "q?x=1", "h#x", "dir/..x/~"]
    with azurite.client() as container:
        for name in strange:
            container.upload_blob(f"{root}/top/{name}", b"x")
        driver.put_content("/top/plain", b"x")
        with pytest.warns(StorageDriverWarning, match="no path can name"):
            assert "/top/plain" in driver.list("/top")
        with pytest.warns(StorageDriverWarning, match="9 keys"):
            assert [info.path for info in driver.files("/top")] == ["/top/plain"]
        driver.delete("/top")
        assert list(container.list_blobs(name_starts_with=f"{root}/")) == []


def test_listing_goes_on_page_after_page(
    make_azure: MakeAzure, azurite: AzuriteServer, proxy: FaultProxy, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storagedriver.drivers.azure.listing._MOST", 3)
    driver = make_azure(root, serviceurl=f"{proxy.endpoint}/{azurite.account}")
    paths = [f"/dir/{number:02d}" for number in range(10)] + ["/dir/sub/a", "/dir/sub/b"]
    put_all(driver, paths)
    assert [info.path for info in driver.files("/")] == paths
    assert [info.path for info in driver.files("/", start_after="/dir/07")] == paths[8:]
    proxy.reset()
    assert driver.list("/dir") == [*paths[:10], "/dir/sub"]
    assert len(proxy.requests) == 4
    proxy.reset()
    driver.stat("/dir")
    assert [request.method for request in proxy.requests] == ["HEAD", "GET"]


def test_next_page_is_fetched_while_one_is_visited(
    proxied: FsspecDriver, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storagedriver.drivers.azure.listing._MOST", 4)
    check_pages_are_fetched_ahead(proxied, proxy, 4)


def test_walk_is_one_listing(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    put_all(proxied, [f"/dir/{number}/{name}" for number in range(5) for name in "abc"])
    proxy.reset()
    assert len(list(proxied.files())) == 15
    assert len(proxy.requests) == 1


def test_plain_filesystem_is_rooted(driver: FsspecDriver) -> None:
    driver.put_content("/dir/a", pattern(1000))
    fs = driver.filesystem
    assert fs.cat_file("dir/a") == pattern(1000)
    fs.pipe_file("dir/b", b"written by adlfs")
    assert driver.get_content("/dir/b") == b"written by adlfs"


class TestNamesOfTheOtherKind:
    """A container in which names begin with ``/`` shows nothing without, and the other way round."""

    @pytest.mark.parametrize(("trim", "start", "value"), [(True, "/", "false"), (False, "", "true")])
    def test_the_first_listing_of_an_empty_root_names_the_parameter(
        self, make_azure: MakeAzure, azurite: AzuriteServer, root: str, trim: bool, start: str, value: str
    ) -> None:
        with azurite.client() as container:
            container.upload_blob(f"{start}{root}/docker/registry/a", b"x")
        driver = make_azure(root, trimlegacyrootprefix=trim)
        with pytest.warns(StorageDriverWarning, match=f"set trimlegacyrootprefix to {value}") as caught:
            assert driver.list("/") == []
        assert f"{start}{root}/docker/" in str(caught[0].message)
        # Once is enough.
        assert driver.list("/") == []
        (note,) = driver.root_report().notes
        assert f"set trimlegacyrootprefix to {value}" in note

    @pytest.mark.parametrize("call", ["list", "stat", "files"])
    def test_whatever_lists_first(self, make_azure: MakeAzure, azurite: AzuriteServer, root: str, call: str) -> None:
        with azurite.client() as container:
            container.upload_blob(f"/{root}/a", b"x")
        driver = make_azure(root)
        calls: dict[str, Callable[[str], object]] = {
            "list": driver.list,
            "stat": driver.stat,
            "files": lambda path: list(driver.files(path)),
        }
        with pytest.warns(StorageDriverWarning, match="trimlegacyrootprefix"):
            calls[call]("/")

    def test_a_root_with_both_kinds_is_told_by_its_report_alone(
        self, make_azure: MakeAzure, azurite: AzuriteServer, root: str
    ) -> None:
        with azurite.client() as container:
            container.upload_blob(f"/{root}/a", b"x")
            container.upload_blob(f"{root}/b", b"x")
        driver = make_azure(root)
        assert driver.list("/") == ["/b"]
        assert "begin with a /" in driver.root_report().notes[0]

    @pytest.mark.parametrize(("trim", "name"), [(True, "/docker/a"), (False, "docker/a")])
    def test_without_a_root_directory(
        self, make_azure: MakeAzure, azurite: AzuriteServer, trim: bool, name: str
    ) -> None:
        container = empty_container(azurite)
        driver = make_azure("", container=container, trimlegacyrootprefix=trim)
        with azurite.client(container) as client:
            client.upload_blob(name, b"x")
            with pytest.warns(StorageDriverWarning) as caught:
                assert driver.list("/") == []
            assert "trimlegacyrootprefix" in str(caught[0].message)
            client.upload_blob("shown" if trim else "/shown", b"x")
            assert len(driver.root_report().notes) == 1
            client.delete_blob(name)
            assert driver.list("/") == ["/shown"]
            assert driver.root_report().notes == ()

    def test_a_listing_that_is_refused_there_is_no_failure(self, proxied: FsspecDriver, proxy: FaultProxy) -> None:
        proxy.add(Answer(403), method="GET", when=lambda request: "prefix=%2F" in request.query)
        assert proxied.list("/") == []

    def test_a_key_without_a_type_is_a_sign_of_an_old_configuration(self, make_azure: MakeAzure, root: str) -> None:
        (note,) = make_azure(root).root_report().notes
        assert "accountkey without credentials.type" in note
        assert "trimlegacyrootprefix to false" in note
        driver = make_azure(root, credentials={"type": "shared_key"})
        assert driver.root_report().notes == make_azure(root, trimlegacyrootprefix=False).root_report().notes == ()
        driver.put_content("/a", b"x")
        assert make_azure(root).root_report().notes == ()
