"""The option ``--matrix PATH``; without it nothing here is even loaded."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "write what the conformance suites gave to this page, docs/matrix.md"
    parser.addoption("--matrix", metavar="PATH", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--matrix"):
        return
    from tests.matrix.recording import Recorder, Writer  # noqa: PLC0415 - for those who ask

    config.pluginmanager.register(Recorder(), "matrix-recorder")
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        path = config.invocation_params.dir / config.getoption("--matrix")
        config.pluginmanager.register(Writer(path), "matrix-writer")
