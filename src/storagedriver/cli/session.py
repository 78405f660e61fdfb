"""One run of the command: the driver it works on and the output it writes to."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from storagedriver import configuration
from storagedriver.cli.arguments import PARAMETER
from storagedriver.cli.output import Output
from storagedriver.driver import StorageDriver
from storagedriver.parameters import Unquoted

__all__ = ["Destination", "Session", "SessionCommand", "exact_option", "pass_session", "to_options"]


@dataclass(frozen=True)
class Destination:
    """The storage that a command writes to. No variable applies to it: they are those of the other one."""

    config: str | None
    driver_name: str | None
    parameters: Iterable[tuple[str, str]] = field(default=(), repr=False)

    @property
    def is_given(self) -> bool:
        """Whether any of its options was given."""
        return bool(self.config or self.driver_name or self.parameters)

    @property
    def configuration(self) -> configuration.Configuration:
        """The driver and its parameters."""
        if (self.config is None) == (self.driver_name is None):
            raise click.UsageError("Which destination? Give --to FILE or --to-driver NAME.")
        if self.driver_name is not None:
            return configuration.Configuration(configuration.Storage(self.driver_name, _tree(self.parameters)))
        if self.parameters:
            raise click.UsageError("--to-param goes with --to-driver.")
        return configuration.load(Path(str(self.config)), {})


@dataclass
class Session:
    """What the global options said, and the driver, made when it is first asked for."""

    output: Output = field(default_factory=Output)
    config: str | None = None
    driver_name: str | None = None
    parameters: Iterable[tuple[str, str]] = field(default=(), repr=False)
    _opened: list[StorageDriver] = field(default_factory=list, repr=False)

    @functools.cached_property
    def configuration(self) -> configuration.Configuration:
        """The driver and its parameters, from the options, the file and the environment."""
        if self.driver_name:
            found = configuration.Configuration(configuration.Storage(self.driver_name, _tree(self.parameters)))
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

    def other(self, given: Destination) -> StorageDriver:
        """The driver of the storage that a command writes to."""
        found = given.configuration
        self.output.hide(found.storage.parameters)
        for middleware in found.middleware:
            self.output.hide(middleware.options)
        driver = found.create_driver(urls=False)
        self._opened.append(driver)
        return driver

    def close(self) -> None:
        """Close the drivers that were made."""
        for driver in self._opened:
            driver.close()
        made = self.__dict__.get("driver")
        if made is not None:
            made.close()


def _tree(parameters: Iterable[tuple[str, str]]) -> Any:
    tree: Any = {}
    for name, value in parameters:
        tree = configuration.assign(tree, name.split("."), Unquoted(value))
    return tree


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


def to_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options ``--to``, ``--to-driver`` and ``--to-param``, which become the argument `to`, a `Destination`."""

    @functools.wraps(command)
    def with_destination(
        *args: Any, to_config: str | None, to_driver: str | None, to_params: Iterable[tuple[str, str]], **others: Any
    ) -> Any:
        return command(*args, to=Destination(to_config, to_driver, to_params), **others)

    options = (
        click.option("--to", "to_config", metavar="FILE", help="The config.yml of the destination."),
        click.option("--to-driver", metavar="NAME", help="The destination's driver, instead of a file."),
        click.option("--to-param", "to_params", type=PARAMETER, multiple=True, help="A parameter of --to-driver."),
    )
    found: Callable[..., Any] = with_destination
    for option in reversed(options):
        found = option(found)
    return found
