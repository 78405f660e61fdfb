"""The kinds of arguments that the commands take."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click

from storagedriver.parameters import parse_duration

__all__ = ["DIRECTORY", "DURATION", "PARAMETER", "Directory", "Duration", "Parameter"]


class Directory(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A path of the store. A ``/`` at its end, which shells complete directories with, is dropped."""

    name = "path"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> str:
        """Drop what the driver would refuse though its meaning is plain."""
        return str(value).rstrip("/") or "/" if str(value).startswith("/") else str(value)


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


DIRECTORY = Directory()
DURATION = Duration()
PARAMETER = Parameter()
