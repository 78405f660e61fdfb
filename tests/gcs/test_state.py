"""The state object: as the registry stores it, seen by nobody, and gone on from by either."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from datetime import timedelta
from typing import Any

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.errors import PathNotFoundError, StorageDriverError
from tests.gcs.conftest import CHUNK, MakeGCS
from tests.servers.gcs import GCSServer

STATE_TYPE = "application/x-docker-upload-session"
CONTENT = bytes(range(256)) * (CHUNK // 128) + b"the tail"


def stored(server: GCSServer, root: str, name: str) -> tuple[dict[str, Any], bytes]:
    """What lies in the bucket: description and content."""
    key = urllib.parse.quote(f"{root}/{name}", safe="")
    resource = json.loads(server.send("GET", f"/storage/v1/b/{server.bucket}/o/{key}"))
    return resource, server.send("GET", f"/download/storage/v1/b/{server.bucket}/o/{key}?alt=media")


def store(server: GCSServer, root: str, name: str, content: bytes, content_type: str, metadata: Any = None) -> None:
    """Write an object with Google's SDK, as the registry does with the one for Go."""
    with server.client() as client:
        blob = client.bucket(server.bucket).blob(f"{root}/{name}")
        blob.metadata = metadata
        blob.upload_from_string(content, content_type=content_type)


def leave(driver: FsspecDriver, path: str, content: bytes) -> None:
    with driver.writer(path) as writer:
        writer.write(content)


def test_state_is_stored_as_the_registry_stores_it(driver: FsspecDriver, gcs_server: GCSServer, root: str) -> None:
    leave(driver, "/data", CONTENT)
    resource, tail = stored(gcs_server, root, "data")
    assert resource["contentType"] == STATE_TYPE
    # The last two are ours.
    assert set(resource["metadata"]) == {"Session-URI", "Offset", "CRC32C", "Writer"}
    assert resource["metadata"]["Offset"] == str(2 * CHUNK)
    assert "upload_id=" in resource["metadata"]["Session-URI"]
    assert tail == b"the tail"


@pytest.mark.parametrize("content", [b"", b"short"])
def test_state_without_a_session(driver: FsspecDriver, gcs_server: GCSServer, root: str, content: bytes) -> None:
    leave(driver, "/data", content)
    resource, tail = stored(gcs_server, root, "data")
    assert resource["metadata"].pop("Writer")
    assert resource["metadata"] == {"Session-URI": "", "Offset": "0"}
    assert tail == content


def test_tail_is_always_less_than_a_unit(make_gcs: MakeGCS, gcs_server: GCSServer, root: str) -> None:
    driver = make_gcs(gcs_server, root, chunksize=4 * CHUNK)
    leave(driver, "/data", CONTENT)
    resource, tail = stored(gcs_server, root, "data")
    assert (resource["metadata"]["Offset"], tail) == (str(2 * CHUNK), b"the tail")


def test_objects_are_octet_streams(driver: FsspecDriver, gcs_server: GCSServer, root: str) -> None:
    driver.put_content("/put", b"x")
    driver.put_content("/empty", b"")
    leave(driver, "/written", CONTENT)
    driver.writer("/written", append=True).commit()
    for name in ("put", "empty", "written"):
        assert stored(gcs_server, root, name)[0]["contentType"] == "application/octet-stream"


