"""The conformance suites that the tests have, whether they were run or not."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storagedriver.driver import Capabilities
from storagedriver.testsuites import Cases
from storagedriver.testsuites.any_names import AnyNames
from storagedriver.testsuites.errors import MissingBucket, Refused, Unreachable
from storagedriver.testsuites.neighbours import Neighbours
from storagedriver.testsuites.registry import AREAS, READ_ONLY_AREAS
from tests.matrix.servers import SERVERS

__all__ = ["AREA_NAMES", "Suite", "area_of", "describe", "discover", "driver_of"]

_ALL_AREAS: tuple[type[Cases], ...] = (
    *AREAS,
    *READ_ONLY_AREAS,
    AnyNames,
    Neighbours,
    MissingBucket,
    Refused,
    Unreachable,
    Cases,
)
_NAMES = {AnyNames: "any names", MissingBucket: "missing bucket", Cases: "declared"}
_TESTS = Path(__file__).resolve().parents[1]
_MAKES_SUITES = re.compile(r"^from storagedriver\.testsuites import .*\bsuite\b", re.MULTILINE)

#: The areas' names, in the order of the page.
AREA_NAMES: tuple[str, ...] = tuple(_NAMES.get(area, area.__name__.lower()) for area in _ALL_AREAS)


@dataclass(frozen=True, order=True)
class Suite:
    """A test class that `storagedriver.testsuites.suite` made, or that has a harness otherwise.

    Attributes
    ----------
    servers : tuple of str
        The fixtures of the servers that its driver is made on.
    root : str
        Where in the store its files lie.
    refusing : tuple of str
        The fixtures of the servers that refuse it, if these are others.
    areas : mapping
        The names of the cases that it has, by area.
    changed : mapping
        Cases of the suite that this class replaces or leaves out: to the word for it.
    """

    driver: str
    servers: tuple[str, ...]
    name: str
    module: str
    class_name: str
    root: str = field(compare=False, default="")
    refusing: tuple[str, ...] = field(compare=False, default=())
    capabilities: Capabilities = field(compare=False, default=Capabilities())
    areas: Mapping[str, tuple[str, ...]] = field(compare=False, default_factory=dict)
    changed: Mapping[str, str] = field(compare=False, default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What a report has of it."""
        return (self.module, self.class_name)


def driver_of(module: str) -> str:
    """The driver that the suites of a test module are for, ``""`` for those that test the suite itself."""
    package, folder, *rest = [*module.split("."), ""][:3]
    if package != "tests" or not rest[0]:
        return ""
    if folder == "drivers":
        return rest[0].removeprefix("test_")
    return {"generic": "fsspec"}.get(folder, folder)


def area_of(case: str) -> str:
    """The area of a case."""
    for area, name in zip(_ALL_AREAS, AREA_NAMES, strict=True):
        if case in vars(area):
            return name
    return ""


def describe(module: str, class_name: str, cls: type[Cases]) -> Suite:
    """What there is to say of a class with a harness."""
    driver = driver_of(module)
    harness = cls.harness
    wanted = set(inspect.signature(harness.make_driver).parameters)
    servers = tuple(name for name in SERVERS if name in wanted)
    refused = set(inspect.signature(harness.make_refused).parameters) if harness.make_refused else set()
    refusing = tuple(name for name in SERVERS if name in refused - wanted)
    if driver == "inmemory":
        root = "all of it"
    elif driver in ("filesystem", "fsspec") or "rootdirectory" in wanted:
        root = "a root directory"
    else:
        root = "the whole bucket"
    areas: dict[str, tuple[str, ...]] = {}
    changed: dict[str, str] = {}
    for area, name in zip(_ALL_AREAS, AREA_NAMES, strict=True):
        if not issubclass(cls, area):
            continue
        for case, function in vars(area).items():
            if not case.startswith("test_"):
                continue
            found = getattr(cls, case, None)
            if found is None:
                changed[case] = "left out"
                continue
            if found is not function:
                changed[case] = "replaced"
            areas[name] = (*areas.get(name, ()), case)
    return Suite(
        driver,
        servers,
        harness.name,
        module,
        class_name,
        root=root,
        refusing=refusing,
        capabilities=harness.capabilities,
        areas=areas,
        changed=changed,
    )


def discover(modules: Iterable[str] | None = None) -> tuple[list[Suite], list[str]]:
    """The suites of all test modules, and the modules that could not be imported."""
    suites, unreadable = [], []
    for module in sorted(_candidates() if modules is None else modules):
        try:
            found = vars(importlib.import_module(module))
        except Exception:  # noqa: BLE001 - a client is not installed, or anything else: the page says so
            unreadable.append(module)
            continue
        for name, value in found.items():
            if name.startswith("Test") and isinstance(value, type) and hasattr(value, "harness"):
                suites.append(describe(module, name, value))
    return sorted(suites), unreadable


def _candidates() -> Iterable[str]:
    for path in _TESTS.glob("*/test_*.py"):
        # The driver of an example is none of this package, and what is around a driver has the suites of that one.
        if path.parent.name not in ("aio", "examples", "middleware", "telemetry") and _MAKES_SUITES.search(
            path.read_text(encoding="utf-8")
        ):
            yield f"tests.{path.parent.name}.{path.stem}"
