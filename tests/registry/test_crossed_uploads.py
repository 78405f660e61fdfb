"""One upload, two programs: a registry begins it through its HTTP API and our driver ends it, or the other way round.

Both are on the same storage and know of each other only what lies there. The
registry also wants the state of an upload signed in the URL, and refuses it
unless the size that its own driver finds is the one in there.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.helpers import MIB, pattern, same_bytes, upload
from tests.registry.blobs import Blobs, RefusedError, digest_of, signed, state_of, token_of, upload_of
from tests.registry.storages import SHARED, MakeStorage, Storage, as_registry_has_it, opened
from tests.registry.tree import TOP, blob_path
from tests.servers.plugin import StartRegistry

REPOSITORY = "foo/bar"
#: What s3's registry takes at the least. A part of S3 is as long.
CHUNK = 5 * MIB
ONE_OF_EACH = ["filesystem", "seaweedfs", "swift"]

#: What is sent before the other program goes on, in the requests or sessions that it is sent in.
BEGUN = [
    pytest.param([], id="nothing"),
    pytest.param([MIB + 1, 3000], id="little-twice"),
    pytest.param([CHUNK], id="a-chunk"),
    # The last part is too short for S3 to let another one follow.
    pytest.param([CHUNK + 1, 3000], id="short-tail"),
    pytest.param([2 * CHUNK + MIB + 7], id="chunks"),
]
REST = CHUNK + 4321


@pytest.fixture(params=SHARED)
def shared(request: pytest.FixtureRequest, storage: MakeStorage) -> Storage:
    """Each of the storages that both have a driver for."""
    name: str = request.param
    return storage(name) if name == "filesystem" else storage(name, chunksize=CHUNK)


@pytest.fixture
def blobs(registry: StartRegistry, shared: Storage) -> Blobs:
    """A repository of a registry on it."""
    return Blobs(registry(as_registry_has_it(shared)), REPOSITORY)


def directory_of(identifier: str) -> str:
    return f"{TOP}/repositories/{REPOSITORY}/_uploads/{identifier}"


def data_of(identifier: str) -> str:
    return f"{directory_of(identifier)}/data"


def pieces_of(sizes: list[int]) -> list[bytes]:
    return [pattern(size, seed) for seed, size in enumerate(sizes)]


def begin_as_a_registry(driver: StorageDriver) -> tuple[str, str]:
    """What a registry puts down for a new upload, but for the data: its UUID, and when it was begun."""
    identifier = str(uuid.uuid4())
    started = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    driver.put_content(f"{directory_of(identifier)}/startedat", started.encode())
    return identifier, started


def make_a_blob(driver: StorageDriver, identifier: str, digest: str) -> None:
    """What a registry does with a committed upload."""
    driver.move(data_of(identifier), blob_path(digest))
    link = f"{TOP}/repositories/{REPOSITORY}/_layers/{digest.replace(':', '/')}/link"
    driver.put_content(link, digest.encode())
    driver.delete(directory_of(identifier))


def nothing_is_left(driver: StorageDriver, identifier: str) -> None:
    """No file of the upload, and no upload."""
    assert not driver.exists(directory_of(identifier))
    no_upload_is_left(driver, identifier)


def no_upload_is_left(driver: StorageDriver, identifier: str) -> None:
    """None that is listed, and none to go on with."""
    assert list(driver.uploads()) == []
    with pytest.raises(PathNotFoundError):
        driver.writer(data_of(identifier), append=True)


@pytest.mark.parametrize("begun", BEGUN)
def test_an_upload_of_the_registry_is_committed_by_us(shared: Storage, blobs: Blobs, begun: list[int]) -> None:
    sent = pieces_of(begun)
    rest = pattern(REST, 99)
    content = b"".join([*sent, rest])
    url = blobs.begin()
    for piece in sent:
        url = blobs.send(url, piece)
    identifier = upload_of(url)
    with opened(shared) as driver:
        with driver.writer(data_of(identifier), append=True) as writer:
            assert writer.size == sum(begun)
            writer.write(rest)
            assert writer.size == len(content)
            writer.commit()
        same_bytes(driver.get_content(data_of(identifier)), content)
        digest = digest_of(content)
        make_a_blob(driver, identifier, digest)
        same_bytes(blobs.get(digest), content)
        nothing_is_left(driver, identifier)


@pytest.mark.parametrize("begun", BEGUN)
def test_an_upload_of_ours_is_finished_by_the_registry(shared: Storage, blobs: Blobs, begun: list[int]) -> None:
    sent = pieces_of(begun)
    rest = pattern(REST, 99)
    content = b"".join([*sent, rest])
    with opened(shared) as driver:
        identifier, started = begin_as_a_registry(driver)
        upload(driver, data_of(identifier), end="close")
        for piece in sent:
            upload(driver, data_of(identifier), piece, append=True, end="close")
        url = blobs.url(identifier, sum(begun), started)
        assert blobs.received(url) == max(sum(begun), 1)
        url = blobs.send(url, rest)
        digest = digest_of(content)
        blobs.finish(url, digest)
        same_bytes(blobs.get(digest), content)
        same_bytes(driver.get_content(blob_path(digest)), content)
        nothing_is_left(driver, identifier)


def test_an_upload_passes_to_and_fro(shared: Storage, blobs: Blobs) -> None:
    pieces = pieces_of([MIB + 1, CHUNK, 3000, CHUNK + 3000, 1])
    url = blobs.begin()
    identifier, secret = upload_of(url), blobs.registry.secret
    with opened(shared) as driver:
        sent = 0
        for turn, piece in enumerate(pieces):
            if turn % 2 == 0:
                # Its last answer does not know of what we have added.
                state = {**state_of(token_of(url), secret), "Offset": sent}
                url = blobs.send(blobs.url(identifier, sent, state["StartedAt"]), piece)
            else:
                with driver.writer(data_of(identifier), append=True) as writer:
                    assert writer.size == sent
                    writer.write(piece)
            sent += len(piece)
        content = b"".join(pieces)
        blobs.finish(url, digest_of(content))
        same_bytes(blobs.get(digest_of(content)), content)
        nothing_is_left(driver, identifier)


def test_what_we_cancel_is_unknown_to_the_registry(shared: Storage, blobs: Blobs) -> None:
    url = blobs.send(blobs.begin(), pattern(CHUNK + 3000))
    identifier = upload_of(url)
    with opened(shared) as driver:
        driver.writer(data_of(identifier), append=True).cancel()
        driver.delete(directory_of(identifier))
        nothing_is_left(driver, identifier)
    with pytest.raises(RefusedError, match="404: .*BLOB_UPLOAD_UNKNOWN"):
        blobs.send(url, b"more")


@pytest.mark.parametrize("begun_by", ["us", "the-registry"])
def test_what_the_registry_cancels_is_gone_for_us(shared: Storage, blobs: Blobs, begun_by: str) -> None:
    """But for what the registry leaves behind of any upload.

    When it has deleted all files it closes the upload, and so saves the state
    of the hash once more. Its swift driver looks for the segments of a large
    object only when a whole directory is deleted; a cancel deletes just the
    manifest, and then there is nothing that leads to them. We find and purge them.
    """
    content = pattern(CHUNK + 3000)
    with opened(shared) as driver:
        if begun_by == "us":
            identifier, started = begin_as_a_registry(driver)
            upload(driver, data_of(identifier), content, end="close")
            url = blobs.url(identifier, len(content), started)
        else:
            url = blobs.send(blobs.begin(), content)
            identifier = upload_of(url)
        blobs.cancel(url)
        left = [info.path for info in driver.files(directory_of(identifier))]
        assert left == [f"{directory_of(identifier)}/hashstates/sha256/0"]
        if driver.name == "swift":
            (orphan,) = driver.purge_uploads()
            assert (orphan.path, orphan.size) == (data_of(identifier), len(content))
        no_upload_is_left(driver, identifier)


@pytest.mark.parametrize("shared", ONE_OF_EACH, indirect=True)
def test_what_we_have_committed_is_finished_by_the_registry_unless_on_s3(shared: Storage, blobs: Blobs) -> None:
    """Its s3 driver goes on with multipart uploads only, and a commit leaves none; its others go on with any file.

    The registry does not take that for an unknown upload, as it does where ``startedat`` is missing: it answers 500.
    """
    content = pattern(CHUNK + 3000)
    digest = digest_of(content)
    with opened(shared) as driver:
        identifier, started = begin_as_a_registry(driver)
        upload(driver, data_of(identifier), content)
        url = blobs.url(identifier, len(content), started)
        if driver.name == "s3":
            with pytest.raises(RefusedError, match="500: .*_uploads/.*s3aws"):
                blobs.finish(url, digest)
            make_a_blob(driver, identifier, digest)
        else:
            blobs.finish(url, digest)
        same_bytes(blobs.get(digest), content)
        nothing_is_left(driver, identifier)


@pytest.mark.parametrize("shared", ONE_OF_EACH, indirect=True)
def test_the_registry_signs_its_states_as_we_do(blobs: Blobs) -> None:
    token = token_of(blobs.send(blobs.begin(), b"some"))
    state = state_of(token, blobs.registry.secret)
    assert state["Name"] == REPOSITORY
    assert state["Offset"] == len(b"some")
    assert list(state) == ["Name", "UUID", "Offset", "StartedAt"]
    assert signed(state, blobs.registry.secret) == token


@pytest.mark.parametrize("shared", ONE_OF_EACH, indirect=True)
def test_the_registry_takes_no_other_size_and_no_other_secret(shared: Storage, blobs: Blobs) -> None:
    """So the other tests show that its driver finds just as many bytes as ours. The upload outlives the refusals."""
    content = pattern(CHUNK + 3000)
    with opened(shared) as driver:
        identifier, started = begin_as_a_registry(driver)
        upload(driver, data_of(identifier), content, end="close")
    for offset in (0, len(content) - 1, len(content) + 1):
        with pytest.raises(RefusedError, match="BLOB_UPLOAD_INVALID"):
            blobs.send(blobs.url(identifier, offset, started), b"more")
    stranger = replace(blobs, registry=replace(blobs.registry, secret="of somebody else"))
    with pytest.raises(RefusedError, match="BLOB_UPLOAD_INVALID"):
        stranger.send(stranger.url(identifier, len(content), started), b"more")
    url = blobs.send(blobs.url(identifier, len(content), started), b"more")
    blobs.finish(url, digest_of(content + b"more"))
