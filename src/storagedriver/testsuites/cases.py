"""What all areas share: the driver of a case, and how an error is checked."""

from __future__ import annotations

import inspect
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from storagedriver.driver import Capabilities, StorageDriver
from storagedriver.errors import StorageDriverError
from storagedriver.testsuites.calls import recorded, within
from storagedriver.testsuites.harness import Harness, opened
from storagedriver.testsuites.odd import OddNames

__all__ = ["Cases"]


class Cases:
    """A class of cases; `storagedriver.testsuites.suite` gives it a harness."""

    harness: ClassVar[Harness]

    def __init_subclass__(cls, **options: Any) -> None:
        """Have each case that the class defines end in time, and fail with the calls that it made."""
        super().__init_subclass__(**options)
        for name, case in list(vars(cls).items()):
            if name.startswith("test_") and inspect.isfunction(case):
                setattr(cls, name, within(case))

    @property
    def capabilities(self) -> Capabilities:
        """What the driver declares."""
        return self.harness.capabilities

    @pytest.fixture
    def driver(self, request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
        """A driver on an empty store."""
        with opened(self.harness.make_driver, request) as driver:
            yield recorded(driver if self.harness.names == "registry" else OddNames(driver))

    @within
    def test_capabilities_are_those_declared_to_the_suite(self, driver: StorageDriver) -> None:
        assert driver.capabilities == self.capabilities

    @contextmanager
    def fails(
        self,
        driver: StorageDriver,
        expected: type[StorageDriverError],
        path: str = "",
        but_not: tuple[type[BaseException], ...] = (),
    ) -> Iterator[None]:
        """Hold the block to an error of the contract.

        Parameters
        ----------
        driver : StorageDriver
            The driver whose name the error must carry.
        expected : type
            The class of the error.
        path : str
            What the error must name.
        but_not : tuple of type
            Classes that it must not be.
        """
        __tracebackhide__ = True
        wanted = f"the contract wants {expected.__name__}" + (f" for {path!r}" if path else "")
        if but_not:
            wanted += " and not " + " or ".join(kind.__name__ for kind in but_not)
        try:
            yield
        except Exception as error:
            if not isinstance(error, expected) or isinstance(error, but_not):
                raise AssertionError(f"{wanted}, but this was raised: {type(error).__name__}: {error}") from error
            self._check(driver, error, path)
        else:
            raise AssertionError(f"{wanted}, but nothing was raised")

    def _check(self, driver: StorageDriver, error: StorageDriverError, path: str) -> None:
        assert error.driver_name == driver.name, f"the error does not carry the driver's name: {error!r}"
        assert driver.name in str(error), f"the text of the error does not name the driver: {error}"
        if path:
            assert path in str(error), f"the text of the error does not name {path!r}: {error}"
        self.holds_no_secret("".join(traceback.format_exception(error)), "the traceback of an error")
        self.holds_no_secret(repr(error) + str(error) + error.cause_text, "an error")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error), "pickling changed the class of the error"
        kept = ("driver_name", "path", "detail", "errno", "cause_text")
        for name in kept:
            assert getattr(again, name) == getattr(error, name), f"pickling lost the error's {name}"
        assert str(again) == str(error), "pickling changed the text of the error"

    def holds_no_secret(self, text: str, what: str) -> None:
        """Fail if one of the harness's secrets is in the text."""
        for number, secret in enumerate(self.harness.secrets):
            # The secret itself must not end up in the report either.
            found = secret in text
            assert not found, f"{what} holds the secret number {number} of the harness"
