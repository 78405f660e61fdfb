"""Random calls that go on until the process is killed: ``python -m storagedriver.testsuites.faults.history``."""

from __future__ import annotations

import os
import pickle
import random
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from storagedriver.driver import FileWriter, StorageDriver
from storagedriver.errors import StorageDriverError
from storagedriver.testsuites.faults.journal import Content, Journal
from storagedriver.testsuites.helpers import pattern

__all__ = ["History", "go_on", "main"]

_PATHS = 3


class History:
    """Calls that are right at their time, chosen by a seed.

    Files are put, moved, copied and deleted at some paths, and uploads are
    written, closed, resumed and committed at others.

    Parameters
    ----------
    driver : StorageDriver
        What the calls are made with.
    at : str
        The directory.
    part : int
        The size of a part of an upload, in bytes.
    """

    def __init__(self, driver: StorageDriver, at: str, part: int, seed: int, journal: Journal) -> None:
        self.driver, self.part, self.journal = driver, part, journal
        self.random = random.Random(seed)
        self.writers: dict[str, FileWriter] = {}
        self.files: set[str] = set()
        self.held: set[str] = set()
        self.plain = [f"{at}/plain/{number}" for number in range(_PATHS)]
        self.uploads = [f"{at}/uploads/{number}" for number in range(_PATHS)]

    def step(self) -> None:
        """Make one call."""
        if self.random.random() < 1 / 3:
            self._plain()
        else:
            self._upload(self.random.choice(self.uploads))

    def _plain(self) -> None:
        path, other = self.random.sample(self.plain, 2)
        kind = self.random.choice(["Put", "Put", "Move", "Copy", "Delete"]) if path in self.files else "Put"
        if kind == "Put":
            self._put(path)
        elif kind == "Move":
            self._call(kind, path, lambda: self.driver.move(path, other), other)
            self.files ^= {path}
            self.files.add(other)
        elif kind == "Copy":
            self._call(kind, path, lambda: self.driver.copy(path, other), other)
            self.files.add(other)
        else:
            self._delete(path)

    def _upload(self, path: str) -> None:
        writer = self.writers.get(path)
        if writer is None:
            choices = ["Open", "Open", "Put"]
            if path in self.files | self.held:
                choices += ["Append"] * 4 + ["Delete"]
            self._begin(path, self.random.choice(choices))
            return
        kind = self.random.choice(["Write", "Write", "Write", "Close", "Close", "Commit", "Cancel"])
        if kind == "Write":
            content = self._content(self.random.choice([1, 1000, self.part // 3, self.part, self.part + 77]))
            self._call(kind, path, lambda: writer.write(pattern(*content)), content)
            return
        self._call(kind, path, getattr(writer, kind.lower()))
        del self.writers[path]
        if kind == "Commit":
            self.files.add(path)
            self.held.discard(path)
        elif kind == "Close":
            self.held.add(path)
        else:
            # What is left after a cancel depends on the store.
            self.held.discard(path)
            self.files -= set() if self.driver.exists(path) else {path}

    def _begin(self, path: str, kind: str) -> None:
        if kind == "Put":
            self._put(path)
            self.held.discard(path)
        elif kind == "Delete":
            self._delete(path)
        else:
            append = kind == "Append"

            def begin() -> None:
                self.writers[path] = self.driver.writer(path, append=append)

            self._call("Open", path, begin, append)
            if not append:
                self.held.discard(path)

    def _put(self, path: str) -> None:
        content = self._content(self.random.choice([0, 1, 1000, 20_000]))
        self._call("Put", path, lambda: self.driver.put_content(path, pattern(*content)), content)
        self.files.add(path)

    def _delete(self, path: str) -> None:
        self._call("Delete", path, lambda: self.driver.delete(path))
        self.files.discard(path)
        self.held.discard(path)

    def _content(self, size: int) -> Content:
        return size, self.random.randrange(1 << 30)

    def _call(self, kind: str, path: str, call: Any, more: Any = None) -> None:
        self.journal.write("begun", kind, path, more)
        try:
            call()
        except Exception as error:
            self.journal.write("failed", kind, path, more, error=repr(error))
            raise
        writer = self.writers.get(path)
        self.journal.write("done", kind, path, more, size=None if writer is None else writer.size)


def main() -> None:
    """What the process does: it has a child make random calls, one after another, for each task that comes.

    The children are forks of a process that has loaded all it needs: a start
    of Python for each would take longer than all they do.
    """
    sys.path[:] = pickle.load(sys.stdin.buffer)
    driver: StorageDriver = pickle.load(sys.stdin.buffer)
    with suppress(StorageDriverError):
        driver.exists("/warm-up")
    while True:
        try:
            task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pid = os.fork()
        if pid == 0:
            go_on(driver, *task)
        _tell(pid)
        _tell(os.waitpid(pid, 0)[1])


def go_on(driver: StorageDriver, at: str, part: int, seed: int, file: str) -> None:
    """Make calls until the process is killed, or until one fails."""
    try:
        history = History(driver, at, part, seed, Journal(Path(file)))
        while True:
            history.step()
    finally:
        # Nothing is cleaned up here: as after a kill.
        traceback.print_exc()
        os._exit(1)


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
