"""Accounts with a hierarchical namespace, where directories are blobs."""

from __future__ import annotations

import re

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.testsuites.faults.actions import OtherBody, Rewrite
from storagedriver.testsuites.faults.proxy import FaultProxy


def test_a_directory_of_a_hierarchical_namespace_is_no_file(proxied: FsspecDriver, proxy: FaultProxy) -> None:
    """As https://learn.microsoft.com/rest/api/storageservices/list-blobs and get-blob-properties show one."""
    driver = proxied
    for path in ("/dir", "/dir/file", "/dir/below", "/dir/below/file"):
        driver.put_content(path, b"x" if path.endswith("file") else b"")
    directory = rb"(<Name>[^<]*/(?:dir|below)</Name>.*?<Properties>)"
    proxy.add(
        OtherBody(lambda body: re.sub(directory, rb"\1<ResourceType>directory</ResourceType>", body, flags=re.DOTALL)),
        query="comp=list",
        times=None,
    )
    for path in ("/dir", "/dir/below"):
        proxy.add(
            Rewrite(lambda head, body: head[:-2] + b"x-ms-resource-type: directory\r\n\r\n" + body),
            when=lambda request, path=path: request.method in ("HEAD", "GET") and request.path.endswith(path),  # type: ignore[misc]
            times=None,
        )
    assert [info.path for info in driver.files("/")] == ["/dir/below/file", "/dir/file"]
    assert driver.list("/") == ["/dir"]
    assert driver.list("/dir") == ["/dir/below", "/dir/file"]
    assert driver.stat("/dir").is_dir
    assert driver.stat("/dir/below").is_dir
    driver.delete("/dir")
    assert driver.list("/") == []
