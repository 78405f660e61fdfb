"""The server of the tests, seen by the plain SDK of Alibaba's, which is not ours either."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import oss2
import pytest

from tests.servers.oss import OSSServer, sdk

_SMALLEST_PART = 100 << 10


@pytest.fixture
def client(oss: OSSServer) -> Iterator[Any]:
    """A bucket of the test's own, with the SDK's CRC check on."""
    with oss.client(f"sdk-{uuid.uuid4().hex}") as client:
        client.create_bucket()
        yield client
        client.session.close()


@pytest.fixture
def others(oss: OSSServer) -> Iterator[Callable[..., Any]]:
    """``others(bucket_name, identity)`` gives another bucket, or the same for another user."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(oss.client(*arguments))


def _fetch(url: str, method: str = "GET") -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(urllib.request.Request(url, method=method), timeout=30)


def _keys(client: Any, **options: Any) -> list[str]:
    return [found.key for found in oss2.ObjectIteratorV2(client, **options)]


def test_buckets(oss: OSSServer, client: Any) -> None:
    service = oss2.Service(client.auth, oss.endpoint, session=client.session)
    assert {oss.bucket, client.bucket_name} <= {found.name for found in service.list_buckets().buckets}
    info = client.get_bucket_info()
    assert (info.name, info.location) == (client.bucket_name, oss.region)
    assert client.get_bucket_location().location == oss.region
    client.put_object("key", b"x")
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        client.delete_bucket()
    client.delete_object("key")
    client.delete_bucket()
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        client.get_bucket_info()


@pytest.mark.parametrize("key", ["a", "a/b c", "ä/ö", "a+b&c=d?e#f%2Fg", "a//b", "/a", "a/", "q\"<>'&"])
def test_object_of_any_name(client: Any, key: str) -> None:
    put = client.put_object(key, b"content", headers={"Content-Type": "text/x-test", "x-oss-meta-of": "mine"})
    got = client.get_object(key)
    assert got.read() == b"content"
    head = client.head_object(key)
    assert put.etag == got.etag == head.etag == "9A0364B9E99BB480DD25E1F0284C8555"
    assert (head.content_length, head.content_type, head.object_type) == (7, "text/x-test", "Normal")
    assert head.headers["x-oss-meta-of"] == "mine"
    assert client.get_object_meta(key).content_length == 7
    assert _keys(client) == [key]
    assert [found.key for found in oss2.ObjectIterator(client)] == [key]
    assert client.batch_delete_objects([key]).deleted_keys == [key]
    assert not client.object_exists(key)


def test_what_is_missing_has_a_reason(others: Callable[..., Any], client: Any) -> None:
    for call in (client.get_object, client.head_object):
        with pytest.raises(oss2.exceptions.NoSuchKey):
            call("missing")
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        others("no-such-bucket").head_object("missing")
    client.delete_object("missing")


def test_ranges(client: Any) -> None:
    client.put_object("key", b"0123456789")
    standard = {"x-oss-range-behavior": "standard"}
    assert client.get_object("key", (2, 4)).read() == b"234"
    assert client.get_object("key", (7, None)).read() == b"789"
    assert client.get_object("key", (None, 3)).read() == b"789"
    assert client.get_object("key", (10, None)).read() == b"0123456789", "OSS gives all where the range is invalid"
    assert client.get_object("key", (5, 99)).read() == b"0123456789"
    assert client.get_object("key", (5, 99), headers=standard).read() == b"56789"
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        client.get_object("key", (10, None), headers=standard)
    assert (caught.value.status, caught.value.code) == (416, "InvalidRange")


def test_conditions(client: Any) -> None:
    etag = client.put_object("key", b"content").etag
    assert client.get_object("key", headers={"If-Match": f'"{etag}"'}).read() == b"content"
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        client.get_object("key", headers={"If-Match": '"another"'})
    with pytest.raises(oss2.exceptions.NotModified):
        client.get_object("key", headers={"If-None-Match": f'"{etag}"'})
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        client.put_object("key", b"x", headers={"x-oss-forbid-overwrite": "true"})
    assert caught.value.code == "FileAlreadyExists"


