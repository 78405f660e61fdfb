"""A directory for temporary files that is full, at every moment of a survey."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from storagedriver import factory
from storagedriver.driver import StorageDriver
from storagedriver.registry import survey
from storagedriver.registry.garbage import garbage
from storagedriver.registry.usage import usage
from storagedriver.registry.verify import verify
from tests.registry.generated import Writer, digest_of

_PAGE = 4096


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "look",
    [lambda driver: list(garbage(driver, untagged=True)), lambda driver: list(verify(driver)), usage],
    ids=["garbage", "verify", "usage"],
)
def test_a_full_disk_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[StorageDriver], object]
) -> None:
    monkeypatch.setattr(survey, "_CACHE", 8)
    with factory.create("inmemory") as driver:
        writer = Writer(driver)
        writer.image("app", "latest", layers=tuple(bytes([number]) for number in range(200)))
        for number in range(200):
            writer.link_layer("other", digest_of(bytes([number])))
        found: set[str] = set()
        for pages in range(1, 60, 2):
            with no_file_larger_than(pages * _PAGE):
                try:
                    look(driver)
                except OSError as error:
                    found.add(str(error))
        assert found
        assert all("SQLITE_TMPDIR" in text for text in found)
        look(driver)
