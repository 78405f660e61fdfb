"""The kinds of arguments that the commands take."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click
import click.shell_completion

from storagedriver.parameters import parse_duration

__all__ = [
    "COUNT",
    "DIRECTORY",
    "DURATION",
    "FILE",
    "PARAMETER",
    "SIZE",
    "Directory",
    "Duration",
    "File",
    "Parameter",
    "Size",
]

_UNITS = {"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


class File(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A path of the store, as it was given."""

    name = "path"

    def shell_complete(
        self, ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """The files and directories of the store whose paths begin so."""
        from storagedriver.cli.completion import complete  # noqa: PLC0415 - makes a driver

        return complete(ctx, incomplete)


class Directory(File):
    """A path of the store. A ``/`` at its end, which shells complete directories with, is dropped."""

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> str:
        """Drop what the driver would refuse though its meaning is plain."""
        return str(value).rstrip("/") or "/" if str(value).startswith("/") else str(value)


class Size(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A number of bytes with a binary unit: ``32KiB``, ``64MiB``, ``1GiB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse what is no size over 0."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]+) ?([kmg]ib)?", str(value), re.ASCII | re.IGNORECASE)
        size = int(match[1]) * _UNITS[(match[2] or "").lower()] if match else 0
        if not size:
            self.fail(f"{value!r} is no size such as 32KiB, 64MiB or 1GiB", param, ctx)
        return size


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A length of time as Go writes it, and days: ``90s``, ``20m``, ``24h``, ``7d``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Refuse a number without a unit: to the registry it would be nanoseconds."""
        if isinstance(value, timedelta):
            return value
        days, rest = re.fullmatch(r"(?:(\d+)d)?(.*)", str(value), re.ASCII | re.DOTALL).groups()  # type: ignore[union-attr]
        try:
            if rest.isdecimal() or rest.startswith(("-", "+")) or not (days or rest):
                raise ValueError
            return timedelta(days=int(days or 0)) + (parse_duration(rest) if rest else timedelta(0))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no duration such as 90s, 20m, 24h or 7d", param, ctx)


class Parameter(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """``name=value``. Messages leave the value out: it may be a secret."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Take it apart at the first ``=``."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail("it must be name=value", param, ctx)
        return name, text


COUNT = click.IntRange(min=1)
DIRECTORY = Directory()
DURATION = Duration()
FILE = File()
PARAMETER = Parameter()
SIZE = Size()
