"""From the bytes of a file object to the driver: all of them at the path in the end, or nothing."""

from __future__ import annotations

import logging

from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.filesystem.names import staged_path
from storagedriver.own_files import making_own_files

__all__ = ["Upload"]

logger = logging.getLogger(__name__)


class Upload:
    """One file on its way to its path.

    A small file is put in one request. A larger one goes through a writer of
    the driver. Where a store shows an upload before it is committed, the
    writer works beside the path and the file is moved there in the end, so
    that neither a reader nor a failure ever meets half of it.

    Parameters
    ----------
    driver : StorageDriver
        Whose file it is.
    path : str
        Where `publish` puts the file.
    append : bool
        Begin with the content that is at the path.
    small : int
        The size in bytes up to which appending rewrites the file.
    """

    def __init__(self, driver: StorageDriver, path: str, *, append: bool, small: int) -> None:
        self._driver = driver
        self._path = path
        self._append = append
        self._small = small
        self._writer: FileWriter | None = None
        self._staged: str | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Send some bytes."""
        if self._writer is None:
            self._writer = self._begin()
        self._writer.write(data)

    def publish(self, rest: bytes) -> None:
        """Send the last bytes and put the file at its path.

        Parameters
        ----------
        rest : bytes
            What comes after all that was written.
        """
        if self._writer is None and self._put(rest):
            return
        if rest or self._writer is None:
            self.write(rest)
        assert self._writer is not None
        self._writer.commit()
        if self._staged is not None:
            self._driver.move(self._staged, self._path)

    def cancel(self) -> None:
        """Remove all that was sent. What was at the path before stays."""
        writer, self._writer = self._writer, None
        if writer is not None and not writer.closed:
            writer.cancel()
        elif writer is not None and self._staged is not None:
            self._driver.delete(self._staged)

    def cancel_quietly(self) -> None:
        """Do the same on behalf of another error, which is the one to be seen."""
        try:
            self.cancel()
        except Exception:
            logger.warning("the unfinished upload of %s could not be removed", self._path, exc_info=True)

    def forget(self) -> None:
        """Let go of it without any network, as garbage collection has to."""
        self._writer = None

    def _put(self, content: bytes) -> bool:
        """Put the file in one request, unless it is to be appended to a large one."""
        if self._append:
            try:
                size = self._driver.stat(self._path).size
                if not content:
                    return True
                if size + len(content) > self._small:
                    return False
                content = self._driver.get_content(self._path) + content
            except PathNotFoundError:
                pass
        self._driver.put_content(self._path, content)
        return True

    def _begin(self) -> FileWriter:
        visible = self._driver.capabilities.unfinished == "shown"
        if visible:
            self._staged = staged_path(self._path)
        path = self._staged or self._path
        with making_own_files():
            return self._opened(path, visible=visible)

    def _opened(self, path: str, *, visible: bool) -> FileWriter:
        if not self._append:
            return self._driver.writer(path)
        try:
            if visible:
                self._driver.copy(self._path, path)
            elif any(upload.path == path for upload in self._driver.uploads(path)):
                # Append would go on with what was left unfinished, and not from the content.
                self._driver.writer(path).cancel()
            return self._driver.writer(path, append=True)
        except PathNotFoundError:
            return self._driver.writer(path)
