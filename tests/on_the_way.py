"""What proxies and stores do to answers on their way: they decompress, make ETags weak, and point elsewhere."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import IntegrityError, InvalidAnswerError, StorageDriverError
from storagedriver.testsuites.faults.actions import Action, Answer, Rewrite
from storagedriver.testsuites.faults.exchange import Exchange
from storagedriver.testsuites.faults.proxy import FaultProxy, Request
from storagedriver.testsuites.helpers import drain, pattern, upload

__all__ = ["CONTENT", "OnTheWay", "Transcode", "assert_read_as_stored"]

CONTENT = pattern(100_000, 1)


@dataclass(frozen=True)
class Transcode(Action):
    """What was stored in gzip is decompressed as a whole, unless the client takes gzip.

    https://cloud.google.com/storage/docs/transcoding

    Attributes
    ----------
    says_so : bool
        Whether the answers say how the content is stored, as Google's do. What a proxy does, it does in silence.
    always : bool
        Whether it does not matter what the client takes.
    """

    says_so: bool = True
    always: bool = False

    def perform(self, exchange: Exchange) -> None:
        taken: list[bool] = []

        def asked(raw: bytes) -> bytes:
            takes_gzip = re.search(rb"(?im)^accept-encoding: [^\r]*gzip", raw) is not None
            taken.append(takes_gzip and not self.always)
            return raw if taken[0] else re.sub(rb"(?im)^(?:x-ms-)?range: [^\r]*\r\n", b"", raw)

        def changed(head: bytes, body: bytes) -> bytes:
            head = re.sub(rb"(?im)^content-encoding: [^\r]*\r\n", b"", head)[:-2]
            if self.says_so:
                head += b"X-Goog-Stored-Content-Encoding: gzip\r\n"
            if taken[0]:
                return head + b"Content-Encoding: gzip\r\n\r\n" + body
            head = re.sub(rb"(?im)^content-length: [^\r]*\r\n", b"", head)
            if not body:
                return head + b"\r\n"
            plain = gzip.decompress(body)
            return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(plain), plain)

        exchange.change_request(asked)
        exchange.send_request()
        exchange.receive()
        exchange.rewrite_reply(changed)


def assert_read_as_stored(driver: StorageDriver, stored: bytes) -> None:
    """The file ``/dir/file`` is what was stored, by each way to read it."""
    assert driver.stat("/dir/file").size == len(stored)
    assert driver.get_content("/dir/file") == stored
    for offset in (0, 10):
        with driver.reader("/dir/file", offset) as reader:
            assert reader.size == len(stored)
            assert drain(reader) == stored[offset:]


class OnTheWay:
    """The cases. A class of a driver brings the fixture `behind`, a driver behind a proxy, and the proxy."""

    @pytest.mark.parametrize("plain", [CONTENT, b"x" * 100_000], ids=["shorter than it is stored", "longer"])
    def test_a_content_that_was_decompressed_is_an_error(
        self, behind: tuple[StorageDriver, FaultProxy], plain: bytes
    ) -> None:
        driver, proxy = behind
        driver.put_content("/dir/file", gzip.compress(plain, mtime=0))
        proxy.add(Transcode(says_so=False, always=True), method="GET", when=_is_the_content, times=None)
        with pytest.raises((IntegrityError, InvalidAnswerError)):
            driver.get_content("/dir/file")
        with driver.reader("/dir/file") as reader:
            for _ in range(2):
                with pytest.raises((IntegrityError, InvalidAnswerError)):
                    drain(reader)

    def test_an_etag_that_was_made_weak_is_understood(self, behind: tuple[StorageDriver, FaultProxy]) -> None:
        driver, proxy = behind
        driver.put_content("/dir/file", CONTENT)
        weak = Rewrite(lambda head, body: re.sub(rb"(?im)^(etag: )([^W])", rb"\1W/\2", head) + body)
        proxy.add(weak, path="file", times=None)
        with driver.reader("/dir/file", 10) as reader:
            assert drain(reader) == CONTENT[10:]
        upload(driver, "/dir/file", b"tail", append=True)
        assert driver.get_content("/dir/file") == CONTENT + b"tail"
        driver.move("/dir/file", "/moved-file")
        driver.put_content("/dir/other-file", b"x")
        assert [info.version for info in driver.files("/dir")] == [driver.stat("/dir/other-file").version]

    @pytest.mark.parametrize("status", [301, 307])
    def test_a_redirect_is_named_and_not_followed(self, behind: tuple[StorageDriver, FaultProxy], status: int) -> None:
        """A request is signed, or has a token, for one host: another one must not get it."""
        driver, proxy = behind
        driver.put_content("/dir/file", CONTENT)
        with FaultProxy(proxy.endpoint) as elsewhere:
            target = f"{elsewhere.endpoint}/other/key?X-Amz-Signature=secret"
            proxy.add(Answer(status, b"", {"Location": target}), times=None)
            for call in (
                lambda: driver.get_content("/dir/file"),
                lambda: driver.put_content("/dir/file", b"x"),
                lambda: driver.list("/dir"),
                lambda: driver.stat("/dir/file"),
                lambda: driver.delete("/dir"),
            ):
                with pytest.raises(StorageDriverError, match=f"redirects to {elsewhere.endpoint}") as caught:
                    call()
                assert "secret" not in str(caught.value)
            assert elsewhere.requests == []


def _is_the_content(request: Request) -> bool:
    return request.path.endswith("file") and not any(word in request.query for word in ("prefix", "comp=", "fields="))
