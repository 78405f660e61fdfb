"""The harness: what the suite has to know of a driver before it can test it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings

from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.paths import NameRule

__all__ = ["PART_SIZE", "Harness", "MakeDriver", "MakeNeighbours", "opened", "resolved"]

T = TypeVar("T")

#: Makes a driver, or yields one and then cleans up. Its parameters are names of pytest fixtures.
MakeDriver = Callable[..., StorageDriver | Iterator[StorageDriver]]
#: Makes drivers with other root directories. Its parameters are names of pytest fixtures.
MakeNeighbours = Callable[..., Iterable[StorageDriver]]
#: A little more than the smallest part of most object stores.
PART_SIZE = (5 << 20) + 1000


def _few_examples() -> settings:
    return settings(
        max_examples=15,
        stateful_step_count=20,
        deadline=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Harness:
    """A driver under test: how to make it, and what it declares.

    Attributes
    ----------
    name : str
        A label for reports; one driver may be tested under several.
    make_driver : callable
        Gives a driver on a store, or on a root directory, that is empty. It is
        called once for each case. Its parameters are resolved as pytest
        fixtures of the same name. If it is a generator function it yields the
        driver, and what follows the ``yield`` closes it and cleans up; else
        the suite closes the driver.
    capabilities : Capabilities
        What the driver must declare, and what it is held to.
    make_missing_bucket : callable, optional
        As `make_driver`, for a bucket, container or root that does not exist.
        None where the store has no such thing.
    make_refused : callable, optional
        As `make_driver`, with credentials that the store refuses.
    make_unreachable : callable, optional
        As `make_driver`, for an address where nothing answers.
    secrets : sequence of str
        The texts that no ``repr``, error, log or URL may hold.
    make_neighbours : callable, optional
        Gives drivers on the same store whose root directories are beside that
        of the driver under test: one whose name begins like it, the directory
        above. Its parameters are fixtures, as those of `make_driver`; one may
        be ``driver``, the driver under test. The suite closes the drivers.
    registered_as : str, optional
        The name that `storagedriver.factory` knows the driver by.
    part_size : int
        More bytes than a part of an upload has, or than the store sends at once.
    constant_start : str
        Where the store gives every upload the same time, the reason for that:
        its uploads are not held to the time when they were begun.
    names : {"registry", "any"}
        With ``any`` each name of the cases has `storagedriver.testsuites.odd.ODD` before it.
    settings : hypothesis.settings
        How long the stateful case runs. By default 15 histories of 20 steps;
        one that fails is shown as it is, because making it shorter may take
        minutes on a server (``phases`` with ``Phase.shrink`` does that).
    """

    name: str
    make_driver: MakeDriver
    capabilities: Capabilities
    make_missing_bucket: MakeDriver | None = None
    make_refused: MakeDriver | None = None
    make_unreachable: MakeDriver | None = None
    secrets: Sequence[str] = ()
    make_neighbours: MakeNeighbours | None = None
    registered_as: str | None = None
    part_size: int = PART_SIZE
    constant_start: str = ""
    names: NameRule = "registry"
    settings: settings = field(default_factory=_few_examples)


@contextmanager
def opened(make: MakeDriver, request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
    """A driver that `make` makes from the fixtures it asks for, until the end of the block."""
    made = resolved(make, request)
    if isinstance(made, StorageDriver):
        with made:
            yield made
        return
    driver = next(made)
    try:
        yield driver
    finally:
        next(made, None)


def resolved(make: Callable[..., T], request: pytest.FixtureRequest) -> T:
    """What `make` gives for the fixtures that it asks for."""
    wanted = [
        name
        for name, parameter in inspect.signature(make).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    return make(**{name: request.getfixturevalue(name) for name in wanted})
