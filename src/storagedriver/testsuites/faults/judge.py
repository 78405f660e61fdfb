"""Looking at a store with a new driver, and holding what is found to the model."""

from __future__ import annotations

from contextlib import suppress

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.testsuites.faults.model import Model
from storagedriver.testsuites.faults.scripts import Script
from storagedriver.testsuites.faults.session import Session
from storagedriver.testsuites.faults.states import FaultFoundError
from storagedriver.testsuites.faults.steps import Commit, Open
from storagedriver.testsuites.helpers import drain, lists_uploads

__all__ = ["judge", "look", "publish", "purge_all"]


def judge(driver: StorageDriver, model: Model, at: str, script: Script, *, resume: bool, purge: bool = False) -> None:
    """Hold a directory to the model, and delete it.

    Parameters
    ----------
    driver : StorageDriver
        One that did not take part.
    model : Model
        What is allowed.
    at : str
        The directory.
    script : Script
        What was done there.
    resume : bool
        Resume the upload and commit it, to see what it holds.
    purge : bool
        Purge the uploads first.
    """
    look(driver, model, at)
    if script.goal is not None:
        if purge:
            purge_all(driver, model, at)
        if resume or purge:
            publish(driver, model, script.path)
        purge_all(driver, model, at)
        look(driver, model, at)
    with suppress(PathNotFoundError):
        driver.delete(at)


def look(driver: StorageDriver, model: Model, at: str) -> None:
    """Read each path, and list the directory and its uploads. Nothing is changed."""
    present = set()
    for path in list(model.places):
        content = _content(driver, path)
        model.see(path, content)
        if (size := _size(driver, path)) != _length(content):
            raise FaultFoundError(f"stat of {path} gives the size {size}, and a reader {_length(content)} bytes")
        if content is not None:
            present.add(path)
        model.see_upload_size(path, _upload_size(driver, path))
    model.see_moves()
    listed = {info.path for info in driver.files(at)} if driver.exists(at) else set()
    if listed != present:
        raise FaultFoundError(f"a walk gives {sorted(listed)}, and {sorted(present)} can be read")
    uploads = {upload.path for upload in driver.uploads(at)}
    complete = lists_uploads(driver) and model.capabilities.unfinished != "shown"
    for path in [*uploads, *model.places]:
        # Some stores list an upload over content only when they are asked for exactly its path.
        found = path in uploads or (path in model.places and any(info.path == path for info in driver.uploads(path)))
        model.see_upload(path, listed=found, complete=complete)


def publish(driver: StorageDriver, model: Model, path: str) -> None:
    """Resume the upload of a path and commit it: what it holds can be read then."""
    session = Session(driver, model)
    try:
        session.run(Open(path, append=True))
    except PathNotFoundError:
        return
    session.run(Commit(path))
    model.see(path, _content(driver, path), "a resume, a commit and a read")


def purge_all(driver: StorageDriver, model: Model, at: str) -> None:
    """Purge the uploads of a directory; nothing else may change."""
    driver.purge_uploads(at)
    for path in model.places:
        driver.purge_uploads(path)
        model.purged(path)
        model.see(path, _content(driver, path), "after purge_uploads, a read")
    if left := {upload.path for where in (at, *model.places) for upload in driver.uploads(where)}:
        raise FaultFoundError(f"purge_uploads has left uploads of {sorted(left)}")


def _content(driver: StorageDriver, path: str) -> bytes | None:
    try:
        with driver.reader(path) as reader:
            return drain(reader, 1 << 20)
    except PathNotFoundError:
        return None


def _size(driver: StorageDriver, path: str) -> int | None:
    try:
        info = driver.stat(path)
    except PathNotFoundError:
        return None
    return None if info.is_dir else info.size


def _length(content: bytes | None) -> int | None:
    return None if content is None else len(content)


def _upload_size(driver: StorageDriver, path: str) -> int | None:
    try:
        return driver.upload_size(path)
    except PathNotFoundError:
        return None
