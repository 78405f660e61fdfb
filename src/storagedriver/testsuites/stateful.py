"""A model beside the driver: hypothesis makes up a history, and a dict says what must come of it."""

from __future__ import annotations

import itertools
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from storagedriver.driver import StorageDriver
from storagedriver.errors import PathNotFoundError
from storagedriver.paths import sort_key
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.helpers import drain, walked
from storagedriver.testsuites.walk import model_of

__all__ = ["Model", "Stateful"]

#: No file of these is a prefix of another one ...
PLAIN = ["a-b", "a.c", "a/y", "a/z/deep", "b"]
#: ... and what the others are called where that is not allowed.
BOTH = {"a": "a_", "b/x": "b_x"}
DIRECTORIES = ["a", "a/z", "b", "missing"]

FILES = st.sampled_from([*PLAIN, *BOTH])
CONTENTS = st.binary(max_size=40)
Ends = Literal["commit", "close", "cancel"]


class Model(RuleBasedStateMachine):
    """A dict of contents and a dict of unfinished uploads, and the driver that must agree."""

    def __init__(self, cases: Cases, driver: StorageDriver, root: str) -> None:
        super().__init__()
        self.cases, self.driver, self.root = cases, driver, root
        self.capabilities = cases.harness.capabilities
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}

    def at(self, name: str) -> str:
        """The path of a file."""
        return f"{self.root}/{name if self.capabilities.key_and_prefix else BOTH.get(name, name)}"

    def entries(self) -> list[tuple[str, bool]]:
        """What a walk of the root must visit, directories that were emptied left out."""
        return model_of(list(self.files), self.root, self.driver.walk_order)

    def is_directory(self, path: str) -> bool:
        """Whether a file is below the path."""
        return any(file.startswith(path + "/") for file in self.files)

    @rule(name=FILES, content=CONTENTS)
    def put(self, name: str, content: bytes) -> None:
        path = self.at(name)
        # Within one second the store cannot tell whether the upload or the content is older.
        if path not in self.uploads:
            self.driver.put_content(path, content)
            self.files[path] = content

    @rule(
        name=FILES,
        append=st.booleans(),
        pieces=st.lists(CONTENTS, max_size=3),
        end=st.sampled_from(["commit", "close", "cancel"]),
    )
    def write(self, name: str, append: bool, pieces: list[bytes], end: Ends) -> None:
        path = self.at(name)
        start = self.uploads.get(path, self.files.get(path)) if append else b""
        if start is None:
            with self.cases.fails(self.driver, PathNotFoundError, path):
                self.driver.writer(path, append=True)
            return
        resumed = append and path in self.uploads
        if (
            append
            and self.capabilities.unfinished == "shown_when_resumed"
            and not (resumed and end == "cancel" and any(pieces))
        ):
            # What is at the path after another end depends on how the store lets a tail grow.
            end = "commit"
        content = start + b"".join(pieces)
        with self.driver.writer(path, append=append) as writer:
            assert writer.size == len(start)
            for piece in pieces:
                assert writer.write(piece) == len(piece)
            assert writer.size == len(content)
            getattr(writer, end)()
        self.uploads.pop(path, None)
        if end == "commit" or (end == "close" and self.capabilities.unfinished == "shown"):
            self.files[path] = content
        elif end == "close":
            self.uploads[path] = content
            if self.capabilities.unfinished == "hides":
                self.files.pop(path, None)
        elif self.capabilities.unfinished == "shown" or (
            resumed and self.capabilities.unfinished == "shown_when_resumed"
        ):
            self.files.pop(path, None)

    @rule(source=FILES, dest=FILES, keep=st.booleans())
    def move_or_copy(self, source: str, dest: str, keep: bool) -> None:
        start, end = self.at(source), self.at(dest)
        if start in self.uploads or end in self.uploads:
            return
        call = self.driver.copy if keep else self.driver.move
        if start not in self.files:
            with self.cases.fails(self.driver, PathNotFoundError, start):
                call(start, end)
            return
        call(start, end)
        self.files[end] = self.files[start]
        if not keep and start != end:
            del self.files[start]

    @rule(name=st.sampled_from([*PLAIN, *BOTH, *DIRECTORIES]))
    def delete(self, name: str) -> None:
        path = f"{self.root}/{name}"
        held = [*self.files, *self.uploads]
        there = any(file == path or file.startswith(path + "/") for file in held)
        if there or (self.capabilities.empty_directories and self.driver.exists(path)):
            self.driver.delete(path)
        else:
            with self.cases.fails(self.driver, PathNotFoundError, path):
                self.driver.delete(path)
        for kept in (self.files, self.uploads):
            for file in list(kept):
                if file == path or file.startswith(path + "/"):
                    del kept[file]

    @rule(name=FILES, offset=st.integers(0, 50), length=st.none() | st.integers(0, 50))
    def read(self, name: str, offset: int, length: int | None) -> None:
        path = self.at(name)
        if path not in self.files:
            with self.cases.fails(self.driver, PathNotFoundError, path):
                self.driver.reader(path, offset, length)
            return
        content = self.files[path]
        with self.driver.reader(path, offset, length) as reader:
            assert drain(reader) == content[offset : None if length is None else offset + length]
            assert reader.size == len(content)
        assert self.driver.get_content(path) == content

    @rule(name=st.sampled_from([*PLAIN, *BOTH, *DIRECTORIES]))
    def stat(self, name: str) -> None:
        path = f"{self.root}/{name}"
        if path in self.files:
            info = self.driver.stat(path)
            assert (info.path, info.size, info.is_dir) == (path, len(self.files[path]), False)
        elif self.is_directory(path):
            info = self.driver.stat(path)
            assert (info.path, info.size, info.is_dir) == (path, 0, True)
        elif not self.capabilities.empty_directories:
            assert not self.driver.exists(path)

    @rule(name=st.sampled_from(["", *DIRECTORIES]))
    def list_children(self, name: str) -> None:
        path = f"{self.root}/{name}".rstrip("/")
        children = {
            "/".join(file.split("/")[: path.count("/") + 2]) for file in self.files if file.startswith(path + "/")
        }
        if self.capabilities.empty_directories:
            listed = self.driver.list(path) if self.driver.exists(path) and self.is_directory(path) else []
            found = [child for child in listed if child in self.files or self.is_directory(child)]
            assert found == sorted(children)
            assert listed == sorted(set(listed))
        elif children:
            assert self.driver.list(path) == sorted(children)
        else:
            with self.cases.fails(self.driver, PathNotFoundError, path):
                self.driver.list(path)

    @rule(name=st.sampled_from(["", *PLAIN, *BOTH, *DIRECTORIES]), slash=st.booleans())
    def walk(self, name: str, slash: bool) -> None:
        if not self.files:
            return
        path = f"{self.root}/{name}"
        as_directory = slash or (path not in self.files and self.is_directory(path))
        if self.capabilities.empty_directories and not as_directory and path not in self.files:
            # It may be a directory that was emptied, and stand elsewhere.
            name = ""
        start = path + "/" * slash if name else ""
        order = self.driver.walk_order
        limit = sort_key(path, is_dir=as_directory, order=order) if name else ()
        expected = [entry for entry in self.entries() if sort_key(entry[0], is_dir=entry[1], order=order) > limit]
        visited = [(info.path, info.is_dir) for info in walked(self.driver, self.root, start)]
        if self.capabilities.empty_directories:
            visited = [entry for entry in visited if not entry[1] or self.is_directory(entry[0])]
        assert visited == expected

    def teardown(self) -> None:
        """Everything once more, at the end of a history."""
        self.walk("", slash=False)
        for path, content in self.files.items():
            assert self.driver.get_content(path) == content
            assert path in self.uploads or self.driver.upload_size(path) == len(content)
        for path, content in self.uploads.items():
            assert self.driver.upload_size(path) == len(content)
            with self.driver.writer(path, append=True) as writer:
                assert writer.size == len(content)
        for path in {self.at(name) for name in (*PLAIN, *BOTH)} - {*self.files, *self.uploads}:
            with self.cases.fails(self.driver, PathNotFoundError, path):
                self.driver.writer(path, append=True)


class Stateful(Cases):
    """The case of made-up histories."""

    def test_histories_agree_with_a_model(self, driver: StorageDriver) -> None:
        cases, numbers = self, itertools.count()

        class History(Model):
            """Each in a directory of its own, so that one store serves them all."""

            def __init__(self) -> None:
                super().__init__(cases, driver, f"/history-{next(numbers)}")

        run_state_machine_as_test(History, settings=self.harness.settings)
