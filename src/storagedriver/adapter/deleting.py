"""Deleting many keys by a request each, and what is left where some of them failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from storagedriver.adapter.fanout import fan_out
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["DeleteError", "delete_each"]

_SHOWN = 10
#: What many failures are together: the first of these that is among them.
_ORDER = (BucketNotFoundError, PermissionDeniedError, UnavailableError, ConflictError)


class DeleteError(Exception):
    """Some of the keys that were to be deleted were not.

    Parameters
    ----------
    failed : mapping
        The keys, and for each what happened.
    total : int
        How many were to be deleted.
    """

    def __init__(self, failed: Mapping[str, Failure], total: int) -> None:
        super().__init__(failed, total)
        self.failed = failed
        self.total = total

    def __str__(self) -> str:
        shown = [f"{key!r} ({failure.detail})" for key, failure in list(self.failed.items())[:_SHOWN]]
        more = len(self.failed) - len(shown)
        rest = f" and {more} more" if more else ""
        return f"{len(self.failed)} of {self.total} keys were not deleted: {', '.join(shown)}{rest}"

    @property
    def failure(self) -> Failure:
        """What they mean together."""
        for kind in _ORDER:
            hints = [failure.hint for failure in self.failed.values() if issubclass(failure.kind, kind)]
            if hints:
                return Failure(kind, str(self), hints[0])
        return Failure(StorageDriverError, str(self), next((failure.hint for failure in self.failed.values()), ""))


def delete_each(
    delete: Callable[[str], object], keys: Sequence[str], classify: Callable[[Exception], Failure], *, threads: int
) -> None:
    """Delete keys by a request each, several at a time.

    Parameters
    ----------
    delete : callable
        Deletes one key.
    keys : sequence of str
        The keys.
    classify : callable
        Says what a failure means.
    threads : int
        How many requests run at a time.

    Raises
    ------
    Exception
        The failure itself, where there is only one key.
    DeleteError
        With the reason for each key that was not deleted.
    """
    if len(keys) == 1:
        delete(keys[0])
        return

    def one(key: str) -> Exception | None:
        try:
            delete(key)
        except Exception as error:  # noqa: BLE001 - each key's failure is reported below
            return error
        return None

    outcomes = fan_out(one, keys, threads=threads, name="delete")
    failed = {key: classify(error) for key, error in zip(keys, outcomes, strict=True) if error is not None}
    if failed:
        raise DeleteError(failed, len(keys))
