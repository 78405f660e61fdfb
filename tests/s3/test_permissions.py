"""Refusals by a server that checks, one action after the other, and buckets that are not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import BucketNotFoundError, PermissionDeniedError
from tests.s3.conftest import MakeS3
from tests.servers.s3 import S3Server

Call = Callable[[StorageDriver], object]


def write(driver: StorageDriver, path: str) -> None:
    """Write a file by a writer, which is given up if it fails."""
    writer = driver.writer(path)
    try:
        writer.write(b"x")
        writer.commit()
    except BaseException:
        writer.cancel()
        raise


READS: dict[str, Call] = {
    "get_content": lambda driver: driver.get_content("/a"),
    "reader": lambda driver: driver.reader("/a"),
    "empty reader": lambda driver: driver.reader("/a", 0, 0),
    "reader from an offset": lambda driver: driver.reader("/a", 5),
}
WRITES: dict[str, Call] = {
    "put_content": lambda driver: driver.put_content("/b", b"x"),
    "writer": lambda driver: write(driver, "/b"),
    "copy": lambda driver: driver.copy("/a", "/b"),
    "move": lambda driver: driver.move("/a", "/b"),
    "delete": lambda driver: driver.delete("/a"),
}
LISTS: dict[str, Call] = {
    "list": lambda driver: driver.list("/"),
    "walk": lambda driver: driver.walk("/", lambda _: None),
    "files": lambda driver: list(driver.files()),
    "stat of the root": lambda driver: driver.stat("/"),
    "stat of a directory": lambda driver: driver.stat("/dir"),
    "exists": lambda driver: driver.exists("/missing"),
}
#: SeaweedFS lets those who may write list uploads, which is as good as any rule.
UPLOADS: dict[str, Call] = {"uploads": lambda driver: list(driver.uploads())}
ALL = {**READS, **WRITES, **LISTS, **UPLOADS}


@pytest.mark.parametrize(
    ("identity", "call"),
    [
        *(("readonly", call) for call in WRITES),
        *(("nowrite", call) for call in WRITES),
        *(("nolist", call) for call in LISTS),
        *(("noread", call) for call in READS),
        *(("nothing", call) for call in ALL),
        *(("elsewhere", call) for call in ALL),
    ],
)
def test_refused_action(make_s3: MakeS3, seaweedfs: S3Server, root: str, identity: str, call: str) -> None:
    make_s3(seaweedfs, root).put_content("/a", b"x")
    make_s3(seaweedfs, root).put_content("/dir/b", b"x")
    driver = make_s3(seaweedfs, root, identity=identity)
    with pytest.raises(PermissionDeniedError):
        ALL[call](driver)
    assert make_s3(seaweedfs, root).get_content("/a") == b"x"


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize("wrong", ["accesskey", "secretkey"])
@pytest.mark.parametrize("fixture", ["seaweedfs", "swift_s3"])
def test_wrong_credentials(
    make_s3: MakeS3, request: pytest.FixtureRequest, root: str, fixture: str, wrong: str, call: str
) -> None:
    server: S3Server = request.getfixturevalue(fixture)
    driver = make_s3(server, root, **{wrong: "wrong-in-a-test"})
    with pytest.raises(PermissionDeniedError) as caught:
        ALL[call](driver)
    if wrong == "secretkey":
        assert "wrong-in-a-test" not in str(caught.value) + caught.value.cause_text


@pytest.mark.parametrize("call", ALL)
def test_missing_bucket(make_s3: MakeS3, s3_server: S3Server, root: str, call: str) -> None:
    driver = make_s3(s3_server, root, bucket="no-such-bucket")
    with pytest.raises(BucketNotFoundError):
        ALL[call](driver)
