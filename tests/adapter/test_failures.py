"""What becomes of an exception of a store."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from tblib import pickling_support

from storagedriver import factory
from storagedriver.adapter.failures import translated
from storagedriver.errors import StorageDriverError


class AnsweredError(Exception):
    """As those of HTTP libraries: it is made of an answer, and its text is all that a pickle keeps."""

    def __init__(self, answer: Any) -> None:
        self.status = answer.status
        super().__init__(f"HTTP {self.status}")


class Answer:
    status = 418


@pytest.fixture
def pickled_with_causes() -> Iterator[None]:
    """As where Dask is at work."""
    before = dict(copyreg.dispatch_table)
    pickling_support.install(StorageDriverError())
    yield
    copyreg.dispatch_table.clear()
    copyreg.dispatch_table.update(before)


@pytest.mark.usefixtures("pickled_with_causes")
def test_an_error_is_pickled_though_its_cause_cannot_be() -> None:
    store = factory.create("inmemory")._store  # type: ignore[attr-defined]
    with pytest.raises(StorageDriverError) as caught, translated(store, "/a"):
        raise AnsweredError(Answer())
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.cause_text) == (str(caught.value), "AnsweredError: HTTP 418")
