"""The conformance suite: one class of cases per area of the contract, for anybody's driver.

A driver's whole test module is::

    from mine import CAPABILITIES, make_driver
    from storagedriver.testsuites import suite

    TestMine = suite("mine", make_driver, CAPABILITIES)

The suite needs the contract, pytest and hypothesis (``storagedriver[testsuites]``)
and nothing else of this package.
"""

from storagedriver.errors import importing_extra

with importing_extra("testsuites"):
    import hypothesis  # noqa: F401 - all of the suite is had, or nothing
    import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "any_names",
            "benchmarks",
            "calls",
            "cases",
            "concurrency",
            "conflicts",
            "content",
            "deleting",
            "errors",
            "helpers",
            "listing",
            "moving",
            "names",
            "neighbours",
            "objects",
            "odd",
            "reading",
            "replacing",
            "sessions",
            "sizes",
            "stat",
            "stateful",
            "streams",
            "uploads",
            "unfinished",
            "urls",
            "versions",
            "walk",
        )
    )
)

from storagedriver.testsuites.benchmarks import benchmark_suite  # noqa: E402 - pytest must know the modules first
from storagedriver.testsuites.cases import Cases  # noqa: E402 - pytest must know the modules first
from storagedriver.testsuites.harness import Harness, MakeDriver, MakeNeighbours  # noqa: E402
from storagedriver.testsuites.reading import READ_ONLY_FILES  # noqa: E402
from storagedriver.testsuites.registry import register_suite, registered_suites, suite  # noqa: E402

__all__ = [
    "READ_ONLY_FILES",
    "Cases",
    "Harness",
    "MakeDriver",
    "MakeNeighbours",
    "benchmark_suite",
    "register_suite",
    "registered_suites",
    "suite",
]
