"""The libraries that peers are made of: which version is there, and what to install where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from storagedriver.errors import MissingExtraError

__all__ = ["needing", "version_of"]


def version_of(distribution: str) -> str:
    """What is measured: a distribution and its version."""
    return f"{distribution} {version(distribution)}"


@contextmanager
def needing(requirement: str) -> Iterator[None]:
    """For imports: say what brings a package that is not installed.

    Parameters
    ----------
    requirement : str
        What pip installs.

    Raises
    ------
    MissingExtraError
        If a package of others cannot be found.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
            raise
        raise MissingExtraError(f'{error.name} is needed: pip install "{requirement}"') from error
