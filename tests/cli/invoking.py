"""Invoking the command, and reading what it showed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from storagedriver.cli.app import app


@dataclass(frozen=True)
class Shown:
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def records(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]

    @property
    def error(self) -> Any:
        (line,) = self.err.splitlines()
        return json.loads(line)["error"]


@dataclass(frozen=True)
class Invoke:
    options: tuple[str, ...]

    def __call__(self, *args: str, stdin: bytes = b"", code: int = 0) -> Shown:
        result = CliRunner().invoke(app, [*self.options, *args], input=stdin)
        shown = Shown(result.exit_code, result.stdout_bytes, result.stderr)
        assert shown.code == code, (shown, result.exc_info)
        return shown
