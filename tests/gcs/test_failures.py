"""The life of a writer after a call that failed: it can be made again, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from storagedriver.errors import StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Action, Answer, CutRequest, LoseReply
from storagedriver.testsuites.faults.proxy import FaultProxy, Request, Rule
from tests.gcs.conftest import CHUNK, MakeGCS
from tests.gcs.lives import TAIL, A, B, C, D, Interrupt, Proxied, arrive, begin, has, is_last, is_state, leave, resumed
from tests.gcs.test_sessions import is_chunk, ranges
from tests.killed import kill
from tests.servers.gcs import GCSServer
from tests.servers.plugin import StartProxy


class TestAfterAFailure:
    @pytest.mark.parametrize("status", [403, 503])
    @pytest.mark.parametrize("content", [A + B + TAIL, A + B, A])
    def test_a_commit_can_be_made_again(
        self, make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy, status: int, content: bytes
    ) -> None:
        proxy = fault_proxy(gcs_server.endpoint)
        driver = make_gcs(gcs_server, root, endpoint=proxy.endpoint, timeout=0.5)
        writer = begin(driver, content)
        rule = proxy.add(Answer(status), method="PUT", path="/upload/", when=is_last, times=None)
        for _ in range(2):
            # On a busy machine the timeout may come first.
            with pytest.raises(StorageDriverError, match=f"{status}|timeout"):
                writer.commit()
        assert 2 <= rule.hits <= 10
        assert writer.size == len(content)
        assert not writer.closed
        proxy.reset()
        writer.commit()
        has(driver, content)

    def test_what_is_written_after_a_failed_commit_follows(self, proxied: Proxied) -> None:
        driver, proxy = proxied
        writer = begin(driver, A + TAIL)
        proxy.add(Answer(403), method="PUT", path="/upload/", when=is_last)
        with pytest.raises(StorageDriverError, match="403"):
            writer.commit()
        writer.write(B + C)
        assert writer.size == len(A + TAIL + B + C)
        writer.commit()
        has(driver, A + TAIL + B + C)

    def test_a_failed_commit_can_be_closed_and_resumed(self, proxied: Proxied) -> None:
        driver, proxy = proxied
        writer = begin(driver, A + TAIL)
        proxy.add(Answer(403), method="PUT", path="/upload/", when=is_last)
        with pytest.raises(StorageDriverError, match="403"):
            writer.commit()
        writer.close()
        resumed(driver, A + TAIL)

    @pytest.mark.parametrize("content", [A + B + TAIL, A + B, TAIL, b""])
    def test_a_close_can_be_made_again(self, proxied: Proxied, content: bytes) -> None:
        driver, proxy = proxied
        writer = begin(driver, content)
        proxy.add(Answer(403), when=is_state, times=2)
        for _ in range(2):
            with pytest.raises(StorageDriverError, match="403") as caught:
                writer.close()
            assert caught.value.durable is None
            assert not writer.closed
        writer.close()
        resumed(driver, content)

    @pytest.mark.parametrize("end", ["commit", "close"])
    @pytest.mark.parametrize("more", [b"", b"more", D, 9 * D])
    def test_a_tail_that_was_sent_before_the_state_failed_is_sent_once(
        self, make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy, more: bytes, end: str
    ) -> None:
        proxy = fault_proxy(gcs_server.endpoint)
        driver = make_gcs(gcs_server, root, endpoint=proxy.endpoint, chunksize=4 * CHUNK)
        content = A + B + C + TAIL
        writer = begin(driver, content)
        proxy.add(Answer(403), when=is_state)
        with pytest.raises(StorageDriverError, match="403"):
            writer.close()
        writer.write(more)
        assert writer.size == len(content + more)
        if end == "commit":
            writer.commit()
            has(driver, content + more)
        else:
            writer.close()
            resumed(driver, content + more)

    @pytest.mark.parametrize("content", [A + B + TAIL, TAIL])
    def test_a_state_whose_answer_was_lost_is_known_again(
        self, make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy, content: bytes
    ) -> None:
        proxy = fault_proxy(gcs_server.endpoint)
        driver = make_gcs(gcs_server, root, endpoint=proxy.endpoint)
        for end in ("close", "commit", "cancel"):
            writer = begin(driver, content)
            proxy.add(LoseReply(), when=is_state, times=5)
            with pytest.raises(UnavailableError):
                writer.close()
            proxy.reset()
            getattr(writer, end)()
            if end == "close":
                resumed(driver, content)
                driver.delete("/data")
            elif end == "commit":
                has(driver, content)
                driver.delete("/data")
            else:
                assert list(driver.uploads()) == []
                assert not driver.exists("/data")

    def test_a_failed_write_takes_nothing_of_a_chunk(self, proxied: Proxied) -> None:
        driver, proxy = proxied
        writer = driver.writer("/data")
        writer.write(A)
        arrive(writer)
        rule = proxy.add(Answer(403), method="PUT", path="/upload/", times=None)
        writer.write(B)
        for _ in range(2):
            with pytest.raises(StorageDriverError, match="403"):
                writer.write(C)
            assert writer.size == 2 * CHUNK
        assert rule.hits >= 2
        proxy.reset()
        writer.write(C)
        writer.commit()
        has(driver, A + B + C)

    def test_a_failed_write_says_how_much_it_took(self, proxied: Proxied) -> None:
        driver, proxy = proxied
        content = A + B + C + D + TAIL
        writer = driver.writer("/data")
        proxy.add(Answer(403), method="PUT", path="/upload/", skip=1, times=2)
        taken = 0
        failures = 0
        while taken < len(content):
            try:
                writer.write(content[taken:])
            except StorageDriverError:
                failures += 1
                assert writer.size >= taken
            taken = writer.size
        assert failures
        writer.commit()
        has(driver, content)

    def test_a_failed_close_keeps_what_it_can(self, proxied: Proxied) -> None:
        driver, proxy = proxied
        writer = begin(driver, A)
        arrive(writer)
        proxy.add(Answer(403), method="PUT", path="/upload/", times=None)
        writer.write(B + TAIL)
        with pytest.raises(StorageDriverError, match="403") as caught:
            writer.close()
        assert caught.value.durable == CHUNK
        assert driver.upload_size("/data") == CHUNK
        proxy.reset()
        writer.close()
        resumed(driver, A + B + TAIL)

    def test_a_failed_close_takes_nothing_away_that_was_kept(self, proxied: Proxied) -> None:
        driver, proxy = proxied
        leave(driver, A + TAIL)
        writer = driver.writer("/data", append=True)
        proxy.add(Answer(403), method="PUT", path="/upload/", times=None)
        writer.write(B)
        with pytest.raises(StorageDriverError, match="403") as caught:
            writer.close()
        assert caught.value.durable == len(A + TAIL)
        kill(writer)
        proxy.reset()
        resumed(driver, A + TAIL)

    def test_a_failed_close_over_content_keeps_the_content(self, proxied: Proxied) -> None:
        driver, proxy = proxied
        driver.put_content("/data", A + B + TAIL)
        writer = driver.writer("/data", append=True)
        proxy.add(Answer(403), method="PUT", path="/upload/", skip=2, times=None)
        writer.write(C)
        with pytest.raises(StorageDriverError, match="403") as caught:
            writer.close()
        assert caught.value.durable == len(A + B + TAIL)
        assert driver.get_content("/data") == A + B + TAIL
        proxy.reset()
        writer.close()
        resumed(driver, A + B + TAIL + C)

    @pytest.mark.parametrize("call", ["write", "commit", "close"])
    @pytest.mark.parametrize("there", [False, True])
    def test_cancel_works_after_each_failure(self, proxied: Proxied, call: str, there: bool) -> None:
        driver, proxy = proxied
        if there:
            driver.put_content("/data", b"old")
        writer = begin(driver, A + TAIL)
        arrive(writer)
        fault = Answer(403)
        proxy.add(fault, method="PUT", path="/upload/", times=None)
        proxy.add(fault, when=is_state, times=None)
        calls = {"write": lambda: writer.write(B + C), "commit": writer.commit, "close": writer.close}
        with pytest.raises(StorageDriverError):
            calls[call]()
        proxy.reset()
        proxy.add(fault, method="DELETE")
        with pytest.raises(StorageDriverError, match="403"):
            writer.cancel()
        writer.cancel()
        assert list(driver.uploads()) == []
        assert driver.exists("/data") == there

    def test_a_commit_ends_within_the_timeout(
        self, make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy
    ) -> None:
        """It must end; how often it asked says that it did not go on for ever."""
        proxy = fault_proxy(gcs_server.endpoint)
        driver = make_gcs(gcs_server, root, endpoint=proxy.endpoint, timeout=2)
        proxy.add(Answer(503), method="PUT", path="/upload/", when=lambda r: is_chunk(r) and is_last(r), times=None)
        writer = begin(driver, A + B + TAIL)
        with pytest.raises(UnavailableError, match="503"):
            writer.commit()
        assert len(ranges(proxy)) < 20
        assert not driver.exists("/data")
        proxy.reset()
        writer.commit()
        has(driver, A + B + TAIL)


class TestAfterALostAnswer:
    @pytest.mark.parametrize("content", [A + B + TAIL, A + B, TAIL, b""])
    @pytest.mark.parametrize("goes_on", ["commit", "close", "cancel", "write"])
    def test_a_commit_that_has_published_is_known_again(
        self, make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy, content: bytes, goes_on: str
    ) -> None:
        proxy = fault_proxy(gcs_server.endpoint)
        driver = make_gcs(gcs_server, root, endpoint=proxy.endpoint, timeout=1)
        driver.put_content("/data", b"old")
        writer = begin(driver, content)
        lost = lose_the_publication(proxy)
        with pytest.raises(StorageDriverError):
            writer.commit()
        assert lost.hits
        assert not writer.closed
        proxy.reset()
        assert driver.get_content("/data") == content
        if goes_on == "write":
            writer.write(C + b"more")
            writer.commit()
            content += C + b"more"
        else:
            getattr(writer, goes_on)()
        has(driver, content)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == len(content)

    @pytest.mark.parametrize("fault", [LoseReply(), CutRequest(1000), Answer(503)])
    @pytest.mark.parametrize("goes_on", ["write", "commit", "close"])
    def test_a_chunk_without_an_answer_is_asked_for_first(
        self, make_gcs: MakeGCS, gcs_server: GCSServer, root: str, fault_proxy: StartProxy, fault: Action, goes_on: str
    ) -> None:
        """No question can be answered either, so that the call fails."""
        proxy = fault_proxy(gcs_server.endpoint)
        driver = make_gcs(gcs_server, root, endpoint=proxy.endpoint, timeout=0.5)
        writer = begin(driver, A)
        arrive(writer)
        proxy.add(fault, method="PUT", path="/upload/")
        proxy.add(Answer(503), method="PUT", path="/upload/", times=None)
        writer.write(B)
        with pytest.raises(UnavailableError):
            writer.write(C)
        proxy.reset()
        if goes_on == "close":
            writer.close()
            resumed(driver, A + B)
            return
        if goes_on == "write":
            writer.write(C)
        writer.commit()
        has(driver, A + B + (C if goes_on == "write" else b""))


@contextmanager
def interrupted(proxy: FaultProxy, when: Callable[[Request], bool], *, before: bool) -> Iterator[None]:
    """SIGINT while a request is under way: before the server gets it, or when it is done."""
    rule = proxy.add(Interrupt(done=not before), when=when)
    with pytest.raises(KeyboardInterrupt):
        yield
    assert rule.hits == 1


class TestAfterAnInterrupt:
    @pytest.mark.parametrize("before", [False, True])
    @pytest.mark.parametrize("goes_on", ["commit", "close", "cancel"])
    @pytest.mark.parametrize("content", [A + B + TAIL, A, TAIL])
    @pytest.mark.parametrize("call", ["commit", "close"])
    def test_the_writer_goes_on(self, proxied: Proxied, call: str, content: bytes, goes_on: str, before: bool) -> None:
        driver, proxy = proxied
        writer = begin(driver, content)
        ends: Callable[[Request], bool] = is_state
        if call == "commit":
            ends = is_last if len(content) >= CHUNK else (lambda r: "uploadType=multipart" in r.query)
        with interrupted(proxy, lambda r: r.method in ("PUT", "POST") and ends(r), before=before):
            getattr(writer, call)()
        assert writer.size == len(content)
        getattr(writer, goes_on)()
        published = call == "commit" and not before
        if goes_on == "commit" or published:
            has(driver, content)
        elif goes_on == "close":
            resumed(driver, content)
        else:
            assert list(driver.uploads()) == []
            assert not driver.exists("/data")

    @pytest.mark.parametrize("before", [False, True])
    def test_a_chunk_that_was_interrupted_is_not_sent_twice(self, proxied: Proxied, before: bool) -> None:
        driver, proxy = proxied
        writer = begin(driver, A)
        arrive(writer)
        with interrupted(proxy, is_chunk, before=before):
            writer.write(B)
            writer.write(C)
        rest = (A + B + C)[writer.size :]
        writer.write(rest + TAIL)
        writer.commit()
        has(driver, A + B + C + TAIL)


def lose_the_publication(proxy: FaultProxy) -> Rule:
    """The answer to what publishes is lost, and every question after it."""

    def publishes(request: Request) -> bool:
        sends = request.method == "PUT" and is_last(request) and "/upload/" in request.path
        return sends or (request.method == "POST" and "uploadType=resumable" not in request.query)

    rule = proxy.add(LoseReply(), when=publishes)
    proxy.add(Answer(503), when=lambda _: rule.hits > 0, times=None)
    return rule
