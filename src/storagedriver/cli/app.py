"""The command's entry: its global options, and what becomes of errors and warnings."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from storagedriver import __version__, factory
from storagedriver.cli import failures
from storagedriver.cli.arguments import PARAMETER
from storagedriver.cli.output import Output
from storagedriver.cli.session import Session, SessionCommand, pass_session
from storagedriver.errors import StorageDriverWarning

__all__ = ["app"]


#: The commands in the order of the help, and their modules, which are loaded when a command is used.
_COMMANDS = {
    "ls": "listing",
    "stat": "listing",
    "cat": "files",
    "get": "getting",
    "put": "putting",
    "cp": "files",
    "mv": "files",
    "rm": "files",
    "walk": "listing",
    "du": "listing",
    "url": "files",
    "uploads": "uploads",
    "purge": "uploads",
    "transfer": "transfer",
    "verify": "registry",
    "usage": "registry",
    "garbage": "garbage",
    "check": "check",
    "bench": "bench",
}


class _App(click.Group):
    """A group that shows every failure in one line and knows its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(f"storagedriver.cli.{_COMMANDS[cmd_name]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def main(  # type: ignore[override]  # click's overloads tell apart what this leaves alone
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and leave the process with the exit code; not standalone, return it."""
        given = list(sys.argv[1:] if args is None else args)
        output = Output(json="--json" in given, debug="--debug" in given)
        output.hide_arguments(given)
        try:
            code = super().main(args, prog_name, standalone_mode=False, obj=Session(output), **extra) or 0
        except (click.ClickException, click.Abort) as error:
            code = output.fail(error)
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, before click makes its own of an interrupt or a broken pipe."""
        session = ctx.ensure_object(Session)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("default", StorageDriverWarning)
                warnings.showwarning = session.output.warn
                try:
                    super().invoke(ctx)
                    sys.stdout.flush()
                finally:
                    session.close()
        except (click.exceptions.Exit, click.ClickException):
            raise
        except BrokenPipeError as error:
            _drop_output()
            ctx.exit(session.output.fail(error))
        except (Exception, KeyboardInterrupt, click.Abort) as error:  # noqa: BLE001 - this is where they end
            ctx.exit(session.output.fail(error))


def _drop_output() -> None:
    """Let the interpreter flush what is left into nothing when it ends."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the process ends


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Session).output.show({"version": __version__}, f"storagedriver {__version__}")
        ctx.exit()


@click.group(
    cls=_App,
    invoke_without_command=True,
    epilog=failures.HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config", metavar="FILE", envvar="STORAGEDRIVER_CONFIG", show_envvar=True, help="The registry's config.yml."
)
@click.option("--driver", metavar="NAME", help="The driver, instead of a file; REGISTRY_* is then not looked at.")
@click.option(
    "--param",
    "params",
    type=PARAMETER,
    multiple=True,
    help="A parameter of --driver; a.b=c for b in the map a. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Show JSON, one object a line; errors too.")
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def app(
    ctx: click.Context,
    config: str | None,
    driver: str | None,
    params: tuple[tuple[str, str], ...],
    as_json: bool,
    debug: bool,
) -> None:
    """Look into, mend and check the storage of a container registry.

    The storage is the one of --config, a registry's config.yml, over which
    REGISTRY_* variables are applied as the registry does; of these variables
    alone; or of --driver and --param.
    """
    session = ctx.ensure_object(Session)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        ctx.exit()
    if driver and config:
        if ctx.get_parameter_source("config") is not ParameterSource.ENVIRONMENT:
            raise click.UsageError("--config and --driver exclude each other.")
        config = None
    if params and not driver:
        raise click.UsageError("--param goes with --driver; REGISTRY_STORAGE_... overrides a parameter of a file.")
    session.output.json |= as_json
    session.output.debug |= debug
    session.config, session.driver_name, session.parameters = config, driver, params


@click.command(cls=SessionCommand)
@pass_session
def drivers(session: Session) -> None:
    """List the names of the drivers that are installed."""
    for name in factory.names():
        session.output.show({"name": name}, name)


app.add_command(drivers)
