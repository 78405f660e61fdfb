"""What is done to a store while requests fail: short sequences of calls, each about one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from storagedriver.driver import StorageDriver
from storagedriver.testsuites.faults.steps import (
    Ask,
    Cancel,
    Close,
    Commit,
    Copy,
    Delete,
    Move,
    Open,
    Put,
    Step,
    Write,
)
from storagedriver.testsuites.helpers import drain, pattern, walked

__all__ = ["SCRIPTS", "Script", "Sizes"]

_OLD = 333
_SHORT = 1000


@dataclass(frozen=True)
class Sizes:
    """What is small and what is large for a driver.

    Attributes
    ----------
    part : int
        The size of a part of an upload, in bytes.
    copied_in_parts : int
        The size of a file that is copied in parts, or by more than one request.
    """

    part: int
    copied_in_parts: int


@dataclass(frozen=True)
class Script:
    """Calls in a directory of their own.

    Attributes
    ----------
    before : tuple of Step
        What is done first, when nothing fails.
    steps : tuple of Step
        The calls of which one request fails.
    goal : bytes or None
        The stream that is uploaded to `path`; None where there is no upload.
    """

    before: tuple[Step, ...]
    steps: tuple[Step, ...]
    path: str = ""
    goal: bytes | None = None


MakeScript = Callable[[str, Sizes], Script]
SCRIPTS: dict[str, MakeScript] = {}


def _script(name: str) -> Callable[[MakeScript], MakeScript]:
    def enter(make: MakeScript) -> MakeScript:
        SCRIPTS[name] = make
        return make

    return enter


@lru_cache(maxsize=64)
def _bytes(size: int, seed: int = 1) -> bytes:
    return pattern(size, seed)


def _old(at: str) -> Put:
    return Put(f"{at}/data", _bytes(_OLD, 2))


def _pieces(path: str, content: bytes, piece: int) -> Iterator[Write]:
    for start in range(0, len(content), max(1, piece)):
        yield Write(path, content[start : start + piece])


def _put(*, over: bool) -> MakeScript:
    def make(at: str, _: Sizes) -> Script:
        return Script((_old(at),) if over else (), (Put(f"{at}/data", _bytes(_SHORT)),))

    return make


def _stream(size: Callable[[int], int], *, over: bool = False, whole: bool = False) -> MakeScript:
    def make(at: str, sizes: Sizes) -> Script:
        path, content = f"{at}/data", _bytes(size(sizes.part))
        writes = _pieces(path, content, len(content) if whole else sizes.part // 2 + 7)
        steps = (Open(path), *writes, Commit(path))
        return Script((_old(at),) if over else (), steps, path, content)

    return make


def _append(
    held: Callable[[int], int], more: Callable[[int], int], *, committed: bool, over: bool = False
) -> MakeScript:
    """What is appended to content, or to an upload that was closed."""

    def make(at: str, sizes: Sizes) -> Script:
        path, content = f"{at}/data", _bytes(held(sizes.part) + more(sizes.part))
        start = held(sizes.part)
        before: list[Step] = [_old(at)] if over else []
        before += [Open(path), *_pieces(path, content[:start], sizes.part)]
        before.append(Commit(path) if committed else Close(path))
        writes = _pieces(path, content[start:], sizes.part // 2 + 7)
        steps = (Open(path, append=True), *writes, Commit(path))
        return Script(tuple(before), steps, path, content)

    return make


@_script("close, resume and commit")
def _sessions(at: str, sizes: Sizes) -> Script:
    path, part = f"{at}/data", sizes.part
    content = _bytes(2 * part + 99)
    steps = (
        Open(path),
        Write(path, content[: part + 50]),
        Close(path),
        Open(path, append=True),
        Write(path, content[part + 50 :]),
        Close(path),
        Open(path, append=True),
        Commit(path),
    )
    return Script((_old(at),), steps, path, content)


@_script("close with a short tail")
def _short_close(at: str, _: Sizes) -> Script:
    path, content = f"{at}/data", _bytes(_SHORT)
    return Script((), (Open(path), Write(path, content), Close(path)), path, content)


@_script("close with a part and a tail")
def _long_close(at: str, sizes: Sizes) -> Script:
    path, content = f"{at}/data", _bytes(sizes.part + 50)
    return Script((_old(at),), (Open(path), Write(path, content), Close(path)), path, content)


@_script("cancel")
def _cancel(at: str, sizes: Sizes) -> Script:
    path, content = f"{at}/data", _bytes(sizes.part + 50)
    return Script((_old(at),), (Open(path), Write(path, content), Cancel(path)), path, content)


@_script("cancel what was resumed")
def _cancel_resumed(at: str, sizes: Sizes) -> Script:
    path, content = f"{at}/data", _bytes(sizes.part + 50)
    before = (Open(path), Write(path, content), Close(path))
    return Script(before, (Open(path, append=True), Write(path, b"more"), Cancel(path)), path, content + b"more")


def _transfer(kind: type[Move | Copy], size: Callable[[Sizes], int], *, over: bool = False) -> MakeScript:
    def make(at: str, sizes: Sizes) -> Script:
        source, content = f"{at}/source", _bytes(size(sizes))
        before: list[Step] = [Open(source), *_pieces(source, content, sizes.part), Commit(source)]
        if over:
            before.append(_old(at))
        return Script(tuple(before), (kind(source, f"{at}/data"),))

    return make


@_script("delete a file")
def _delete_file(at: str, _: Sizes) -> Script:
    before = [Put(f"{at}/{name}", name.encode()) for name in ("a", "ab")]
    return Script(tuple(before), (Delete(f"{at}/a"),))


@_script("delete a tree")
def _delete_tree(at: str, _: Sizes) -> Script:
    before: list[Step] = [Put(f"{at}/{name}", name.encode()) for name in ("a/b/c", "a/d", "a/e", "ab/f")]
    before += [Open(f"{at}/a/u"), Write(f"{at}/a/u", b"unfinished"), Close(f"{at}/a/u")]
    return Script(tuple(before), (Delete(f"{at}/a"),))


def _asking(name: str, call: Callable[[StorageDriver, str], Any], expected: Callable[[str, Sizes], Any]) -> None:
    """A script of one question about a directory with a small file, a larger one and one in a directory."""

    def make(at: str, sizes: Sizes) -> Script:
        before = [Put(f"{at}/data", _bytes(_SHORT)), Put(f"{at}/b/c", b"c")]
        large = f"{at}/large"
        before_large: list[Step] = [Open(large), *_pieces(large, _bytes(sizes.part + 99), sizes.part), Commit(large)]
        steps = (Ask(at, name, lambda driver: call(driver, at), expected(at, sizes)),)
        return Script((*before, *before_large), steps)

    SCRIPTS[name] = make


def _read(driver: StorageDriver, path: str, offset: int = 0) -> bytes:
    with driver.reader(path, offset) as reader:
        return drain(reader)


for _over in (False, True):
    SCRIPTS["put over content" if _over else "put"] = _put(over=_over)
SCRIPTS |= {
    "a stream of 0 bytes": _stream(lambda _: 0),
    "a stream of 0 bytes over content": _stream(lambda _: 0, over=True),
    "a stream of 1 byte": _stream(lambda _: 1),
    "a stream of 1 byte over content": _stream(lambda _: 1, over=True),
    "a stream of a part": _stream(lambda part: part, whole=True),
    "a stream of a part and a bit": _stream(lambda part: part + 50),
    "a stream of a part and a bit over content": _stream(lambda part: part + 50, over=True),
    "a stream of three parts": _stream(lambda part: 3 * part),
    "a stream of three parts in one write": _stream(lambda part: 3 * part, whole=True),
    "append to content": _append(lambda _: _SHORT, lambda part: part + 9, committed=True),
    "append to content of more than a part": _append(lambda part: part + 20, lambda _: _SHORT, committed=True),
    "append to an upload": _append(lambda part: part + 20, lambda part: part + 9, committed=False),
    "append to an upload of whole parts": _append(lambda part: 2 * part, lambda _: _SHORT, committed=False, over=True),
    "append to a short tail": _append(lambda _: _SHORT, lambda _: _SHORT, committed=False, over=True),
    "append to an empty upload": _append(lambda _: 0, lambda _: _SHORT, committed=False, over=True),
    "move": _transfer(Move, lambda _: _SHORT),
    "move over content": _transfer(Move, lambda _: _SHORT, over=True),
    "move in parts": _transfer(Move, lambda sizes: sizes.copied_in_parts, over=True),
    "copy": _transfer(Copy, lambda _: _SHORT, over=True),
    "copy in parts": _transfer(Copy, lambda sizes: sizes.copied_in_parts),
}
_asking("list", lambda driver, at: driver.list(at), lambda at, _: [f"{at}/b", f"{at}/data", f"{at}/large"])
_asking(
    "walk",
    lambda driver, at: sorted((info.path, info.is_dir) for info in walked(driver, at)),
    lambda at, _: [(f"{at}/b", True), (f"{at}/b/c", False), (f"{at}/data", False), (f"{at}/large", False)],
)
_asking(
    "stat of a file",
    lambda driver, at: (info := driver.stat(f"{at}/data")) and (info.path, info.size, info.is_dir),
    lambda at, _: (f"{at}/data", _SHORT, False),
)
_asking(
    "stat of a directory",
    lambda driver, at: (info := driver.stat(f"{at}/b")) and (info.path, info.size, info.is_dir),
    lambda at, _: (f"{at}/b", 0, True),
)
_asking("exists", lambda driver, at: driver.exists(f"{at}/data"), lambda _at, _: True)
_asking("get_content", lambda driver, at: driver.get_content(f"{at}/data"), lambda _at, _: _bytes(_SHORT))
_asking(
    "read with an offset",
    lambda driver, at: _read(driver, f"{at}/large", 77),
    lambda _at, sizes: _bytes(sizes.part + 99)[77:],
)
_asking("uploads", lambda driver, at: list(driver.uploads(at)), lambda _at, _: [])
