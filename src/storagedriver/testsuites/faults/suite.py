"""The matrix as a test class: one test a script."""

from __future__ import annotations

import gc
import inspect
import logging
import os
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.errors import StorageDriverError
from storagedriver.testsuites.faults.matrix import Case, Store, cases, run, seen
from storagedriver.testsuites.faults.scripts import SCRIPTS, Sizes
from storagedriver.testsuites.faults.states import FaultFoundError
from storagedriver.testsuites.helpers import chosen_seed
from storagedriver.testsuites.streams import slow_is_on

__all__ = ["Known", "fault_suite", "fixtures_of"]

_log = logging.getLogger(__name__)
#: The seed that chooses the cases of an ordinary run, or "random"; and the name of the one case to run.
SEED, CASE = "STORAGEDRIVER_FAULTS_SEED", "STORAGEDRIVER_FAULTS_CASE"
#: How many cases of each script to run; by default all of them, and in an ordinary run two.
SAMPLE = "STORAGEDRIVER_FAULTS_SAMPLE"
_CASES = 2
_SOME = "some"
_MOST_SHOWN = 20


@dataclass(frozen=True)
class Known:
    """Cases that are known to fail, and why.

    Attributes
    ----------
    script, way : str
        The names of the script and of the way; ``""``: any.
    reason : str
        What is wrong, and where that is written down.
    """

    script: str
    way: str
    reason: str

    def covers(self, case: Case) -> bool:
        """Whether it is about this case."""
        return self.script in ("", case.script) and self.way in ("", case.way.name)


class Faults:
    """The tests; `fault_suite` gives them a driver."""

    make_driver: ClassVar[Callable[..., StorageDriver]]
    endpoint: ClassVar[Callable[..., str] | str]
    capabilities: ClassVar[Capabilities]
    sizes: ClassVar[Sizes]
    sample: ClassVar[int]
    timeout: ClassVar[float]
    known: ClassVar[Sequence[Known]]

    @pytest.fixture
    def store(self, request: pytest.FixtureRequest) -> Store:
        """The driver under test; what `make_driver` asks for are fixtures."""
        given = fixtures_of(self.make_driver, request, skip=2)
        asked = self.endpoint
        endpoint = asked if isinstance(asked, str) else asked(**fixtures_of(asked, request))

        def make(address: str, timeout: float) -> StorageDriver:
            return self.make_driver(address, timeout, **given)

        return Store(make, endpoint, self.capabilities, self.sizes, self.timeout)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test a script, where all of the matrix runs. Else one test for a part of it."""
        if "script" in metafunc.fixturenames:
            metafunc.parametrize("script", list(SCRIPTS) if slow_is_on(metafunc.config) else [_SOME])

    @pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
    def test_faults(self, store: Store, script: str) -> None:
        __tracebackhide__ = True
        seed = chosen_seed(SEED)
        with store.direct() as direct:
            chosen = self._choose(store, script, seed, direct)
            failures = list(self._failures(store, chosen, direct))
        with warnings.catch_warnings():
            # What was dropped as by a kill must not warn in a later test.
            warnings.simplefilter("ignore")
            gc.collect()
        if failures:
            shown = "\n".join(failures[:_MOST_SHOWN])
            pytest.fail(
                f"{len(failures)} of {len(chosen)} cases failed; {SEED}={seed} chooses these again, "
                f"{CASE}='...' runs the one of that name:\n{shown}",
                pytrace=False,
            )

    def _choose(self, store: Store, script: str, seed: int, direct: StorageDriver) -> list[Case]:
        """The cases to run: all of a script, or a part of some scripts."""
        # Each store tries others: together they cover more.
        named, choice = os.environ.get(CASE), random.Random(f"{type(self).__name__} {seed}")
        if named:
            script = named.partition(" / ")[0]
            return [case for case in cases(script, seen(store, script, direct), store) if str(case) == named]
        every = script != _SOME
        names = [script] if every else choice.sample(list(SCRIPTS), min(self.sample, len(SCRIPTS)))
        count = int(os.environ.get(SAMPLE) or (0 if every else _CASES))
        chosen: list[Case] = []
        for name in names:
            possible = list(cases(name, seen(store, name, direct), store))
            chosen += choice.sample(possible, min(count or len(possible), len(possible)))
        return chosen

    def _failures(self, store: Store, chosen: Iterable[Case], direct: StorageDriver) -> Iterator[str]:
        harmless: set[tuple[int, str]] = set()
        for case in chosen:
            if (case.number, case.way.name) in harmless:
                continue
            try:
                if not run(store, case, direct):
                    harmless.add((case.number, case.way.name))
            except (FaultFoundError, StorageDriverError, OSError, ValueError) as error:
                if not any(known.covers(case) for known in self.known):
                    kind = "" if isinstance(error, FaultFoundError) else f"while judging: {type(error).__name__}: "
                    _log.warning("%s: %s%s", case, kind, error)
                    yield f"  {case}: {kind}{error}"


def fault_suite(  # noqa: PLR0913 - an author gives them by name
    name: str,
    make_driver: Callable[..., StorageDriver],
    capabilities: Capabilities,
    endpoint: Callable[..., str] | str,
    *,
    part: int,
    copied_in_parts: int | None = None,
    sample: int = 6,
    timeout: float = 0.5,
    known: Sequence[Known] = (),
) -> type:
    """The test class of the fault matrix: ``TestFaults = fault_suite("mine", make, CAPABILITIES, endpoint, part=...)``.

    Parameters
    ----------
    name : str
        A label for reports.
    make_driver : callable
        ``make_driver(endpoint, timeout, ...)`` gives a driver that sends all
        its requests to `endpoint`, an ``http://host:port``, and gives up a
        call after `timeout` seconds. All drivers of one test must see one
        store. Further parameters are names of pytest fixtures.
    capabilities : Capabilities
        What the driver declares.
    endpoint : str or callable
        The ``http://host:port`` of the server, or what gives it; its
        parameters are names of pytest fixtures.
    part : int
        The size of a part of an upload in bytes. Make it small: the driver
        sends some hundred of them.
    copied_in_parts : int, optional
        The size of a file that is copied in parts. By default three parts.
    sample : int
        From how many scripts an ordinary run takes two cases. With ``--slow``
        or STORAGEDRIVER_SLOW=1 it has all cases of all scripts.
    timeout : float
        The timeout of the driver whose requests fail, in seconds.
    known : sequence of Known
        The cases that are known to fail.

    Returns
    -------
    type
        A class for pytest to collect.
    """
    attributes: dict[str, Any] = {
        "__doc__": f"The fault matrix for {name}.",
        "__module__": __name__,
        "make_driver": staticmethod(make_driver),
        "endpoint": endpoint if isinstance(endpoint, str) else staticmethod(endpoint),
        "capabilities": capabilities,
        "sizes": Sizes(part, copied_in_parts or 3 * part),
        "sample": sample,
        "timeout": timeout,
        "known": tuple(known),
    }
    words = "".join(letter if letter.isalnum() else " " for letter in name).split()
    return type("TestFaults" + "".join(word[:1].upper() + word[1:] for word in words), (Faults,), attributes)


def fixtures_of(function: Callable[..., Any], request: pytest.FixtureRequest, skip: int = 0) -> dict[str, Any]:
    """What a function asks for by the names of its parameters, but for the first ones."""
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    wanted = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    return {name: request.getfixturevalue(name) for name in wanted}
