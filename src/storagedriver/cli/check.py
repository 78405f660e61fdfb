"""The command check: is this configuration usable, and if not, what is there to mend."""

from __future__ import annotations

import http.client
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click
from rich.text import Text

from storagedriver.cli import failures
from storagedriver.cli.output import Output
from storagedriver.cli.session import Session, SessionCommand, pass_session
from storagedriver.driver import FileInfo, RootReport, StopWalk, StorageDriver
from storagedriver.errors import (
    BucketNotFoundError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    StorageDriverWarning,
)
from storagedriver.paths import ROOT

__all__ = ["Checklist", "Step", "check"]

_STYLES = {"ok": "green", "note": "cyan", "failed": "bold red", "skipped": "yellow"}
_TIMEOUT = 15.0
_PROBE = b"storagedriver check\n"


class _Skip(Exception):  # noqa: N818 - no error
    """Raised by a step that does not apply; its text says why."""


@dataclass(frozen=True)
class Step:
    """One thing that was tried.

    Attributes
    ----------
    name : str
        What the step is called.
    status : {"ok", "note", "failed", "skipped"}
        What became of it; a note is something to know, and no failure.
    detail : str
        What was found, what went wrong, or why it was skipped; in one line.
    advice : str
        What to mend, of a step that failed; or what a note may ask for.
    error : BaseException, optional
        Why it failed.
    """

    name: str
    status: str
    detail: str = ""
    advice: str = ""
    error: BaseException | None = field(default=None, compare=False)


