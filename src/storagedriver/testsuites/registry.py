"""Putting the areas together to one class, and the set that ``pytest --pyargs`` runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import settings as hypothesis_settings

from storagedriver.driver import Capabilities
from storagedriver.paths import NameRule
from storagedriver.testsuites.any_names import AnyNames
from storagedriver.testsuites.cases import Cases
from storagedriver.testsuites.concurrency import Concurrency
from storagedriver.testsuites.conflicts import Conflicts
from storagedriver.testsuites.content import Content
from storagedriver.testsuites.deleting import Deleting
from storagedriver.testsuites.errors import Errors, MissingBucket, Refused, Unreachable
from storagedriver.testsuites.harness import PART_SIZE, Harness, MakeDriver, MakeNeighbours
from storagedriver.testsuites.listing import Listing
from storagedriver.testsuites.moving import Copying, Moving
from storagedriver.testsuites.names import Names
from storagedriver.testsuites.neighbours import Neighbours
from storagedriver.testsuites.objects import Objects
from storagedriver.testsuites.reading import Reading
from storagedriver.testsuites.replacing import Replacing
from storagedriver.testsuites.sessions import Sessions
from storagedriver.testsuites.sizes import Sizes
from storagedriver.testsuites.stat import Stat
from storagedriver.testsuites.stateful import Stateful
from storagedriver.testsuites.streams import Streams
from storagedriver.testsuites.unfinished import Unfinished
from storagedriver.testsuites.uploads import Uploads
from storagedriver.testsuites.urls import Urls
from storagedriver.testsuites.versions import Versions
from storagedriver.testsuites.walk import Walk

__all__ = ["ANY_AREAS", "AREAS", "READ_ONLY_AREAS", "register_suite", "registered_suites", "suite"]

#: The areas, in the order in which their cases run.
AREAS: tuple[type[Cases], ...] = (
    Content,
    Names,
    Streams,
    Uploads,
    Sessions,
    Unfinished,
    Sizes,
    Conflicts,
    Listing,
    Stat,
    Versions,
    Moving,
    Copying,
    Deleting,
    Walk,
    Urls,
    Errors,
    Objects,
    Concurrency,
    Replacing,
    Stateful,
)
#: Those of a driver that can only be read.
READ_ONLY_AREAS: tuple[type[Cases], ...] = (Reading,)

#: The areas of a suite with any names, which differ by nothing else.
ANY_AREAS: tuple[type[Cases], ...] = (AnyNames, Listing, Moving, Copying, Deleting, Walk)

_registered: dict[str, type[Cases]] = {}


def suite(  # noqa: PLR0913 - each is a thing of its own in which drivers differ
    name: str,
    make_driver: MakeDriver,
    capabilities: Capabilities,
    *,
    areas: Iterable[str | type[Cases]] | None = None,
    names: NameRule = "registry",
    make_missing_bucket: MakeDriver | None = None,
    make_refused: MakeDriver | None = None,
    make_unreachable: MakeDriver | None = None,
    make_neighbours: MakeNeighbours | None = None,
    registered_as: str | None = None,
    part_size: int = PART_SIZE,
    constant_start: str = "",
    secrets: Sequence[str] = (),
    settings: hypothesis_settings | None = None,
) -> type[Cases]:
    """The test class of a driver: ``TestMine = suite("mine", make_driver, CAPABILITIES)``.

    A driver that has a root directory is worth two: one with it, one without.

    Parameters
    ----------
    name : str
        A label for reports.
    make_driver : callable
        Gives a driver on an empty store, or yields one and then cleans up; its
        parameters are names of pytest fixtures. With ``read_only`` among the
        capabilities the store must hold
        `storagedriver.testsuites.READ_ONLY_FILES` instead.
    capabilities : Capabilities
        What the driver must declare, and what it is held to.
    areas : iterable of str or type, optional
        Which areas the suite has, by name (``"listing"``) or class
        (`storagedriver.testsuites.listing.Listing`); by default all, or the
        area ``reading`` alone where the driver can only be read. It is for
        a second suite of one driver, whose store differs in little: in its root
        directory, say. The cases that the next three options bring are part of
        it in any case.
    names : {"registry", "any"}
        ``any`` is for a second suite of a driver that takes any name. The
        driver that `make_driver` gives must have this rule. By default the
        areas are those of names, of listing and walking, and of moving,
        copying and deleting.
    make_missing_bucket, make_refused, make_unreachable : callable, optional
        As `make_driver`, for a bucket that does not exist, for credentials
        that are refused and for an address where nothing answers. The cases
        that need one are part of the class only if it is given.
    secrets : sequence of str
        The texts that no ``repr``, error, log or URL may hold.
    settings : hypothesis.settings, optional
        How long the stateful case runs.

    Returns
    -------
    type
        A class for pytest to collect.

    Raises
    ------
    ValueError
        If there is no such area.
    """
    options: dict[str, Any] = {} if settings is None else {"settings": settings}
    harness = Harness(
        name=name,
        make_driver=make_driver,
        capabilities=capabilities,
        make_missing_bucket=make_missing_bucket,
        make_refused=make_refused,
        make_unreachable=make_unreachable,
        make_neighbours=make_neighbours,
        registered_as=registered_as,
        part_size=part_size,
        constant_start=constant_start,
        names=names,
        secrets=tuple(secrets),
        **options,
    )
    everything = READ_ONLY_AREAS if capabilities.read_only else AREAS if names == "registry" else ANY_AREAS
    bases = list(everything) if areas is None else _chosen(areas, capabilities)
    if make_missing_bucket is not None:
        bases.append(MissingBucket)
    if make_refused is not None:
        bases.append(Refused)
    if make_unreachable is not None:
        bases.append(Unreachable)
    if make_neighbours is not None:
        bases.append(Neighbours)
    # pytest runs the cases of the last base first.
    attributes = {"harness": harness, "__doc__": f"The conformance suite for {name}.", "__module__": __name__}
    return type(_class_name(name), tuple(reversed(bases)), attributes)


def register_suite(name: str, make_driver: MakeDriver, capabilities: Capabilities, **options: Any) -> type[Cases]:
    """Add a driver to those that ``pytest --pyargs storagedriver.testsuites`` runs.

    Call it while pytest loads its plugins: in a module that is given as
    ``-p module``, or in the ``conftest.py`` of the directory where pytest is
    started.

    Parameters
    ----------
    name : str
        A label for reports, no other suite's.
    make_driver : callable
        As for `suite`.
    capabilities : Capabilities
        As for `suite`.
    **options
        The keyword arguments of `suite`.

    Returns
    -------
    type
        The class that will run.

    Raises
    ------
    ValueError
        If a suite of this name is registered already.
    """
    cases = suite(name, make_driver, capabilities, **options)
    if cases.__name__ in _registered:
        raise ValueError(f"a suite named {name!r} is registered already")
    _registered[cases.__name__] = cases
    return cases


def registered_suites() -> dict[str, type[Cases]]:
    """The classes that `register_suite` made, by their names."""
    return dict(_registered)


def _class_name(name: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in name).split()
    return "Test" + "".join(word[:1].upper() + word[1:] for word in words)


def _chosen(areas: Iterable[str | type[Cases]], capabilities: Capabilities) -> list[type[Cases]]:
    """The areas that are meant, in the order of those there are; classes that are none of these come after them."""
    known = READ_ONLY_AREAS if capabilities.read_only else AREAS
    names = {area.__name__.lower(): area for area in (*known, AnyNames)}
    wanted: list[type[Cases]] = []
    for area in areas:
        found = names.get(area) if isinstance(area, str) else area
        if found is None:
            raise ValueError(f"there is no area {area!r}, only {', '.join(names)}")
        wanted.append(found)
    if not wanted:
        raise ValueError("a suite needs an area at least")
    return [area for area in known if area in wanted] + [area for area in wanted if area not in known]
