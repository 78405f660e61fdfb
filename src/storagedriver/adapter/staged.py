"""Uploads on any filesystem: each session writes one file, a commit makes one of them and renames it.

Nothing but "write a new file", "list a directory" and "rename" is asked of the
filesystem, so an upload can be resumed where files cannot grow, too. Of two
writers of one path the one that was opened last wins: it takes the other's
marker away, and the other finds that when it closes or commits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.staging import StagedFiles, Staging, new_session, new_upload
from storagedriver.adapter.store import Entry, Upload
from storagedriver.errors import ConflictError

__all__ = ["StagedUpload", "begin", "resume"]

#: Small writes are gathered up to this, in bytes: some filesystems send each of them.
_BUFFER = 1 << 20

Publish = Callable[[str, str], None]


def begin(staging: Staging, key: str, limit: Limit, publish: Publish) -> StagedUpload:
    """Begin an upload and remove older ones of exactly this key.

    Parameters
    ----------
    staging : Staging
        The staging files of the store.
    key : str
        What is uploaded.
    limit : Limit
        The store's; the upload takes a slot for what it does.
    publish : callable
        Renames a staging file over a key, or raises `ConflictError` if that
        is a directory.
    """
    staging.prepare(key)
    for group in staging.uploads_of(key):
        staging.remove(group)
    upload, session = new_upload(), new_session()
    staging.mark(key, upload, 0, session)
    return StagedUpload(staging, key, (upload, session), [], limit, publish)


def resume(staging: Staging, key: str, committed: Entry | None, limit: Limit, publish: Publish) -> StagedUpload:
    """Go on with the newest upload of the key, else from its content.

    Parameters
    ----------
    staging, key, limit, publish
        As for `begin`.
    committed : Entry or None
        The file that is at the key.

    Raises
    ------
    FileNotFoundError
        If there is neither an upload nor content.
    """
    session = new_session()
    for group in staging.uploads_of(key):
        if staging.is_stale(group, committed):
            staging.remove(group)
        else:
            return _take_over(staging, key, group, session, limit, publish)
    if committed is None:
        raise FileNotFoundError(key)
    upload = new_upload()
    pieces = []
    if committed.size:
        copied = staging.name(key, upload, "d", 1, session)
        staging.files.copy(key, copied)
        pieces.append((copied, staging.files.file(copied).size))
    staging.mark(key, upload, len(pieces), session)
    return StagedUpload(staging, key, (upload, session), pieces, limit, publish)


def _take_over(
    staging: Staging, key: str, group: StagedFiles, session: str, limit: Limit, publish: Publish
) -> StagedUpload:
    """Make the upload this session's. What a killed commit has left of it is put in order first."""
    files = staging.files
    pieces = [(staged.key, staged.size) for staged in group.data]
    last = max((staged.number for staged in group.data), default=0)
    if group.wholes and not group.markers:
        for staged in group.all:
            if staged.kind == "d":
                files.remove(staged.key)
        whole, size = pieces[0]
        last = 1
        data = staging.name(key, group.upload, "d", last, session)
        files.replace(whole, data, staging.temporary(key, "o"))
        pieces = [(data, size)]
    staging.mark(key, group.upload, last, session)
    for marker in group.markers:
        files.remove(marker.key)
    if group.markers:
        for staged in group.wholes:
            files.remove(staged.key)
    return StagedUpload(staging, key, (group.upload, session), pieces, limit, publish, last)


