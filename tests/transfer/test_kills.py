"""Transfers that are killed on the way: what is there can be read at any moment, and another run completes it."""

from __future__ import annotations

import contextlib
import random

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.registry import layout
from storagedriver.transfer import STAGING, transfer
from tests.transfer.conftest import MakeStorage, Open, killed_at_random, killed_once
from tests.transfer.generated import Generated, check_readable, contents
from tests.variants import is_slow

MIB = 1 << 20
ORDINARY = [("filesystem", "seaweedfs"), ("seaweedfs", "azurite")]
SLOW = [
    ("azurite", "fake_gcs"),
    ("swift", "seaweedfs"),
    ("fake_gcs", "swift"),
    ("seaweedfs", "filesystem"),
    ("filesystem", "filesystem"),
]
PAIRS = [*ORDINARY, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SLOW)]
TIMES = 10 if is_slow() else 2


def registry(*, large: int) -> Generated:
    made = Generated()
    made.fill(*((4, 3) if is_slow() else (2, 1)))
    made.layer("large/one", random.Random(1).randbytes(large))
    return made


@pytest.mark.parametrize(("source", "dest"), PAIRS)
def test_whatever_a_killed_transfer_left_can_be_read_and_is_completed(
    storage: MakeStorage, opened: Open, source: str, dest: str
) -> None:
    here, there = storage(source, "here"), storage(dest, "there")
    made = registry(large=6 * MIB)
    made.write(opened(here))
    for _ in killed_at_random(TIMES, len(made.files), 12, here, there, resume_from=MIB):
        check_readable({path: found for path, found in contents(opened(there)).items() if path.startswith("/docker")})
    report = transfer(opened(here), opened(there), resume_from=MIB)
    assert report.equal, report.findings
    assert contents(opened(there)) == made.files
    if dest != "filesystem":
        # There a put that was killed leaves its own file, which `purge` removes.
        assert list(opened(there).uploads()) == []
    again = transfer(opened(here), opened(there))
    assert again.equal
    assert again.files("present") == len(made.files)


def begun(driver: StorageDriver, digest: str) -> int:
    """How many bytes of a blob are at the destination."""
    found = 0
    for place in (layout.blob_path(digest), f"{STAGING}/{digest.replace(':', '-')}"):
        with contextlib.suppress(PathNotFoundError):
            found += driver.upload_size(place)
    return found


@pytest.mark.parametrize(("source", "dest"), PAIRS)
def test_a_large_blob_goes_on_in_the_middle(storage: MakeStorage, opened: Open, source: str, dest: str) -> None:
    here, there = storage(source, "here"), storage(dest, "there")
    content = random.Random(3).randbytes(24 * MIB)
    made = Generated()
    digest = made.layer("large/one", content)["digest"]
    made.write(opened(here))
    # A writer closes now and then, where only that keeps what was sent: after eight times this.
    driver = opened(there)
    # Slowly, so that a part is durable before all is read.
    killed_once(lambda: begun(driver, str(digest)) > 0, here, there, resume_from=MIB, bandwidth=8 * MIB)
    assert layout.blob_path(str(digest)) not in [info.path for info in opened(there).files()]
    report = transfer(opened(here), opened(there), resume_from=MIB)
    assert report.equal, report.findings
    assert report.resumed == 1
    assert contents(opened(there)) == made.files
