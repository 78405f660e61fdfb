"""obstore's fsspec filesystem: no append, no rename, no directories, no times in listings."""

from __future__ import annotations

import atexit
import os

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import StorageDriver
from storagedriver.drivers.fsspec import create
from storagedriver.testsuites.helpers import in_another_process
from tests.generic.places import obstore_filesystem
from tests.servers.s3 import S3Server


def over(server: S3Server, rootdirectory: str) -> FsspecDriver:
    return create({"fs": obstore_filesystem(server), "rootdirectory": f"{server.bucket}/{rootdirectory}"})


def test_over_seaweedfs(seaweedfs: S3Server, rootdirectory: str) -> None:
    driver = over(seaweedfs, rootdirectory)
    content = os.urandom(12 << 20)
    driver.put_content("/dir/put", b"content")
    for number, piece in enumerate((content[: 7 << 20], content[7 << 20 :])):
        with driver.writer("/dir/sub/data", append=number > 0) as writer:
            writer.write(piece)
            if number:
                writer.commit()
    assert [(info.path, info.size) for info in driver.files()] == [("/dir/put", 7), ("/dir/sub/data", len(content))]
    with driver.reader("/dir/sub/data", 1 << 20) as reader:
        assert reader.readall() == content[1 << 20 :]
    driver.move("/dir/put", "/moved")
    assert driver.get_content("/moved") == b"content"
    driver.delete("/dir")
    assert not driver.exists("/dir")
    driver.put_content("/dir", b"no directory any more, whatever the server shows")
    assert [info.path for info in driver.files()] == ["/dir", "/moved"]


def test_times_of_a_walk_are_those_of_stat(moto_s3: S3Server, rootdirectory: str) -> None:
    driver = over(moto_s3, rootdirectory)
    driver.put_content("/dir/file", b"x")
    (info,) = driver.files()
    assert info == driver.stat("/dir/file")


def _go_on(driver: StorageDriver, path: str) -> int:
    with driver.writer(path, append=True) as writer:
        writer.write(b"second")
    # obstore aborts now and then when its process ends in an orderly way.
    atexit.register(os._exit, 0)
    return writer.size


def test_upload_goes_on_in_another_process(moto_s3: S3Server, rootdirectory: str) -> None:
    driver = over(moto_s3, rootdirectory)
    with driver.writer("/data") as writer:
        writer.write(b"first ")
    assert in_another_process(_go_on, driver, "/data") == len(b"first second")
    with driver.writer("/data", append=True) as writer:
        writer.commit()
    assert driver.get_content("/data") == b"first second"