class Checklist:
    """Steps that are tried one after the other and shown as they are done."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._console = output.console(sys.stdout)
        self.steps: list[Step] = []

    @property
    def failed(self) -> list[Step]:
        """The steps that failed."""
        return [step for step in self.steps if step.status == "failed"]

    def attempt(self, name: str, action: str, work: Callable[[], str | None], after: str = "") -> bool:
        """Try a step.

        Parameters
        ----------
        name : str
            What it is called.
        action : str
            What it does, for the advice: "list the bucket".
        work : callable
            Does it, and may return a detail to show.
        after : str
            The step that must have worked before.
        """
        if after and self.status(after) != "ok":
            return self.add(Step(name, "skipped", f"needs {after}"))
        try:
            return self.add(Step(name, "ok", work() or ""))
        except _Skip as reason:
            return self.add(Step(name, "skipped", str(reason)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user wants the rest of the list
            return self.add(self.failure(name, error, action))

    def failure(self, name: str, error: BaseException, action: str) -> Step:
        """A step that failed."""
        message = error.message if isinstance(error, StorageDriverError) else failures.describe(error)["message"]
        advice = self._output.line(failures.advice(error, action))
        return Step(name, "failed", self._output.line(message), advice, error)

    def add(self, step: Step) -> bool:
        """Put a step on the list and show it; gives whether it worked."""
        self.steps.append(step)
        if not self._output.json:
            line = Text.assemble((f"{step.status:<8}", _STYLES[step.status]), f"{step.name:<11}", step.detail)
            self._console.print(line)
            if step.advice:
                self._console.print(Text(f"{'':8}{'':11}-> {step.advice}"))
        return step.status == "ok"

    def status(self, name: str) -> str:
        """What became of a step; empty if it was not tried."""
        return next((step.status for step in self.steps if step.name == name), "")

    def record(self, driver_name: str | None) -> dict[str, Any]:
        """The JSON of the whole list."""
        steps = [
            {
                "name": step.name,
                "status": step.status,
                "detail": step.detail or None,
                "advice": step.advice or None,
                "error": type(step.error).__name__ if step.error else None,
            }
            for step in self.steps
        ]
        return {"driver": driver_name, "ok": not self.failed, "steps": steps}


@click.command(cls=SessionCommand)
@click.option("--read-only", is_flag=True, help="Write nothing.")
@click.pass_context
@pass_session
def check(session: Session, ctx: click.Context, read_only: bool) -> None:
    """Find out whether this configuration is usable, and what to mend if not.

    It writes below a temporary name of its own and removes it again. The exit
    code is that of the first step that failed.
    """
    checklist = Checklist(session.output)
    driver: StorageDriver | None = None

    def make() -> str:
        nonlocal driver
        driver = session.signing_driver
        return driver.name

    checklist.attempt("parameters", "use this driver", make)
    if driver is not None:
        _check_bucket(checklist, driver)
        if checklist.status("bucket") == "ok" or _refused(checklist):
            if read_only:
                _check_reading(checklist, driver)
            elif _check_root(checklist, driver):
                _check_writing(checklist, driver)
    if session.output.json:
        session.output.show(checklist.record(driver.name if driver else None))
    if checklist.failed:
        error = checklist.failed[0].error
        ctx.exit(failures.exit_code(error) if error else 1)


def _refused(checklist: Checklist) -> bool:
    """Whether the bucket was only refused: credentials that cannot list it may still read and write."""
    return any(isinstance(step.error, PermissionDeniedError) for step in checklist.failed)


def _check_bucket(checklist: Checklist, driver: StorageDriver) -> None:
    """One request tells whether the store answers and whether the bucket is there."""
    try:
        with warnings.catch_warnings():
            # What it has to say of an empty root is a part of the root's report.
            warnings.simplefilter("ignore", StorageDriverWarning)
            driver.stat(ROOT)
    except (BucketNotFoundError, PermissionDeniedError, PathNotFoundError) as error:
        checklist.add(Step("reach", "ok"))
        checklist.add(checklist.failure("bucket", error, "look up and list the bucket"))
    except Exception as error:  # noqa: BLE001 - as in Checklist.attempt
        checklist.add(checklist.failure("reach", error, "reach the store"))
        checklist.add(Step("bucket", "skipped", "needs reach"))
    else:
        checklist.add(Step("reach", "ok"))
        checklist.add(Step("bucket", "ok"))


def _report(checklist: Checklist, driver: StorageDriver, *, read_only: bool) -> RootReport:
    """What there is to say of the root directory, put on the list where it is not as usual."""
    try:
        report = driver.root_report()
    except Exception:  # noqa: BLE001 - the next step, a listing, says why
        return RootReport()
    if report.obstacle and not read_only:
        detail = f"it does not exist, and cannot be made: {report.obstacle}"
        error = StorageDriverError(detail, driver_name=driver.name, path=report.root)
        error.hint = "make the directory for this user, or mend its name in the configuration"
        checklist.add(checklist.failure("root", error, ""))
    elif not report.exists:
        is_directory = driver.capabilities.empty_directories
        what = f"{report.root} does not exist yet" if is_directory else f"nothing is below {report.root} yet"
        advice = "the first write makes it; if there should be files, mend its name in the configuration"
        checklist.add(Step("root", "note", what, advice))
    for note in report.notes:
        checklist.add(Step("root", "note", note))
    return report


def _check_root(checklist: Checklist, driver: StorageDriver) -> bool:
    """Whether there is a root directory to write to. One that keeps directories would keep this one, too."""
    report = _report(checklist, driver, read_only=False)
    if report.exists or not driver.capabilities.empty_directories:
        return True
    checklist.attempt("list", "list the bucket", lambda: _list(driver))
    for name in ("write", "read", "sign", "upload", "move", "delete"):
        checklist.add(Step(name, "skipped", "there is no root directory yet, and none is made for a check"))
    return False


def _list(driver: StorageDriver) -> str:
    count = len(driver.list(ROOT))
    return f"{count} {'entry' if count == 1 else 'entries'} at the root"


def _check_reading(checklist: Checklist, driver: StorageDriver) -> None:
    found: list[FileInfo] = []

    def visit(info: FileInfo) -> None:
        if not info.is_dir:
            found.append(info)
            raise StopWalk

    def read() -> str:
        driver.walk(ROOT, visit)
        if not found:
            raise _Skip("there is no file to read")
        with driver.reader(found[0].path) as reader:
            reader.read(1)
        return found[0].path

    def sign() -> str:
        return _sign(driver, found[0].path, None)

    _report(checklist, driver, read_only=True)
    checklist.attempt("list", "list the bucket", lambda: _list(driver))
    for name in ("write", "upload", "move", "delete"):
        if name == "upload":
            checklist.attempt("read", "read objects", read)
            checklist.attempt("sign", "sign URLs", sign, after="read")
        checklist.add(Step(name, "skipped", "--read-only"))


def _check_writing(checklist: Checklist, driver: StorageDriver) -> None:
    base = f"/storagedriver-check-{secrets.token_hex(8)}"
    small, large, moved = f"{base}/small", f"{base}/large", f"{base}/moved"

    def read() -> None:
        if driver.get_content(small) != _PROBE:
            raise StorageDriverError("what was read is not what was written", driver_name=driver.name, path=small)

    def upload() -> None:
        for append in (False, True):
            with driver.writer(large, append=append) as writer:
                writer.write(_PROBE)
                if append:
                    writer.commit()
        if driver.stat(large).size != 2 * len(_PROBE):
            raise StorageDriverError(
                "the upload has not the size that was written", driver_name=driver.name, path=large
            )

    def delete() -> None:
        driver.delete(base)
        if driver.exists(base):
            raise StorageDriverError("it is still there after it was deleted", driver_name=driver.name, path=base)

    checklist.attempt("list", "list the bucket", lambda: _list(driver))
    with _cleaned(checklist, driver, base):
        checklist.attempt("write", "write objects", lambda: driver.put_content(small, _PROBE))
        checklist.attempt("read", "read objects", read, after="write")
        checklist.attempt("sign", "sign URLs", lambda: _sign(driver, small, _PROBE), after="write")
        checklist.attempt("upload", "begin, list, resume and commit uploads", upload, after="write")
        checklist.attempt("move", "copy and delete objects", lambda: driver.move(small, moved), after="write")
        checklist.attempt("delete", "delete objects, and list and abort uploads", delete, after="write")


@contextmanager
def _cleaned(checklist: Checklist, driver: StorageDriver, base: str) -> Iterator[None]:
    """Remove what the check wrote, however it ends, and tell what it could not remove."""
    try:
        yield
    finally:
        if checklist.status("delete") != "ok":
            try:
                driver.delete(base)
            except PathNotFoundError:
                pass
            except Exception:  # noqa: BLE001 - the step that failed says why
                if checklist.status("write") == "ok":
                    checklist.add(Step("clean up", "skipped", f"{base} is left behind: 'rm -r {base}' deletes it"))


def _sign(driver: StorageDriver, path: str, content: bytes | None) -> str:
    """Have a URL signed and, if the content is known, fetch it."""
    url = driver.redirect_url(path)
    if url is None:
        raise _Skip("the store, or its credentials, cannot sign URLs: clients are served through the registry")
    parts = urllib.parse.urlsplit(url)
    if content is None or parts.scheme not in ("http", "https"):
        return f"{parts.scheme}://{parts.hostname}, not fetched"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:  # noqa: S310 - the scheme is looked at above
            fetched = response.read(len(content) + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        detail = f"the URL cannot be fetched from {parts.hostname}: {error}"
        raise StorageDriverError(detail, driver_name=driver.name) from error
    if fetched != content:
        raise StorageDriverError("the URL gives another content", driver_name=driver.name, path=path)
    return f"{parts.scheme}://{parts.hostname}"
