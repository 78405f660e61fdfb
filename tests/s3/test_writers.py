"""A writer after a call that failed: nothing is lost, and the call can be made again."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.adapter.parts import PartEngine
from storagedriver.driver import StorageDriver
from storagedriver.drivers.s3.parameters import load
from storagedriver.errors import ConflictError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, CutRequest, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from storagedriver.testsuites.helpers import pattern, same_bytes, upload
from tests.killed import kill
from tests.s3.conftest import MakeS3
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server

MIB = 1 << 20
PART = 5 * MIB
Proxied = tuple[FsspecDriver, FaultProxy]
BUSY = Answer(503)


@pytest.fixture
def s3_server(seaweedfs: S3Server) -> S3Server:
    """What is tried here does not depend on the server; the matrix of faults runs on others."""
    return seaweedfs


@pytest.fixture
def proxied(make_s3: MakeS3, s3_server: S3Server, root: str, fault_proxy: StartProxy) -> Proxied:
    proxy = fault_proxy(s3_server.endpoint)
    return make_s3(s3_server, root, regionendpoint=proxy.endpoint, timeout=1), proxy


def is_complete(request: Request) -> bool:
    return request.method == "POST" and "uploadId" in request.query


def is_put(request: Request) -> bool:
    return request.method == "PUT" and not request.query


def publishes(request: Request) -> bool:
    return is_put(request) or is_complete(request)


def resumed(driver: StorageDriver, path: str) -> bytes:
    """What a resume finds."""
    upload(driver, path, append=True)
    return driver.get_content(path)


def test_failed_commit_can_be_made_again(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/a", b"old")
    writer = driver.writer("/a")
    writer.write(pattern(1000))
    proxy.add(BUSY, method="PUT", times=None)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            writer.commit()
    assert writer.size == 1000
    proxy.reset()
    same_bytes(driver.get_content("/a"), b"old")
    writer.commit()
    same_bytes(driver.get_content("/a"), pattern(1000))


@pytest.mark.parametrize(("fails", "size"), [("put", 1000), ("part", 11 * MIB), ("complete", 11 * MIB)])
def test_close_after_a_failed_commit_keeps_everything(proxied: Proxied, fails: str, size: int) -> None:
    driver, proxy = proxied
    writer = driver.writer("/a")
    writer.write(pattern(size))
    if fails == "part":
        proxy.add(BUSY, method="PUT", query="partNumber=2", times=None)
    else:
        proxy.add(BUSY, when=publishes, times=None)
    with pytest.raises(UnavailableError):
        writer.commit()
    proxy.reset()
    writer.close()
    same_bytes(resumed(driver, "/a"), pattern(size))


def test_failed_close_says_what_is_durable_and_leaves_the_writer_open(proxied: Proxied) -> None:
    driver, proxy = proxied
    content = pattern(11 * MIB)
    writer = driver.writer("/a")
    proxy.add(BUSY, method="PUT", query="partNumber=2", times=None)
    writer.write(content)
    with pytest.raises(UnavailableError) as caught:
        writer.close()
    assert isinstance(caught.value, StorageDriverError)
    assert caught.value.durable == 10 * MIB
    assert not writer.closed
    proxy.reset()
    writer.close()
    same_bytes(resumed(driver, "/a"), content)


#: The requests of a commit that goes on from a short part: read and written at once, or copied as parts.
GOING_ON: dict[int, tuple[Callable[[Request], bool], ...]] = {
    1000: (
        is_complete,
        lambda request: request.method == "HEAD",
        lambda request: request.method == "GET" and not request.query,
        is_put,
    ),
    10 * MIB + 1000: (
        lambda request: request.method == "POST" and "uploads" in request.query,
        lambda request: "partNumber" in request.query,
    ),
}


@pytest.mark.parametrize(
    ("way", "size"), [("commit", 1000), ("commit", 10 * MIB + 1000), ("close", 1000), ("write", 10 * MIB + 1000)]
)
def test_resume_over_a_short_part_survives_each_failure(proxied: Proxied, way: str, size: int) -> None:
    driver, proxy = proxied
    begun, more = pattern(size, 1), pattern(500, 2)
    for number, kind in enumerate(GOING_ON[size]):
        path = f"/{way}/{number}"
        upload(driver, path, begun, end="close")
        writer = driver.writer(path, append=True)
        proxy.add(BUSY, when=kind, times=None)
        taken = False
        try:
            writer.write(more)
            taken = True
            writer.commit()
        except UnavailableError:
            assert writer.size == (len(begun) + len(more) if taken else len(begun))
        else:
            pytest.fail("the request that was to fail was not made")
        proxy.reset()
        if way == "write" and not taken:
            writer.write(more)
            taken = True
        expected = begun + more if taken else begun
        if way == "close":
            writer.close()
            same_bytes(resumed(driver, path), expected)
        else:
            writer.commit()
            same_bytes(driver.get_content(path), expected)
        assert [info.path for info in driver.uploads(path)] == []


def test_cancel_after_a_failed_commit_leaves_nothing(proxied: Proxied) -> None:
    driver, proxy = proxied
    for number, begun in enumerate((b"", b"begun")):
        path = f"/{number}"
        if begun:
            upload(driver, path, begun, end="close")
        writer = driver.writer(path, append=bool(begun))
        writer.write(pattern(500))
        proxy.add(BUSY, when=publishes, times=None)
        with pytest.raises(UnavailableError):
            writer.commit()
        proxy.reset()
        writer.cancel()
        assert not driver.exists(path)
        assert list(driver.uploads()) == []


def test_cancel_removes_what_was_published_to_go_on_though_its_answers_were_lost(proxied: Proxied) -> None:
    driver, proxy = proxied
    upload(driver, "/a", b"begun", end="close")
    writer = driver.writer("/a", append=True)
    proxy.add(LoseReply(), when=is_complete)
    proxy.add(CutRequest(), when=is_complete, times=None)
    with pytest.raises(UnavailableError):
        writer.write(b"more")
    proxy.reset()
    assert driver.exists("/a")
    writer.cancel()
    assert not driver.exists("/a")
    assert list(driver.uploads()) == []


@pytest.mark.parametrize("size", [0, 1000, 11 * MIB])
def test_commit_whose_answers_were_lost_is_a_success_when_it_is_made_again(proxied: Proxied, size: int) -> None:
    driver, proxy = proxied
    writer = driver.writer("/a")
    writer.write(pattern(size))
    proxy.add(LoseReply(), when=publishes)
    proxy.add(CutRequest(), when=publishes, times=None)
    with pytest.raises(UnavailableError):
        writer.commit()
    proxy.reset()
    writer.commit()
    same_bytes(driver.get_content("/a"), pattern(size))


@pytest.mark.parametrize("size", [0, 1000])
def test_repeated_put_that_finds_its_own_content_is_a_success(proxied: Proxied, size: int) -> None:
    driver, proxy = proxied
    driver.put_content("/a", b"old")
    writer = driver.writer("/a")
    writer.write(pattern(size))
    lost = proxy.add(LoseReply(), when=is_put)
    writer.commit()
    assert lost.hits == 1
    same_bytes(driver.get_content("/a"), pattern(size))


def test_repeated_put_that_finds_another_content_is_a_conflict(
    proxied: Proxied, make_s3: MakeS3, s3_server: S3Server, root: str
) -> None:
    driver, proxy = proxied
    other = make_s3(s3_server, root)
    writer = driver.writer("/a")
    writer.write(pattern(1000))

    def overtaken(request: Request) -> bool:
        if is_put(request):
            other.put_content("/a", pattern(1000, 7))
        return is_put(request)

    proxy.add(CutRequest(), when=overtaken)
    with pytest.raises(ConflictError):
        writer.commit()
    same_bytes(driver.get_content("/a"), pattern(1000, 7))


@pytest.mark.parametrize("more", [500, 11 * MIB])
def test_more_is_written_after_a_put_whose_answers_were_lost(proxied: Proxied, more: int) -> None:
    driver, proxy = proxied
    writer = driver.writer("/a")
    writer.write(pattern(1000))
    proxy.add(LoseReply(), when=is_put)
    proxy.add(CutRequest(), when=is_put, times=None)
    with pytest.raises(UnavailableError):
        writer.commit()
    proxy.reset()
    writer.write(pattern(more, 2))
    writer.commit()
    same_bytes(driver.get_content("/a"), pattern(1000) + pattern(more, 2))


def test_a_stream_within_its_first_part_is_one_put(proxied: Proxied) -> None:
    driver, proxy = proxied
    for path, size in (("/empty", 0), ("/small", 1000)):
        driver.stat("/")
        seen = len(proxy.requests)
        upload(driver, path, pattern(size))
        methods = sorted(request.method for request in proxy.requests[seen:])
        assert methods == ["GET", "HEAD", "PUT"]


@pytest.mark.parametrize("size", [1000, 11 * MIB])
@pytest.mark.parametrize("over", [b"", b"old"])
def test_content_that_another_writer_put_in_the_meantime_is_not_replaced(
    driver: FsspecDriver, size: int, over: bytes
) -> None:
    if over:
        driver.put_content("/a", over)
    writer = driver.writer("/a")
    driver.put_content("/a", b"new")
    writer.write(pattern(size))
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/a") == b"new"
    assert list(driver.uploads()) == []


def test_durable_upload_of_nothing_stays_one_over_content(driver: FsspecDriver) -> None:
    driver.put_content("/a", b"OLD CONTENT")
    driver.writer("/a").close()
    for _ in range(3):
        writer = driver.writer("/a", append=True)
        assert writer.size == 0
        kill(writer)
        assert driver.upload_size("/a") == 0
    upload(driver, "/a", b"new", append=True)
    assert driver.get_content("/a") == b"new"


def test_interrupted_commit_loses_nothing(proxied: Proxied) -> None:
    driver, proxy = proxied

    def interrupts(request: Request) -> bool:
        if is_put(request):
            _thread.interrupt_main()
            return True
        return False

    for way in ("commit", "close"):
        writer = driver.writer(f"/{way}")
        writer.write(pattern(1000))
        rule = proxy.add(Answer(503), when=interrupts)
        with pytest.raises(KeyboardInterrupt):
            writer.commit()
        assert rule.hits == 1
        assert writer.size == 1000
        getattr(writer, way)()
        same_bytes(driver.get_content("/commit") if way == "commit" else resumed(driver, "/close"), pattern(1000))


class TestPartsOfOneLength:
    """A store as Cloudflare R2: it refuses to complete an upload whose parts have several lengths.

    https://developers.cloudflare.com/r2/objects/multipart-objects/
    """

    @pytest.fixture
    def strict(self, seaweedfs: S3Server, fault_proxy: StartProxy) -> FaultProxy:
        proxy = fault_proxy(seaweedfs.endpoint)
        reason = b"All non-trailing parts must have the same length."
        body = b"<Error><Code>InvalidPart</Code><Message>" + reason + b"</Message></Error>"

        def is_refused(request: Request) -> bool:
            if not is_complete(request):
                return False
            where = {"Bucket": seaweedfs.bucket, "Key": request.path.partition(f"/{seaweedfs.bucket}/")[2]}
            with seaweedfs.client() as client:
                listed = client.list_parts(**where, UploadId=parse_qs(request.query)["uploadId"][0])["Parts"]
            sizes = [part["Size"] for part in sorted(listed, key=lambda part: part["PartNumber"])]
            return len(set(sizes[:-1])) > 1 or (len(sizes) > 1 and sizes[-1] > sizes[0])

        proxy.add(Answer(400, body), when=is_refused, times=None)
        return proxy

    def test_resumes_of_any_length_can_be_committed(
        self, make_s3: MakeS3, seaweedfs: S3Server, strict: FaultProxy, root: str
    ) -> None:
        driver = make_s3(seaweedfs, root, regionendpoint=strict.endpoint, equalparts=True, chunksize=PART)
        content = pattern(23 * MIB)
        upload(driver, "/a", content[: 17 * MIB], end="close")
        upload(driver, "/a", content[17 * MIB : 21 * MIB], append=True, end="close")
        upload(driver, "/a", content[21 * MIB :], append=True)
        same_bytes(driver.get_content("/a"), content)
        upload(driver, "/a", b"end", append=True)
        same_bytes(driver.get_content("/a"), content + b"end")

    def test_upload_of_another_chunksize_goes_on(
        self, make_s3: MakeS3, seaweedfs: S3Server, strict: FaultProxy, root: str
    ) -> None:
        options = {"regionendpoint": strict.endpoint, "equalparts": True}
        content = pattern(20 * MIB)
        upload(make_s3(seaweedfs, root, chunksize=6 * MIB, **options), "/a", content[: 12 * MIB], end="close")
        other = make_s3(seaweedfs, root, chunksize=PART, **options)
        upload(other, "/a", content[12 * MIB :], append=True)
        same_bytes(other.get_content("/a"), content)

    def test_refusal_says_what_to_do(self, make_s3: MakeS3, seaweedfs: S3Server, strict: FaultProxy, root: str) -> None:
        driver = make_s3(seaweedfs, root, regionendpoint=strict.endpoint, chunksize=PART)
        upload(driver, "/a", pattern(5 * MIB), end="close")
        driver = make_s3(seaweedfs, root, regionendpoint=strict.endpoint, chunksize=6 * MIB)
        writer = driver.writer("/a", append=True)
        writer.write(pattern(7 * MIB))
        for _ in range(2):
            with pytest.raises(StorageDriverError, match="equalparts") as caught:
                writer.commit()
            assert not isinstance(caught.value, (ConflictError, UnavailableError))
        writer.cancel()
        assert list(driver.uploads()) == []

    def test_hosts_of_cloudflare_are_known(self) -> None:
        endpoint = "https://0123456789abcdef.r2.cloudflarestorage.com"
        given = {"bucket": "b", "accesskey": "a", "secretkey": "s", "regionendpoint": endpoint}
        assert load("s3", given).equal_parts
        assert not load("s3", {**given, "equalparts": "false"}).equal_parts
        assert not load("s3", {**given, "regionendpoint": "https://example.com"}).equal_parts


@pytest.mark.parametrize("way", ["commit", "close", "write"])
def test_append_whose_first_write_fails_keeps_the_content(
    driver: FsspecDriver, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Memory that runs out is a failure like any other."""
    driver.put_content("/a", b"content")
    writer = driver.writer("/a", append=True)
    with monkeypatch.context() as patched:
        patched.setattr(PartEngine, "write", _without_memory)
        with pytest.raises(StorageDriverError):
            writer.write(b"more")
    assert writer.size == len(b"content")
    if way == "write":
        writer.write(b"more")
        writer.commit()
        assert driver.get_content("/a") == b"contentmore"
    else:
        getattr(writer, way)()
        assert resumed(driver, "/a") == b"content"


