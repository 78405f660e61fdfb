"""Uploads on any filesystem: each session writes one file, a commit makes one of them and renames it.

Nothing but "write a new file", "list a directory" and "rename" is asked of the
filesystem, so an upload can be resumed where files cannot grow, too. Of two
writers of one path the one that was opened last wins: it takes the other's
marker away, and the other finds that when it closes or commits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from storagedriver.adapter.limits import Limit
from storagedriver.adapter.store import EPOCH, Entry, Upload
from storagedriver.drivers.fsspec.errors import is_disconnected
from storagedriver.drivers.fsspec.names import Staged, StagedFiles, Staging, new_session, new_upload
from storagedriver.drivers.fsspec.session_file import SessionFile
from storagedriver.errors import ConflictError, StorageDriverError

__all__ = ["StagedUpload", "begin", "resume"]

#: Small writes are gathered up to this, in bytes: some filesystems send each of them.
_BUFFER = 1 << 20

_GONE = "the upload is gone, another writer has removed it"

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
    older = staging.uploads_of(key)
    upload, session = new_upload(), new_session()
    try:
        staging.mark(key, upload, 0, session)
        for group in older:
            staging.remove(group)
    except Exception:
        # Then the older ones go on.
        staging.files.remove(staging.name(key, upload, "m", 0, session), quietly=True)
        raise
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
        _copy(staging, key, copied)
        pieces.append((copied, staging.files.file(copied).size))
    staging.mark(key, upload, len(pieces), session)
    return StagedUpload(staging, key, (upload, session), pieces, limit, publish)


def _copy(staging: Staging, key: str, copied: str) -> None:
    """Copy the content. A part of it must not be taken for an upload, should this be killed or fail."""
    if not staging.beside:
        # An object is there when it is whole.
        staging.files.copy(key, copied)
        return
    partial = staging.temporary(key, "p")
    try:
        staging.files.copy(key, partial)
        staging.files.replace(partial, copied, staging.temporary(key, "o"))
    except BaseException:
        staging.files.remove(partial, quietly=True)
        raise


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
    """An upload whose content is in staging files.

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
        self._limit = limit
        self._publish = publish
        self._number = len(pieces) if last is None else last
        # The pieces that are durable, and the file that is being written. They
        # are set together, so that an interrupt finds the one or the other state.
        self._held: tuple[list[tuple[str, int]], SessionFile | None] = (pieces, None)
        self._own: list[str] = []
        self._buffer = bytearray()
        #: How large the file is when what is buffered has been written to it.
        self._flushed: int | None = None
        self._unchecked = False
        self._final: Staged | None = None
        self._published = self._tried = False

    @property
    def size(self) -> int:
        """The bytes of earlier sessions, of this one and of the buffer."""
        self._settle()
        pieces, file = self._held
        written = 0 if file is None else file.size
        return sum(size for _, size in pieces) + written + len(self._buffer)

    @property
    def durable(self) -> int:
        """What the finished files hold."""
        return sum(size for _, size in self._held[0])

    def write(self, data: memoryview, /) -> None:
        """Gather small pieces, send large ones. It takes all, or nothing."""
        if self._final is not None:
            raise StorageDriverError("a commit has failed half way: commit again, close or cancel")
        self._settle()
        if len(self._buffer) + len(data) < _BUFFER:
            self._buffer += data
            return
        self._flush()
        with self._limit.slot():
            self._send(bytes(data))

    def suspend(self) -> None:
        """Close this session's file, if the upload is still this session's."""
        if self._final is not None:
            # The final file can be resumed, and so can what it was renamed to.
            with self._limit.slot():
                if not self._published and self._files.entry(self._final.key) is None and not self._was_published():
                    raise ConflictError(_GONE)
            return
        self._close()
        if self._unchecked:
            with self._limit.slot():
                self._check(self._group())
            self._unchecked = False

    def commit(self) -> None:
        """Make one file of the pieces and rename it over the key."""
        if self._published:
            return
        if self._final is None:
            self._close()
        with self._limit.slot():
            if self._final is None:
                self._final = self._finalize()
            self._clear(self._final)
            tried, self._tried = self._tried, True
            try:
                self._publish(self._final.key, self._key)
            except FileNotFoundError as error:
                if not (tried and self._was_published()):
                    raise ConflictError(_GONE) from error
        self._published = True

    def cancel(self) -> None:
        """Remove the staging files, unless another session has taken over."""
        with self._limit.slot():
            file = self._held[1]
            if file is not None:
                file.drop()
            group = self._group()
            if group is not None and (self._is_mine(group) or not group.markers):
                self._staging.remove(group)
            else:
                self._retire(group)

    def abandon(self) -> None:
        """Let go of the file that is being written."""
        file = self._held[1]
        if file is not None:
            file.abandon()

    def _settle(self) -> None:
        """Forget what was buffered, if it was written and an interrupt came before that was noted."""
        file = self._held[1]
        if self._flushed is not None and file is not None and file.size >= self._flushed:
            self._buffer.clear()
        self._flushed = None

    def _flush(self) -> None:
        self._settle()
        if self._buffer:
            file = self._held[1]
            self._flushed = (0 if file is None else file.size) + len(self._buffer)
            with self._limit.slot():
                self._send(bytes(self._buffer))
            self._settle()

    def _send(self, data: bytes) -> None:
        self._unchecked = True
        with self._losing():
            file = self._mended()
            if file is None:
                self._number += 1
                key = self._staging.name(self._key, self._upload, "d", self._number, self._session)
                self._own.append(key)
                file = SessionFile(self._files, key)
                self._held = (self._held[0], file)
            file.write(data)

    def _close(self) -> None:
        """Bring this session's data to the store."""
        try:
            self._finish()
        except StorageDriverError:
            raise
        except Exception as error:
            # Where a file is sent in parts, the next part of one that another writer removed is refused.
            if not is_disconnected(error) and self._is_overtaken():
                raise ConflictError("another writer of the path was opened later") from error
            raise

    def _is_overtaken(self) -> bool:
        with contextlib.suppress(Exception), self._limit.slot():
            group = self._group()
            return group is None or not self._is_mine(group)
        return False

    def _finish(self) -> None:
        self._flush()
        with self._limit.slot(), self._losing():
            file = self._mended()
            if file is None:
                return
            if file.size:
                file.finish()
                self._mended()
            else:
                # All that was to be written to it has failed, and some of that may be there.
                file.drop()
                self._files.remove(file.key)
                self._held = (self._held[0], None)

    def _mended(self) -> SessionFile | None:
        """The file that is being written; None once it is finished and one of the pieces."""
        pieces, file = self._held
        if file is None:
            return None
        file.mend()
        if not file.finished:
            return file
        self._held = ([*pieces, (file.key, file.size)], None)
        return None

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        """Say on an error about lost bytes how many are safe."""
        try:
            yield
        except StorageDriverError as error:
            error.durable = self.durable
            raise

    def _finalize(self) -> Staged:
        """Make one file with all of the content, and give it."""
        groups = self._staging.uploads_of(self._key)
        group = self._check(next((group for group in groups if group.upload == self._upload), None))
        for other in groups:
            if other.upload > self._upload:
                self._staging.remove(group)
                raise ConflictError("another writer of the path was opened later")
            if other.upload < self._upload:
                self._staging.remove(other)
        found = {staged.key: staged for staged in group.all}
        pieces = [piece for piece in self._held[0] if piece[1]]
        for key, size in self._held[0]:
            if key not in found or found[key].size < size:
                raise ConflictError("a part of the upload is gone, another writer has removed it")
        if len(pieces) == 1 and found[pieces[0][0]].size == pieces[0][1]:
            return found[pieces[0][0]]
        final = self._staging.name(self._key, self._upload, "w", 0, self._session)
        self._files.join(pieces, final)
        group = self._check(self._group())
        for staged in group.all:
            if staged.key == final and staged.size == sum(size for _, size in pieces):
                return staged
        raise ConflictError("the joined content is gone or has another size, another writer has changed it")

    def _clear(self, final: Staged) -> None:
        """Remove all of the upload but the final file."""
        group = self._group()
        if group is None:
            return
        if group.markers and not self._is_mine(group):
            raise ConflictError("another writer of the path was opened later")
        # The marker first: without one, what is left is complete.
        for staged in sorted(group.all, key=lambda staged: staged.kind != "m"):
            if staged.key != final.key:
                self._files.remove(staged.key)

    def _was_published(self) -> bool:
        """Whether the final file is at the key: a rename keeps its size and its time."""
        assert self._final is not None
        entry = self._files.entry(self._key)
        found = entry is not None and not entry.is_dir and entry.size == self._final.size
        return found and entry is not None and entry.mod_time == self._final.mod_time != EPOCH

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
        counted = set() if group is None else {staged.key for staged in group.data}
        for own in self._own:
            if own not in counted:
                with contextlib.suppress(Exception):
                    self._files.remove(own)
