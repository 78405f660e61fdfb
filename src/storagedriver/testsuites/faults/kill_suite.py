"""The kills as a test class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.testsuites.faults.kills import Rounds, Victims, one_round
from storagedriver.testsuites.harness import MakeDriver, opened
from storagedriver.testsuites.helpers import chosen_seed

__all__ = ["ROW", "kill_suite", "table"]

#: Under which name a test reports its line of the table.
ROW = "kills"
_SEED, _ROUNDS = "STORAGEDRIVER_KILLS_SEED", "STORAGEDRIVER_KILLS"


class Kills:
    """The test; `kill_suite` gives it a driver."""

    label: ClassVar[str]
    make_driver: ClassVar[Callable[..., Any]]
    part: ClassVar[int]

    @pytest.fixture
    def driver(self, request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
        """A driver that can be pickled."""
        with opened(self.make_driver, request) as driver:
            yield driver

    def test_kills(
        self, driver: StorageDriver, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
    ) -> None:
        __tracebackhide__ = True
        seed = chosen_seed(_SEED)
        count = int(request.config.getoption("--kills", default=None) or os.environ.get(_ROUNDS) or 5)
        with Victims(driver) as victims:
            each = [one_round(victims, driver, self.part, seed + number) for number in range(count)]
        rounds = Rounds(self.label, each)
        record_property(ROW, list(rounds.row))
        if rounds.losses:
            lost = "\n".join(f"  {_SEED}={one.seed}: {one.loss}" for one in rounds.losses)
            pytest.fail(f"{len(rounds.losses)} of {count} killed processes have left what must not be:\n{lost}", False)


def kill_suite(name: str, make_driver: MakeDriver, *, part: int) -> type:
    """The test class of the kills: ``TestKills = kill_suite("mine", make_driver, part=...)``.

    It kills five processes, or as many as STORAGEDRIVER_KILLS says, or the
    option ``--kills`` where your ``conftest.py`` defines it.

    Parameters
    ----------
    name : str
        A label for reports.
    make_driver : callable
        Gives a driver that can be pickled, or yields one and then cleans up;
        its parameters are names of pytest fixtures.
    part : int
        The size of a part of an upload in bytes. Make it small.

    Returns
    -------
    type
        A class for pytest to collect.
    """
    attributes: dict[str, Any] = {
        "__doc__": f"The kills for {name}.",
        "__module__": __name__,
        "label": name,
        "make_driver": staticmethod(make_driver),
        "part": part,
    }
    words = "".join(letter if letter.isalnum() else " " for letter in name).split()
    return type("TestKills" + "".join(word[:1].upper() + word[1:] for word in words), (Kills,), attributes)


def table(rows: list[tuple[str, int, int, int]]) -> list[str]:
    """The lines of a table of what was killed and lost."""
    lines = [f"{'store':30} {'rounds':>7} {'operations':>11} {'losses':>7}"]
    return lines + [f"{store:30} {rounds:7} {count:11} {losses:7}" for store, rounds, count, losses in rows]