def _without_memory(*_: object) -> None:
    raise MemoryError


def test_failed_close_of_an_append_says_that_the_content_is_durable(proxied: Proxied) -> None:
    driver, proxy = proxied
    driver.put_content("/a", b"content")
    writer = driver.writer("/a", append=True)
    writer.write(b"more")
    proxy.add(BUSY, method="PUT", times=None)
    with pytest.raises(UnavailableError) as caught:
        writer.close()
    assert caught.value.durable == len(b"content")
    proxy.reset()
    writer.close()


def test_put_that_another_request_disturbed_is_made_again_under_its_condition(
    proxied: Proxied, make_s3: MakeS3, s3_server: S3Server, root: str
) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html."""
    driver, proxy = proxied
    other = make_s3(s3_server, root)
    disturbed = Answer(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
    proxy.add(disturbed, when=is_put)
    upload(driver, "/a", b"content")
    assert driver.get_content("/a") == b"content"
    writer = driver.writer("/b")
    writer.write(b"content")

    def overtaken(request: Request) -> bool:
        if is_put(request):
            other.put_content("/b", b"another")
        return is_put(request)

    proxy.add(disturbed, when=overtaken)
    with pytest.raises(ConflictError):
        writer.commit()
    assert driver.get_content("/b") == b"another"