def test_upload_that_a_registry_left_is_gone_on_with(driver: FsspecDriver, gcs_server: GCSServer, root: str) -> None:
    """The requests of the registry's writer, made by hand: it cannot be led to an emulator."""
    key = urllib.parse.quote(f"{root}/data", safe="")
    request = urllib.request.Request(
        f"{gcs_server.endpoint}/upload/storage/v1/b/{gcs_server.bucket}/o?uploadType=resumable&name={key}",
        b"",
        {"X-Upload-Content-Type": "application/octet-stream"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        uri = answer.headers["Location"]
    headers = {"Content-Range": f"bytes 0-{CHUNK - 1}/*", "Content-Type": "application/octet-stream"}
    chunk = urllib.request.Request(uri, CONTENT[:CHUNK], headers, method="PUT")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(chunk, timeout=10)
    with caught.value as incomplete:
        assert incomplete.code == 308
    metadata = {"Session-URI": uri, "Offset": str(CHUNK)}
    store(gcs_server, root, "data", CONTENT[CHUNK : CHUNK + 500], STATE_TYPE, metadata)
    with driver.writer("/data", append=True) as writer:
        assert writer.size == CHUNK + 500
        writer.write(CONTENT[CHUNK + 500 :])
        writer.commit()
    assert driver.get_content("/data") == CONTENT


def test_upload_that_a_registry_left_before_a_session(driver: FsspecDriver, gcs_server: GCSServer, root: str) -> None:
    store(gcs_server, root, "data", b"begun", STATE_TYPE, {"Session-URI": "", "Offset": "0"})
    with driver.writer("/data", append=True) as writer:
        assert writer.size == 5
        writer.write(b" and done")
        writer.commit()
    assert driver.get_content("/data") == b"begun and done"


def test_damaged_state_is_an_error(driver: FsspecDriver, gcs_server: GCSServer, root: str) -> None:
    store(gcs_server, root, "data", b"", STATE_TYPE, {"Session-URI": "", "Offset": "many"})
    with pytest.raises(StorageDriverError, match="damaged"):
        driver.writer("/data", append=True)
    driver.writer("/data").commit()
    assert driver.get_content("/data") == b""


def test_session_of_another_address_of_the_server_is_used_at_ours(
    driver: FsspecDriver, gcs_server: GCSServer, root: str
) -> None:
    """Another process may reach the emulator by another name; and a token must not go where an object says."""
    leave(driver, "/data", CONTENT)
    resource, tail = stored(gcs_server, root, "data")
    uri = resource["metadata"]["Session-URI"].replace(gcs_server.endpoint, "http://elsewhere.example:1")
    store(gcs_server, root, "data", tail, STATE_TYPE, {**resource["metadata"], "Session-URI": uri})
    with driver.writer("/data", append=True) as writer:
        writer.commit()
    assert driver.get_content("/data") == CONTENT


def test_state_is_seen_by_nobody(driver: FsspecDriver) -> None:
    driver.put_content("/dir/file", b"x")
    for path in ("/dir/upload", "/dir/only/upload", "/elsewhere/deep/upload"):
        leave(driver, path, b"tail of an upload")
        for call in (driver.get_content, driver.reader, driver.stat, driver.list):
            with pytest.raises(PathNotFoundError):
                call(path)
        for move in (driver.move, driver.copy):
            with pytest.raises(PathNotFoundError):
                move(path, "/dest")
    assert driver.list("/") == ["/dir"]
    assert driver.list("/dir") == ["/dir/file"]
    assert [info.path for info in driver.files()] == ["/dir/file"]
    for path in ("/dir/only", "/elsewhere", "/elsewhere/deep"):
        for call in (driver.stat, driver.list):
            with pytest.raises(PathNotFoundError):
                call(path)


def test_state_hides_committed_content_and_takes_its_place(driver: FsspecDriver) -> None:
    driver.put_content("/data", b"committed")
    writer = driver.writer("/data")
    writer.write(b"upload")
    assert driver.get_content("/data") == b"committed", "an upload that is only begun hides nothing"
    writer.close()
    assert not driver.exists("/data")
    driver.writer("/data", append=True).cancel()
    assert not driver.exists("/data")


def test_content_is_kept_by_an_upload_that_is_begun_or_cancelled(driver: FsspecDriver) -> None:
    driver.put_content("/data", b"committed")
    for append in (False, True):
        writer = driver.writer("/data", append=append)
        writer.write(CONTENT)
        writer.cancel()
        assert driver.get_content("/data") == b"committed"
    driver.writer("/data", append=True).close()
    assert driver.get_content("/data") == b"committed"


def test_uploads_are_listed_with_their_sizes(driver: FsspecDriver) -> None:
    leave(driver, "/up/a", CONTENT)
    leave(driver, "/up/b", b"")
    driver.put_content("/up/c", b"x")
    assert sorted((info.path, info.size) for info in driver.uploads()) == [("/up/a", len(CONTENT)), ("/up/b", 0)]
    assert all("upload_id" not in repr(info) for info in driver.uploads())


def test_an_upload_that_went_on_is_not_aborted(driver: FsspecDriver) -> None:
    leave(driver, "/data", b"one")
    (known,) = driver.uploads()
    with driver.writer("/data", append=True) as writer:
        writer.write(b"two")
    driver._store.abort(known)
    with driver.writer("/data", append=True) as writer:
        assert writer.size == 6
        writer.cancel()


def test_purge_leaves_the_young(driver: FsspecDriver) -> None:
    leave(driver, "/data", b"one")
    assert driver.purge_uploads(older_than=timedelta(hours=1)) == []
    assert [info.path for info in driver.purge_uploads()] == ["/data"]
    assert list(driver.uploads()) == []
