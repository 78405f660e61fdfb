"""The index of the driver ``inmemory`` beside a plain sorted dict."""

from __future__ import annotations

from random import Random

import pytest

from storagedriver import SkipDir, factory
from storagedriver.driver import FileInfo
from storagedriver.drivers.inmemory.tree import Tree

_NAMES = ("a", "a-", "a.b", "a0", "b", "")


def _key(random: Random) -> str:
    return "/".join(random.choice(_NAMES) for _ in range(random.randint(1, 4)))


def _below(model: dict[str, int], prefix: str, after: str) -> list[tuple[str, int | None]]:
    """What `Tree.after` has to give."""
    found: dict[str, int | None] = {key: number for key, number in model.items() if key.startswith(prefix)}
    for key in tuple(found):
        parts = key.split("/")
        for end in range(1, len(parts)):
            directory = "/".join(parts[:end]) + "/"
            # A file with an empty name stands where its directory does.
            if len(directory) > len(prefix) and directory.startswith(prefix):
                found.setdefault(directory, None)
    return [(key, found[key]) for key in sorted(found) if key > after]


@pytest.mark.parametrize("seed", range(20))
def test_the_tree_holds_what_a_sorted_dict_holds(seed: int) -> None:
    random = Random(seed)
    tree: Tree[int] = Tree()
    model: dict[str, int] = {}
    for number in range(400):
        key = _key(random).rstrip("/") or "a"
        action = random.randrange(8)
        if action < 4:
            tree.set(key, number)
            model[key] = number
        elif action == 4:
            assert tree.remove(key) == (model.pop(key, None) is not None)
        elif action == 5:
            below = [name for name in model if name == key or name.startswith(key + "/")]
            file, directory = tree.remove_all(key)
            assert (file is not None, directory is not None) == (key in below, any(name != key for name in below))
            for name in below:
                del model[name]
        elif action == 6:
            prefix = random.choice(("", key + "/"))
            names = {name[len(prefix) :].partition("/")[0] for name in model if name.startswith(prefix)}
            assert sorted(tree.names(prefix)) == sorted(names)
        else:
            prefix = random.choice(("", key + "/"))
            after = max(prefix, prefix + _key(random))
            count = random.randint(1, 20)
            assert tree.after(prefix, after, count=count) == _below(model, prefix, after)[:count]
        assert tree.get(key) == model.get(key)
    assert list(tree) == sorted(model)


def test_an_emptied_directory_is_gone_with_those_above_it() -> None:
    tree: Tree[int] = Tree()
    tree.set("a/b/c/d", 1)
    tree.set("a/e", 2)
    tree.remove("a/b/c/d")
    assert tree.names("a/") == ["e"]
    tree.remove_all("a/e")
    assert tree.names("") == []


def test_a_directory_that_is_skipped_is_not_gone_through() -> None:
    tree: Tree[int] = Tree()
    for name in ("a/1", "a/2", "b/1", "c"):
        tree.set(name, 0)
    assert tree.after("", "", count=10, skipped={"a", "b"}) == [("a/", None), ("b/", None), ("c", 0)]
    assert tree.after("", "a/1", count=10, skipped={"a"}) == [("b/", None), ("b/1", 0), ("c", 0)]


def test_a_walk_sees_what_is_put_behind_it_and_not_what_was_deleted() -> None:
    driver = factory.create("inmemory")
    for number in range(1200):
        driver.put_content(f"/a/{number:04}", b"")
    driver.put_content("/b/1", b"")
    visited = []

    def visit(info: FileInfo) -> None:
        visited.append(info.path)
        if info.path == "/a":
            driver.delete("/b")
            driver.put_content("/c", b"")
        if info.path == "/a/0001":
            driver.put_content("/a/0001-", b"")
            raise SkipDir

    driver.walk("/", visit)
    assert visited[-1] == "/c"
    assert "/b/1" not in visited
    assert len(visited) in (1202, 1203)


def test_a_very_deep_tree_is_walked_and_deleted() -> None:
    driver = factory.create("inmemory")
    driver.put_content("/a" * 5_000, b"")
    assert sum(1 for _ in driver.files("/")) == 1
    driver.delete("/a")
    assert driver.list("/") == []
