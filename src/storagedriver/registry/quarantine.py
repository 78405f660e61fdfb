"""Removing garbage: at once, while the registry is read-only; or by way of a quarantine, beside one that runs.

The quarantine is `storagedriver.registry.layout.QUARANTINE`. Each batch has a
directory of its own there, named by the time of the move, in which the files
keep their paths below ``/docker/registry``; what is there is what was moved.
The lists in it, ``list.jsonl`` in JSON lines, are for people. What was removed
is listed below ``removed``.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any, Literal

from storagedriver.driver import StorageDriver
from storagedriver.errors import ConflictError, PathNotFoundError, StorageDriverError
from storagedriver.registry import layout
from storagedriver.registry.contents import read_manifests_at
from storagedriver.registry.garbage import GarbageSurvey
from storagedriver.registry.layout import Kind, Place
from storagedriver.registry.manifest import LARGEST_MANIFEST
from storagedriver.registry.reading import CONCURRENCY, each

__all__ = ["Action", "Quarantined", "delete_garbage", "quarantine_garbage", "quarantined"]

#: Files that are moved or removed at a time.
_THREADS = 8
#: Files in one list.
_BATCH = 500
_ABOVE = layout.TOP.rpartition("/")[0]
_STAMP = "%Y%m%dT%H%M%S.%fZ"
#: What garbage is.
_MOVED = frozenset({Kind.BLOB, Kind.REVISION, Kind.TAG_INDEX})
_PLACE = re.compile(rf"{layout.QUARANTINE}/(?P<stamp>[0-9]{{8}}T[0-9]{{6}}\.[0-9]{{6}}Z)-[0-9a-f]+(?P<rest>/v2/.+)")


@dataclass(frozen=True)
class Action:
    """What was done with a file, or what would be.

    Attributes
    ----------
    action : {"delete", "move", "restore", "drop"}
        ``delete`` removes garbage, from its place or from the quarantine.
        ``move`` moves it to the quarantine, ``restore`` back. ``drop`` removes
        from the quarantine what is at its place again.
    path : str
        The place of the file in the registry.
    size : int
        In bytes.
    quarantined : str
        Where it is in the quarantine, or was; empty if it never was there.
    error : StorageDriverError or None
        Why it was not done.
    """

    action: Literal["delete", "move", "restore", "drop"]
    path: str
    size: int
    quarantined: str = ""
    error: StorageDriverError | None = None

    def record(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {
            "action": self.action,
            "path": self.path,
            "quarantined": self.quarantined or None,
            "size": self.size,
            "error": None if self.error is None else str(self.error),
        }


@dataclass(frozen=True)
class Quarantined:
    """A file in the quarantine.

    Attributes
    ----------
    path : str
        Where it is.
    original : str
        Its place in the registry.
    place : Place
        What it is there.
    size : int
        In bytes.
    moved : datetime
        When the move of its batch began, by the clock of the machine that did it.
    """

    path: str
    original: str
    place: Place
    size: int
    moved: datetime


def quarantined(driver: StorageDriver) -> Iterator[Quarantined]:
    """What is in the quarantine, without its lists."""
    try:
        for info in driver.files(layout.QUARANTINE):
            found = _PLACE.fullmatch(info.path)
            moved = _time_of(found["stamp"]) if found else None
            if found and moved:
                original = _ABOVE + found["rest"]
                place = layout.place_of(original)
                if place.kind in _MOVED:
                    yield Quarantined(info.path, original, place, info.size, moved)
    except PathNotFoundError:
        return


def _time_of(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def delete_garbage(
    driver: StorageDriver,
    *,
    untagged: bool = False,
    min_age: timedelta = timedelta(0),
    dry_run: bool = False,
    concurrency: int = CONCURRENCY,
) -> Iterator[Action]:
    """Delete garbage. No push may run meanwhile: the registry has to be read-only, or stopped.

    Parameters
    ----------
    driver : StorageDriver
        The storage.
    untagged : bool
        Whether manifests that no tag stands for are garbage.
    min_age : timedelta
        Leave what was changed more recently, and what it needs.
    dry_run : bool
        Say what would be done, and do nothing.
    concurrency : int
        How many small files are read at a time.

    Yields
    ------
    Action
        Each file, with the error if it could not be deleted.

    Raises
    ------
    ConflictError
        If something could not be read that may refer to what looks like
        garbage. Nothing is deleted then.
    """
    with GarbageSurvey(driver, untagged=untagged, min_age=min_age, certain=True, concurrency=concurrency) as survey:
        survey.check_certain()
        actions = (Action("delete", item.path, item.size) for item in survey.items())
        yield from _all(driver, actions, dry_run=dry_run)


def quarantine_garbage(
    driver: StorageDriver,
    *,
    older_than: timedelta = timedelta(hours=24),
    untagged: bool = False,
    min_age: timedelta = timedelta(0),
    dry_run: bool = False,
    concurrency: int = CONCURRENCY,
) -> Iterator[Action]:
    """Move garbage to the quarantine, and decide on what was moved there before.

    What is in the quarantine and is referred to by now is moved back. What
    nothing refers to after `older_than` is deleted. Then new garbage is moved.
    At the end the storage is looked through once more, and what a push has
    referred to meanwhile is moved back at once.

    Parameters
    ----------
    driver : StorageDriver
        The storage. A registry may be running.
    older_than : timedelta
        How long garbage stays in the quarantine at least.
    untagged, min_age, dry_run, concurrency
        As for `delete_garbage`.

    Yields
    ------
    Action
        Each file, with the error if it could not be moved or deleted.

    Raises
    ------
    ConflictError
        If something could not be read that may refer to what looks like
        garbage. Nothing is moved or deleted then.
    """
    began = False
    failure: StorageDriverError | None = None
    with GarbageSurvey(driver, untagged=untagged, min_age=min_age, certain=True, concurrency=concurrency) as survey:
        survey.check_certain()
        limit = datetime.now(timezone.utc) - older_than
        decided = list(_decisions(driver, survey, limit))
        for back in (True, False):
            chosen = [action for action in decided if (action.action == "restore") == back]
            yield from _all(driver, chosen, dry_run=dry_run)

        def moves() -> Iterator[Action]:
            nonlocal began
            for item in survey.items():
                began = not dry_run
                yield Action("move", item.path, item.size)

        try:
            yield from _all(driver, moves(), dry_run=dry_run)
        except StorageDriverError as error:
            failure = error
    if began:
        with GarbageSurvey(driver, untagged=untagged, min_age=min_age, certain=True, concurrency=concurrency) as survey:
            never = datetime.min.replace(tzinfo=timezone.utc)
            yield from _all(driver, list(_decisions(driver, survey, never)), dry_run=False)
    if failure is not None:
        raise failure


def _decisions(driver: StorageDriver, survey: GarbageSurvey, limit: datetime) -> Iterator[Action]:
    """What becomes of each file in the quarantine: blobs before links, so that no link leads to nothing."""
    found = list(quarantined(driver))
    _read_quarantined(driver, survey, found)
    survey.check_certain()
    order = list(Kind)
    for file in sorted(found, key=lambda file: order.index(file.place.kind)):
        place = file.place
        if place.kind is Kind.BLOB:
            needed = survey.is_marked(place.digest)
            again = survey.size_of(place.digest) == file.size
        else:
            needed = bool(place.digest) and survey.is_needed(place.repository, place.digest)
            again = needed and driver.exists(file.original)
        if again:
            yield Action("drop", file.original, file.size, file.path)
        elif needed:
            yield Action("restore", file.original, file.size, file.path)
        elif file.moved <= limit:
            yield Action("delete", file.original, file.size, file.path)


def _read_quarantined(driver: StorageDriver, survey: GarbageSurvey, found: Sequence[Quarantined]) -> None:
    """Note what manifests in the quarantine refer to: if they are needed by now, so is that."""
    blobs = {
        file.place.digest: file.path
        for file in found
        if file.place.kind is Kind.BLOB and 0 < file.size <= LARGEST_MANIFEST
    }
    links = {(file.place.repository, file.place.digest) for file in found if file.place.kind is Kind.REVISION}
    survey.survey.write("INSERT OR IGNORE INTO away VALUES (?, ?)", sorted(links))
    survey.mark()
    wanted = {digest for _, digest in links} | _kept(survey) if blobs else set()
    while places := {digest: blobs.pop(digest) for digest in wanted if digest in blobs}:
        read_manifests_at(driver, survey.survey, places)
        survey.mark()
        wanted = _kept(survey)


def _kept(survey: GarbageSurvey) -> set[str]:
    return set(survey.survey.rows("SELECT digest FROM kept"))


def _all(driver: StorageDriver, actions: Iterable[Action], *, dry_run: bool) -> Iterator[Action]:
    """Do everything in batches, each with its list: first what comes first of links and blobs, then the others.

    Where one of the first failed the others stay, so that no link leads to nothing.
    """
    failed = 0
    first: bool | None = None
    for blobs, group in groupby(actions, lambda action: layout.place_of(action.path).kind is Kind.BLOB):
        first = blobs if first is None else first
        if failed and blobs != first:
            detail = f"{failed} {_name(first)} could not be changed: the {_name(blobs)} stay as they are"
            raise ConflictError(detail, driver_name=driver.name, path=layout.TOP)
        for batch in _batches(group):
            stamp = _stamp()
            for action in _done(driver, [_placed(action, stamp) for action in batch], stamp, dry_run=dry_run):
                failed += action.error is not None
                yield action


def _placed(action: Action, stamp: str) -> Action:
    """An action with the place in the quarantine that a move has."""
    if action.action != "move":
        return action
    return replace(action, quarantined=f"{layout.QUARANTINE}/{stamp}{action.path.removeprefix(_ABOVE)}")


def _done(driver: StorageDriver, batch: Sequence[Action], stamp: str, *, dry_run: bool) -> Iterator[Action]:
    """Do what is to be done. The list of it is written first: nothing goes that is in no list."""
    if dry_run:
        yield from batch
        return
    moves = batch[0].action == "move"
    path = f"{layout.QUARANTINE}/{stamp}/list.jsonl" if moves else f"{layout.QUARANTINE}/removed/{stamp}.jsonl"
    now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    lines = [json.dumps({"time": now, **action.record()}) for action in batch]
    driver.put_content(path, "".join(line + "\n" for line in lines).encode())
    failed = []
    for action, done in each(lambda action: _do(driver, action), batch, _THREADS):
        if isinstance(done, PathNotFoundError):
            # Another run has moved or removed it.
            continue
        shown = action
        if isinstance(done, StorageDriverError):
            shown = replace(action, error=done)
            failed.append(json.dumps({"time": now, **shown.record()}))
        yield shown
    if failed:
        driver.put_content(path.removesuffix(".jsonl") + ".failed.jsonl", "\n".join([*failed, ""]).encode())


def _do(driver: StorageDriver, action: Action) -> None:
    if action.action == "move":
        driver.move(action.path, action.quarantined)
    elif action.action == "restore":
        there = _size_of(driver, action.path)
        if there is None:
            driver.move(action.quarantined, action.path)
        elif there != action.size:
            detail = f"there is another file by now; {action.quarantined} stays"
            raise ConflictError(detail, driver_name=driver.name, path=action.path)
    elif action.action == "drop":
        # It was listed before the quarantine was: another run may have moved it here since.
        if _size_of(driver, action.path) != action.size:
            raise PathNotFoundError("it is only in the quarantine", driver_name=driver.name, path=action.path)
        driver.delete(action.quarantined)
    else:
        path = action.quarantined or action.path
        blob = not action.quarantined and layout.place_of(path).kind is Kind.BLOB
        # The directory goes along, as the registry's own collection does it.
        driver.delete(path.rpartition("/")[0] if blob else path)


def _size_of(driver: StorageDriver, path: str) -> int | None:
    try:
        return driver.stat(path).size
    except PathNotFoundError:
        return None


def _name(blobs: bool | None) -> str:
    return "blobs" if blobs else "links"


def _stamp() -> str:
    return f"{datetime.now(timezone.utc):{_STAMP}}-{secrets.token_hex(4)}"


def _batches(actions: Iterable[Action]) -> Iterator[list[Action]]:
    batch: list[Action] = []
    for action in actions:
        batch.append(action)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
