"""One run of the command: the driver it works on and the output it writes to."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from storagedriver import configuration
from storagedriver.cli.output import Output
from storagedriver.driver import StorageDriver
from storagedriver.parameters import Unquoted

__all__ = ["Session", "SessionCommand", "exact_option", "pass_session"]


@dataclass
class Session:
    """What the global options said, and the driver, made when it is first asked for."""

    output: Output = field(default_factory=Output)
    config: str | None = None
    driver_name: str | None = None
    parameters: Iterable[tuple[str, str]] = field(default=(), repr=False)

    @functools.cached_property
    def configuration(self) -> configuration.Configuration:
        """The driver and its parameters, from the options, the file and the environment."""
        if self.driver_name:
            tree: Any = {}
            for name, value in self.parameters:
                tree = configuration.assign(tree, name.split("."), Unquoted(value))
            found = configuration.Configuration(configuration.Storage(self.driver_name, tree))
        elif self.config or any(name.startswith("REGISTRY_STORAGE") for name in os.environ):
            found = configuration.load(Path(self.config) if self.config else None, os.environ)
        else:
            raise click.UsageError("Which storage? Give --config FILE or --driver NAME, or set REGISTRY_STORAGE.")
        self.output.hide(found.storage.parameters)
        for middleware in found.middleware:
            self.output.hide(middleware.options)
        return found

    @functools.cached_property
    def driver(self) -> StorageDriver:
        """The driver, without the middleware that changes URLs alone: only `signing_driver` gives those."""
        return self.configuration.create_driver(urls=False)

    @functools.cached_property
    def signing_driver(self) -> StorageDriver:
        """The driver with all of its middleware."""
        self.__dict__["driver"] = self.configuration.create_driver()
        return self.driver

    def close(self) -> None:
        """Close the driver if there is one."""
        made = self.__dict__.get("driver")
        if made is not None:
            made.close()


class SessionCommand(click.Command):
    """A command that takes ``--json`` itself too, as users write it there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--json"], is_flag=True, expose_value=False, callback=_json, help="Show JSON, one object a line."
            )
        )


def _json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Session).output.json = True


pass_session = click.make_pass_decorator(Session)
exact_option = click.option("--bytes", "exact", is_flag=True, help="Show sizes in bytes.")
