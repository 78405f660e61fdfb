"""Translations: where a driver's files are, in the words of fsspec.

A driver's factory that has one carries it as its attribute ``translate``, and
`storagedriver.factory.translate` finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from storagedriver.errors import UnsupportedMethodError

__all__ = ["Translate", "Translation", "place", "translated_by"]

#: A URL of fsspec for the root directory, and the options of its filesystem.
Translation: TypeAlias = tuple[str, dict[str, Any]]
#: From the map of parameters that a user gave to a translation.
Translate: TypeAlias = Callable[[Mapping[str, Any]], Translation]

F = TypeVar("F", bound=Callable[..., Any])


def translated_by(translate: Translate) -> Callable[[F], F]:
    """Give a driver's factory its translation.

    Parameters
    ----------
    translate : callable
        Takes the same map of parameters as the factory, and raises the same
        errors for it.
    """

    def mark(factory: F) -> F:
        factory.translate = translate  # type: ignore[attr-defined]
        return factory

    return mark


def place(protocol: str, bucket: str, prefix: str = "") -> str:
    """The URL of a bucket, and of what stands before every key.

    Parameters
    ----------
    protocol : str
        fsspec's name of the filesystem.
    bucket : str
        The bucket, the container, or ``""`` where there is no such thing.
    prefix : str
        What stands before every key. Slashes at its end do not matter.

    Raises
    ------
    UnsupportedMethodError
        If fsspec would read the URL as something else: what has a ``::`` is a
        chain, what follows ``?`` and ``#`` is no path, and of two slashes
        some filesystems make one.
    """
    path = f"{bucket}/{prefix}".rstrip("/")
    misread = ("::", "//", "?", "#") if bucket else ("::",)
    if any(text in path for text in misread):
        detail = f"fsspec has no URL for {path!r}: there must be none of {' '.join(misread)} in it"
        raise UnsupportedMethodError(detail)
    return f"{protocol}://{path or '/'}"
