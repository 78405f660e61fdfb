"""What an upload is after a kill, and with two writers: nothing is lost, and nothing appears that was not written."""

from __future__ import annotations

import pytest

from storagedriver.adapter.driver import FsspecDriver
from storagedriver.driver import FileWriter
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError
from storagedriver.testsuites.faults.actions import Answer
from tests.gcs.conftest import CHUNK, MakeGCS
from tests.gcs.lives import TAIL, A, B, C, D, Meanwhile, Proxied, arrive, begin, has, is_last, leave, resumed
from tests.gcs.test_sessions import is_chunk
from tests.gcs.test_state import STATE_TYPE, store, stored
from tests.killed import kill
from tests.servers.gcs import GCSServer


class TestAfterAKill:
    @pytest.mark.parametrize("chunks", [1, 2])
    def test_what_a_killed_session_sent_counts(self, driver: FsspecDriver, chunks: int) -> None:
        leave(driver, A + A)
        with driver.writer("/data", append=True) as writer:
            writer.write(B * chunks)
            writer.write(b"")
            arrive(writer)
            kill(writer)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == (2 + chunks) * CHUNK
            assert not driver.exists("/data")
            writer.write(C + TAIL)
            writer.commit()
        has(driver, A + A + B * chunks + C + TAIL)

    def test_the_tail_that_a_killed_session_sent_counts_once(self, driver: FsspecDriver) -> None:
        leave(driver, A + TAIL)
        with driver.writer("/data", append=True) as writer:
            writer.write(B)
            arrive(writer)
            kill(writer)
        with driver.writer("/data", append=True) as writer:
            assert writer.size == 2 * CHUNK
            writer.write(C)
            writer.commit()
        has(driver, A + (TAIL + B)[:CHUNK] + C)

    def test_a_tail_that_is_partly_in_the_session_is_cut(
        self, driver: FsspecDriver, gcs_server: GCSServer, root: str
    ) -> None:
        """A registry keeps a longer tail, and sends it in one chunk."""
        leave(driver, A)
        resource, _ = stored(gcs_server, root, "data")
        with driver.writer("/data", append=True) as writer:
            writer.write(B)
            arrive(writer)
            kill(writer)
        store(gcs_server, root, "data", B + C + TAIL, STATE_TYPE, resource["metadata"])
        with driver.writer("/data", append=True) as writer:
            assert writer.size == 3 * CHUNK + len(TAIL)
            writer.write(D)
            writer.commit()
        has(driver, A + B + C + TAIL + D)

    def test_what_counts_is_kept_at_the_resume(self, driver: FsspecDriver) -> None:
        leave(driver, A)
        with driver.writer("/data", append=True) as writer:
            writer.write(B)
            arrive(writer)
            kill(writer)
        assert driver.upload_size("/data") == CHUNK
        kill(driver.writer("/data", append=True))
        resumed(driver, A + B)

    def test_a_killed_upload_without_a_state_is_nothing(self, driver: FsspecDriver) -> None:
        kill(begin(driver, A + B))
        with pytest.raises(PathNotFoundError):
            driver.writer("/data", append=True)

    def test_an_upload_of_nothing_stays_one(self, driver: FsspecDriver) -> None:
        driver.put_content("/data", b"old")
        driver.writer("/data").close()
        for _ in range(3):
            with driver.writer("/data", append=True) as writer:
                assert writer.size == 0
        for _ in range(2):
            writer = driver.writer("/data", append=True)
            assert writer.size == 0
            writer.write(b"new")
            kill(writer)
        resumed(driver, b"")

    def test_a_session_that_has_less_than_was_kept_is_damaged(
        self, driver: FsspecDriver, make_gcs: MakeGCS, gcp_emulator: GCSServer, root: str
    ) -> None:
        driver = make_gcs(gcp_emulator, root)
        leave(driver, A)
        resource, _ = stored(gcp_emulator, root, "data")
        store(gcp_emulator, root, "data", b"", STATE_TYPE, {**resource["metadata"], "Offset": str(2 * CHUNK)})
        with pytest.raises(ConflictError, match="damaged"):
            driver.writer("/data", append=True)
        begin(driver, D).commit()
        has(driver, D)

    def test_an_offset_without_a_session_is_damaged(
        self, driver: FsspecDriver, gcs_server: GCSServer, root: str
    ) -> None:
        store(gcs_server, root, "data", b"", STATE_TYPE, {"Session-URI": "", "Offset": str(CHUNK)})
        with pytest.raises(StorageDriverError, match="damaged"):
            driver.writer("/data", append=True)

    def test_a_session_that_was_published_meanwhile_is_gone_on_from(self, proxied: Proxied) -> None:
        """A killed commit may still arrive between two looks of the resume."""
        driver, proxy = proxied
        leave(driver, A + TAIL)
        other = driver.writer("/data", append=True)
        gate = proxy.add(Meanwhile(other.commit), method="PUT", path="/upload/", when=lambda r: not is_last(r))
        with driver.writer("/data", append=True) as writer:
            assert gate.hits == 1
            assert writer.size == CHUNK + len(TAIL)
            writer.write(B)
            writer.commit()
        has(driver, A + TAIL + B)


