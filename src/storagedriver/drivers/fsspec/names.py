"""Where unfinished content is on a filesystem, and under which names.

A staging file of the key ``a/b`` is called ``b~ID~KNNNNNNNN-SSSSSSSS``; no path
of the contract can have such a name (`storagedriver.own_files`). A ``~`` of the
key's name is written twice. Where directories are kept it is beside the
key, so that a rename publishes it. Where they are only implied by what is in
them it is below ``~storagedriver~/a``, or ``a`` would be seen before there is
anything.

ID is that of one upload, beginning with the microsecond in which it was begun.
S is that of a session, which is one writer from opening to closing. K is

- ``m``: a marker: the upload belongs to session S, which found data up to
  the number N. There is one while an upload is open.
- ``d``: data number N, written by session S.
- ``w``: the whole content, while a commit makes it of several pieces of data.
  Once it is complete the marker goes, and then the pieces.
- ``p``: a put that is under way; ``o``: the old file, while a filesystem whose
  rename does not overwrite puts a new one in its place.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain
from typing import Any

from storagedriver.adapter.store import EPOCH, Entry
from storagedriver.driver import UploadInfo
from storagedriver.drivers.fsspec.errors import names_missing_bucket
from storagedriver.drivers.fsspec.files import Files, parent_of
from storagedriver.drivers.fsspec.infos import entry_of
from storagedriver.own_files import ASIDE, UPLOAD

__all__ = ["Staged", "StagedFiles", "Staging", "new_session", "new_upload"]

#: What a stem ends with that is not the whole name.
_HASHED = re.compile(r"(?:[^~]|~~)+~[0-9a-f]{32}", re.DOTALL)
#: A name may have 255 bytes, of which 48 are ours.
_LONGEST = 200
_CUT = 160


@dataclass(frozen=True)
class Staged:
    """A staging file.

    Attributes
    ----------
    key : str
        Its own key.
    stem : str
        The name of the file that it is for, or, if that is very long, its
        beginning and a hash.
    upload, kind, number, session
        The parts of its name.
    size : int
        Bytes.
    mod_time : datetime
        `EPOCH` where a listing does not tell.
    """

    key: str
    stem: str
    upload: str
    kind: str
    number: int
    session: str
    size: int
    mod_time: datetime

    @property
    def started(self) -> datetime:
        """When the upload was begun, by the clock of who began it."""
        return datetime.fromtimestamp(int(self.upload[:14], 16) / 1e6, timezone.utc)


class StagedFiles:
    """The staging files of one upload, sorted by what they are."""

    def __init__(self, files: Iterable[Staged]) -> None:
        self.all = sorted(files, key=lambda staged: (staged.number, staged.kind))
        self.markers = [staged for staged in self.all if staged.kind == "m"]
        self.wholes = [staged for staged in self.all if staged.kind == "w"]
        self.upload = self.all[0].upload
        self.started = self.all[0].started
        self.mod_time = max(staged.mod_time for staged in self.all)

    @property
    def data(self) -> list[Staged]:
        """The pieces that count, in order: without those that a session wrote after it was overtaken."""
        pieces = [staged for staged in self.all if staged.kind == "d"]
        if not self.markers:
            return self.wholes[:1] or pieces
        return [
            piece
            for piece in pieces
            if any(piece.number <= marker.number or piece.session == marker.session for marker in self.markers)
        ]

    @property
    def size(self) -> int:
        """The bytes that are durable."""
        return sum(staged.size for staged in self.data or self.all if staged.kind != "m")


class Staging:
    """The staging files of a store.

    Parameters
    ----------
    files : Files
        The store's files.
    beside : bool
        Whether staging files lie beside their keys.
    """

    def __init__(self, files: Files, *, beside: bool) -> None:
        self.files = files
        self.beside = beside

    def hides(self, key: str) -> bool:
        """Whether the key is one of ours, and no business of a listing."""
        if not self.beside:
            return key == ASIDE or key.startswith(ASIDE + "/")
        return UPLOAD.fullmatch(key.rpartition("/")[2]) is not None

    def name(self, key: str, upload: str, kind: str, number: int, session: str) -> str:
        """The key of a staging file."""
        return self._prefix(parent_of(key)) + f"{_stem(key)}~{upload}~{kind}{number:08x}-{session}"

    def temporary(self, key: str, kind: str) -> str:
        """The key of a staging file that lives as long as one call."""
        return self.name(key, new_upload(), kind, 0, new_session())

    def prepare(self, key: str) -> None:
        """Make the directory of the key's staging files."""
        if self.beside:
            self.files.make_directory(parent_of(key))

    def mark(self, key: str, upload: str, number: int, session: str) -> None:
        """Write a marker. It holds the name that a very long key's staging files cannot have."""
        self.files.write(self.name(key, upload, "m", number, session), key.rpartition("/")[2].encode())

    def of(self, key: str) -> list[Staged]:
        """All staging files of exactly this key."""
        stem = _stem(key)
        directory = self._prefix(parent_of(key)).rstrip("/")
        return [staged for staged in self._staged(directory, self._lines(directory)) if staged.stem == stem]

    def uploads_of(self, key: str) -> list[StagedFiles]:
        """The unfinished uploads of exactly this key, the newest first."""
        by_upload = defaultdict(list)
        for staged in self.of(key):
            if staged.kind in "mdw":
                by_upload[staged.upload].append(staged)
        return [StagedFiles(by_upload[upload]) for upload in sorted(by_upload, reverse=True)]

    def infos(self, key: str) -> Iterator[UploadInfo]:
        """What is unfinished at the key and below it, puts that were killed included."""
        own = self.of(key) if key else []
        by_upload = defaultdict(list)
        for staged in chain(own, self._below(self._prefix(key).rstrip("/"))):
            by_upload[parent_of(staged.key), staged.stem, staged.upload].append(staged)
        for (directory, stem, _), group in sorted(by_upload.items()):
            files = StagedFiles(group)
            name = self._written_out(stem, files)
            if name is not None:
                above = directory if self.beside else directory.removeprefix(ASIDE).removeprefix("/")
                path = f"/{above}/{name}" if above else f"/{name}"
                yield UploadInfo(path, files.upload, files.started, files.size)

    def remove(self, group: StagedFiles) -> None:
        """Remove an upload. From its end on: what a kill leaves is its beginning."""
        for staged in sorted(group.all, key=lambda staged: (staged.kind != "m", staged.number), reverse=True):
            self.files.remove(staged.key)

    def remove_upload(self, key: str, upload: str) -> None:
        """Remove what of an upload of this key there is, if it is still there."""
        group = [staged for staged in self.of(key) if staged.upload == upload]
        if group:
            self.remove(StagedFiles(group))

    def dated(self, group: StagedFiles) -> datetime:
        """When the upload was last written to."""
        if group.mod_time != EPOCH:
            return group.mod_time
        entries = [self.files.entry(staged.key) for staged in group.all]
        times = [entry.mod_time for entry in entries if entry is not None]
        return max(times, default=EPOCH) if any(time != EPOCH for time in times) else group.started

    def is_stale(self, group: StagedFiles, committed: Entry | None) -> bool:
        """Whether content was committed after the upload was last written to."""
        return committed is not None and self.dated(group) < committed.mod_time

    def _prefix(self, directory: str) -> str:
        """The directory of the staging files for keys of a directory, with a trailing ``/``."""
        return _with_slash(directory if self.beside else f"{ASIDE}/{directory}".rstrip("/"))

    def _lines(self, directory: str) -> list[tuple[str, Mapping[str, Any]]]:
        try:
            return list(self.files.listing(directory))
        except FileNotFoundError as error:
            if names_missing_bucket(error):
                raise
            return []

    def _below(self, directory: str) -> Iterator[Staged]:
        """All staging files in a directory and below it."""
        waiting = [directory]
        while waiting:
            directory = waiting.pop()
            lines = self._lines(directory)
            yield from self._staged(directory, lines)
            prefix = _with_slash(directory)
            waiting.extend(prefix + name for name, info in lines if info.get("type") == "directory")

    def _staged(self, directory: str, lines: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Staged]:
        for name, info in lines:
            match = UPLOAD.fullmatch(name)
            if match is not None and info.get("type") != "directory":
                entry = entry_of(_with_slash(directory) + name, info, self.files.measure)
                number = int(match["number"], 16)
                yield Staged(
                    entry.key,
                    match["stem"],
                    match["upload"],
                    match["kind"],
                    number,
                    match["session"],
                    entry.size,
                    entry.mod_time,
                )

    def _written_out(self, stem: str, group: StagedFiles) -> str | None:
        """The name of the file that the staging files are for; None if nothing says it any more."""
        if _HASHED.fullmatch(stem) is None:
            return stem.replace("~~", "~")
        for marker in group.markers:
            try:
                return self.files.read(marker.key).decode()
            except (FileNotFoundError, UnicodeDecodeError):
                continue
        return None


def new_upload() -> str:
    """An identity for an upload that sorts by the time at which it is begun."""
    return f"{time.time_ns() // 1000:014x}{secrets.token_hex(7)}"


def new_session() -> str:
    """An identity for a session."""
    return secrets.token_hex(4)


def _stem(key: str) -> str:
    name = key.rpartition("/")[2]
    stem = name.replace("~", "~~")
    if len(stem.encode()) <= _LONGEST:
        return stem
    cut = name.encode()[:_CUT].decode(errors="ignore").replace("~", "")
    return f"{cut or '-'}~{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _with_slash(directory: str) -> str:
    return directory + "/" if directory else ""
