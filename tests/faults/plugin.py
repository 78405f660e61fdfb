"""The option of the kills, and the table they end with."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter

from storagedriver.testsuites.faults.kill_suite import ROW, table


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, help="how many processes to kill on each store (5)")


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [tuple(value) for report in reports for name, value in report.user_properties if name == ROW]
    if rows and (terminalreporter.config.getoption("--kills") or terminalreporter.verbosity > 0):
        terminalreporter.section("killed processes")
        for line in table(sorted(rows)):
            terminalreporter.write_line(line)
