"""The suite is proved: correct drivers pass it, and each broken one fails the case that is for its fault."""

import contextlib
import gc
import http.server
import threading
import urllib.parse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storagedriver.driver import Capabilities
from storagedriver.errors import (
    BucketNotFoundError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.testsuites import READ_ONLY_FILES, Cases, calls, helpers, registry, suite, unfinished
from storagedriver.testsuites.benchmarks import Benchmarks
from storagedriver.testsuites.errors import Refused
from storagedriver.testsuites.listing import Listing
from storagedriver.testsuites.reading import CHANGES, Reading
from storagedriver.testsuites.walk import Walk
from tests.broken import BROKEN, SECRET
from tests.dict_driver import DictDriver, RootedDriver, Store, beside
from tests.variants import only

pytest_plugins = ["pytester"]


class FailingDriver(DictDriver):
    """One whose store answers everything with one error."""

    def __init__(self, kind: type[StorageDriverError]) -> None:
        super().__init__()
        self.kind = kind

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        raise self.kind(driver_name=self.name)
        yield  # type: ignore[unreachable]


class SigningDriver(DictDriver):
    """One that serves its files itself, from URLs that hold a secret word."""

    def __init__(self, capabilities: Capabilities, address: str) -> None:
        super().__init__(capabilities)
        self.address = address

    def redirect_url(self, path: str, *rest: Any, **named: Any) -> str:
        super().redirect_url(path, *rest, **named)
        return f"{self.address}{path}?signed"


@pytest.fixture
def served() -> Iterator[SigningDriver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urllib.parse.urlsplit(self.path).path
            try:
                content = driver.get_content(path)
            except PathNotFoundError:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - as http.server names it

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        driver = SigningDriver(SIGNED, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield driver
        server.shutdown()
        thread.join()


def made_in_a_file(tmp_path: Path) -> Iterator[DictDriver]:
    driver = DictDriver(IN_A_FILE, tmp_path / "store")
    yield driver
    driver.close()


IN_MEMORY = DictDriver().capabilities
IN_A_FILE = Capabilities(multiprocess=True, conflicts_detected="never")
OTHERWISE = Capabilities(
    unfinished="shown",
    multiprocess=False,
    key_and_prefix=False,
    empty_directories=True,
    atomic_replace=False,
    walk_order="tree",
)
RESUMED = Capabilities(
    multiprocess=False, unfinished="shown_when_resumed", conflicts_detected="always", atomic_replace=False
)
HIDING = Capabilities(multiprocess=False, unfinished="hides", conflicts_detected="fresh")
SIGNED = Capabilities(multiprocess=False, signs_urls=True, conflicts_detected="always")

TestInMemory = suite(
    "dict",
    DictDriver,
    IN_MEMORY,
    make_missing_bucket=lambda: FailingDriver(BucketNotFoundError),
    make_refused=lambda: FailingDriver(PermissionDeniedError),
    make_unreachable=lambda: FailingDriver(UnavailableError),
    secrets=[SECRET],
)
# What several processes do is the difference.
TestInAFile = suite(
    "dict in a file",
    made_in_a_file,
    IN_A_FILE,
    areas=only("objects", "sessions", "uploads", "unfinished", "conflicts", "stateful"),
)
TestOtherwise = suite("dict, otherwise", lambda: DictDriver(OTHERWISE), OTHERWISE)
TestResumed = suite("dict that shows resumed uploads", lambda: DictDriver(RESUMED), RESUMED)
TestHiding = suite(
    "dict in a root that hides what it overwrites",
    lambda: RootedDriver(Store(), "/some/root", HIDING),
    HIDING,
    make_neighbours=beside,
)
TestSigned = suite("dict that signs", lambda served: served, SIGNED, secrets=[SECRET])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # A dict knows the order of things without a clock.
    monkeypatch.setattr(unfinished, "NEXT_SECOND", 0)


def failures(pytester: pytest.Pytester, source: str, *arguments: str) -> dict[str, str]:
    """Run a module with a suite; the cases that failed, and why."""
    pytester.makepyfile(test_inner=source)
    run = pytester.inline_run("-p", "no:cacheprovider", *arguments)
    with warnings.catch_warnings():
        # What a failed case left open must not be found in a later test.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    passed, _, failed = run.listoutcomes()
    assert passed or failed, "no case was run"
    return {report.nodeid.partition("::")[2]: report.longreprtext for report in failed}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_broken_driver_is_found(pytester: pytest.Pytester, broken: type[DictDriver]) -> None:
    source = f"""
        from storagedriver.testsuites import suite
        from tests.broken import SECRET
        from {broken.__module__} import {broken.__name__} as Broken

        neighbours = getattr(Broken, "neighbours", None)
        TestBroken = suite(
            "broken", Broken, Broken().capabilities, secrets=[SECRET], make_neighbours=neighbours, part_size=1000
        )
        """
    found = failures(pytester, source, "-k", " or ".join(BROKEN[broken]))
    assert set(BROKEN[broken]) <= {name.partition("::")[2].partition("[")[0] for name in found}


def test_call_that_hangs_in_a_thread_is_named(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "TOGETHER", 0.5)
    source = """
        from storagedriver.testsuites import suite
        from tests.broken.endless import HangsInThreads

        TestBroken = suite("broken", HangsInThreads, HangsInThreads().capabilities)
        """
    found = failures(pytester, source, "-k", "test_put_is_atomic_to_readers")
    (text,) = found.values()
    assert "after 0.5 s these calls have not returned: put" in text


def test_case_that_hangs_fails_by_its_name(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "DEADLINE", 0.5)
    source = """
        from storagedriver.testsuites import suite
        from tests.broken.endless import HangsInAListing

        TestBroken = suite("broken", HangsInAListing, HangsInAListing().capabilities)
        """
    found = failures(pytester, source, "-k", "test_last_of_many_puts_stays")
    (name,), (text,) = found.keys(), found.values()
    assert name.endswith("test_last_of_many_puts_stays")
    assert "test_last_of_many_puts_stays has not ended after 0.5 s; under way was: list('/')" in text


def test_endless_walk_is_named(pytester: pytest.Pytester) -> None:
    source = """
        from storagedriver.testsuites import suite
        from tests.broken.endless import WalksForEver

        TestBroken = suite("broken", WalksForEver, WalksForEver().capabilities)
        """
    (text,) = failures(pytester, source, "-k", "test_walk_knows_the_same").values()
    assert "does not end: after 5000 visits it is at" in text
    assert "walk('/', append, '')" in text


def test_failure_says_which_call_did_what(pytester: pytest.Pytester) -> None:
    source = """
        from storagedriver.testsuites import suite
        from tests.dict_driver import DictDriver

        class PutsNothing(DictDriver):
            def put_content(self, path, content):
                pass

            def publish(self, upload, data, *, last=True):
                pass

        TestBroken = suite("broken", PutsNothing, PutsNothing().capabilities)
        """
    found = failures(pytester, source, "-k", "test_put_replaces_longer_content or test_commit_publishes")
    text = "\n".join(found.values())
    assert "put_content('/data', 5 bytes) returned, but get_content('/data') raised PathNotFoundError" in text
    assert "writer('/a/data').leaving the block returned, but get_content('/a/data') raised PathNotFoundError" in text
    assert "writer('/a/data').commit() returned" in text


def test_driver_is_held_to_the_name_it_is_registered_by(pytester: pytest.Pytester) -> None:
    source = """
        import pytest
        from storagedriver import factory
        from storagedriver.testsuites import suite
        from tests.dict_driver import DictDriver

        @pytest.fixture(autouse=True, scope="module")
        def registered():
            factory.register("dict", lambda parameters: DictDriver())
            yield
            factory.unregister("dict")

        TestRight = suite("right", DictDriver, DictDriver().capabilities, registered_as="dict")
        TestOther = suite("other", DictDriver, DictDriver().capabilities, registered_as="s3")
        TestUnknown = suite("unknown", DictDriver, DictDriver().capabilities, registered_as="nobodys")
        """
    found = failures(pytester, source, "-k", "registered_by")
    assert sorted(name.partition("::")[0] for name in found) == ["TestOther", "TestUnknown"]


def test_exemption_from_the_time_of_uploads_must_be_true(pytester: pytest.Pytester) -> None:
    source = """
        from storagedriver.testsuites import suite
        from tests.broken.uploads import UploadsStartAtTheEpoch as Constant
        from tests.dict_driver import DictDriver

        reason = "the store says 1970 of all"
        TestTrue = suite("true", Constant, Constant().capabilities, constant_start=reason)
        TestFalse = suite("false", DictDriver, DictDriver().capabilities, constant_start=reason)
        """
    found = failures(pytester, source, "-k", "test_upload_was_started_when_it_was_begun")
    assert [name.partition("::")[0] for name in found] == ["TestFalse"]


@pytest.mark.parametrize(
    ("option", "case"),
    [
        ("make_missing_bucket", "test_missing_bucket"),
        ("make_refused", "test_refused_credentials"),
        ("make_unreachable", "test_unreachable_store"),
    ],
)
def test_failure_of_a_store_that_is_taken_for_a_missing_path_is_found(
    pytester: pytest.Pytester, option: str, case: str
) -> None:
    source = f"""
        from storagedriver.testsuites import suite
        from tests.dict_driver import DictDriver

        TestBroken = suite("broken", DictDriver, DictDriver().capabilities, {option}=DictDriver)
        """
    found = failures(pytester, source, "-k", case)
    assert any("but this was raised: PathNotFoundError" in text for text in found.values())
    assert any("but nothing was raised" in text for text in found.values())


def test_three_lines_are_a_test_module(pytester: pytest.Pytester) -> None:
    source = """
        from storagedriver.testsuites import suite
        from tests.dict_driver import DictDriver

        TestMine = suite("mine", DictDriver, DictDriver().capabilities)
        """
    assert failures(pytester, source, "-k", "Content or test_put") == {}


def test_driver_may_come_from_fixtures_and_be_cleaned_up(pytester: pytest.Pytester) -> None:
    source = """
        import pytest
        from storagedriver.testsuites import suite
        from tests.dict_driver import DictDriver

        log = []

        class Driver(DictDriver):
            def close(self):
                log.append("close")

        @pytest.fixture(scope="module")
        def server():
            log.append("start")
            yield "address"
            log.append("stop")

        def make(server, *, tmp_path, option=None):
            assert server == "address" and tmp_path.exists() and option is None
            driver = Driver()
            log.append("make")
            yield driver
            driver.close()

        TestMine = suite("mine", make, Driver().capabilities)

        def test_order():
            assert log == ["start", "make", "close", "make", "close"]
        """
    selected = "test_put_replaces_longer_content or test_put_replaces_with_nothing or test_order"
    assert failures(pytester, source, "-k", selected) == {}


def test_cases_of_stores_that_cannot_be_made_are_left_out() -> None:
    plain = suite("plain", DictDriver, IN_MEMORY)
    assert not hasattr(plain, "test_missing_bucket")
    assert hasattr(TestInMemory, "test_missing_bucket")


def test_areas_can_be_chosen_by_name_and_class() -> None:
    class Mine(Cases):
        """An area of somebody's own."""

    chosen = suite("chosen", DictDriver, IN_MEMORY, areas=["walk", Mine, Listing], make_refused=DictDriver)
    assert chosen.__bases__ == (Refused, Mine, Walk, Listing)
    assert hasattr(chosen, "test_capabilities_are_those_declared_to_the_suite")


@pytest.mark.parametrize("areas", [["listings"], []])
def test_areas_that_there_are_not_are_refused(areas: list[str]) -> None:
    with pytest.raises(ValueError, match="area"):
        suite("chosen", DictDriver, IN_MEMORY, areas=areas)


def test_every_area_is_part_of_the_suite() -> None:
    shipped = {area for area in Cases.__subclasses__() if area.__module__.startswith("storagedriver.")}
    assert {*TestInMemory.__bases__, *TestHiding.__bases__} == shipped - {Benchmarks, Reading}


def test_no_case_hides_another_one_of_its_name() -> None:
    names = [name for area in TestInMemory.__bases__ for name in vars(area) if not name.startswith("__")]
    assert sorted(names) == sorted(set(names))


def test_nothing_registered_is_no_success(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--pyargs", "storagedriver.testsuites", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no driver is registered*"])


@pytest.mark.parametrize("way", ["-p", "conftest"])
def test_registered_drivers_are_run(pytester: pytest.Pytester, way: str) -> None:
    source = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from storagedriver.testsuites import register_suite
        from tests.dict_driver import DictDriver

        for name in ("mine", "mine/with-root"):
            register_suite(name, DictDriver, DictDriver().capabilities)
        """
    pytester.makepyfile(**{"conftest" if way == "conftest" else "my_drivers": source})
    arguments = ["-p", "my_drivers"] if way == "-p" else []
    result = pytester.runpytest_subprocess(
        "--pyargs", "storagedriver.testsuites", "-p", "no:cacheprovider", "-v", "-k", "test_put_replaces", *arguments
    )
    result.assert_outcomes(passed=4, deselected=None)
    result.stdout.fnmatch_lines(["*TestMine::test_put*", "*TestMineWithRoot::test_put*"])


def test_name_cannot_be_registered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    registry.register_suite("mine", DictDriver, IN_MEMORY)
    assert list(registry.registered_suites()) == ["TestMine"]
    with pytest.raises(ValueError, match="mine"):
        registry.register_suite("mine", DictDriver, IN_MEMORY)


def test_huge_stream_is_skipped_with_a_reason(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGEDRIVER_SLOW", raising=False)
    pytester.makepyfile(
        test_inner="""
        from storagedriver.testsuites import suite
        from tests.dict_driver import DictDriver

        TestMine = suite("mine", DictDriver, DictDriver().capabilities)
        """
    )
    result = pytester.runpytest_inprocess("-rs", "-k", "test_huge_stream", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*STORAGEDRIVER_SLOW=1*"])


def test_settings_of_the_stateful_case_can_be_given() -> None:
    harness = suite("plain", DictDriver, IN_MEMORY).harness
    assert (harness.settings.max_examples, harness.settings.stateful_step_count) == (15, 20)
    more = harness.settings.__class__(max_examples=200, parent=harness.settings)
    assert suite("more", DictDriver, IN_MEMORY, settings=more).harness.settings.max_examples == 200


def reading(*changed: tuple[str, bytes]) -> tuple[Reading, DictDriver]:
    """The cases of a store that can only be read, and a driver over the files that it must hold."""
    capabilities = Capabilities(multiprocess=False, key_and_prefix=True, read_only=True)
    driver = DictDriver(capabilities)
    for path, content in {**READ_ONLY_FILES, **dict(changed)}.items():
        driver.put_content(path, content)
    cases = suite("reading", lambda: driver, capabilities)()
    assert isinstance(cases, Reading)
    assert not isinstance(cases, Walk)
    return cases, driver


def test_a_driver_that_can_be_written_is_not_one_for_reading() -> None:
    cases, driver = reading()
    cases.test_every_file_is_read_whole(driver)
    for change in (name for name in CHANGES if "writer" not in name):
        with pytest.raises(AssertionError, match="the contract wants ReadOnlyError"):
            cases.test_every_change_is_refused(*reading()[1:], change)


def test_a_driver_for_reading_that_shows_something_else_is_found_out() -> None:
    cases, driver = reading(("/w/a0", b"other"), ("/w/new", b"one too many"))
    with pytest.raises(AssertionError, match="/w/a0 is wrong"):
        cases.test_every_file_is_read_whole(driver)
    with pytest.raises(AssertionError, match="the children of /w are wrong"):
        cases.test_children_of_every_directory(driver)
    with pytest.raises(AssertionError, match="the walk of / is wrong"):
        cases.test_walk_visits_everything_in_order(driver)