def test_order_is_bytewise_and_paging_exact(client: Any) -> None:
    keys = ["a", "a-b", "a.c", "a/", "a/x", "a/y/z", "a0", "B", "é", "z", "\U0001f600"]
    for key in keys:
        client.put_object(key, b"")
    ordered = sorted(keys, key=str.encode)
    for size in (1, 2, 3, 100):
        assert _keys(client, max_keys=size) == ordered
        assert [found.key for found in oss2.ObjectIterator(client, max_keys=size)] == ordered
        assert [found.key for found in oss2.ObjectIterator(client, delimiter="/", max_keys=size)] == [
            "B", "a", "a-b", "a.c", "a/", "a0", "z", "é", "\U0001f600",
        ]  # fmt: skip
    for index, key in enumerate(ordered):
        assert _keys(client, start_after=key) == ordered[index + 1 :]
        assert [found.key for found in client.list_objects(marker=key).object_list] == ordered[index + 1 :]
    assert _keys(client, prefix="a/") == ["a/", "a/x", "a/y/z"]
    level = client.list_objects_v2(prefix="a/", delimiter="/")
    assert ([found.key for found in level.object_list], level.prefix_list) == (["a/", "a/x"], ["a/y/"])


@pytest.mark.parametrize("options", [{"max_keys": 0}, {"max_keys": 1001}, {"encoding_type": "other"}])
def test_bad_arguments_of_a_listing(client: Any, options: dict[str, Any]) -> None:
    with pytest.raises(oss2.exceptions.InvalidArgument):
        client.list_objects_v2(**options)


def test_append(client: Any) -> None:
    assert client.append_object("log", 0, b"one", init_crc=0).next_position == 3
    assert client.append_object("log", 3, b"two").next_position == 6
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as caught:
        client.append_object("log", 3, b"three")
    assert caught.value.next_position == 6
    assert client.get_object("log").read() == b"onetwo"
    assert client.head_object("log").object_type == "Appendable"
    client.put_object("normal", b"x")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        client.append_object("normal", 1, b"y")


def test_multipart_upload(client: Any) -> None:
    upload_id = client.init_multipart_upload("key", headers={"x-oss-server-side-encryption": "AES256"}).upload_id
    contents = {3: b"c", 1: b"a" * _SMALLEST_PART, 2: b"b" * _SMALLEST_PART}
    parts = []
    for number, content in contents.items():
        sent = client.upload_part("key", upload_id, number, content)
        parts.append(oss2.models.PartInfo(number, sent.etag, len(content), part_crc=sent.crc))
    page = client.list_parts("key", upload_id, max_parts=2)
    assert ([part.part_number for part in page.parts], page.is_truncated, page.next_marker) == ([1, 2], True, "2")
    assert [part.size for part in client.list_parts("key", upload_id, marker="2").parts] == [1]
    assert not client.object_exists("key")
    # The SDK holds the sum of the whole against those of the parts.
    done = client.complete_multipart_upload("key", upload_id, parts)
    assert client.get_object("key").read() == contents[1] + contents[2] + contents[3]
    head = client.head_object("key")
    assert (head.etag, head.object_type) == (done.etag, "Multipart")
    assert head.headers["x-oss-server-side-encryption"] == "AES256"
    for call in (client.list_parts, client.abort_multipart_upload):
        with pytest.raises(oss2.exceptions.NoSuchUpload):
            call("key", upload_id)


def test_a_wrong_completion_leaves_the_upload(client: Any) -> None:
    upload_id = client.init_multipart_upload("key").upload_id
    etags = [client.upload_part("key", upload_id, number, b"short").etag for number in (1, 2)]
    part = oss2.models.PartInfo
    wrong: dict[str, list[Any]] = {
        "InvalidPart": [part(1, etags[0]), part(3, etags[0])],
        "EntityTooSmall": [part(1, etags[0]), part(2, etags[1])],
        "MalformedXML": [],
    }
    for code, parts in wrong.items():
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            client.complete_multipart_upload("key", upload_id, parts)
        assert caught.value.code == code
    client.complete_multipart_upload("key", upload_id, [part(2, etags[1])])
    assert client.get_object("key").read() == b"short"


