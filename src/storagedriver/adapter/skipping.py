"""Where a listing goes on that has reached a directory whose content is not wanted."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

__all__ = ["skip", "skip_after"]

#: Comes after every character that a path can have. Other keys of the
#: directory may follow it, but no path names them.
_BEYOND = "~"


def skip(last: str, skipped: AbstractSet[str]) -> str:
    """The directory that can be left out.

    Parameters
    ----------
    last : str
        The last key of the page before.
    skipped : set of str
        The directories whose content is not wanted, without a ``/`` at the end.

    Returns
    -------
    str
        The highest of these above the key, ``""`` if there is none.
    """
    above = (last[:end] for end, character in enumerate(last) if character == "/")
    return next((directory for directory in above if directory in skipped), "")


def skip_after(last: str, skipped: AbstractSet[str]) -> str:
    """The key after which a listing in bytewise order goes on.

    Parameters
    ----------
    last, skipped
        As for `skip`.

    Returns
    -------
    str
        ``""`` if nothing can be left out.
    """
    directory = skip(last, skipped)
    beyond = f"{directory}/{_BEYOND}"
    return beyond if directory and beyond > last else ""
