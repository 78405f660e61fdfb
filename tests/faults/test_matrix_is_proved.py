"""The fault matrix is proved: a correct driver passes all of it, and each broken one is found."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.testsuites.faults.matrix import Store, cases, run, seen
from storagedriver.testsuites.faults.scripts import SCRIPTS, Sizes
from storagedriver.testsuites.faults.states import FaultFoundError
from storagedriver.testsuites.streams import slow_is_on
from tests.faults.broken import BROKEN
from tests.faults.http_store import CAPABILITIES, PART, HTTPDriver, serving

#: About how many cases of a script an ordinary run has.
_FEW = 6

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def endpoint() -> Iterator[str]:
    with serving() as address:
        yield address
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def store_of(driver: type[HTTPDriver], endpoint: str) -> Store:
    return Store(driver, endpoint, CAPABILITIES, Sizes(PART, 3 * PART), timeout=0.1)


def run_all(store: Store, script: str, way: str, direct: StorageDriver) -> None:
    for case in cases(script, seen(store, script, direct), store):
        if case.way.name == way:
            run(store, case, direct)


@pytest.mark.parametrize("script", SCRIPTS)
def test_correct_driver_passes(endpoint: str, script: str, request: pytest.FixtureRequest) -> None:
    store, failures = store_of(HTTPDriver, endpoint), []
    with store.direct() as direct:
        every = list(cases(script, seen(store, script, direct), store))
        for case in every if slow_is_on(request.config) else every[:: len(every) // _FEW + 1]:
            try:
                run(store, case, direct)
            except FaultFoundError as error:
                failures.append(f"{case}: {error}")
    assert failures == []


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_broken_driver_is_found(endpoint: str, broken: type[HTTPDriver]) -> None:
    store = store_of(broken, endpoint)
    with store.direct() as direct, pytest.raises(FaultFoundError):
        run_all(store, *BROKEN[broken], direct)
