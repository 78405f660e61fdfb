"""What the commands show: lines for people or JSON for programs, and one line for what went wrong."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from storagedriver.cli import failures
from storagedriver.driver import FileInfo, UploadInfo

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Output", "file_line", "file_record", "human_size", "instant", "upload_record"]

_HIDDEN = "***"
_SECRET = re.compile(r"secret|password|passphrase|token|connectionstring|accountkey|private_?key", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/@:]*:([^/@]+)@")
#: What ends a line, moves the cursor of a terminal or turns the direction of writing.
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")
_SPACES = re.compile(r"\s*[\r\n]\s*")
#: Hiding shorter texts would make messages unreadable.
_SHORTEST_SECRET = 4
_UNENDING = 10_000
_UNIT = 1024
_ROUNDS_UP = 1023.95


def printable(text: str) -> str:
    """The text with an escape of Python in the place of each control character: a name must not end its line."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def human_size(count: int | None) -> str:
    """A number of bytes for people: ``1.5 MiB``."""
    if count is None:
        return "-"
    if count < _UNIT:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= _UNIT
        if value < _ROUNDS_UP:
            return f"{value:.1f} {unit}"
    return f"{value / _UNIT:.1f} PiB"


def instant(moment: datetime) -> str | None:
    """A time as ISO 8601 in UTC; None for the epoch, which stands for unknown."""
    if not moment.timestamp():
        return None
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def file_record(info: FileInfo) -> dict[str, Any]:
    """The JSON of a file or a directory."""
    return {"path": info.path, "size": info.size, "mod_time": instant(info.mod_time), "is_dir": info.is_dir}


def file_line(info: FileInfo, *, long: bool, exact: bool) -> str:
    """The line of a file or a directory; a directory ends in ``/``."""
    path = info.path + "/" if info.is_dir and info.path != "/" else info.path
    if not long:
        return path
    size = "-" if info.is_dir else str(info.size) if exact else human_size(info.size)
    moment = info.mod_time.astimezone(timezone.utc)
    time = f"{moment:%Y-%m-%d %H:%M:%SZ}" if instant(info.mod_time) else "-"
    return f"{size:>12}  {time:<20}  {path}"


def upload_record(upload: UploadInfo) -> dict[str, Any]:
    """The JSON of an unfinished upload."""
    return {"path": upload.path, "id": upload.id, "started": instant(upload.started), "size": upload.size}


@dataclass
class Output:
    """Where a command's results, warnings and errors go.

    Attributes
    ----------
    json : bool
        One JSON object a line, instead of text.
    debug : bool
        Show the traceback of an error.
    hint : str
        What to add to the next error.
    """

    json: bool = False
    debug: bool = False
    hint: str = ""
    _hidden: list[str] = field(default_factory=list, repr=False)

    def show(self, record: Mapping[str, Any], text: str | None = None) -> None:
        """Show one result; `text` is the line that people see, None: nothing."""
        if self.json:
            sys.stdout.write(json.dumps(record) + "\n")
        elif text is not None:
            sys.stdout.write(printable(text) + "\n")

    def rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Show names and values in two columns."""
        from rich.table import Table  # noqa: PLC0415 - slow to load, and most commands show lines

        table = Table(box=None, show_header=False, pad_edge=False)
        for row in rows:
            table.add_row(*map(printable, row))
        self.console(sys.stdout).print(table)

    @staticmethod
    def console(file: TextIO) -> Console:
        """A console that never breaks lines in a file or a pipe."""
        width = None if file.isatty() else _UNENDING
        from rich.console import Console  # noqa: PLC0415 - the same

        return Console(file=file, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def hide_arguments(self, arguments: Iterable[str]) -> None:
        """Keep the secrets among ``name=value`` arguments out of every message."""
        for argument in arguments:
            name, _, value = argument.removeprefix("--to-param=").removeprefix("--param=").partition("=")
            self.hide({name: value})

    def hide(self, parameters: Any, *, secret: bool = False) -> None:
        """Keep the secrets of a tree of parameters out of every message."""
        if isinstance(parameters, Mapping):
            for name, value in parameters.items():
                self.hide(value, secret=secret or _SECRET.search(str(name)) is not None)
        elif isinstance(parameters, list):
            for value in parameters:
                self.hide(value, secret=secret)
        elif isinstance(parameters, str):
            found = [parameters] if secret else _PASSWORD.findall(parameters)
            self._hidden.extend(text for text in found if len(text) >= _SHORTEST_SECRET)

    def plain(self, text: str) -> str:
        """The text without secrets."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text

    def line(self, text: str) -> str:
        """The text in one line and without secrets."""
        return printable(_SPACES.sub(" ", self.plain(text)).strip())

    def fail(self, error: BaseException) -> int:
        """Show an error and return its exit code."""
        code = failures.exit_code(error)
        if isinstance(error, BrokenPipeError):
            return code
        if self.debug:
            sys.stderr.write(self.plain("".join(traceback.format_exception(error))))
        shown = failures.describe(error)
        shown["message"] = self.line(shown["message"])
        if self.json:
            if self.hint:
                shown["hint"] = self.hint
            self._note({"error": shown})
        else:
            self._note("; ".join(part for part in (shown["message"], self.hint) if part))
        return code

    def remark(self, record: Mapping[str, Any], text: str) -> None:
        """Show something on the way, on standard error."""
        self._note(record if self.json else self.line(text))

    def warn(self, message: Warning | str, *_: Any, **__: Any) -> None:
        """Show a warning; it stands in for `warnings.showwarning`."""
        text = self.line(str(message))
        self._note({"warning": text} if self.json else f"warning: {text}")

    def _note(self, note: Mapping[str, Any] | str) -> None:
        sys.stderr.write(f"storagedriver: {note}\n" if isinstance(note, str) else json.dumps(note) + "\n")
