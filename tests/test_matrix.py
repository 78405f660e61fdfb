"""The page of the matrix claims what was run, and has a reason for all that it shows."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from storagedriver import drivers
from tests.matrix.facts import CHANGED, LIMITS, USUAL, WHY, unusual
from tests.matrix.outcomes import Outcomes
from tests.matrix.page import NO_REASON, cell, make_page
from tests.matrix.servers import SERVERS
from tests.matrix.suites import AREA_NAMES, Suite, area_of, discover, driver_of

REPOSITORY = Path(__file__).resolve().parents[1]
MINE = Suite(
    driver="mine",
    servers=("moto_s3",),
    name="mine on moto",
    module="tests.mine.test_conformance",
    class_name="TestMine",
    root="a root directory",
    capabilities=USUAL,
    areas={"stat": ("test_one", "test_two"), "urls": ("test_url_for_head_gives_the_size",)},
)


def outcomes(*reports: tuple[str, str, str, str]) -> Outcomes:
    """Of reports: id, case, result, reason."""
    found = Outcomes()
    for nodeid, case, result, reason in reports:
        found.add(nodeid, MINE.key, case, result, reason)  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def suites() -> list[Suite]:
    found, unreadable = discover()
    assert unreadable == []
    return found


def test_what_was_not_run_is_said() -> None:
    page = make_page([MINE], ["tests.other.test_conformance"], Outcomes(), {})
    row = next(line for line in page.splitlines() if "mine on moto" in line)
    assert row.count("not run") == 3
    assert "| `tests.other.test_conformance` |" in page
    assert "| moto | S3 | not run |" in page


@pytest.mark.parametrize(
    ("reports", "text"),
    [
        ([], "not run"),
        ([("a", "test_one", "passed", "")], "1, 1 not run"),
        (
            [("a[1]", "test_one", "passed", ""), ("a[2]", "test_one", "passed", ""), ("b", "test_two", "passed", "")],
            "3",
        ),
        ([("a", "test_one", "failed", ""), ("b", "test_two", "passed", "")], "**1 failed**, 1"),
        ([("a", "test_one", "passed", ""), ("b", "test_two", "skipped", "why")], "1, 1 skipped"),
        ([("a", "test_one", "skipped", "slow: runs with --slow"), ("b", "test_two", "passed", "")], "1, 1 not run"),
    ],
)
def test_cell(reports: list[tuple[str, str, str, str]], text: str) -> None:
    assert cell(MINE, "stat", outcomes(*reports)) == text


def test_cell_of_an_area_that_the_suite_does_not_have() -> None:
    assert cell(MINE, "walk", Outcomes()) == "-"


@pytest.mark.parametrize("how", ["replaced", "left out"])
def test_changed_case_is_marked_and_explained(how: str) -> None:
    changed = replace(MINE, changed={"test_url_for_head_gives_the_size": how})
    assert cell(changed, "urls", Outcomes()) == "not run*"
    page = make_page([changed], [], Outcomes(), {})
    assert f"| `test_url_for_head_gives_the_size` | {how} | {NO_REASON} |" in page


def test_worst_phase_of_a_case_counts() -> None:
    found = Outcomes()
    for result, when in (("passed", "setup"), ("passed", "call"), ("failed", "teardown")):
        found.add("a", MINE.key, "test_one", result, when=when)  # type: ignore[arg-type]
    assert [outcome.result for outcome in found.of(MINE.key)] == ["failed"]


def test_a_set_up_alone_is_no_pass() -> None:
    found = Outcomes()
    found.add("a", MINE.key, "test_one", "passed", when="setup")
    assert list(found.of(MINE.key)) == []


def test_failures_and_skips_are_listed_without_directories_of_the_machine() -> None:
    found = outcomes(
        ("a", "test_one", "failed", ""),
        ("b", "test_two", "skipped", "swift needs attributes at /tmp/servers-1/swift: no"),
    )
    page = make_page([MINE], [], found, {})
    assert "- mine on moto (TestMine): `test_one`\n" in page
    assert "- swift needs attributes at …: no; in mine on moto\n" in page


def test_unusual_capability_without_a_reason_is_shown_as_such() -> None:
    odd = replace(MINE, capabilities=replace(USUAL, signs_urls=False))
    assert f"- **mine**, `signs_urls` no: {NO_REASON}" in make_page([odd], [], Outcomes(), {})


def test_page_does_not_depend_on_the_order_of_things() -> None:
    other = replace(MINE, name="other", class_name="TestOther")
    reports = [("a", "test_one", "passed", ""), ("b", "test_two", "skipped", "y"), ("c", "test_two", "skipped", "x")]
    pages = {
        make_page([MINE, other], [], outcomes(*reports), {"moto_s3": "5", "swift": "2"}),
        make_page([other, MINE], [], outcomes(*reversed(reports)), {"swift": "2", "moto_s3": "5"}),
    }
    assert len(pages) == 1


def test_another_server_that_refuses_is_named() -> None:
    refused = replace(MINE, refusing=("seaweedfs",))
    assert "| moto; refused by SeaweedFS | mine on moto |" in make_page([refused], [], Outcomes(), {})


def test_versions_are_in_the_table_of_servers() -> None:
    assert "| moto | S3 | 5.2.5 | mine |" in make_page([MINE], [], Outcomes(), {"moto_s3": "5.2.5"})


def test_every_driver_has_a_suite(suites: list[Suite]) -> None:
    assert {suite.driver for suite in suites} == {module.name for module in pkgutil.iter_modules(drivers.__path__)}


def test_every_case_of_every_suite_is_in_an_area(suites: list[Suite]) -> None:
    for suite in suites:
        assert set(suite.areas) <= set(AREA_NAMES)
        assert all(area_of(case) == area for area, cases in suite.areas.items() for case in cases)


def test_every_suite_on_a_network_names_its_server(suites: list[Suite]) -> None:
    local = {suite.name for suite in suites if not suite.servers}
    plain = {
        "filesystem",
        "filesystem new root",
        "inmemory",
        "file",
        "file below a root",
        "chain",
        "memory",
        "arrow",
        "zip",
    }
    assert local == plain | {f"{name} with any name" for name in ("filesystem", "inmemory", "file")}


def test_there_is_a_reason_for_each_capability_that_is_unusual_and_for_no_other(suites: list[Suite]) -> None:
    shown = {(suite.driver, *odd) for suite in suites for odd in unusual(suite.capabilities).items()}
    assert shown == set(WHY)


def test_there_is_a_reason_for_each_case_that_is_changed_and_for_no_other(suites: list[Suite]) -> None:
    assert {(suite.driver, *suite.servers, case) for suite in suites for case in suite.changed} == set(CHANGED)


def test_there_are_limits_of_every_driver(suites: list[Suite]) -> None:
    assert set(LIMITS) == {suite.driver for suite in suites}
    assert NO_REASON not in make_page(suites, [], Outcomes(), {})


def test_no_suite_is_refused_by_a_server_that_checks_nothing(suites: list[Suite]) -> None:
    for suite in suites:
        # For gcs it is a token service that refuses, and the page says so.
        if "refused" in suite.areas and suite.driver != "gcs":
            assert all(SERVERS[name].checks != "Nothing." for name in suite.refusing or suite.servers), suite.name


def test_every_server_that_checks_nothing_is_named_where_a_pass_proves_nothing() -> None:
    assert all(server.ignored for server in SERVERS.values() if server.checks == "Nothing.")


@pytest.mark.parametrize(
    ("module", "driver"),
    [
        ("tests.s3.test_conformance", "s3"),
        ("tests.generic.test_conformance", "fsspec"),
        ("tests.drivers.test_inmemory", "inmemory"),
        ("tests.test_testsuites", ""),
        ("storagedriver.testsuites.test_registered", ""),
    ],
)
def test_driver_of_a_module(module: str, driver: str) -> None:
    assert driver_of(module) == driver


@pytest.mark.slow
def test_run_with_workers_writes_the_page(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    page = tmp_path / "matrix.md"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", f"--matrix={page}"]
    subprocess.run(
        [*command, "tests/drivers/test_inmemory.py", "-k", "TestConformance and capabilities"],
        cwd=REPOSITORY,
        env=environment,
        check=True,
        capture_output=True,
    )
    rows = {line.split(" | ")[2]: line for line in page.read_text().splitlines() if line.count("|") > 20}
    numbers = dict(zip(rows["suite"].split(" | "), rows["inmemory"].split(" | "), strict=True))
    assert numbers["declared |"] == "1 |"
    assert numbers["content"] == "not run"
    assert rows["s3 on moto"].count("not run") > 5