class StagedUpload(Upload):
    """An upload whose content lies in staging files.

    Parameters
    ----------
    staging : Staging
        The staging files of the store.
    key : str
        What is uploaded.
    identity : (str, str)
        The upload and the session.
    pieces : list of (str, int)
        The keys of the data of earlier sessions and how many bytes of each
        count, in order.
    limit : Limit
        The store's.
    publish : callable
        See `begin`.
    last : int, optional
        The number of the last piece.
    """

    def __init__(
        self,
        staging: Staging,
        key: str,
        identity: tuple[str, str],
        pieces: list[tuple[str, int]],
        limit: Limit,
        publish: Publish,
        last: int | None = None,
    ) -> None:
        self._staging = staging
        self._files = staging.files
        self._key = key
        self._upload, self._session = identity
        self._pieces = pieces
        self._limit = limit
        self._publish = publish
        self._number = (len(pieces) if last is None else last) + 1
        self._handle: Any = None
        self._own: str | None = None
        self._written = 0
        self._buffer = bytearray()
        self._final: str | None = None

    @property
    def size(self) -> int:
        """The bytes of earlier sessions, of this one and of the buffer."""
        return sum(size for _, size in self._pieces) + self._written + len(self._buffer)

    def write(self, data: memoryview, /) -> None:
        """Gather small pieces, send large ones."""
        if self._final is not None:
            raise ConflictError("a commit has failed half way, it can only be tried again")
        if len(self._buffer) + len(data) < _BUFFER:
            self._buffer += data
            return
        self._flush()
        with self._limit.slot():
            self._send(bytes(data))

    def suspend(self) -> None:
        """Close this session's file, if the upload is still this session's."""
        if self._close():
            with self._limit.slot():
                self._check(self._group())

    def commit(self) -> None:
        """Make one file of the pieces and rename it over the key."""
        self._close()
        with self._limit.slot():
            if self._final is None:
                self._final = self._finalize()
            try:
                self._publish(self._final, self._key)
            except FileNotFoundError as error:
                raise ConflictError("the upload is gone, another writer has removed it") from error

    def cancel(self) -> None:
        """Remove the staging files, unless another session has taken over."""
        with self._limit.slot():
            if self._handle is not None:
                self._files.drop(self._handle)
                self._handle = None
            group = self._group()
            if group is not None and (self._is_mine(group) or not group.markers):
                self._staging.remove(group)
            else:
                self._retire(group)

    def abandon(self) -> None:
        """Let go of the file that is being written."""
        if self._handle is not None:
            self._files.abandon(self._handle)
            self._handle = None

    def _flush(self) -> None:
        if self._buffer:
            with self._limit.slot():
                self._send(bytes(self._buffer))
            self._buffer.clear()

    def _send(self, data: bytes) -> None:
        if self._handle is None:
            self._own = self._staging.name(self._key, self._upload, "d", self._number, self._session)
            self._handle = self._files.create(self._own)
        self._handle.write(data)
        self._written += len(data)

    def _close(self) -> bool:
        """Bring this session's data to the store; say whether there was any."""
        self._flush()
        if self._handle is None:
            return False
        with self._limit.slot():
            self._files.finish(self._handle)
        self._handle = None
        assert self._own is not None
        self._pieces.append((self._own, self._written))
        self._written = 0
        return True

    def _finalize(self) -> str:
        """Leave one file with all of the content, and give its key."""
        groups = self._staging.uploads_of(self._key)
        group = self._check(next((group for group in groups if group.upload == self._upload), None))
        for other in groups:
            if other.upload > self._upload:
                self._staging.remove(group)
                raise ConflictError("another writer of the path was opened later")
            if other.upload < self._upload:
                self._staging.remove(other)
        sizes = {staged.key: staged.size for staged in group.all}
        for key, size in self._pieces:
            if sizes.get(key, -1) < size:
                raise ConflictError("a part of the upload is gone, another writer has removed it")
        pieces = [piece for piece in self._pieces if piece[1]]
        if len(pieces) == 1 and sizes[pieces[0][0]] == pieces[0][1]:
            final = pieces[0][0]
        else:
            final = self._staging.name(self._key, self._upload, "w", 0, self._session)
            self._files.join(pieces, final)
            group = self._check(self._group())
        # The marker first: without one, what is left is complete.
        for staged in sorted(group.all, key=lambda staged: staged.kind != "m"):
            if staged.key != final:
                self._files.remove(staged.key)
        return final

    def _group(self) -> StagedFiles | None:
        """The files of this upload."""
        for group in self._staging.uploads_of(self._key):
            if group.upload == self._upload:
                return group
        return None

    def _is_mine(self, group: StagedFiles) -> bool:
        return any(marker.session == self._session for marker in group.markers)

    def _check(self, group: StagedFiles | None) -> StagedFiles:
        if group is None or not self._is_mine(group):
            self._retire(group)
            raise ConflictError("another writer of the path was opened later")
        return group

    def _retire(self, group: StagedFiles | None) -> None:
        """Remove what this session has written, unless another one counts on it."""
        if self._own is None:
            return
        markers = [] if group is None else group.markers
        if all(marker.number < self._number for marker in markers):
            with contextlib.suppress(Exception):
                self._files.remove(self._own)
