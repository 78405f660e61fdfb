"""Names of blobs: those of registry 2.8, those that no path can have, and long listings."""

from __future__ import annotations

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import StorageDriverWarning
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import pattern, put_all, upload
from tests.azure.conftest import MakeAzure
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
