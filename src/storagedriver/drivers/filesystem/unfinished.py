"""What is unfinished below the root: puts that were killed, and the uploads of a registry.

A put writes beside its path, under a name that no path can have. A registry
keeps each of its uploads in a directory ``_uploads/<uuid>`` of the repository,
with the file ``data`` at which this driver, like the registry's own, writes in
place, and beside it ``startedat`` and ``hashstates``
(registry/storage/paths.go and purgeuploads.go in distribution).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from datetime import datetime, timezone

from storagedriver.driver import UploadInfo
from storagedriver.drivers.filesystem.directories import Child, Directories, time_of
from storagedriver.drivers.filesystem.disk import open_file
from storagedriver.drivers.filesystem.removal import remove_tree
from storagedriver.errors import PathNotFoundError
from storagedriver.own_files import PUT

__all__ = ["STAGED_LONGER", "Unfinished", "is_staged", "staged_beside"]

#: By how many bytes such a name is longer than the one that it is for.
STAGED_LONGER = 17
#: A name may have 255 bytes; a longer one is cut before the suffix is put on.
_LONGEST = 255 - STAGED_LONGER

_UPLOADS = "_uploads"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REGISTRY_UPLOAD = re.compile(rf"(?P<directory>(.*/)?{_UPLOADS}/(?P<id>{_UUID.pattern}))(/data)?", re.IGNORECASE)
#: What ``startedat`` holds is shorter.
_LONGEST_TIME = 100


def staged_beside(path: str) -> str:
    """A new name for a put of the path, beside it."""
    parent, name = os.path.split(path)
    return os.path.join(parent, f"{_cut(name)}~{secrets.token_hex(8)}")


def is_staged(name: str) -> bool:
    """Whether a file of this name is a put that is under way, or was killed."""
    return "~" in name and PUT.fullmatch(name) is not None


def _cut(name: str) -> str:
    """As much of a name as leaves room for the suffix, in whole characters."""
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST:
        return name
    return encoded[:_LONGEST].decode(errors="ignore")


class Unfinished:
    """The unfinished puts and uploads of a store.

    Parameters
    ----------
    directories : Directories
        The store's.
    """

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def infos(self, key: str) -> Iterator[UploadInfo]:
        """What is unfinished at the key and below it."""
        if key:
            yield from self.puts_of(key)
            own = _REGISTRY_UPLOAD.fullmatch(key)
            if own is not None:
                yield from self._registry_upload(own["directory"], own["id"])
                return
        for directory, children in self._directories.below(key, _is_no_upload):
            yield from self._puts(directory, [child.name for child in children])
            if directory.rpartition("/")[2] == _UPLOADS:
                for child in children:
                    if child.is_dir and _UUID.fullmatch(child.name):
                        yield from self._registry_upload(f"{directory}/{child.name}", child.name)

    def puts_of(self, key: str) -> list[UploadInfo]:
        """What puts of exactly this key have left."""
        above, _, name = key.rpartition("/")
        try:
            with self._directories.opened(above) as directory:
                names = os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [upload for upload in self._puts(above, names) if upload.path.endswith("/" + name)]

    def remove(self, upload: UploadInfo) -> None:
        """Remove what is unfinished; if it is gone that is no error."""
        own = _REGISTRY_UPLOAD.fullmatch(upload.path[1:])
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if own is not None and own["id"] == upload.id:
                path = self._directories.path(own["directory"])
                (os.unlink if os.path.islink(path) else remove_tree)(path)
            else:
                with self._directories.opened(upload.path[1:].rpartition("/")[0]) as directory:
                    os.unlink(upload.id, dir_fd=directory)

    def _puts(self, directory: str, names: list[str]) -> Iterator[UploadInfo]:
        for name in names:
            match = PUT.fullmatch(name)
            if match is None:
                continue
            try:
                with self._directories.opened(directory) as file:
                    status = os.stat(name, dir_fd=file, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                path = f"/{directory}/{match['name']}" if directory else f"/{match['name']}"
                yield UploadInfo(path, name, time_of(status), status.st_size)

    def _registry_upload(self, directory: str, upload: str) -> Iterator[UploadInfo]:
        """The upload of a registry in a directory, if there is one.

        After a cancel the registry saves the state of the hash once more: that
        alone is no upload.
        """
        try:
            with self._directories.opened(directory) as file:
                data = _status("data", file)
                status = data or _status("startedat", file)
                noted = _started_at(file)
        except (FileNotFoundError, NotADirectoryError):
            return
        if status is not None:
            started = noted or time_of(status)
            yield UploadInfo(f"/{directory}/data", upload, started, 0 if data is None else data.st_size)


def _is_no_upload(directory: str, child: Child) -> bool:
    """Whether a directory is to be looked into: what is in that of an upload belongs to it."""
    return directory.rpartition("/")[2] != _UPLOADS or _UUID.fullmatch(child.name) is None


def _status(name: str, directory: int) -> os.stat_result | None:
    """The status of a file in an open directory; None if there is none."""
    try:
        status = os.stat(name, dir_fd=directory)
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _started_at(directory: int) -> datetime | None:
    """The time that a registry has noted in the open directory of an upload; None if there is none."""
    try:
        file, _ = open_file("startedat", os.O_RDONLY, dir_fd=directory)
    except (FileNotFoundError, PathNotFoundError):
        return None
    try:
        text = os.pread(file, _LONGEST_TIME, 0)
    finally:
        os.close(file)
    try:
        started = datetime.fromisoformat(text.decode().strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return started if started.tzinfo else started.replace(tzinfo=timezone.utc)