def test_uploads_are_listed_by_key_and_age(client: Any) -> None:
    made = [(key, client.init_multipart_upload(key).upload_id) for key in ("b", "a", "b", "a/c", "b")]
    expected = sorted(made, key=lambda upload: upload[0].encode())
    for size in (1, 2, 1000):
        found = oss2.MultipartUploadIterator(client, max_uploads=size)
        assert [(upload.key, upload.upload_id) for upload in found] == expected
    assert [upload.key for upload in oss2.MultipartUploadIterator(client, prefix="a")] == ["a", "a/c"]
    client.abort_multipart_upload(*made[0])
    assert [upload.upload_id for upload in oss2.ObjectUploadIterator(client, "b")] == [made[2][1], made[4][1]]


def test_copies(client: Any) -> None:
    etag = client.put_object("a b/ä", b"0123456789" * 100_000, headers={"Content-Type": "text/x-test"}).etag
    client.copy_object(client.bucket_name, "a b/ä", "copy")
    assert client.head_object("copy").content_type == "text/x-test"
    upload_id = client.init_multipart_upload("parts").upload_id
    parts = []
    for number, bounds in ((1, (0, 499_999)), (2, (500_000, 999_999))):
        same = {"x-oss-copy-source-if-match": f'"{etag}"'}
        copied = client.upload_part_copy(client.bucket_name, "a b/ä", bounds, "parts", upload_id, number, headers=same)
        parts.append(oss2.models.PartInfo(number, copied.etag or client.list_parts("parts", upload_id).parts[-1].etag))
    client.complete_multipart_upload("parts", upload_id, parts)
    assert client.get_object("parts").read() == client.get_object("copy").read() == b"0123456789" * 100_000
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        client.copy_object(client.bucket_name, "copy", "x", headers={"x-oss-copy-source-if-match": '"another"'})
    with pytest.raises(oss2.exceptions.NoSuchKey):
        client.copy_object(client.bucket_name, "missing", "x")
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        client.copy_object("no-such-bucket", "missing", "x")


