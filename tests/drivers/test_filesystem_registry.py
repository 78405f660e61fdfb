"""A registry's own uploads, as the driver ``filesystem`` sees them: ``_uploads/<uuid>/data`` and what is beside it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from storagedriver import StorageDriver, UploadInfo, factory

REPOSITORY = "/docker/registry/v2/repositories/library/app"
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
UPLOAD = f"{REPOSITORY}/_uploads/{UUID}"


@pytest.fixture
def driver(tmp_path: Path) -> StorageDriver:
    driver = factory.create("filesystem", {"rootdirectory": str(tmp_path)})
    driver.put_content(f"{UPLOAD}/startedat", b"2024-05-06T07:08:09Z")
    driver.put_content(f"{UPLOAD}/hashstates/sha256/0", b"state")
    with driver.writer(f"{UPLOAD}/data") as writer:
        writer.write(b"x" * 1234)
    driver.put_content(f"{REPOSITORY}/_manifests/tags/latest/current/link", b"sha256:0")
    return driver


STARTED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
INFO = UploadInfo(f"{UPLOAD}/data", UUID, STARTED, 1234)


@pytest.mark.parametrize("path", ["/", REPOSITORY, f"{REPOSITORY}/_uploads", UPLOAD, f"{UPLOAD}/data"])
def test_an_upload_of_a_registry_is_listed_and_purged(driver: StorageDriver, path: str) -> None:
    assert list(driver.uploads(path)) == [INFO]
    age = datetime.now(timezone.utc) - STARTED
    assert driver.purge_uploads(path, older_than=age + timedelta(days=1)) == []
    assert driver.purge_uploads(path, older_than=timedelta(days=7)) == [INFO]
    assert list(driver.uploads(path)) == []
    assert [info.path for info in driver.files()] == [f"{REPOSITORY}/_manifests/tags/latest/current/link"]
    assert driver.list(f"{REPOSITORY}/_uploads") == []


@pytest.mark.parametrize("path", [f"{REPOSITORY}/_manifests", f"{UPLOAD}/startedat", f"{REPOSITORY}/_uploads/{OTHER}"])
def test_an_upload_of_a_registry_is_not_elsewhere(driver: StorageDriver, path: str) -> None:
    assert list(driver.uploads(path)) == []


def test_an_upload_without_its_time_or_without_data(driver: StorageDriver, tmp_path: Path) -> None:
    driver.delete(f"{UPLOAD}/startedat")
    (upload,) = driver.uploads()
    assert upload.started == driver.stat(f"{UPLOAD}/data").mod_time
    driver.delete(f"{UPLOAD}/data")
    driver.put_content(f"{UPLOAD}/startedat", b"yesterday")
    (upload,) = driver.uploads()
    assert (upload.path, upload.size) == (f"{UPLOAD}/data", 0)
    assert upload.started > STARTED
    assert driver.purge_uploads(older_than=timedelta(hours=1)) == []
    assert driver.purge_uploads() == [upload]
    assert not (tmp_path / UPLOAD[1:]).exists()


def test_what_only_looks_like_an_upload_is_left(driver: StorageDriver) -> None:
    driver.purge_uploads()
    for path in (
        f"{REPOSITORY}/_uploads/latest/data",
        f"{REPOSITORY}/_uploads/{UUID}",
        f"{REPOSITORY}/uploads/{UUID}/data",
        f"/{UUID}/data",
    ):
        driver.put_content(path, b"x")
    assert driver.purge_uploads() == []
    assert len(list(driver.files())) == 5


def test_a_link_to_an_upload_is_removed_and_not_what_it_leads_to(driver: StorageDriver, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/data").write_bytes(b"12")
    (tmp_path / REPOSITORY[1:] / "_uploads" / OTHER).symlink_to(tmp_path / "elsewhere")
    assert sorted(upload.id for upload in driver.purge_uploads(REPOSITORY)) == [UUID, OTHER]
    assert driver.list(f"{REPOSITORY}/_uploads") == []
    assert (tmp_path / "elsewhere/data").read_bytes() == b"12"


def test_a_put_that_was_killed_is_told_from_an_upload(driver: StorageDriver, tmp_path: Path) -> None:
    left = tmp_path / f"{UPLOAD[1:]}/startedat~0123456789abcdef"
    left.write_bytes(b"2024")
    assert list(driver.uploads()) == [INFO]
    assert [upload.id for upload in driver.uploads(f"{UPLOAD}/startedat")] == [left.name]
    assert [upload.id for upload in driver.purge_uploads(f"{UPLOAD}/startedat")] == [left.name]
    assert not left.exists()
    assert list(driver.uploads()) == [INFO]


def test_what_a_registry_leaves_of_a_cancelled_upload_is_none(driver: StorageDriver) -> None:
    driver.delete(f"{UPLOAD}/data")
    driver.delete(f"{UPLOAD}/startedat")
    assert driver.purge_uploads() == []
    assert driver.exists(f"{UPLOAD}/hashstates/sha256/0")
