"""The command get: files and directories from the store to this machine."""

from __future__ import annotations

import hashlib
import os
import posixpath
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from storagedriver.cli.arguments import FILE
from storagedriver.cli.each import each
from storagedriver.cli.files import PIECE, file_wanted
from storagedriver.cli.output import human_size
from storagedriver.cli.session import Session, SessionCommand, pass_session
from storagedriver.driver import FileReader, StorageDriver
from storagedriver.errors import IntegrityError, UnavailableError

__all__ = ["get"]

#: What a file is called until it is complete. It says which file it becomes, and of which version.
_PART = ".storagedriver-part-"


@click.command(cls=SessionCommand)
@click.argument("source", type=FILE)
@click.argument("dest", type=click.Path(), default=".")
@click.option("-r", "--recursive", is_flag=True, help="Get the directory SOURCE with everything below.")
@pass_session
def get(session: Session, source: str, dest: str, recursive: bool) -> None:
    """Get the file SOURCE of the store, into the file or the directory DEST of this machine.

    DEST has the old content until the new one is complete. If it breaks off,
    the same command goes on where it was, unless the file has changed.

    With -r the directory SOURCE becomes DEST; it goes into DEST under its own
    name if that ends in / or is a directory already.
    """
    name = posixpath.basename(source.rstrip("/"))
    target = Path(dest)
    if dest.endswith("/") or target.is_dir():
        target /= name
    if not recursive:
        with file_wanted(session.driver, source), _keeping(session):
            size = _get_file(session.driver, source, target, _Parts())
        session.output.show({"path": source, "dest": str(target), "size": size}, f"{target}  {human_size(size)}")
        return
    base = source.rstrip("/")
    parts = _Parts()

    def one(path: str) -> None:
        to = target / path[len(base) + 1 :]
        size = _get_file(session.driver, path, to, parts)
        session.output.show({"path": path, "dest": str(to), "size": size}, f"{to}  {human_size(size)}")

    with _keeping(session):
        each(session, one, (info.path for info in session.driver.files(base or "/")), str)


@contextmanager
def _keeping(session: Session) -> Iterator[None]:
    """Say what can be done about what broke off."""
    try:
        yield
    except (UnavailableError, KeyboardInterrupt):
        session.output.hint = "what was received is kept: the same command goes on"
        raise


def _get_file(driver: StorageDriver, path: str, target: Path, parts: _Parts) -> int:
    """Get a file by way of another one beside it; its size."""
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a directory")
    with driver.reader(path) as reader:
        identity = f"{path} {reader.size} {reader.mod_time.timestamp()} {reader.version}"
        size = reader.size
        target.parent.mkdir(parents=True, exist_ok=True)
        part = parts.of(target, identity)
        begun = part.stat().st_size if part.exists() else 0
        if begun > size:
            begun = 0
        if not begun:
            _receive(reader, part, 0)
    if begun:
        with driver.reader(path, begun) as rest:
            if (rest.size, rest.version) != (reader.size, reader.version):
                detail = "it was changed meanwhile: get it again"
                raise IntegrityError(detail, driver_name=driver.name, path=path)
            _receive(rest, part, begun)
    if part.stat().st_size != size:
        detail = f"{part.stat().st_size} of its {size} bytes were read: get it again"
        raise IntegrityError(detail, driver_name=driver.name, path=path)
    part.replace(target)
    return size


def _receive(reader: FileReader, part: Path, begun: int) -> None:
    with part.open("r+b" if begun else "wb") as file:
        file.seek(begun)
        while piece := reader.read(PIECE):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


class _Parts:
    """The files that are not complete yet. Each directory is looked through once."""

    def __init__(self) -> None:
        self._found: dict[Path, list[str]] = {}
        self._lock = threading.Lock()

    def of(self, target: Path, identity: str) -> Path:
        """The file by way of which a version of a file is got. What is left of other versions is removed."""
        own = f"{_PART}{_short(target.name)}-"
        part = target.with_name(own + _short(identity))
        with self._lock:
            if target.parent not in self._found:
                names = os.listdir(target.parent)  # noqa: PTH208 - names are wanted
                self._found[target.parent] = [name for name in names if name.startswith(_PART)]
            for name in self._found[target.parent]:
                if name.startswith(own) and name != part.name:
                    with suppress(OSError):
                        target.with_name(name).unlink()
        return part


def _short(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]
