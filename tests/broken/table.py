"""Which drivers are broken, and which cases must find them so."""

from collections.abc import Callable
from typing import TypeVar

from tests.dict_driver import DictDriver

T = TypeVar("T", bound=type[DictDriver])

BROKEN: dict[type[DictDriver], tuple[str, ...]] = {}

#: A word that must not get out.
SECRET = "hunter2"


def breaks(*cases: str) -> Callable[[T], T]:
    """Enter a class into the table, with the cases that must fail for it."""

    def register(cls: T) -> T:
        BROKEN[cls] = cases
        return cls

    return register
