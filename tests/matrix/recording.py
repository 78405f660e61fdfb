"""The outcomes of the conformance suites, gathered from all workers and written as a page.

What a worker knows travels in the ``user_properties`` of its reports.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.matrix.outcomes import Outcomes
from tests.matrix.page import make_page
from tests.matrix.servers import SERVERS, version_of
from tests.matrix.suites import discover, driver_of

__all__ = ["Recorder", "Writer"]

_CASE = "matrix-case"
_SERVER = "matrix-server"


class Recorder:
    """Where the tests run: says in each report which case it is of, and which servers it has met."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._news: list[tuple[str, str]] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        server = yield
        name = fixturedef.argname
        if name in SERVERS and name not in self._known:
            self._known.add(name)
            self._news.append((name, version_of(name, server)))
        return server

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        report.user_properties.extend((_SERVER, list(one)) for one in self._news)
        self._news.clear()
        if isinstance(item, pytest.Function) and hasattr(item.cls, "harness") and driver_of(item.module.__name__):
            # Not the class's own name, which is the suite's.
            collector = item.getparent(pytest.Class)
            assert collector is not None
            report.user_properties.append((_CASE, [item.module.__name__, collector.name, item.originalname]))
        return report


class Writer:
    """Where the run is steered: gathers, and writes the page at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes = Outcomes()
        self.versions: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == _SERVER:
                fixture, version = cast("list[str]", value)
                self.versions[fixture] = version
            elif name == _CASE:
                module, class_name, case = cast("list[str]", value)
                reason = _reason(report) if report.skipped else ""
                self.outcomes.add(report.nodeid, (module, class_name), case, report.outcome, reason, report.when)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        suites, unreadable = discover()
        page = make_page(suites, unreadable, self.outcomes, self.versions)
        self.path.write_text(page, encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"the matrix is in {self.path}")


def _reason(report: pytest.TestReport) -> str:
    place = report.longrepr
    text = place[2] if isinstance(place, tuple) else getattr(report, "wasxfail", str(place))
    return str(text).removeprefix("Skipped: ")