class TestTwoWriters:
    @pytest.mark.parametrize("content", [A + TAIL, TAIL, b""])
    @pytest.mark.parametrize("call", ["commit", "close"])
    def test_the_older_of_two_that_resumed_has_lost(self, driver: FsspecDriver, content: bytes, call: str) -> None:
        leave(driver, content)
        older = driver.writer("/data", append=True)
        newer = driver.writer("/data", append=True)
        older.write(b"older")
        newer.write(b"newer")
        with pytest.raises(ConflictError):
            getattr(older, call)()
        assert older.closed
        newer.commit()
        has(driver, content + b"newer")

    def test_the_older_sends_nothing_into_the_session_of_the_newer(self, driver: FsspecDriver) -> None:
        leave(driver, A)
        older = driver.writer("/data", append=True)
        newer = driver.writer("/data", append=True)
        with pytest.raises(ConflictError):
            older.write(B + B)
        with pytest.raises(ConflictError):
            older.close()
        newer.write(C)
        newer.commit()
        has(driver, A + C)

    def test_bytes_of_another_in_the_session_are_found(self, proxied: Proxied) -> None:
        """A chunk that was under way when the other one resumed."""
        driver, proxy = proxied
        leave(driver, A)
        older = driver.writer("/data", append=True)
        newer: list[FileWriter] = []
        resume = Meanwhile(lambda: newer.append(driver.writer("/data", append=True)))
        proxy.add(resume, method="PUT", path="/upload/", when=is_chunk)
        older.write(B)
        arrive(older, quietly=True)
        (other,) = newer
        other.write(C)
        with pytest.raises(StorageDriverError):
            other.commit()
        assert not driver.exists("/data") or driver.get_content("/data") in (A + B, A + C)
        if not other.closed:
            other.cancel()
        with pytest.raises(ConflictError):
            older.close()

    def test_google_refuses_bytes_of_another(self, proxied: Proxied) -> None:
        """The emulators take no checksum, so here the answer is the proxy's; Google's is like it."""
        driver, proxy = proxied
        writer = begin(driver, A + TAIL)
        text = b'{"error": {"message": "Provided CRC32C \\"AAAA\\" doesn\'t match calculated CRC32C."}}'
        rule = proxy.add(Answer(400, text), method="PUT", path="/upload/", when=is_last)
        with pytest.raises(ConflictError, match="another writer"):
            writer.commit()
        assert rule.hits == 1
        assert proxy.matching("PUT", "/upload/")[-1].headers["x-goog-hash"].startswith("crc32c=")
        assert not driver.exists("/data")
