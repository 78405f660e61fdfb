"""What a registry does on the accounts that people have: flat ones, those with a hierarchical namespace, redirects."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from azure.storage.blob import ContentSettings

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.helpers import drain, upload
from tests.azure.hierarchical import Hierarchical
from tests.on_the_way import CONTENT, OnTheWay, assert_read_as_stored
from tests.servers.azurite import AzuriteServer


@pytest.fixture(params=["flat", "hierarchical", "hierarchical, and directories are not deleted"])
def account(
    request: pytest.FixtureRequest,
    proxied: FsspecDriver,
    proxy: FaultProxy,
    azurite: AzuriteServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FsspecDriver]:
    """A driver on an account of each kind; pages are small."""
    monkeypatch.setattr("storagedriver.drivers.azure.listing._MOST", 2)
    with azurite.client() as container:
        if request.param != "flat":
            proxy.add(Hierarchical(container, deletes=request.param == "hierarchical"), times=None)
        yield proxied


def test_a_registry_works_on_it(account: FsspecDriver) -> None:
    driver = account
    driver.put_content("/dir/a/data", CONTENT)
    assert driver.get_content("/dir/a/data") == CONTENT
    assert driver.stat("/dir/a").is_dir
    assert driver.stat("/dir/a/data").size == len(CONTENT)
    with driver.reader("/dir/a/data", 99_000) as reader:
        assert drain(reader) == CONTENT[99_000:]
    with driver.writer("/dir/b/data") as writer:
        writer.write(CONTENT)
        writer.close()
    assert [found.path for found in driver.uploads("/")] == ["/dir/b/data"]
    upload(driver, "/dir/b/data", CONTENT[:1000], append=True)
    driver.move("/dir/b/data", "/dir/c/data")
    assert driver.get_content("/dir/c/data") == CONTENT + CONTENT[:1000]
    for number in range(3):
        driver.put_content(f"/dir/d/{number}", b"")
    files = ["/dir/a/data", "/dir/c/data", "/dir/d/0", "/dir/d/1", "/dir/d/2"]
    assert [info.path for info in driver.files("/dir")] == files
    # A directory that was emptied is no path.
    assert driver.list("/dir") == ["/dir/a", "/dir/c", "/dir/d"]
    assert list(driver.uploads("/")) == []
    for call in (driver.stat, driver.list, driver.get_content, driver.reader, driver.delete):
        with pytest.raises(PathNotFoundError):
            call("/dir/b")
    # There is nothing below a file.
    assert list(driver.uploads("/dir/a/data")) == []
    with pytest.raises(PathNotFoundError):
        driver.list("/dir/a/data/x")
    driver.delete("/dir/a/data")
    driver.delete("/dir/d")
    assert driver.list("/dir") == ["/dir/c"]
    driver.delete("/dir")
    assert driver.list("/") == []
    assert not driver.exists("/dir")
    driver.put_content("/dir/a/data", b"again")
    assert driver.get_content("/dir/a/data") == b"again"


def test_an_object_that_was_stored_in_gzip_is_read_as_it_is_stored(
    driver: FsspecDriver, azurite: AzuriteServer, root: str
) -> None:
    stored = gzip.compress(CONTENT, mtime=0)
    with azurite.client() as container:
        settings = ContentSettings(content_encoding="gzip")
        container.upload_blob(f"{root}/dir/file", stored, content_settings=settings)
    assert_read_as_stored(driver, stored)


class TestOnTheWay(OnTheWay):
    @pytest.fixture
    def behind(self, proxied: FsspecDriver, proxy: FaultProxy) -> tuple[FsspecDriver, FaultProxy]:
        return proxied, proxy