def test_a_digest_is_checked(client: Any) -> None:
    with pytest.raises(oss2.exceptions.InvalidDigest):
        client.put_object("key", b"content", headers={"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
    assert not client.object_exists("key")


def test_batch_delete_lists_what_it_deleted(others: Callable[..., Any], client: Any) -> None:
    for key in ("a/kept/b", "a/c", "x"):
        client.put_object(key, b"")
    keeper = others(client.bucket_name, "keeper")
    assert keeper.batch_delete_objects(["a/kept/b", "a/c", "missing"]).deleted_keys == ["a/c", "missing"]
    with pytest.raises(oss2.exceptions.AccessDenied):
        keeper.delete_object("a/kept/b")
    assert _keys(client) == ["a/kept/b", "x"]


def test_acl(client: Any) -> None:
    client.put_object("key", b"", headers={"x-oss-object-acl": "private"})
    assert client.get_object_acl("key").acl == "private"
    with pytest.raises(oss2.exceptions.InvalidArgument):
        client.put_object("key", b"", headers={"x-oss-object-acl": "everybody"})


def test_signatures_are_checked(oss: OSSServer, client: Any) -> None:
    client.put_object("key", b"content")
    wrong = {
        oss2.Auth("admin-id", "another"): "SignatureDoesNotMatch",
        oss2.Auth("nobody", "secret-of-admin"): "InvalidAccessKeyId",
        oss2.AnonymousAuth(): "AccessDenied",
    }
    for auth, code in wrong.items():
        bucket = oss2.Bucket(auth, oss.endpoint, client.bucket_name, session=client.session)
        for call in (bucket.get_object, bucket.head_object, bucket.delete_object, bucket.init_multipart_upload):
            with pytest.raises(oss2.exceptions.ServerError) as caught:
                call("key")
            assert (caught.value.status, caught.value.code) == (403, code)


def test_what_is_signed_cannot_be_changed(client: Any) -> None:
    class Changing(sdk.Session):
        change: Callable[[Any], object] = staticmethod(lambda _: None)

        def do_request(self, req: Any, timeout: Any) -> Any:
            self.change(req)
            return super().do_request(req, timeout)

    client.session.close()
    client.session = Changing()
    client.put_object("key", b"content")
    changes = [
        lambda req: setattr(req, "url", req.url + "2"),
        lambda req: setattr(req, "method", "HEAD"),
        lambda req: req.headers.update({"x-oss-meta-of": "another"}),
        lambda req: req.headers.update({"Content-Type": "text/another"}),
        lambda req: req.headers.update({"Date": "Sat, 05 Dec 2015 11:10:29 GMT"}),
        lambda req: req.params.update({"acl": ""}),
    ]
    for change in changes:
        client.session.change = change
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            client.get_object("key")
        assert caught.value.status == 403
    del client.session.change
    assert client.get_object("key").read() == b"content"


@pytest.mark.parametrize("action", ["get_object", "list_objects", "init_multipart_upload", "delete_object"])
@pytest.mark.parametrize("identity", ["reader", "writer"])
def test_rights(others: Callable[..., Any], client: Any, identity: str, action: str) -> None:
    client.put_object("key", b"content")
    call = getattr(others(client.bucket_name, identity), action)
    allowed = {"reader": ("get_object", "list_objects"), "writer": ("get_object", "init_multipart_upload")}
    if action in allowed[identity]:
        call("key")
    else:
        with pytest.raises(oss2.exceptions.AccessDenied):
            call("key")


def test_signed_urls(client: Any) -> None:
    client.put_object("a/b c", b"content")
    for safe in (False, True):
        url = client.sign_url("GET", "a/b c", 60, slash_safe=safe)
        with _fetch(url) as answer:
            assert answer.read() == b"content"
        for wrong in (url.replace("b%20c", "b"), url[:-4] + "AAA%3D", url.replace("Expires=", "Expires=1")):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                _fetch(wrong)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _fetch(url, "HEAD")
    with _fetch(client.sign_url("HEAD", "a/b c", 60), "HEAD") as answer:
        assert answer.headers["Content-Length"] == "7"
    named = client.sign_url("GET", "a/b c", 60, params={"response-content-disposition": "attachment"})
    with _fetch(named) as answer:
        assert answer.headers["Content-Disposition"] == "attachment"


def test_a_signed_url_expires(client: Any) -> None:
    client.put_object("key", b"content")
    url = client.sign_url("GET", "key", 1)
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError, match="403") as caught:
        _fetch(url)
    assert b"Request has expired" in caught.value.read()
    caught.value.close()


def test_bucket_as_a_virtual_host(oss: OSSServer) -> None:
    # Nobody resolves such a name here, so the server is taken for the proxy to it.
    auth, proxies = oss2.Auth(*oss.identities["admin"]), {"http": oss.endpoint}
    key = f"virtual/{uuid.uuid4().hex}"
    with sdk.bucket(auth, "http://oss-test-1.example.com", oss.bucket, proxies=proxies) as virtual:
        virtual.put_object(key, b"content")
        assert virtual.get_object(key).read() == b"content"
    with oss.client() as client:
        assert client.get_object(key).read() == b"content"


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_signatures_of_version_4(oss: OSSServer, client: Any) -> None:
    def bucket(secret: str = "secret-of-admin", region: str = "test-1") -> Any:
        auth = oss2.AuthV4("admin-id", secret)
        return oss2.Bucket(auth, oss.endpoint, client.bucket_name, region=region, session=client.session)

    bucket().put_object("a b/ä", b"content", headers={"Content-Type": "text/x-test"})
    assert bucket().get_object("a b/ä").read() == b"content"
    assert [found.key for found in bucket().list_objects_v2(prefix="a b/").object_list] == ["a b/ä"]
    for wrong, code in ((bucket("another"), "SignatureDoesNotMatch"), (bucket(region="test-2"), "InvalidArgument")):
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            wrong.get_object("a b/ä")
        assert caught.value.code == code
    url = bucket().sign_url("GET", "a b/ä", 60, slash_safe=True)
    with _fetch(url) as answer:
        assert answer.read() == b"content"
    for changed in (url.replace("x-oss-expires=60", "x-oss-expires=61"), url.replace("a%20b", "a"), url[:-1] + "x"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _fetch(changed)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        _fetch(url, "HEAD")
